"""The runner of the solutions: it executes their code, and finds what their text has wrong."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CHAPTER = """
```{exercise} Enlarge it
:label: ex-99-enlarge
How large is 3 times the square, whose side is 2 mm?
```

````{solution} ex-99-enlarge
:label: sol-99-enlarge
:class: dropdown
The side is now 6.0 mm, 50 % more than 4 mm, so the area is $9 \\cdot 4 = 36.0$ mm².

```python
side = 3 * square
print(f"side {side:.2f} mm, rounding error {1e-17 / 3}")
0.5
```

```text
side 6.00 mm, rounding error ...
0.5
```

```python
print(side**2 / 9)
```
````
"""


def module():
    spec = importlib.util.spec_from_file_location("solutions", ROOT / "book" / "solutions.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


SOLUTIONS = module()


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> nbformat.NotebookNode:
    """A chapter of one cell and one solution, executed with the solution's code."""
    source, folder = (tmp_path_factory.mktemp(name) for name in ("source", "copy"))
    v4 = nbformat.v4
    cells = [v4.new_code_cell("square = 2.0"), v4.new_markdown_cell(CHAPTER)]
    nbformat.write(v4.new_notebook(cells=cells), source / "99.ipynb")
    SOLUTIONS.append(source / "99.ipynb", folder)
    notebook = nbformat.read(folder / "99.ipynb", as_version=4)
    return NotebookClient(notebook, kernel_name="python3").execute()


def faults_after(executed: nbformat.NotebookNode, right: str, wrong: str) -> list[str]:
    notebook = nbformat.from_dict(executed)
    assert right in CHAPTER
    notebook.cells[1].source = CHAPTER.replace(right, wrong)
    return SOLUTIONS.faults(notebook)


def test_solutions_run_in_their_chapter_and_stay_out_of_the_page(executed):
    assert [cell.get("execution_count") for cell in executed.cells] == [1, None, 2, 3]
    assert all("remove-cell" in cell.metadata.tags for cell in executed.cells[2:])
    assert SOLUTIONS.faults(executed) == []


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        ("6.00 mm, r", "6.02 mm, r", "prints"),
        ("error ...", "mistake ...", "prints"),
        ("\n0.5\n```\n", "\n```\n", "prints"),
        ("now 6.0 mm", "now 6.2 mm", "6.2 mm"),
        ("50 % more", "51 % more", "51 %"),
    ],
)
def test_what_the_text_has_wrong_is_named(executed, right, wrong, words):
    (fault,) = faults_after(executed, right, wrong)
    assert fault.startswith("ex-99-enlarge") and words in fault


def test_the_last_digit_may_differ_by_one_on_another_processor(executed):
    assert faults_after(executed, "6.00 mm, r", "6.01 mm, r") == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_solution_is_found_with_its_exercise(path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    found = SOLUTIONS.solutions(notebook)
    assert len(found) == text.count("{solution}")
    for solution in found:
        for code in solution.codes:
            compile(code.source, solution.label, "exec")
