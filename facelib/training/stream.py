"""From stored pairs to batches a network trains on, prepared in a thread while it computes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
import torch

from facelib.networks.convention import POSITION_SCALE
from facelib.pairs.augmentation import Augmentation, augment_with_side, shrink, shrink_points
from facelib.pairs.store import ShardedPairs


class Layout(Protocol):
    """What training needs of a `facelib.face.layout.UVLayout`."""

    size: int

    def position_map(self, vertices: np.ndarray) -> np.ndarray:
        """Turn vertices (V, 3) into a map (size, size, 3)."""

    def vertices(self, position_map: np.ndarray) -> np.ndarray:
        """Sample a map (size, size, 3) at the vertices: (V, 3)."""

    def keypoints(self, vertices: np.ndarray) -> np.ndarray:
        """Read (68, 3) keypoints off vertices (V, 3); only for networks that draw heat maps."""


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    Attributes:
        photos: (B, 6, S, S) float32, front RGB then side RGB in 0..1 (channels last in memory).
        maps: (B, 3, S, S) float32 position maps, px / (S · POSITION_SCALE), crop frame.
        vertices_image: (B, V, 3) float32 px, crop frame of the front photo.
        px_per_mm: (B,) float32, front crop px per head mm at size S.
        has_side: (B,) bool, whether the network may look at the side photo.
        keypoints_side: (B, 68, 2) float32 px, crop frame of the side photo; NaN where the set was
            stored without.
        work_seconds: processor time spent on making the batch.
    """

    photos: torch.Tensor
    maps: torch.Tensor
    vertices_image: np.ndarray
    px_per_mm: np.ndarray
    has_side: torch.Tensor
    keypoints_side: np.ndarray
    work_seconds: float


def make_batch(
    pairs: ShardedPairs,
    indices: Iterable[int],
    layout: Layout,
    augmentation: Augmentation | None = None,
    rngs: Iterable[np.random.Generator] = (),
    side_dropout: float = 0.0,
) -> Batch:
    """Read, scale, augment and unwrap the pairs of a batch.

    Args:
        pairs: stored pairs, at the layout's size or a whole multiple of it.
        indices: pairs of the batch, in order.
        layout: turns vertices into maps; its size is the training size.
        augmentation: what may happen to a pair, or None for nothing.
        rngs: one generator a pair; unused without augmentation.
        side_dropout: chance that the side photo of an augmented pair is to be ignored.
    Returns:
        The batch.
    Raises:
        ValueError: if the stored size is no multiple of the layout's.
    """
    start = time.thread_time()
    indices, size, rngs = list(indices), layout.size, iter(rngs)
    photos = np.empty((len(indices), size, size, 6), np.float32)
    maps = np.empty((len(indices), size, size, 3), np.float32)
    vertices = np.empty((len(indices), pairs.n_vertices, 3), np.float32)
    has_side = np.ones(len(indices), bool)
    keypoints_side = np.empty((len(indices), 68, 2), np.float32)
    for row, index in enumerate(indices):
        front, side, points = shrink(*pairs.arrays(index), size)
        beside = shrink_points(pairs.keypoints_side(index), pairs.size // size)
        if augmentation is None:
            unit = np.float32(1 / 255)
            front, side = front * unit, side * unit
        else:
            rng = next(rngs)
            front, side, points, beside = augment_with_side(
                front, side, points, beside, rng, augmentation
            )
            has_side[row] = rng.random() >= side_dropout
        photos[row, ..., :3], photos[row, ..., 3:], vertices[row] = front, side, points
        maps[row] = layout.position_map(vertices[row])
        keypoints_side[row] = beside[:, :2]
    maps *= 1 / (size * POSITION_SCALE)
    return Batch(
        photos=torch.from_numpy(photos).permute(0, 3, 1, 2),
        maps=torch.from_numpy(maps).permute(0, 3, 1, 2),
        vertices_image=vertices,
        px_per_mm=pairs.facts["px_per_mm"][indices] * (size / pairs.size),
        has_side=torch.from_numpy(has_side),
        keypoints_side=keypoints_side,
        work_seconds=time.thread_time() - start,
    )


@dataclass(frozen=True)
class TrainStream:
    """An endless, seeded order of augmented samples; sample g is the same however it is reached.

    Attributes:
        pairs: stored pairs.
        train_idx: (N,) the pairs to train on.
        layout: of the training size.
        augmentation: what may happen to a pair.
        batch_size: samples of a batch.
        seed: of order and augmentation.
        side_dropout: chance that a sample's side photo is to be ignored.
    """

    pairs: ShardedPairs
    train_idx: np.ndarray
    layout: Layout
    augmentation: Augmentation
    batch_size: int
    seed: int
    side_dropout: float = 0.0

    def batch(self, step: int, share: slice = slice(None)) -> Batch:
        """Make the batch of a step, counted from the start of training, or a share of it."""
        samples = range(step * self.batch_size, (step + 1) * self.batch_size)[share]
        rngs = (np.random.default_rng([self.seed, 1, sample]) for sample in samples)
        indices = [self.index(s) for s in samples]
        return make_batch(
            self.pairs, indices, self.layout, self.augmentation, rngs, self.side_dropout
        )

    def index(self, sample: int) -> int:
        """Tell which stored pair a sample is: every pass visits each pair once, shuffled."""
        number, place = divmod(sample, len(self.train_idx))
        return int(self.train_idx[_permutation(self.seed, number, len(self.train_idx))[place]])


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, number]).permutation(n)


def prefetch(make: Callable[[int], Batch], steps: Iterable[int], depth: int = 2) -> Iterator[Batch]:
    """Make batches in a thread, a few ahead of the one in use.

    Args:
        make: makes the batch of a step.
        steps: steps in order.
        depth: batches to keep ready.
    Yields:
        The batches, in order.
    """
    steps, waiting = iter(steps), deque()
    with ThreadPoolExecutor(1) as pool:
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
