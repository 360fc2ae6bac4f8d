"""MATLAB files, read and written: named arrays of known shapes, or an error that explains why not.

The files come from other people's archives and are not trusted: a file's size and the shapes in its
header are checked before anything is decompressed, and only plain numbers are accepted.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from scipy import io

from facelib.files.atomic import replacing
from facelib.files.mat_structure import check_structure
from facelib.files.reading import in_a_line, regular_file

Shape = tuple[int | None, ...]  # None: any length

# Exceptions that scipy's reader is known to raise on damaged files.
DAMAGED = (
    OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError,
    MemoryError, AssertionError, struct.error, zlib.error, io.matlab.MatReadError,
)  # fmt: skip
NUMERIC = frozenset(
    "double single int8 uint8 int16 uint16 int32 uint32 int64 uint64 logical".split()
)
MAX_BYTES = 2**20  # of a file with one photo's parameters; real ones have under 10 kB
MAX_ELEMENTS = 2**20
MAX_UNPACKED = 2**28  # bytes that a packed part may unpack to, if the file may not be longer
LARGEST = 1e30  # of any number; float32 holds 1e38


def read_mat(
    path: Path | str, wanted: dict[str, Shape], max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Read the wanted arrays of a MATLAB file (version 5 to 7).

    Args:
        path: of the file.
        wanted: array name to required shape; None allows any length.
        max_bytes: longer files, and arrays with more elements, are refused unread.

    Returns:
        The arrays by name, with the shape and dtype of the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, of version 7.3 or too long, lacks an array, or holds it
            in another shape, as text or with numbers that are not finite.
    """
    path = _checked_size(Path(path), max_bytes)
    announced = _reading(path, lambda: io.whosmat(path))
    shapes = {name: (shape, kind) for name, shape, kind in announced}
    for name, shape in wanted.items():
        if name not in shapes:
            raise ValueError(f"expected {name} in {path}, found only {_listed(shapes)}")
        _check_shape(path, name, shape, *shapes[name], max_bytes)
    _reading(path, check_structure, path, max(max_bytes, MAX_UNPACKED))
    arrays = _reading(path, lambda: io.loadmat(path, variable_names=list(wanted)))
    for name in wanted:
        _check_numbers(path, name, arrays.get(name))
    return {name: arrays[name] for name in wanted}


def read_struct(
    path: Path | str, struct_name: str, wanted: dict[str, Shape], max_bytes: int
) -> dict[str, np.ndarray]:
    """Read the wanted fields of a struct in a MATLAB file; otherwise like `read_mat`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the struct or a field is missing or invalid.
    """
    path = _checked_size(Path(path), max_bytes)
    announced = {name: (shape, kind) for name, shape, kind in _reading(path, io.whosmat, path)}
    if announced.get(struct_name, (None, None)) != ((1, 1), "struct"):
        raise ValueError(f"expected a struct {struct_name} in {path}, found {_listed(announced)}")
    _reading(path, check_structure, path, max(max_bytes, MAX_UNPACKED))
    loaded = _reading(path, lambda: io.loadmat(path, variable_names=[struct_name]))
    record = loaded.get(struct_name)
    if not isinstance(record, np.ndarray) or record.dtype.names is None or record.size != 1:
        raise ValueError(f"expected a whole file, but {path} is damaged")
    fields = record.reshape(-1)[0]
    arrays = {}
    for name, shape in wanted.items():
        if name not in record.dtype.names:
            raise ValueError(
                f"expected {struct_name}.{name} in {path}, found only {_listed(record.dtype.names)}"
            )
        array = arrays[name] = fields[name]
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            raise ValueError(f"expected numbers in {struct_name}.{name} of {path}")
        _check_shape(path, name, shape, array.shape, "double", max_bytes)
        _check_numbers(path, name, array)
    return arrays


def write_mat(path: Path | str, content: dict, compress: bool = False) -> None:
    """Write arrays, or dicts of arrays as structs, to a MATLAB file, whole or not at all."""
    with replacing(Path(path)) as temporary:
        io.savemat(temporary, content, appendmat=False, do_compression=compress)


def _checked_size(path: Path, max_bytes: int) -> Path:
    return regular_file(path, "a MATLAB file", max_bytes)


def _reading(path, function, *arguments):
    """Call one of scipy's readers; its exceptions become a ValueError that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*arguments)
    except NotImplementedError as error:
        raise ValueError(
            f"{path} is a MATLAB 7.3 file or of an unknown version; save it again in MATLAB with "
            "save(…, '-v7')"
        ) from error
    except DAMAGED as error:
        raise ValueError(
            f"expected a whole MATLAB file, but {path} is damaged: {in_a_line(error)}"
        ) from error


def _check_shape(path, name, expected, shape, kind, max_bytes) -> None:
    fits = len(shape) == len(expected) and all(
        want in (None, got) for want, got in zip(expected, shape, strict=True)
    )
    if not fits or kind not in NUMERIC:
        wanted = " × ".join("n" if want is None else str(want) for want in expected)
        got = " × ".join(map(str, shape))
        raise ValueError(f"expected {name} of {path} as {wanted} numbers, got {got} {kind}")
    if np.prod([float(n) for n in shape]) > max(max_bytes, MAX_ELEMENTS):
        raise ValueError(f"expected {name} of {path} to be small, got {shape}")


def _check_numbers(path, name, array) -> None:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        raise ValueError(f"expected a whole MATLAB file, but {name} of {path} cannot be read")
    if array.dtype.kind != "f" or not array.size:
        return
    low, high = float(array.min()), float(array.max())  # NaN if there is one
    if not (low > -np.inf and high < np.inf):
        raise ValueError(f"expected finite numbers in {name} of {path}, got NaN or infinity")
    if max(-low, high) > LARGEST:
        raise ValueError(f"expected sensible numbers in {name} of {path}, got {low:g} to {high:g}")


def _listed(names) -> str:
    names = [in_a_line(name) for name in names]
    return ", ".join(names[:12]) or "nothing"
