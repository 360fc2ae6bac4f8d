"""Files of unknown origin: their bytes, text, JSON and arrays, or one sentence about the fault.

Whatever stands in a file's place is checked before anything is read: a pipe would be waited for, a
device read without end. Sizes that a file announces are checked before anything is unpacked.
"""

from __future__ import annotations

import json
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 2**26  # of a file of text or JSON
LONGEST = 200  # characters of a message that others made


def in_a_line(words: object) -> str:
    """Return somebody else's message as it fits into a sentence: short, printable, in one line."""
    text = " ".join(str(words).split())
    # How Python shows bytes is not for people.
    text = re.sub(r"\\+(x[0-9a-f]{0,2})?", "?", text[: 10 * LONGEST])
    text = re.sub(r"\bb(['\"])", r"\1", text)
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + " …"


def regular_file(path: Path | str, what: str, max_bytes: int | None = None) -> Path:
    """Return the path of a file that can be read to its end.

    Args:
        path: of the file.
        what: the file should be, such as `a table`.
        max_bytes: a longer file is refused.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, a pipe or a device, or too long.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"expected {what} at {path}, found no such file")
    if not path.is_file():
        raise ValueError(f"expected {what} at {path}, found no regular file")
    size = path.stat().st_size
    if max_bytes is not None and size > max_bytes:
        raise ValueError(f"expected {what} of at most {max_bytes} bytes at {path}, got {size}")
    return path


def read_text(path: Path | str, what: str = "a text file", max_bytes: int = MAX_BYTES) -> str:
    """Read a file in UTF-8, with or without a byte order mark.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no regular file, too long or in another encoding.
        OSError: if it cannot be read.
    """
    content = regular_file(path, what, max_bytes).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"expected {what} in UTF-8, but byte {error.start} of {path} is none of it"
        ) from error


def parse_json(text: str, path: Path | str) -> Any:
    """Parse JSON that was read from a file.

    Raises:
        ValueError: naming the file, if it is no JSON or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(f"{path} is not JSON that can be read: it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {in_a_line(error)}") from error


def read_json(path: Path | str, what: str = "a JSON file") -> Any:
    """Read a JSON file; raises like `read_text` and `parse_json`."""
    return parse_json(read_text(path, what), path)


def read_npz(path: Path | str, what: str, max_bytes: int) -> dict[str, np.ndarray]:
    """Read all arrays of an `.npz` file.

    Args:
        path: of the file.
        what: the file should be, such as `a layout matrix`.
        max_bytes: of the arrays together; what announces more is refused unread.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, too large, or holds other than plain arrays.
    """
    path = regular_file(path, what)
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(member.file_size for member in packed.infolist())
        if size > max_bytes:
            raise ValueError(f"it unpacks to {size} bytes")
        # numpy warns of headers that other programs wrote.
        with warnings.catch_warnings(action="ignore"), np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # numpy and zipfile pass on any exception of their parsers
        raise ValueError(
            f"expected {what} at {path}, got another file: {in_a_line(error)}"
        ) from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"expected {what} at {path}, got other files than arrays")
    return arrays
