"""Training pairs: two photos and the face's vertices in the front photo's frame, on disk in shards.

A pair stores vertices, not its position map: the map is one sparse product of them (chapter 4),
and augmentation moves vertices exactly, while a map would have to be resampled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from facelib.files.lock import locked
from facelib.files.reading import parse_json
from facelib.pairs.annotations import PIXEL_ARRAYS, VIEW, PixelTruth, ViewTruth
from facelib.pairs.checks import check_facts, check_rows
from facelib.pairs.sample import VIEW_NAMES, FacePair, Sample, shard_arrays
from facelib.pairs.shards import (
    MANIFEST,
    StoredArray,
    check_sums,
    open_shard,
    read_manifest,
    write_manifest,
    write_shard,
)

SET_FORMAT = 2
READABLE = (1, 2)  # format 1 has photos and vertices only


def write_shards(
    pairs: Iterable[FacePair | Sample], folder: Path | str, settings: dict, shard_size: int = 256
) -> int:
    """Write pairs to a new folder of shards and a manifest with settings and checksums.

    The manifest is replaced after every shard, so a stopped run leaves a readable set (marked
    `"complete": false`) of the finished shards.

    Args:
        pairs: pairs or samples of one size and one number of vertices; consumed lazily.
        folder: created if missing; must not hold a manifest yet.
        settings: JSON-able description of how the pairs were made.
        shard_size: pairs per shard; the last one may have fewer.
    Returns:
        The number of pairs written.
    Raises:
        ValueError: if the folder already holds pairs, or pairs differ in shape, or there are none.
        FolderInUseError: if another program writes to the folder.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be at least 1, got {shard_size}")
    folder = Path(folder)
    with locked(folder):
        return _write_shards(pairs, folder, settings, shard_size)


def _write_shards(
    pairs: Iterable[FacePair | Sample], folder: Path, settings: dict, shard_size: int
) -> int:
    if (folder / MANIFEST).exists():
        raise ValueError(f"expected a folder without pairs, but {folder / MANIFEST} exists")
    manifest = {"format": SET_FORMAT, "settings": settings, "complete": False, "shards": []}
    for number, batch in enumerate(_batches(pairs, shard_size)):
        arrays = shard_arrays(batch, len(batch))
        shape = {"size": arrays["front"].shape[1], "n_vertices": arrays["vertices"].shape[1]}
        if {key: manifest.setdefault(key, value) for key, value in shape.items()} != shape:
            raise ValueError("all pairs of a set must have one image size and one vertex count")
        manifest["shards"].append(write_shard(folder, number, arrays))
        write_manifest(folder, manifest)
    if not manifest["shards"]:
        raise ValueError("expected at least one pair, got none")
    manifest["complete"] = True
    write_manifest(folder, manifest)
    return sum(shard["count"] for shard in manifest["shards"])


def _batches(pairs: Iterable, size: int) -> Iterator[list]:
    iterator = iter(pairs)
    while batch := list(islice(iterator, size)):
        yield batch


