"""Batches of stored pairs for training, prepared in a thread while the network computes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from facelib.face.layout import UVLayout
from facelib.networks.convention import POSITION_SCALE
from facelib.pairs.augmentation import Augmentation, augment_with_side
from facelib.pairs.shrink import shrink, shrink_points
from facelib.pairs.store import ShardedPairs


@dataclass(frozen=True)
class Batch:
    """Samples of one step.

    Attributes:
        photos: (B, 6, S, S) float32, front RGB then side RGB in 0..1 (channels last in memory).
        maps: (B, 3, S, S) float32 position maps, px / (S · POSITION_SCALE), crop frame.
        vertices_image: (B, V, 3) float32 px, crop frame of the front photo.
        px_per_mm: (B,) float32, front crop px per head mm at size S.
        has_side: (B,) bool, False where the side photo is hidden from the network.
        keypoints_side: (B, 68, 2) float32 px, crop frame of the side photo; NaN if the set does not
            have them.
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
    layout: UVLayout,
    augmentation: Augmentation | None = None,
    rngs: Iterable[np.random.Generator] = (),
    side_dropout: float = 0.0,
) -> Batch:
    """Read, scale, augment and unwrap the pairs of a batch.

    Args:
        pairs: stored pairs, at the layout's size or a whole multiple of it.
        indices: the batch's pairs, in order.
        layout: draws vertices into maps; its size is the training size.
        augmentation: ranges of the random changes, or None for no changes.
        rngs: one generator per pair; unused without augmentation.
        side_dropout: chance that the side photo of an augmented pair is hidden.
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
        keypoints = shrink_points(pairs.keypoints_side(index), pairs.size // size)
        if augmentation is None:
            unit = np.float32(1 / 255)
            front, side = front * unit, side * unit
        else:
            rng = next(rngs)
            front, side, points, keypoints = augment_with_side(
                front, side, points, keypoints, rng, augmentation
            )
            has_side[row] = rng.random() >= side_dropout
        photos[row, ..., :3], photos[row, ..., 3:], vertices[row] = front, side, points
        maps[row] = layout.position_map(vertices[row])
        keypoints_side[row] = keypoints[:, :2]
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
    """An endless, seeded sequence of augmented samples; sample g depends on its number alone.

    Attributes:
        pairs: stored pairs.
        train_idx: (N,) the pairs to train on.
        layout: of the training size.
        augmentation: ranges of the random changes.
        batch_size: samples per batch.
        seed: of order and augmentation.
        side_dropout: chance that a sample's side photo is hidden.
    """

    pairs: ShardedPairs
    train_idx: np.ndarray
    layout: UVLayout
    augmentation: Augmentation
    batch_size: int
    seed: int
    side_dropout: float = 0.0

    def batch(self, step: int, share: slice = slice(None)) -> Batch:
        """Make the batch of a step, or a share of it; steps count from the start of training."""
        samples = range(step * self.batch_size, (step + 1) * self.batch_size)[share]
        rngs = (np.random.default_rng([self.seed, 1, sample]) for sample in samples)
        indices = [self.index(s) for s in samples]
        return make_batch(
            self.pairs, indices, self.layout, self.augmentation, rngs, self.side_dropout
        )

    def index(self, sample: int) -> int:
        """Return the stored pair of a sample; every pass visits each pair once, shuffled."""
        number, place = divmod(sample, len(self.train_idx))
        return int(self.train_idx[_permutation(self.seed, number, len(self.train_idx))[place]])


@lru_cache(maxsize=4)
def _permutation(seed: int, number: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, 0, number]).permutation(n)


def prefetch(make: Callable[[int], Batch], steps: Iterable[int], depth: int = 2) -> Iterator[Batch]:
    """Make batches in a thread, a few in advance.

    Args:
        make: function from a step to its batch.
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
