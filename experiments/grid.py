"""Read the grid of a sweep: which settings all runs share, and which values are combined."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import yaml


def read_grid(path: Path) -> tuple[dict[str, Any], dict[str, list]]:
    """Read a grid file."""
    asked = yaml.safe_load(path.read_text(encoding="utf-8"))
    return asked["common"], asked["grid"]


def combinations(grid: dict[str, list]) -> dict[str, dict]:
    """Return each run's parameters from the grid, by the run's name."""
    chosen = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return {"_".join(f"{name}={value}" for name, value in own.items()): own for own in chosen}
