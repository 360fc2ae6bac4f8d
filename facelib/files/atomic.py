"""Files that appear whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".{name}.{process}.tmp"  # in the file's folder, hidden, one per process


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to, which becomes the file if the block ends without error.

    Otherwise the file that was there stays, and nothing half-written remains.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A name in the same folder; two processes that write one file get different names.
    """
    name = UNFINISHED.format(name=path.name, process=os.getpid())
    temporary = path.with_name(name)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished(folder: Path, pattern: str = "*") -> None:
    """Remove the temporary files that killed programs have left in a folder.

    Args:
        folder: its subfolders are not searched.
        pattern: only temporary files of files with such names, as `*.npy`.
    """
    for path in folder.glob(UNFINISHED.format(name=pattern, process="*")):
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
