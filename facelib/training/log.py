"""The log of a training run: one JSON line of what it depends on, then one line a report."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from facelib.files.revision import revision

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


def pack_logs(run_dirs: Sequence[Path], packed: Path) -> None:
    """Write the logs of a training's stages into one file, whole or not at all.

    Args:
        run_dirs: in order; each stage begins with its first line.
        packed: the file, `NAME.log.jsonl`; of paths it keeps the last part, since the rest says
            only whose machine it was.
    """
    lines = []
    for run_dir in run_dirs:
        first, rest = read_log(run_dir)
        lines += [{**first, "config": without_folders(first["config"])}, *rest]
    _replace(packed, map(_line, lines))


def without_folders(config: dict) -> dict:
    """Keep the last part of a configuration's paths."""
    paths = ("data_dir", "run_dir", "init_weights")
    return {k: Path(v).name if k in paths and v else v for k, v in config.items()}


def start_log(run_dir: Path, first: dict, **devices: object) -> None:
    """Begin a new log with its first line, and say there what this run's numbers depend on.

    Args:
        run_dir: the run's folder.
        first: configuration and data.
        devices: what the environment is to say of them.
    """
    about = environment() | devices
    first = {**first, "environment": about, "continued": [], "ended": None}
    (run_dir / LOG).write_text(_line(first), encoding="utf-8")


def append_line(run_dir: Path, line: dict) -> None:
    """Add a line to the log."""
    with (run_dir / LOG).open("a", encoding="utf-8") as file:
        file.write(_line(line))


def continue_log(run_dir: Path, step: int, **devices: object) -> None:
    """Go on with the log of a stopped run.

    Lines of steps after the checkpoint's are dropped: those steps are about to be done again.
    The first line notes on what the run goes on, for revision and machine may be others now.

    Args:
        run_dir: the run's folder.
        step: of the checkpoint.
        devices: what the environment is to say of them.
    """
    first, *rest = _log_lines(run_dir)
    # A line that a stopped process left half-written is none.
    kept = [line for line in rest if line.endswith("\n") and json.loads(line)["step"] <= step]
    about = json.loads(first)
    about["continued"] = [
        *about.get("continued", []),
        {"step": step, "environment": environment() | devices},
    ]
    about["ended"] = None
    _replace(run_dir / LOG, [_line(about), *kept])


def end_log(run_dir: Path) -> None:
    """Note in the log's first line when the run came to its own end."""
    first, *rest = _log_lines(run_dir)
    _replace(run_dir / LOG, [_line({**json.loads(first), "ended": _now()}), *rest])


def environment() -> dict:
    """Describe what a run's numbers may depend on beside its configuration."""
    return {
        "date": _now(),
        "revision": revision(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _line(values: dict) -> str:
    return json.dumps(values) + "\n"


def _log_lines(run_dir: Path) -> list[str]:
    return (run_dir / LOG).read_text(encoding="utf-8").splitlines(keepends=True)


def _replace(path: Path, lines: Iterable[str]) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(path)
