"""Arrays on disk in shards: files of many rows each, and a manifest with their checksums.

Every file appears whole or not at all, even if the program is killed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO

import numpy as np

from facelib.files import atomic
from facelib.files.atomic import replacing, sha256
from facelib.files.reading import read_json
from facelib.pairs.checks import check_manifest

MANIFEST = "manifest.json"


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


def read_manifest(folder: Path) -> dict:
    """Read the manifest.

    Raises:
        ValueError: if it is missing or invalid.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"expected pairs with a {MANIFEST} in {folder}, found none")
    try:
        manifest = read_json(path, "a manifest of pairs")
    except ValueError as error:
        raise ValueError(f"{error}; remove it to begin anew") from error
    return check_manifest(path, manifest)


def remove_unfinished(folder: Path) -> None:
    """Remove the unfinished files of killed programs."""
    for pattern in ("[0-9]*_*.npy", MANIFEST):
        atomic.remove_unfinished(folder, pattern)


def _write_array(path: Path, array: np.ndarray) -> str:
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
            _to_disk(file)
        return sha256(temporary)


def _to_disk(file: IO) -> None:
    """Flush a file's content to disk before it gets its name."""
    file.flush()
    os.fsync(file.fileno())
