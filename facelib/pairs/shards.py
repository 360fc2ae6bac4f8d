"""Arrays on disk in shards: files of many rows each, and a manifest with their checksums.

Every file appears whole or not at all, even if the program is killed.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from facelib.files.atomic import UNFINISHED, replacing, sha256

MANIFEST = "manifest.json"
REPAIR = "repeat the command that made these pairs, or copy them anew"


def array_path(folder: Path, number: int, name: str) -> Path:
    """Return the path of a shard's array."""
    return folder / f"{number:05d}_{name}.npy"


def write_shard(folder: Path, number: int, arrays: dict[str, np.ndarray]) -> dict:
    """Write a shard's arrays, one file each.

    Args:
        folder: an existing folder.
        number: the shard's number.
        arrays: arrays of equal length, by name.

    Returns:
        The shard's entry for the manifest: number, count and SHA-256 of every file by name.
    """
    count = len(next(iter(arrays.values())))
    sums = {name: _write_array(array_path(folder, number, name), a) for name, a in arrays.items()}
    return {"number": number, "count": count, "sha256": sums}


def write_manifest(folder: Path, manifest: dict) -> None:
    """Replace the manifest."""
    with replacing(folder / MANIFEST) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=1) + "\n")
        _to_disk(file)


class StoredArray:
    """An array of a shard on disk, of which single rows are read.

    It is not memory-mapped: the system kills a program that reads a mapped file after somebody has
    cut it short.
    """

    def __init__(self, path: Path, count: int) -> None:
        """Read the header.

        Args:
            path: of a file that `write_shard` wrote.
            count: number of rows.

        Raises:
            ValueError: if the file is missing, damaged, cut short, or has another number of rows.
        """
        self._path, self._count = path, count
        with self._opened() as file:
            try:
                np.lib.format.read_magic(file)
                shape, by_columns, self._type = np.lib.format.read_array_header_1_0(file)
            except (ValueError, EOFError) as error:
                raise ValueError(f"{path} is damaged ({error}); {REPAIR}") from error
            if shape[:1] != (count,) or by_columns or self._type.hasobject:
                raise ValueError(f"{path} must have {count} rows, got the shape {shape}; {REPAIR}")
            self._shape, self._start = shape[1:], file.tell()
            self._row_bytes = math.prod(self._shape) * self._type.itemsize
            self._state = _state(file)
        if self._state[0] != self._start + count * self._row_bytes:
            raise ValueError(f"{path} is cut short or too long; {REPAIR}")

    def __getitem__(self, row: int) -> np.ndarray:
        """Read a row, 0 .. count − 1; otherwise like `whole`."""
        return self._read(row, 1)[0]

    def whole(self) -> np.ndarray:
        """Read all rows.

        Raises:
            ValueError: if the file is missing or was changed since it was opened.
        """
        return self._read(0, self._count)

    def _read(self, first: int, count: int) -> np.ndarray:
        with self._opened() as file:
            file.seek(self._start + first * self._row_bytes)
            content = file.read(count * self._row_bytes)
            state = _state(file)
        if state != self._state:
            raise ValueError(f"{self._path} was changed by another program; {REPAIR}")
        return np.frombuffer(content, self._type).reshape(count, *self._shape)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with self._path.open("rb", buffering=0) as file:
                yield file
        except FileNotFoundError as error:
            raise ValueError(f"{self._path} is missing; {REPAIR}") from error
        except OSError as error:
            raise ValueError(f"cannot read {self._path}: {error.strerror}") from error


def _state(file: IO) -> tuple[int, int]:
    """Return what changes when a file is changed."""
    stat = os.fstat(file.fileno())
    return stat.st_size, stat.st_mtime_ns


def open_shard(folder: Path, shard: dict) -> dict[str, StoredArray]:
    """Open the arrays of a shard, by name; `shard` is its entry in the manifest.

    Raises:
        ValueError: if a file is missing, damaged or cut short.
    """
    number, count = shard["number"], shard["count"]
    return {name: StoredArray(array_path(folder, number, name), count) for name in shard["sha256"]}


def check_sums(folder: Path, shard: dict) -> None:
    """Compare every file of a shard with its checksum in the manifest's entry `shard`.

    Raises:
        ValueError: naming the first file that differs or is missing.
    """
    for name, expected in shard["sha256"].items():
        path = array_path(folder, shard["number"], name)
        if not path.is_file():
            raise ValueError(f"{path} is missing; {REPAIR}")
        if sha256(path) != expected:
            raise ValueError(f"{path} differs from its SHA-256 in {MANIFEST}; {REPAIR}")


def read_manifest(folder: Path) -> dict:
    """Read the manifest.

    Raises:
        ValueError: if it is missing or invalid.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"expected pairs with a {MANIFEST} in {folder}, found none")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); remove it to begin anew") from error
    if not isinstance(manifest, dict) or "shards" not in manifest:
        raise ValueError(f"{path} is not a manifest of pairs")
    return manifest


def remove_unfinished(folder: Path) -> None:
    """Remove the unfinished files of killed programs, also on other machines.

    The caller holds the folder's lock. A program that still writes for an earlier holder fails.
    """
    for name in ("[0-9]*_*.npy", MANIFEST):
        for path in folder.glob(UNFINISHED.format(name=name, process="*")):
            path.unlink(missing_ok=True)


def _write_array(path: Path, array: np.ndarray) -> str:
    with replacing(path) as temporary, temporary.open("wb") as file:
        summed = _Summed(file)
        np.save(summed, array, allow_pickle=False)
        _to_disk(file)
        return summed.sha256.hexdigest()


class _Summed:
    """A file that computes the checksum of what is written to it.

    numpy writes to a file of the system by itself, and does not say why when it cannot.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Take a file that is open for writing."""
        self._file, self.sha256 = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write some bytes."""
        self.sha256.update(data)
        return self._file.write(data)


def _to_disk(file: IO) -> None:
    """Flush a file's content to disk before it gets its name."""
    file.flush()
    os.fsync(file.fileno())
