"""Paths of the files that ship with the project, and whether they are still as they shipped.

`SHA256SUMS` lies in the data folder and lists the head model's files and all weights, in the form
that `sha256sum --check` reads; `experiments/sum_data.py` writes it. It finds accidents, such as a
download that was cut short. It is no signature: who can change a file can change the list.
"""

import os
import re
from functools import cache
from pathlib import Path

from facelib.files.atomic import sha256

DATA_VARIABLE = "FACELIB_DATA"
SUMS = "SHA256SUMS"
_PACKAGE = Path(__file__).resolve().parents[1]
_LINE = re.compile(r"[0-9a-f]{64}  [\w./-]+")
IN_WHEEL = _PACKAGE / "data"
IN_CLONE = _PACKAGE.parent / "data"


class MissingFileError(FileNotFoundError):
    """A file that ships with the project is missing."""


class ChangedFileError(ValueError):
    """A file that ships with the project is not as it shipped."""


def data_dir() -> Path:
    """Return the folder that holds the head model, the weights and the data sets.

    Returns:
        The folder named by the environment variable FACELIB_DATA. Without it, in a clone of the
        repository, `data/` next to the package; in an installed wheel, `data/` inside the package,
        which holds only the head and the default network.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        return Path(chosen)
    return IN_WHEEL if IN_WHEEL.is_dir() else IN_CLONE


def _missing(wanted: str) -> MissingFileError:
    folder = data_dir()
    where = f"set {DATA_VARIABLE} to the folder that holds it"
    if folder == IN_WHEEL:
        where = (
            "the installed package has only the head and the default network; the rest is in the "
            f"folder data/ of facelib's repository: clone it and set {DATA_VARIABLE} to that folder"
        )
    return MissingFileError(f"expected {wanted} in {folder}, found no such file ({where})")


def data_file(*parts: str) -> Path:
    """Return a shipped file's path, or raise a clear error if it is missing or has changed.

    Args:
        parts: folders and file name below `data_dir()`, as in `data_file("head", "head.npz")`.

    Raises:
        MissingFileError: if the file is missing.
        ChangedFileError: see `check_shipped`.
    """
    path = data_dir().joinpath(*parts)
    if not path.is_file():
        raise _missing("/".join(parts))
    check_shipped(path)
    return path


def data_files(folder: str, pattern: str) -> list[Path]:
    """Return all shipped files of a kind, sorted, or raise a clear error if there are none.

    Args:
        folder: below `data_dir()`.
        pattern: of file names, as in `data_files("weights", "*.safetensors")`.

    Raises:
        MissingFileError: if no file matches.
    """
    found = sorted(data_dir().joinpath(folder).glob(pattern))
    if not found:
        raise _missing(f"{folder}/{pattern}")
    return found


def check_shipped(path: Path) -> None:
    """Raise unless a file is as it shipped; a user's own file passes.

    The user's own are all files outside the data folder, those that its list does not name, and
    every file of a folder named by FACELIB_DATA that has no list.

    Raises:
        ChangedFileError: if the list has another checksum for it, or is damaged or missing.
    """
    folder, path = data_dir().resolve(), path.resolve()
    if not path.is_file() or not path.is_relative_to(folder):
        return
    listed = shipped_sums(folder).get(path.relative_to(folder).as_posix())
    if listed is not None and cached_sha256(path) != listed:
        raise ChangedFileError(
            f"{path} is not the file that shipped, by its SHA-256: fetch it again, or, if you made "
            "it anew, run experiments/sum_data.py"
        )


def cached_sha256(path: Path) -> str:
    """Return a file's SHA-256, computed once in a process unless the file changes."""
    found = path.stat()
    return _sha256_of(path, found.st_ino, found.st_size, found.st_mtime_ns)


@cache
def _sha256_of(path: Path, *_: int) -> str:
    return sha256(path)


@cache
def shipped_sums(folder: Path) -> dict[str, str]:
    """Read the list of a data folder: SHA-256 by file name, with "/" between folders.

    Raises:
        ChangedFileError: if the list is damaged, or the project's own data folder lacks it.
    """
    path = folder / SUMS
    if not path.is_file():
        if os.environ.get(DATA_VARIABLE):
            return {}
        raise ChangedFileError(f"expected the list of checksums in {path}, found no such file")
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    if not lines or not all(map(_LINE.fullmatch, lines)):
        raise ChangedFileError(f"expected lines of a SHA-256 and a file name in {path}")
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
