"""Names of other people's files, whose case differs from copy to copy: photo.JPG, Subject_01."""

import re
from glob import escape
from pathlib import Path


def any_case(pattern: str) -> str:
    """Return a glob pattern that matches the names in any case, as in `*.[jJ][pP][gG]`."""
    return re.sub("[a-z]", lambda letter: f"[{letter[0]}{letter[0].upper()}]", pattern.lower())


def find_any_case(folder: Path, *names: str) -> Path:
    """Return the path of a file or folder below a folder, in the case that it has there.

    Args:
        folder: where to look.
        names: of folders inside each other, the file last.

    Returns:
        The exact path if it exists, or if nothing of its name does.
    """
    path = folder
    for name in names:
        exact = path / name
        loud = exact.with_suffix(exact.suffix.upper())  # the usual case, found without a search
        there = [each for each in (exact, loud) if each.exists()]
        path = next(iter(there or sorted(path.glob(any_case(escape(name))))), exact)
    return path
