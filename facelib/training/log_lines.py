"""The lines of a log as plain values, checked: a log may have been cut, mixed or edited."""

from __future__ import annotations

import math
from pathlib import Path

from facelib.files.reading import parse_json
from facelib.training.config import grouped

Kinds = type | tuple[type, ...]
NUMBER = (int, float)
NOTHING = type(None)
FIRST: dict[str, Kinds] = {
    "config": dict, "data": dict, "environment": dict, "continued": list,
    "encoder_start": (dict, NOTHING), "mean_face_error_px": (*NUMBER, NOTHING),
    "parameters": (int, NOTHING), "n_train": (int, NOTHING), "ended": (str, NOTHING),
}  # fmt: skip
"""Kinds of what a first line may hold."""
SETTINGS: dict[str, dict[str, Kinds]] = {
    "model": {"network": (str, NOTHING), "size": (int, NOTHING)},
    "run": {"seed": (int, NOTHING), "run_dir": str},
    "data": {"split_seed": (int, NOTHING)},
}
REPORT: dict[str, Kinds] = {
    "step": int, "samples": int, "seconds": NUMBER, "loss": (*NUMBER, NOTHING),
    "validation_loss": (*NUMBER, NOTHING), "validation_error_px": (*NUMBER, NOTHING),
    "validation_error_mm": (*NUMBER, NOTHING),
}  # fmt: skip
LARGEST = 1e15  # of any number in a log


def parse_line(line: str, log: Path) -> dict:
    """Parse a line.

    Raises:
        ValueError: if it is no JSON object, or a value is of another kind than in a log.
    """
    values = parse_json(line, log)
    if not isinstance(values, dict):
        raise ValueError(f"expected a JSON object in each line of {log}")
    try:
        if "config" in values:
            _check_first(values)
        else:
            _check_report(values)
    except ValueError as error:
        raise ValueError(f"expected the log of a run at {log}, but {error}") from error
    return values


def _check_report(values: dict) -> None:
    _check(values, REPORT, needed=("step", "samples", "seconds", "validation_loss"))
    if values["validation_loss"] is not None:
        errors = ("validation_error_px", "validation_error_mm")
        _check(values, dict.fromkeys(errors, NUMBER), needed=errors)


def _check_first(values: dict) -> None:
    _check(values, FIRST)
    groups = grouped(values["config"])
    for name, settings in SETTINGS.items():
        group = groups.get(name, {})
        if not isinstance(group, dict):
            raise ValueError(f"its {name} is no group of settings")
        _check(group, settings)
    _check_environment(values.get("environment", {}))
    for event in values.get("continued", []):
        _check(event, {"step": int, "environment": dict}, needed=("step", "environment"))
        _check_environment(event["environment"])
    _check(values.get("encoder_start") or {}, {"samples": int, "seconds": NUMBER})
    data = values.get("data", {})
    _check(data, {"preset": (str, NOTHING), "ingredients": dict})


def _check_environment(values: dict) -> None:
    _check(values, {"date": (str, NOTHING), "revision": str})


def _check(values: object, kinds: dict[str, Kinds], needed: tuple[str, ...] = ()) -> None:
    if not isinstance(values, dict):
        raise ValueError("a part of it has no named values")
    for name, kind in kinds.items():
        if name not in values:
            if name in needed:
                raise ValueError(f"a line has no {name}")
            continue
        value = values[name]
        wrong = not isinstance(value, kind) or isinstance(value, bool)
        too_large = isinstance(value, NUMBER) and math.isfinite(value) and abs(value) > LARGEST
        if wrong or too_large or (isinstance(value, str) and not value.isprintable()):
            raise ValueError(f"a line has an odd {name}")
