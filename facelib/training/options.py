"""All settings of a run as options of a command: name, type, default and a sentence of help.

They are read from the dataclasses of `settings`: types from annotations, sentences from docstrings.
"""

from __future__ import annotations

import inspect
import re
import types
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from facelib.training.config import FLAT_NAMES, GROUPS


@dataclass(frozen=True)
class Option:
    """One setting.

    Attributes:
        group: key in `config.GROUPS`.
        name: flat name, as `TrainConfig.from_dict` takes it.
        type: of its value; of one element where there are several.
        choices: words that it may be; none where it is no word.
        count: how many values it takes.
        default: without it; None where there is none.
        help: what it does, one sentence or two.
    """

    group: str
    name: str
    type: type
    choices: tuple[str, ...]
    count: int
    default: Any
    help: str


def options() -> list[Option]:
    """List all settings, group by group."""
    return [option for group, kind in GROUPS.items() for option in _options_of(group, kind)]


def summary(kind: type) -> str:
    """Return the first line of a class's docstring, without its full stop."""
    return inspect.getdoc(kind).partition("\n")[0].rstrip(".")


def sentences(kind: type) -> dict[str, str]:
    """Read what a class's docstring has under `Attributes:`, by the attribute's name."""
    text = inspect.getdoc(kind).partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n     .*)*)", text, re.MULTILINE)
    return {name: " ".join(words.split()) for name, words in entries}


def _options_of(group: str, kind: type) -> list[Option]:
    about, hints, found = sentences(kind), get_type_hints(kind), []
    for entry in fields(kind):
        value_type, choices, count = _type(hints[entry.name])
        default = None if entry.default is MISSING else entry.default
        name = FLAT_NAMES.get((group, entry.name), entry.name)
        help = about[entry.name][0].upper() + about[entry.name][1:]
        found.append(Option(group, name, value_type, choices, count, default, help))
    return found


def _type(hint: Any) -> tuple[type, tuple[str, ...], int]:
    """Return the plain type of an annotation, its words, and how many values it has."""
    if get_origin(hint) is types.UnionType:  # X | None
        (hint,) = (member for member in get_args(hint) if member is not type(None))
    if get_origin(hint) is Literal:
        return str, get_args(hint), 1
    if get_origin(hint) is tuple:
        return get_args(hint)[0], (), len(get_args(hint))
    if hint not in (int, float, str, bool, Path):
        raise TypeError(f"no option can be made of {hint}")
    return hint, (), 1
