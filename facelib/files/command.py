"""The command that was typed, as records of results quote it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def typed_command(words: Sequence[str] | None = None) -> str:
    """Return the command line without the folders of this machine.

    Args:
        words: the program and its arguments; by default those of this process.

    Returns:
        `python …`, quoted for a shell; a path inside the project starts there, any other absolute
        path is its name.
    """
    return shlex.join(["python", *map(_without_folders, sys.argv if words is None else words)])


def _without_folders(word: str) -> str:
    path = Path(word)
    if not path.is_absolute():
        return word
    return path.relative_to(PROJECT).as_posix() if path.is_relative_to(PROJECT) else path.name
