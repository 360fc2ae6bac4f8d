"""Fields of dataclasses that carry their own description."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, sentence: str, **limits: Any) -> Any:
    """Make a dataclass field with the help sentence and the limits that the command line uses.

    Args:
        default: its default value.
        sentence: its help.
        **limits: see `facelib.cli.options.dataclass_options`.
    """
    return field(default=default, metadata={"help": sentence, **limits})
