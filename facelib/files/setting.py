"""Fields of dataclasses that carry their own description."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, sentence: str, **limits: Any) -> Any:
    """Make a dataclass's field with the sentence and the limits that the command line shows.

    Args:
        default: its value unless another is given.
        sentence: what it sets.
        **limits: see `facelib.cli.options.dataclass_options`.
    """
    return field(default=default, metadata={"help": sentence, **limits})
