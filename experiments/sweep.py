"""Run chapter 10 once for each combination of a grid, and record every run's result.

    python experiments/sweep.py PAIRS
    python experiments/sweep.py PAIRS --grid mine.yaml --runs runs/mine --result mine.json

The grid is a YAML file like `sweep.yaml`, the default. For each run, papermill executes the chapter
into NAME.ipynb next to the run's folder NAME. Repeating the command skips finished runs and resumes
unfinished ones. By default the result is data/sweep/sweep.json, for the book's appendix.
"""

import argparse
import json
import signal
import sys
from datetime import UTC, datetime
from glob import escape
from pathlib import Path

import nbformat
import papermill
from grid import combinations, read_grid

from facelib.files.atomic import remove_unfinished, replacing
from facelib.files.lock import FolderInUseError, locked
from facelib.files.paths import data_dir
from facelib.training.environment import environment
from facelib.training.log import LOG
from facelib.training.runs import Run, read_training

HERE = Path(__file__).resolve().parent
CHAPTER = HERE.parent / "notebooks" / "10_training.ipynb"


def check_names(parameters: set[str]) -> None:
    """Raise ValueError for unknown parameters of the chapter: papermill would only warn."""
    unknown = sorted(parameters - papermill.inspect_notebook(str(CHAPTER)).keys())
    if unknown:
        raise ValueError(f"{CHAPTER.name} has no parameter {', '.join(unknown)}")


def is_done(executed: Path, parameters: dict) -> bool:
    """Return whether a notebook was executed to its end with exactly these parameters."""
    if not executed.exists():
        return False
    about = nbformat.read(executed, as_version=4).metadata.get("papermill", {})
    ended = about.get("end_time") is not None and not about.get("exception")
    return ended and about["parameters"] == parameters


def train(parameters: dict, executed: Path) -> Run:
    """Execute the chapter unless it is finished; return its run."""
    if not is_done(executed, parameters):
        notebook = papermill.execute_notebook(
            CHAPTER, None, parameters, kernel_name="python3", progress_bar=False
        )
        with replacing(executed) as temporary:
            nbformat.write(notebook, temporary)
    (run,) = read_training(Path(parameters["run_dir"]) / LOG).stages
    return run


def outcome(run: Run, varied: dict) -> dict:
    """Return one run's result: the errors of its best validation and of all."""
    facts = run.to_dict()
    names = ("samples", "hours", "skill", "best", "validations", "mean_face_error_px")
    return {"varied": varied, **{name: facts[name] for name in (*names, "parameters", "revisions")}}


def sweep(arguments: argparse.Namespace, common: dict, grid: dict[str, list]) -> None:
    """Train all runs, and write the result."""
    runs, outcomes = [], {}
    for name, varied in combinations(grid).items():
        folders = {"data_dir": str(arguments.pairs), "run_dir": str(arguments.runs / name)}
        executed = arguments.runs / f"{name}.ipynb"
        runs.append(train({**common, **varied, **folders}, executed))
        outcomes[name] = outcome(runs[-1], varied)
        print(f"{name:40s} {runs[-1].best.error_mm:.2f} mm", flush=True)
    result = {
        "command": f"python experiments/{Path(__file__).name} PAIRS",
        "date": datetime.now(UTC).date().isoformat(),
        "environment": environment(),
        "common": common,
        "grid": grid,
        "data": runs[0].data,
        "n_train": runs[0].n_train,
        "runs": outcomes,
    }
    with replacing(arguments.result) as temporary:
        temporary.write_text(json.dumps(result) + "\n", encoding="utf-8")
    print(f"wrote {arguments.result.name}")


def main() -> None:
    """Read the command line, and sweep over the grid."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, help="folder of pairs")
    parser.add_argument("--grid", type=Path, default=HERE / "sweep.yaml")
    parser.add_argument("--runs", type=Path, default=Path("runs/sweep"))
    parser.add_argument("--result", type=Path, default=data_dir() / "sweep" / "sweep.json")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # `kill` stops it as Ctrl-C does
    try:
        common, grid = read_grid(arguments.grid)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    check_names({*common, *grid})
    try:
        with locked(arguments.runs):
            remove_unfinished(arguments.runs)
            remove_unfinished(arguments.result.parent, escape(arguments.result.name))
            sweep(arguments, common, grid)
    except FolderInUseError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command continues")


if __name__ == "__main__":
    main()
