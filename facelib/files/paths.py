"""Paths of the files that ship with the project."""

import os
from pathlib import Path

DATA_VARIABLE = "FACELIB_DATA"
_PACKAGE = Path(__file__).resolve().parents[1]
IN_WHEEL = _PACKAGE / "data"
IN_CLONE = _PACKAGE.parent / "data"


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


def _missing(wanted: str) -> FileNotFoundError:
    folder = data_dir()
    where = f"set {DATA_VARIABLE} to the folder that holds it"
    if folder == IN_WHEEL:
        where = (
            "the installed package has only the head and the default network; the rest is in the "
            f"folder data/ of facelib's repository: clone it and set {DATA_VARIABLE} to that folder"
        )
    return FileNotFoundError(f"expected {wanted} in {folder}, found no such file ({where})")


def data_file(*parts: str) -> Path:
    """Return a shipped file's path, or raise a clear error if it is missing.

    Args:
        parts: folders and file name below `data_dir()`, as in `data_file("head", "head.npz")`.

    Raises:
        FileNotFoundError: if the file is missing.
    """
    path = data_dir().joinpath(*parts)
    if not path.is_file():
        raise _missing("/".join(parts))
    return path


def data_files(folder: str, pattern: str) -> list[Path]:
    """Return all shipped files of a kind, sorted, or raise a clear error if there are none.

    Args:
        folder: below `data_dir()`.
        pattern: of file names, as in `data_files("weights", "*.safetensors")`.

    Raises:
        FileNotFoundError: if no file matches.
    """
    found = sorted(data_dir().joinpath(folder).glob(pattern))
    if not found:
        raise _missing(f"{folder}/{pattern}")
    return found
