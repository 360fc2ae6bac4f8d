"""The log of a run: one JSON line with all that it depends on, then one line per report.

A line with "final" is the validation of a run that stopped inside an epoch. Resuming the run
removes that line: an uninterrupted run would not have it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from facelib.files.atomic import naming, replacing
from facelib.training.config import PATHS, grouped
from facelib.training.environment import environment, now

LOG = "log.jsonl"


class Log:
    """The writer of a run's log."""

    def __init__(self, run_dir: Path, facts: dict[str, object], writes: bool = True) -> None:
        """Store the folder; nothing is written yet.

        Args:
            run_dir: the run's folder.
            facts: about processes and devices, stored with the environment.
            writes: whether this process writes the log.
        """
        self._path, self._facts, self._writes = run_dir / LOG, facts, writes

    def start(self, first: dict[str, object]) -> None:
        """Begin a new log with its first line: configuration, data, environment."""
        about = environment() | self._facts
        first = {**first, "environment": about, "continued": [], "ended": None}
        if self._writes:
            _write(self._path, [_line(first)])

    def resume(self, step: int) -> None:
        """Resume the log of a stopped run.

        Removes the lines of steps after the checkpoint, which will be repeated, and a final
        validation. The first line records the environment, which may have changed.

        Args:
            step: the checkpoint's step.
        """
        if not self._writes:
            return
        first, *rest = _lines(self._path)
        # A killed process may have written half a line.
        whole = [line for line in rest if line.endswith("\n")]
        about = json.loads(first)
        event = {"step": step, "environment": environment() | self._facts}
        about["continued"] = [*about.get("continued", []), event]
        about["ended"] = None
        _write(self._path, [_line(about), *(line for line in whole if _is_kept(line, step))])

    def write(self, line: dict[str, object]) -> None:
        """Append a line."""
        if self._writes:
            with naming(self._path), self._path.open("a", encoding="utf-8") as file:
                file.write(_line(line))

    def end(self) -> None:
        """Record in the first line when the run was completed."""
        if self._writes:
            first, *rest = _lines(self._path)
            _write(self._path, [_line({**json.loads(first), "ended": now()}), *rest])


def read_log(run_dir: Path | str) -> tuple[dict, list[dict]]:
    """Read a run's log.

    Args:
        run_dir: the run's folder.
    Returns:
        The first line (configuration, data, environment) and the lines after it.
    """
    first, *lines = (json.loads(line) for line in _lines(Path(run_dir) / LOG))
    return with_groups(first), lines


def with_groups(first: dict) -> dict:
    """Return a first line with a grouped configuration and current names, also for an old log."""
    return {**first, "config": grouped(first["config"])}


def pack_logs(run_dirs: Sequence[Path], packed: Path) -> None:
    """Write the logs of a training's stages into one file.

    Args:
        run_dirs: in order; each stage begins with its first line.
        packed: the file to write, `NAME.log.jsonl`; paths are reduced to their last part, since the
            rest only describes somebody's machine.
    """
    lines = []
    for run_dir in run_dirs:
        first, rest = read_log(run_dir)
        lines += [{**first, "config": without_folders(first["config"])}, *rest]
    _write(packed, map(_line, lines))


def without_folders(config: dict[str, dict]) -> dict[str, dict]:
    """Keep only the last part of a configuration's paths."""
    return {
        group: {k: Path(v).name if k in PATHS and v else v for k, v in values.items()}
        for group, values in grouped(config).items()
    }


def _is_kept(line: str, step: int) -> bool:
    values = json.loads(line)
    return values["step"] <= step and not values.get("final")


def _line(values: dict) -> str:
    return json.dumps(values) + "\n"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def _write(path: Path, lines: Iterable[str]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")
