"""Command-line options made from the fields of the dataclasses that they set.

A field becomes an option when its metadata has a sentence of help:

    size: int = field(default=256, metadata={"help": "Side of the photos, px.", "minimum": 16})

becomes `--size`, an integer of at least 16, documented with its sentence and its default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import click


class FiniteRange(click.FloatRange):
    """A range of numbers without nan, which is in every range of click's, and inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail with a sentence that names the option."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


def dataclass_options(*classes: type, skip: tuple[str, ...] = ()) -> Callable:
    """Decorate a command with an option for each documented field of some dataclasses.

    Keys of a field's metadata:
        help: one sentence; without it the field is no option.
        choices: the allowed values, if the field's type is not a `Literal`.
        minimum, maximum: smallest and largest allowed number, or part of a tuple.
        above, below: of a number; neither is an allowed value.
        option: the option's name, such as "--loss", if it differs from the field's.

    The command receives each option under its field's name, and None if the option was not typed
    (see `typed`). A field without a default is a required option. A bool becomes a pair of flags,
    `--name/--no-name`.

    Args:
        classes: dataclasses whose documented fields all have different names.
        skip: names of fields that do not become options.

    Raises:
        ValueError: if two fields have the same name.
    """
    members = [(kind, member) for kind in classes for member in _documented(kind, skip)]
    names = [member.name for _, member in members]
    if len(set(names)) < len(names):
        repeated = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"expected fields of different names, got {', '.join(repeated)} twice")

    def decorate(command: Callable) -> Callable:
        for kind, member in reversed(members):
            command = _option(member, get_type_hints(kind)[member.name])(command)
        return command

    return decorate


def typed(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pick a dataclass's fields from a command's values, without those that were not typed."""
    names = {member.name for member in fields(kind)}
    return {name: value for name, value in values.items() if name in names and value is not None}


def _documented(kind: type, skip: tuple[str, ...]) -> list[Field]:
    return [
        member for member in fields(kind) if "help" in member.metadata and member.name not in skip
    ]


def _option(member: Field, annotation: object) -> Callable:
    name = member.metadata.get("option", "--" + member.name.replace("_", "-"))
    words = member.metadata["help"] + _default_in_words(member)
    kind = _click_type(_without_none(annotation), member.metadata)
    if kind is click.BOOL:
        name += f"/--no-{name[2:]}"
    if member.default is MISSING and member.default_factory is MISSING:
        return click.option(name, member.name, type=kind, required=True, help=words)
    return click.option(name, member.name, type=kind, default=None, help=words)


def _click_type(annotation: object, metadata: Mapping[str, Any]) -> click.ParamType:
    low = metadata.get("minimum", metadata.get("above"))
    high = metadata.get("maximum", metadata.get("below"))
    limits = {"min": low, "max": high, "min_open": "above" in metadata}
    limits["max_open"] = "below" in metadata
    if get_origin(annotation) is Literal or "choices" in metadata:
        return click.Choice(metadata.get("choices") or get_args(annotation))
    if annotation is int:
        return click.INT if low is high is None else click.IntRange(**limits)
    if annotation is float:
        return FiniteRange(**limits)
    if get_origin(annotation) is tuple:
        return click.Tuple([_click_type(part, metadata) for part in get_args(annotation)])
    simple = {bool: click.BOOL, str: click.STRING, Path: click.Path(path_type=Path)}
    if annotation not in simple:
        raise TypeError(f"expected a field of a type that can be typed, got {annotation}")
    return simple[annotation]


def _without_none(annotation: object) -> object:
    """Return T for `T | None`, and any other annotation unchanged."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0] if NoneType in get_args(annotation) and len(kinds) == 1 else annotation


def _default_in_words(member: Field) -> str:
    """Return `  [default: 256]`, or nothing if the default cannot be typed."""
    default = member.default
    if default is MISSING or default is None or default is False:
        return ""
    words = " ".join(map(str, default)) if isinstance(default, tuple) else default
    return f"  [default: {'on' if default is True else words}]"
