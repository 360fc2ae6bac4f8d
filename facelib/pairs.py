"""Training pairs: two photos and the face's vertices in the front photo's frame, on disk in shards.

A pair stores vertices, not its position map: the map is one sparse product away (chapter 04),
and vertices move exactly under augmentation where a map would have to be resampled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

FORMAT = 1
MANIFEST = "manifest.json"
NAME_LENGTH = 64  # characters kept of a pair's name
ARRAYS = ("front", "side", "vertices", "facts")
FACTS = np.dtype(
    [
        ("identity", "<i8"),
        ("front_pose_deg", "<f4", (3,)),
        ("side_pose_deg", "<f4", (3,)),
        ("px_per_mm", "<f4"),
        ("name", f"<U{NAME_LENGTH}"),
    ]
)


@dataclass(frozen=True)
class FacePair:
    """One person seen from the front and from the side, in square crops of equal size.

    Attributes:
        front: (S, S, 3) uint8 RGB.
        side: (S, S, 3) uint8 RGB.
        vertices_image: (V, 3) float32 px, crop frame of the front photo; layout vertices, the
            lowest z is 0.
        identity: number of the person; pairs of one person share it.
        front_pose_deg: (3,) float32 pitch, yaw, roll in degrees.
        side_pose_deg: (3,) float32 pitch, yaw, roll in degrees.
        name: where the pair comes from; at most 64 characters.
        px_per_mm: front crop px per head mm, so that errors can be given in mm.
    """

    front: np.ndarray
    side: np.ndarray
    vertices_image: np.ndarray
    identity: int
    front_pose_deg: np.ndarray
    side_pose_deg: np.ndarray
    name: str
    px_per_mm: float

    @property
    def size(self) -> int:
        """Side of both photos in px."""
        return self.front.shape[0]

    def check(self) -> None:
        """Raise ValueError where the arrays are not what the class promises."""
        for label, image in (("front", self.front), ("side", self.side)):
            shape = (self.size, self.size, 3)
            if image.shape != shape or image.dtype != np.uint8:
                raise ValueError(f"{label} must be {shape} uint8, got {image.shape} {image.dtype}")
        vertices = self.vertices_image
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
            raise ValueError(f"vertices_image must be finite (V, 3), got shape {vertices.shape}")
        if len(self.name) > NAME_LENGTH:
            raise ValueError(f"name must have at most {NAME_LENGTH} characters, got {self.name!r}")


def write_shards(
    pairs: Iterable[FacePair], folder: Path | str, settings: dict, shard_size: int = 256
) -> int:
    """Write pairs to a new folder of shards and a manifest with settings and checksums.

    The manifest is replaced after every shard, so a run that is stopped leaves a readable set
    (marked `"complete": false`) of the shards that it finished.

    Args:
        pairs: pairs of one size and one number of vertices; consumed lazily.
        folder: made if missing; must not hold a manifest yet.
        settings: JSON-able description of how the pairs were made.
        shard_size: pairs in a shard; the last one may be shorter.
    Returns:
        How many pairs were written.
    Raises:
        ValueError: if the folder already holds pairs, or pairs differ in shape, or there are none.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be at least 1, got {shard_size}")
    folder = Path(folder)
    if (folder / MANIFEST).exists():
        raise ValueError(f"expected a folder without pairs, but {folder / MANIFEST} exists")
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {"format": FORMAT, "settings": settings, "complete": False, "shards": []}
    for number, shard in enumerate(_batches(pairs, shard_size)):
        manifest["shards"].append(_write_shard(folder, number, shard))
        manifest.setdefault("size", shard[0].size)
        manifest.setdefault("n_vertices", len(shard[0].vertices_image))
        if (shard[0].size, len(shard[0].vertices_image)) != (
            manifest["size"],
            manifest["n_vertices"],
        ):
            raise ValueError("all pairs of a set must have one image size and one vertex count")
        _write_json(folder / MANIFEST, manifest)
    if not manifest["shards"]:
        raise ValueError("expected at least one pair, got none")
    manifest["complete"] = True
    _write_json(folder / MANIFEST, manifest)
    return sum(shard["count"] for shard in manifest["shards"])


def _batches(pairs: Iterable[FacePair], size: int) -> Iterator[list[FacePair]]:
    iterator = iter(pairs)
    while batch := list(islice(iterator, size)):
        yield batch


def _write_shard(folder: Path, number: int, pairs: list[FacePair]) -> dict:
    for pair in pairs:
        pair.check()
        if pair.front.shape != pairs[0].front.shape or len(pair.vertices_image) != len(
            pairs[0].vertices_image
        ):
            raise ValueError(
                f"all pairs of a set must have one image size and one vertex count, got "
                f"{pair.size} px and {len(pair.vertices_image)} vertices in {pair.name!r}"
            )
    facts = [
        (p.identity, tuple(p.front_pose_deg), tuple(p.side_pose_deg), p.px_per_mm, p.name)
        for p in pairs
    ]
    arrays = {
        "front": np.stack([p.front for p in pairs]),
        "side": np.stack([p.side for p in pairs]),
        "vertices": np.stack([p.vertices_image for p in pairs]).astype(np.float32),
        "facts": np.array(facts, dtype=FACTS),
    }
    sums = {k: _write_array(folder / f"{number:05d}_{k}.npy", a) for k, a in arrays.items()}
    return {"number": number, "count": len(pairs), "sha256": sums}


