"""Fields of dataclasses that carry their own description, and a check of their types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from numbers import Integral, Real
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

# A number that was written without a point may stand for a float, but a bool for no number.
_KINDS = {
    bool: (bool, "True or False"),
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    str: (str, "text"),
    Path: (Path, "a path"),
}


def setting(default: Any, sentence: str, **limits: Any) -> Any:
    """Make a dataclass field with the help sentence and the limits that the command line uses.

    Args:
        default: its default value.
        sentence: its help.
        **limits: see `facelib.cli.options.dataclass_options`.
    """
    return field(default=default, metadata={"help": sentence, **limits})


def check_types(settings: object) -> None:
    """Check the fields of a dataclass that are numbers, text, paths, or tuples of these.

    Values from YAML, JSON or papermill have any type, and Python does not compare it.

    Raises:
        ValueError: naming the first field of another type than its annotation.
    """
    for name, annotation in get_type_hints(type(settings)).items():
        value, choices = getattr(settings, name), get_args(annotation)
        if NoneType in choices:
            if value is None:
                continue
            annotation = next(each for each in choices if each is not NoneType)
        if get_origin(annotation) is tuple:
            kinds, given = get_args(annotation), value
        else:
            kinds, given = (annotation,), (value,)
        if not _are(kinds, given):
            words = " and ".join(_KINDS[kind][1] for kind in kinds)
            raise ValueError(f"{name} must be {words}, got {value!r}")


def _are(kinds: tuple[type, ...], given: object) -> bool:
    """Whether these are as many values of these kinds; kinds that are not listed fit always."""
    if not isinstance(given, Iterable) or len(tuple(given)) != len(kinds):
        return False
    for kind, value in zip(kinds, given, strict=True):
        if kind in _KINDS and not isinstance(value, _KINDS[kind][0]):
            return False
        if kind in (int, float) and isinstance(value, bool):
            return False
    return True
