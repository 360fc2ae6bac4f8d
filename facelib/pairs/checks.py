"""Checks of what a folder of pairs says and holds, since it may come from anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from facelib.pairs.sample import FACTS

Row = tuple[tuple[int, ...], np.dtype]

ARRAYS = ("front", "side", "vertices", "facts")  # every set has these
ARRAY_NAME = re.compile(r"[a-z][a-z_]{0,39}")  # names become names of files
LARGEST = 2**20  # px, vertices, pairs in a shard


def check_manifest(path: Path, manifest: object) -> dict:
    """Return a manifest if it has all that readers rely on.

    Raises:
        ValueError: naming the file and what is wrong.
    """
    if not isinstance(manifest, dict) or "shards" not in manifest:
        raise ValueError(f"{path} is not a manifest of pairs")
    shards = manifest["shards"]
    wanted = {"settings": dict, "complete": bool, "shards": list}
    for name, kind in wanted.items():
        if not isinstance(manifest.get(name), kind):
            raise ValueError(f"{path} is not a manifest of pairs: {name} is no {kind.__name__}")
    if not all(map(_is_entry, shards)):
        raise ValueError(f"{path} is not a manifest of pairs: a shard needs number, count, sha256")
    if shards:
        names = shards[0]["sha256"].keys()
        alike = all(shard["sha256"].keys() == names for shard in shards)
        if not (alike and names >= set(ARRAYS)):
            raise ValueError(f"{path} must name the arrays {', '.join(ARRAYS)} in every shard")
        if len({shard["number"] for shard in shards}) < len(shards):
            raise ValueError(f"{path} names a shard twice")
        if not all(_is_count(manifest.get(name)) for name in ("size", "n_vertices")):
            raise ValueError(f"{path} must state size and n_vertices as numbers above 0")
    return manifest


def _is_entry(shard: object) -> bool:
    if not isinstance(shard, dict):
        return False
    number, sums = shard.get("number"), shard.get("sha256")
    return (
        type(number) is int
        and 0 <= number < 10**9
        and _is_count(shard.get("count"))
        and isinstance(sums, dict)
        and all(ARRAY_NAME.fullmatch(name) and isinstance(sums[name], str) for name in sums)
    )


def _is_count(number: object) -> bool:
    return type(number) is int and 0 < number <= LARGEST


def check_rows(folder: Path, rows: dict[str, Row], size: int, n_vertices: int) -> None:
    """Raise ValueError unless a shard's arrays have rows of the manifest's size.

    Args:
        folder: of the pairs.
        rows: shape and type of each array's rows; those that only some sets have are not checked.
        size: px, side of the photos.
        n_vertices: of each face.
    """
    photo = (size, size, 3), np.dtype(np.uint8)
    vertices = (n_vertices, 3), np.dtype(np.float32)
    known = {"front": photo, "side": photo, "vertices": vertices, "facts": ((), FACTS)}
    for name, (shape, dtype) in known.items():
        if rows[name] != (shape, dtype):
            raise ValueError(
                f"the {name} of a shard in {folder} have the shape {rows[name][0]} per pair or "
                f"another type, which is not what its manifest says"
            )


def check_facts(folder: Path, facts: np.ndarray) -> None:
    """Raise ValueError unless poses are finite and scales positive."""
    poses = np.concatenate([facts["front_pose_deg"], facts["side_pose_deg"]])
    scale = facts["px_per_mm"]
    if not (np.isfinite(poses).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise ValueError(f"expected finite poses and a px_per_mm above 0 in {folder}, got others")