def _write_array(path: Path, array: np.ndarray) -> str:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: dict) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


class ShardedPairs:
    """Pairs of a folder, read lazily: shards are memory-mapped and only what is used is loaded."""

    def __init__(self, folder: Path | str) -> None:
        """Open a folder written by `write_shards`.

        Args:
            folder: the folder that holds manifest.json.
        Raises:
            ValueError: if there is no manifest, its format is another, or a shard is missing.
        """
        self.folder = Path(folder)
        path = self.folder / MANIFEST
        if not path.is_file():
            raise ValueError(f"expected pairs with a {MANIFEST} in {self.folder}, found none")
        self._manifest = json.loads(path.read_text(encoding="utf-8"))
        if self._manifest.get("format") != FORMAT:
            raise ValueError(f"{path} must have format {FORMAT}, got {self._manifest['format']}")
        self.settings: dict = self._manifest["settings"]
        self.complete: bool = self._manifest["complete"]
        self.size: int = self._manifest["size"]
        self.n_vertices: int = self._manifest["n_vertices"]
        counts = [shard["count"] for shard in self._manifest["shards"]]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._open = lru_cache(maxsize=None)(self._open_shard)
        self.facts = np.concatenate([self._open(i)["facts"] for i in range(len(counts))])

    def _open_shard(self, number: int) -> dict[str, np.ndarray]:
        paths = {name: self.folder / f"{number:05d}_{name}.npy" for name in ARRAYS}
        for path in paths.values():
            if not path.is_file():
                raise ValueError(f"{self.folder / MANIFEST} names {path.name}, which is missing")
        # Structured arrays with text cannot stay mapped for long-lived records; they are small.
        modes = {name: None if name == "facts" else "r" for name in ARRAYS}
        return {n: np.load(p, mmap_mode=modes[n], allow_pickle=False) for n, p in paths.items()}

    def __len__(self) -> int:
        """Count the pairs."""
        return int(self._starts[-1])

    @property
    def identities(self) -> np.ndarray:
        """Person of every pair, (len,) int64."""
        return self.facts["identity"]

    def arrays(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read the three arrays of a pair without copying them.

        Args:
            index: 0 .. len − 1, or negative to count from the end.
        Returns:
            front (S, S, 3) uint8, side (S, S, 3) uint8, vertices_image (V, 3) float32: read-only.
        Raises:
            IndexError: if there is no such pair.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"pair must be in 0..{len(self) - 1}, got {index}")
        index %= len(self)
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        row, arrays = index - self._starts[shard], self._open(shard)
        return arrays["front"][row], arrays["side"][row], arrays["vertices"][row]

    def __getitem__(self, index: int) -> FacePair:
        """Read one pair."""
        front, side, vertices_image = self.arrays(index)
        facts = self.facts[index]
        return FacePair(
            front=front,
            side=side,
            vertices_image=vertices_image,
            identity=int(facts["identity"]),
            front_pose_deg=facts["front_pose_deg"].copy(),
            side_pose_deg=facts["side_pose_deg"].copy(),
            name=str(facts["name"]),
            px_per_mm=float(facts["px_per_mm"]),
        )

    def verify(self) -> None:
        """Compare every file with its checksum.

        Raises:
            ValueError: naming the first file that differs.
        """
        for shard in self._manifest["shards"]:
            for name, expected in shard["sha256"].items():
                path = self.folder / f"{shard['number']:05d}_{name}.npy"
                if _sha256(path) != expected:
                    raise ValueError(f"{path} differs from its SHA-256 in {MANIFEST}")


def split_by_identity(
    identities: np.ndarray, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split pairs so that no person is on both sides.

    Args:
        identities: (N,) int, the person of each pair.
        fraction: share of the people who go to the second part, 0..1; at least one person when
            above 0.
        rng: draws the people.
    Returns:
        train_idx and valid_idx, sorted int64 indices that together are 0..N−1.
    Raises:
        ValueError: if fraction is outside 0..1 or would leave no one to train on.
    """
    people = np.unique(identities)
    n_valid = int(np.ceil(fraction * len(people))) if 0 <= fraction <= 1 else len(people)
    if n_valid >= len(people):
        raise ValueError(
            f"fraction must leave people on both sides, got {fraction} of {len(people)} people"
        )
    chosen = rng.permutation(people)[:n_valid]
    held_out = np.isin(identities, chosen)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
