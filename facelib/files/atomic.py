"""Files that appear whole or not at all, and their checksums."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".{name}.{process}.tmp"  # in the file's folder, hidden, one per process


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path, which is renamed to the file if the block ends without an error.

    Otherwise an existing file stays unchanged, and no partial file remains. The block may also
    make a folder, which replaces an empty one or none.

    Args:
        path: the file to write; its folder must exist.

    Yields:
        A path in the same folder; two processes that write one file get different paths.

    Examples:
        >>> from tempfile import mkdtemp
        >>> path = Path(mkdtemp()) / "note.txt"
        >>> with replacing(path) as temporary:
        ...     _ = temporary.write_text("whole")
        ...     path.exists()
        False
        >>> path.read_text()
        'whole'
    """
    name = UNFINISHED.format(name=path.name, process=os.getpid())
    temporary = path.with_name(name)
    try:
        with naming(path, temporary):
            yield temporary
        os.replace(temporary, path)
    finally:
        _remove(temporary)


@contextmanager
def naming(path: Path, temporary: Path | None = None) -> Iterator[None]:
    """Name the file in an error of the block that names none, as that of a full disk does.

    Args:
        path: the file that the block writes.
        temporary: the name that it has until then, which the error is not to give.
    """
    try:
        yield
    except OSError as error:
        unnamed = error.filename is None or error.filename == str(temporary)
        if error.errno is not None and unnamed:
            error.filename = str(path)
        raise


def remove_unfinished(folder: Path, pattern: str = "*") -> None:
    """Remove what killed programs left of `replacing` in a folder; running ones keep theirs.

    Args:
        folder: its subfolders are not searched.
        pattern: names of the files whose temporary files are removed, such as `*.npy`.
    """
    for path in folder.glob(UNFINISHED.format(name=pattern, process="*")):
        process = path.name.split(".")[-2]
        if process.isdecimal() and not _is_running(int(process)):
            _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)  # sends nothing
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to somebody else
        return True
    return process != os.getpid()


def sha256(path: Path) -> str:
    """Return a file's SHA-256 as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
