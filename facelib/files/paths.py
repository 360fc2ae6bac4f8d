"""Where the files that ship with the project lie."""

import os
from pathlib import Path

DATA_VARIABLE = "FACELIB_DATA"
BESIDE_PACKAGE = Path(__file__).resolve().parents[2] / "data"


def data_dir() -> Path:
    """Return the folder that holds the head model, the weights and the data sets.

    Returns:
        The folder named by the environment variable FACELIB_DATA, or else `data/` beside the
        package, where a clone of the repository has it.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    return Path(chosen) if chosen else BESIDE_PACKAGE


def data_file(*parts: str) -> Path:
    """Return a shipped file's path and say clearly when it is not there.

    Args:
        parts: folders and file name below `data_dir()`, as in `data_file("head", "head.npz")`.

    Raises:
        FileNotFoundError: if the file is missing.
    """
    path = data_dir().joinpath(*parts)
    if not path.is_file():
        raise FileNotFoundError(
            f"expected {'/'.join(parts)} in {data_dir()}, found no such file "
            f"(set {DATA_VARIABLE} to the folder that holds it)"
        )
    return path


def data_files(folder: str, pattern: str) -> list[Path]:
    """Return all shipped files of a kind, sorted, and say clearly when there is none.

    Args:
        folder: below `data_dir()`.
        pattern: of file names, as in `data_files("weights", "*.safetensors")`.

    Raises:
        FileNotFoundError: if no file matches.
    """
    found = sorted(data_dir().joinpath(folder).glob(pattern))
    if not found:
        raise FileNotFoundError(
            f"expected {folder}/{pattern} in {data_dir()}, found no such file "
            f"(set {DATA_VARIABLE} to the folder that holds them)"
        )
    return found
