"""A sweep executes the chapter once for each combination, and only for what is not done yet."""

import importlib.util
import json
from pathlib import Path

import nbformat
import pytest
import yaml

from facelib.files.lock import locked

ROOT = Path(__file__).resolve().parents[1]
GRID = {"common": {"network": "compact"}, "grid": {"learning_rate": [0.5, 0.25], "seed": [0]}}


@pytest.fixture
def sweep(tmp_path, monkeypatch):
    """Give the script a papermill that trains nothing; returns a call of it, and what it did."""
    monkeypatch.syspath_prepend(ROOT / "experiments")
    spec = importlib.util.spec_from_file_location("sweep", ROOT / "experiments" / "sweep.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    executed = []

    def execute(chapter, nowhere, parameters, **others):
        executed.append(parameters)
        run_dir = Path(parameters["run_dir"])
        run_dir.mkdir(exist_ok=True)
        error = 10 * parameters["learning_rate"]
        first = {"config": parameters, "mean_face_error_px": 5.0, "data": {"count": 3}}
        report = {"step": 1, "samples": 8, "seconds": 36, "loss": 1, "validation_loss": 1}
        report |= {"validation_error_px": error, "validation_error_mm": 2 * error}
        lines = json.dumps(first), json.dumps(report)
        (run_dir / "log.jsonl").write_text("\n".join(lines) + "\n")
        about = {"parameters": parameters, "end_time": "now", "exception": False}
        return nbformat.v4.new_notebook(metadata={"papermill": about})

    monkeypatch.setattr(script.papermill, "execute_notebook", execute)
    monkeypatch.setattr(script, "environment", dict)  # it names the second
    grid, result = tmp_path / "grid.yaml", tmp_path / "result.json"

    def call(asked):
        executed.clear()
        grid.write_text(yaml.safe_dump(asked))
        arguments = ["sweep.py", "pairs", "--grid", str(grid), "--result", str(result)]
        monkeypatch.setattr("sys.argv", [*arguments, "--runs", str(tmp_path / "runs")])
        script.main()
        return len(executed), json.loads(result.read_text())

    return call


def test_every_combination_is_executed_once(sweep, tmp_path):
    count, result = sweep(GRID)
    assert count == 2
    assert result["runs"].keys() == {"learning_rate=0.5_seed=0", "learning_rate=0.25_seed=0"}
    better = result["runs"]["learning_rate=0.25_seed=0"]
    assert better["varied"] == {"learning_rate": 0.25, "seed": 0}
    assert (better["skill"], better["best"]["error_mm"]) == (0.5, 5.0)
    assert len(better["validations"]) == 1
    assert str(tmp_path) not in json.dumps(result)

    assert sweep(GRID) == (0, result)
    more = {**GRID, "grid": {"learning_rate": [0.5, 0.25], "seed": [0, 1]}}
    assert sweep(more)[0] == 2
    (tmp_path / "runs" / "learning_rate=0.5_seed=0.ipynb").unlink()
    assert sweep(GRID)[0] == 1


def test_what_is_no_parameter_of_the_chapter_is_refused(sweep):
    with pytest.raises(ValueError, match="has no parameter rate"):
        sweep({**GRID, "common": {"rate": 1}})


def test_a_sweep_in_progress_is_left_alone(sweep, tmp_path):
    with locked(tmp_path / "runs"), pytest.raises(SystemExit, match="runs is in use by"):
        sweep(GRID)


LAUGHS = "\n".join(
    ["l0: &l0 [ha, ha]", *(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 9))]
)


@pytest.mark.parametrize(
    "text",
    [
        'x: !!python/object/apply:os.system ["true"]',
        "x: " + "[" * 3000,
        LAUGHS + "\ncommon: {a: *l8}\ngrid: {seed: [1]}",
        "common: 1\ngrid: {seed: [1]}",
        "common: {}\ngrid: {seed: 3}",
        "common: {}\ngrid: {seed: []}",
        "common: {}\ngrid: {seed: [../../elsewhere]}",
        "common: {}\ngrid: {seed: [" + "x" * 300 + "]}",
        "common: {}\ngrid: {seed: [" + ", ".join(map(str, range(2000))) + "]}",
        "- a",
        "\tx: 1",
    ],
)
def test_a_grid_that_cannot_be_swept_is_refused_in_a_sentence(tmp_path, monkeypatch, text):
    monkeypatch.syspath_prepend(ROOT / "experiments")
    from grid import read_grid

    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(ValueError, match=r"grid\.yaml") as caught:
        read_grid(tmp_path / "grid.yaml")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500
