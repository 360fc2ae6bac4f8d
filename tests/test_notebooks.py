"""Every chapter's source keeps to the form that the book promises its readers."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
page = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
# The appendix is a page without a number.
CHAPTERS = [path for path in NOTEBOOKS if path.stem[0].isdigit()]
chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
PATHS = {"data_dir", "run_dir", "init_weights", "runs"}
TRAINING = {
    "network", "batch_size", "learning_rate", "schedule", "augmentation", "samples_per_epoch",
    "max_samples", "hours", "more",
}  # fmt: skip


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    return "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


@page
def test_no_fence_of_backticks_has_one_in_its_title(path: Path) -> None:
    """Markdown would take it for code in a line, and the page would show it raw."""
    assert re.findall(r"(?m)^ *```+[^`\n]+`.*$", prose(path)) == []


@page
def test_is_valid_and_stripped(path: Path) -> None:
    nbformat.validate(read(path))
    for cell in code_cells(path):
        assert cell.outputs == [] and cell.execution_count is None


@page
def test_has_one_parameters_cell_with_a_unit_or_meaning_for_each(path: Path) -> None:
    tagged = [c for c in code_cells(path) if "parameters" in c.metadata.get("tags", [])]
    assert len(tagged) == 1
    for line in tagged[0].source.splitlines():
        assert re.match(r"#|\w+(: [^=]+)? = .+  # \w", line), f"no comment: {line}"


@page
def test_what_is_folded_before_the_chapter_begins_says_what_it_is(path: Path) -> None:
    cells = code_cells(path)
    (at,) = (i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    folded = cells[: at + 2]
    prompts = [cell.metadata["mystnb"]["code_prompt_show"] for cell in folded]
    assert prompts[0] == "Show the imports"
    assert prompts[-2:] == ["Show the parameters", "Show the check of the parameters"]
    assert len(set(prompts)) == len(prompts)
    for cell, prompt in zip(folded, prompts, strict=True):
        assert "hide-input" in cell.metadata.tags
        assert cell.metadata["mystnb"]["code_prompt_hide"] == prompt.replace("Show", "Hide")


def run_parameters(path: Path, **given: object) -> None:
    """Run a chapter's parameters, with others as papermill injects them, and their check."""
    cells = code_cells(path)
    (at,) = (i for i, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", []))
    assert "check_parameters(" in cells[at + 1].source
    scope: dict[str, object] = {}
    exec(cells[at].source, scope)
    scope.update(given)
    exec(cells[at + 1].source, scope)


def parameters(path: Path) -> dict[str, object]:
    (cell,) = (c for c in code_cells(path) if "parameters" in c.metadata.get("tags", []))
    scope: dict[str, object] = {}
    exec(cell.source, {}, scope)
    return scope


@page
def test_the_books_parameters_pass_and_wrong_ones_are_named(path: Path) -> None:
    values = yaml.safe_load((ROOT / "book" / "parameters" / f"{path.stem}.yaml").read_text()) or {}
    run_parameters(path, **values)
    # The settings of a training are checked by `TrainConfig`.
    others = parameters(path).keys() - (TRAINING if path.stem == "10_training" else set())
    for name in others:
        wrong = [3, [4]] if name in PATHS else ["x", None, -1, float("nan"), [], [0.5], True]
        for value in wrong:
            with pytest.raises(ValueError, match=f"expected the parameter {name} to be "):
                run_parameters(path, **{name: value})


@chapter
def test_has_two_captioned_figures_with_names(path: Path) -> None:
    figures = [c.metadata["mystnb"]["figure"] for c in code_cells(path) if is_figure(c)]
    assert len(figures) >= 2
    assert all(figure.get("name") and figure.get("caption") for figure in figures)


def is_figure(cell: nbformat.NotebookNode) -> bool:
    return "figure" in cell.metadata.get("mystnb", {})


@page
def test_drawing_cells_give_alt_text(path: Path) -> None:
    for cell in filter(is_figure, code_cells(path)):
        if not re.search(r"show_(mesh|morph)\(", cell.source):
            assert cell.metadata["mystnb"].get("image", {}).get("alt", "").strip(), cell.source


@chapter
def test_shows_a_mesh(path: Path) -> None:
    assert any("show_mesh(" in cell.source for cell in code_cells(path))


@chapter
def test_has_two_exercises_each_with_a_folded_solution(path: Path) -> None:
    text = prose(path)
    exercises = re.findall(r"\{exercise\}[^\n]*\n:label: (\S+)", text)
    solutions = re.findall(r"\{solution\} (\S+)\n(?::label: \S+\n)?:class: dropdown", text)
    assert len(exercises) >= 2
    assert sorted(solutions) == sorted(exercises)


@chapter
def test_asks_a_question_and_states_its_limits(path: Path) -> None:
    headings = re.findall(r"(?m)^#+ .*$", prose(path))
    assert sum(heading.startswith("# ") for heading in headings) == 1
    assert headings[0].endswith("?")
    assert any("limits" in heading.lower() for heading in headings)


@page
def test_has_numbers_for_the_book(path: Path) -> None:
    assert (ROOT / "book" / "parameters" / f"{path.stem}.yaml").is_file()


@page
def test_is_in_the_table_of_contents(path: Path) -> None:
    assert f"chapters/{path.stem}\n" in (ROOT / "_toc.yml").read_text("utf-8")
