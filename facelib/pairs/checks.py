"""Checks of what a folder of pairs says and holds, since it may come from anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from facelib.pairs.sample import FACTS

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


def check_array(path: Path, name: str, array: np.ndarray, manifest: dict, count: int) -> None:
    """Raise ValueError, naming the file, unless a shard's array is as the manifest says."""
    side, n_vertices = manifest["size"], manifest["n_vertices"]
    known = {
        "front": ((count, side, side, 3), np.dtype(np.uint8)),
        "side": ((count, side, side, 3), np.dtype(np.uint8)),
        "vertices": ((count, n_vertices, 3), np.dtype(np.float32)),
        "facts": ((count,), FACTS),
    }
    shape, dtype = known.get(name, ((count, *array.shape[1:]), array.dtype))
    if array.shape != shape or array.dtype != dtype:
        got = f"{array.dtype}" if array.dtype.names is None else "other fields"
        raise ValueError(
            f"expected {dtype if dtype.names is None else 'facts'} {shape} in {path}, got {got} "
            f"{array.shape}"
        )
    if name == "facts" and not _are_facts(array):
        raise ValueError(f"expected finite poses and a positive px_per_mm in {path}, got others")


def _are_facts(facts: np.ndarray) -> bool:
    poses = np.concatenate([facts["front_pose_deg"], facts["side_pose_deg"]])
    scale = facts["px_per_mm"]
    return bool(np.isfinite(poses).all() and np.isfinite(scale).all() and (scale > 0).all())