class ShardedPairs:
    """Pairs of a folder, read lazily: only used rows are loaded."""

    def __init__(self, folder: Path | str) -> None:
        """Open a folder written by `write_shards` or `generate_pairs`, finished or not.

        Args:
            folder: the folder that holds manifest.json.
        Raises:
            ValueError: if there is no manifest, its format is another, or a shard is missing or cut
                short.
        """
        self.folder = Path(folder)
        self._manifest = read_manifest(self.folder)
        if self._manifest.get("format") not in READABLE:
            raise ValueError(
                f"{self.folder / MANIFEST} must have a format of {READABLE}, "
                f"got {self._manifest.get('format')}"
            )
        if not self._manifest["shards"]:
            raise ValueError(f"{self.folder / MANIFEST} names no finished shard yet")
        self.settings: dict = self._manifest["settings"]
        self.complete: bool = self._manifest["complete"]
        self.size: int = self._manifest["size"]
        self.n_vertices: int = self._manifest["n_vertices"]
        counts = [shard["count"] for shard in self._manifest["shards"]]
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self._open = lru_cache(maxsize=None)(self._open_shard)
        self.facts = np.concatenate([self._open(i)["facts"].whole() for i in range(len(counts))])
        check_facts(self.folder, self.facts)

    def _open_shard(self, place: int) -> dict[str, StoredArray]:
        arrays = open_shard(self.folder, self._manifest["shards"][place])
        rows = {name: array.row for name, array in arrays.items()}
        check_rows(self.folder, rows, self.size, self.n_vertices)
        return arrays

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the checksums of all shards: equal in equal sets alone."""
        return hashlib.sha256(json.dumps(self._manifest["shards"]).encode()).hexdigest()

    @property
    def array_names(self) -> tuple[str, ...]:
        """Names of the stored arrays: `ARRAYS`, and more if the source provides more."""
        return tuple(self._manifest["shards"][0]["sha256"])

    def __len__(self) -> int:
        """Count the pairs."""
        return int(self._starts[-1])

    @property
    def identities(self) -> np.ndarray:
        """The person of every pair, (len,) int64."""
        return self.facts["identity"]

    def arrays(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Read the three arrays of a pair.

        Args:
            index: 0 .. len − 1, or negative to count from the end.
        Returns:
            front (S, S, 3) uint8, side (S, S, 3) uint8, vertices_image (V, 3) float32: read-only.
        Raises:
            IndexError: if there is no such pair.
            ValueError: if its vertices are not finite, or a file was changed since it was opened.
        """
        arrays, row = self._locate(index)
        vertices_image = arrays["vertices"][row]
        if not np.isfinite(vertices_image).all():
            raise ValueError(f"pair {index} of {self.folder} has vertices that are not finite")
        return arrays["front"][row], arrays["side"][row], vertices_image

    def _locate(self, index: int) -> tuple[dict[str, StoredArray], int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"pair must be in 0..{len(self) - 1}, got {index}")
        index %= len(self)
        place = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._open(place), index - int(self._starts[place])

    def stored(self, index: int, name: str) -> np.ndarray:
        """Read one array of a pair, by its name in the shards.

        Raises:
            ValueError: if the pairs were stored without it.
        """
        if name not in self.array_names:
            raise ValueError(
                f"the pairs in {self.folder} were stored without {name}; make them again "
                "(`facelib pairs synthetic` keeps it; what every pixel shows, only with --truth)"
            )
        arrays, row = self._locate(index)
        return arrays[name][row]

    def views(self, index: int) -> tuple[ViewTruth, ViewTruth]:
        """Read cameras and keypoints of the front and the side photo.

        Raises:
            ValueError: if the set was stored without them.
        """
        front, side = self.stored(index, "views")
        return ViewTruth.from_record(front, self.size), ViewTruth.from_record(side, self.size)

    @property
    def has_views(self) -> bool:
        """Whether the set was stored with `views`."""
        return "views" in self.array_names

    def keypoints_side(self, index: int) -> np.ndarray:
        """Read the keypoints in the side photo: (68, 3) float32 px, its crop frame.

        Returns:
            The keypoints, visible or hidden; NaN if the set was stored without them.
        """
        if not self.has_views:
            return np.full(VIEW["keypoints_image"].shape, np.nan, np.float32)
        return self.stored(index, "views")[VIEW_NAMES.index("side")]["keypoints_image"]

    def coefficients(self, index: int) -> dict:
        """Read everything that was drawn to make a sample: numbers, strings, lists and dicts.

        Raises:
            ValueError: if the set was stored without it.
        """
        return parse_json(self.stored(index, "coefficients"), self.folder)

    def pixels(self, index: int) -> tuple[PixelTruth, PixelTruth]:
        """Read the annotations per pixel of the front and the side photo.

        Raises:
            ValueError: if the set was stored without it.
        """
        front, side = (
            PixelTruth(*(self.stored(index, f"{view}_{name}") for name in PIXEL_ARRAYS))
            for view in VIEW_NAMES
        )
        return front, side

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
            check_sums(self.folder, shard)


def split_by_identity(
    identities: np.ndarray, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Split pairs so that no person is in both parts.

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
