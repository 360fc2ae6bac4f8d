"""The log of a training run: one JSON line of configuration, then one line a report."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

import numpy as np
import torch

LOG = "log.jsonl"


def read_log(run_dir: Path | str) -> tuple[dict, list[dict]]:
    """Read a run's log.

    Args:
        run_dir: the run's folder.
    Returns:
        The first line (configuration, data, environment) and the lines after it.
    """
    text = (Path(run_dir) / LOG).read_text(encoding="utf-8")
    first, *lines = (json.loads(line) for line in text.splitlines())
    return first, lines


def start_log(run_dir: Path, first: dict) -> None:
    """Begin a new log with its first line."""
    (run_dir / LOG).write_text(json.dumps(first) + "\n", encoding="utf-8")


def append_line(run_dir: Path, line: dict) -> None:
    """Add a line to the log."""
    with (run_dir / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def drop_lines_after(run_dir: Path, step: int) -> None:
    """Drop the lines of steps after a checkpoint's: they are about to be done again.

    Args:
        run_dir: the run's folder.
        step: of the checkpoint.
    """
    path = run_dir / LOG
    # A line that a stopped process left half-written is none.
    first, *rest = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = (line for line in rest if line.endswith("\n"))
    kept = [first, *(line for line in whole if json.loads(line)["step"] <= step)]
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(kept), encoding="utf-8")
    temporary.replace(path)


def environment() -> dict:
    """Describe what a run's numbers may depend on beside its configuration."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
