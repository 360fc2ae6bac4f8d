"""Read the grid of a sweep: which settings all runs share, and which values are combined."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import yaml

from facelib.files.reading import in_a_line, read_text

MAX_RUNS = 1000
MAX_VALUES = 10_000  # in one file; aliases count as often as they are used
LONGEST_NAME = 200  # characters of a run's folder


def read_grid(path: Path) -> tuple[dict[str, Any], dict[str, list]]:
    """Read a YAML file like `sweep.yaml`.

    Returns:
        `common`, the settings of all runs, and `grid`, a list of values per setting.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file and its fault.
    """
    text = read_text(path, "a grid in YAML")
    try:
        asked = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not YAML that can be read: {in_a_line(error)}") from error
    if not isinstance(asked, dict):
        raise ValueError(f"expected common and grid in {path}, got neither")
    common, grid = asked.get("common"), asked.get("grid")
    if not _is_plain(common) or not isinstance(common, dict):
        raise ValueError(f"expected named settings as common in {path}, got others")
    lists = isinstance(grid, dict) and all(isinstance(each, list) for each in grid.values())
    if not (lists and grid and _is_plain(grid)):
        raise ValueError(f"expected a list of values for each setting as grid in {path}")
    count = math.prod(map(len, grid.values()))
    if not 0 < count <= MAX_RUNS:
        raise ValueError(f"expected 1 to {MAX_RUNS} runs from the grid in {path}, got {count}")
    for name in combinations(grid):
        if not (name.isprintable() and Path(name).name == name and len(name) <= LONGEST_NAME):
            raise ValueError(
                f"expected values in {path} that can name a folder, got {in_a_line(name)}"
            )
    return common, grid


def combinations(grid: dict[str, list]) -> dict[str, dict]:
    """Return each run's parameters from the grid, by the run's name."""
    chosen = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return {"_".join(f"{name}={value}" for name, value in own.items()): own for own in chosen}


def _is_plain(value: object) -> bool:
    """Whether a value is made of names, numbers, text, lists and dicts, and not of too many."""
    todo, seen = [value], 0
    while todo:
        seen += 1
        each = todo.pop()
        if isinstance(each, dict):
            if not all(isinstance(name, str) for name in each):
                return False
            todo += each.values()
        elif isinstance(each, list):
            todo += each
        elif not isinstance(each, str | int | float | None):
            return False
        if seen + len(todo) > MAX_VALUES:
            return False
    return True
