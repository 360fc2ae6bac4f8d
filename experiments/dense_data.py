"""Photos and their dense points, from folders of pairs, as the trainer of `dense` draws them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.pairs.augmentation import Augmentation, draw_change
from facelib.pairs.change import change_image, change_points
from facelib.pairs.store import ShardedPairs
from facelib.render.rasterize import rasterize

HIDDEN_MM = 4.0  # a point this far behind the face's own surface still counts as visible
RECORD = np.dtype(
    [("points", "<f4", (2, 368, 2)), ("seen", "?", (2, 368)), ("px_per_mm", "<f4", (2,))]
)


@dataclass(frozen=True)
class Photo:
    """One photo of a pair.

    Attributes:
        image: (S, S, 3) uint8.
        points: (P, 2) float32 px, crop frame.
        seen: (P,) bool.
        px_per_mm: at the head's origin.
    """

    image: np.ndarray
    points: np.ndarray
    seen: np.ndarray
    px_per_mm: float


class Photos:
    """All photos of folders of pairs; photo 2i + k is the front (k = 0) or side of pair i."""

    def __init__(self, folders: list[Path]) -> None:
        """Open the folders; derived arrays are cached next to each."""
        self.pairs = [ShardedPairs(folder) for folder in folders]
        self.truth = [_truth(pairs) for pairs in self.pairs]
        self.starts = np.cumsum([0, *(2 * len(pairs) for pairs in self.pairs)])
        self.size = self.pairs[0].size

    def __len__(self) -> int:
        """Count the photos."""
        return int(self.starts[-1])

    def __getitem__(self, number: int) -> Photo:
        """Read one photo."""
        place = int(np.searchsorted(self.starts, number, side="right")) - 1
        index, side = divmod(number - int(self.starts[place]), 2)
        truth = self.truth[place][index]
        image = self.pairs[place].arrays(index)[side]
        return Photo(image, truth["points"][side], truth["seen"][side], truth["px_per_mm"][side])


def _truth(pairs: ShardedPairs) -> np.ndarray:
    path = pairs.folder / f"dense_{len(pairs)}.npy"
    if not path.exists():
        rows = np.stack([_project(pairs, index) for index in range(len(pairs))])
        np.save(path, rows)
    return np.load(path)


def _project(pairs: ShardedPairs, index: int) -> np.void:
    """Move the front's vertices to the head frame and from there into both photos."""
    dense, row = load_dense_points(), np.zeros((), RECORD)
    views = pairs.views(index)
    vertices_head = views[0].image_to_head(pairs.arrays(index)[2])
    for side, view in enumerate(views):
        row["points"][side] = view.head_to_image(dense.matrix @ vertices_head)[:, :2]
        row["px_per_mm"][side] = view.camera.scale
        if "seen" in pairs.array_names:
            row["seen"][side] = dense.matrix @ pairs.stored(index, "seen")[side].astype(float) > 0.5
        else:
            row["seen"][side] = _seen_by_face(view, vertices_head)
        row["seen"][side, :N_KEYPOINTS] = view.visible
    return row


def _seen_by_face(view, vertices_head: np.ndarray) -> np.ndarray:  # noqa: ANN001
    """Test against the face's own surface, for folders without data on worn things."""
    from facelib.face.layout import load_layout

    camera, dense = view.camera, load_dense_points()
    image, inverse_w = camera.project(vertices_head)
    size = camera.width
    fragments = rasterize(image, load_layout().triangles, size, size, inverse_w)
    points = camera.head_to_image(dense.matrix @ vertices_head)
    column, place = np.rint(points[:, :2]).astype(int).clip(0, size - 1).T
    inside = ((points[:, :2] > -0.5) & (points[:, :2] < size - 0.5)).all(axis=1)
    behind_mm = (fragments.depth[place, column] - points[:, 2]) / camera.scale
    return inside & (behind_mm < HIDDEN_MM)


@dataclass(frozen=True)
class Batch:
    """A training batch.

    Attributes:
        photos: (B, 3, S, S) float32, 0..1.
        points: (B, P, 2) float32, crop sides from the crop's corner.
        seen: (B, P) float32, 0 or 1.
    """

    photos: torch.Tensor
    points: torch.Tensor
    seen: torch.Tensor


class Stream:
    """An endless, seeded sequence of augmented photos; sample g depends on its number alone."""

    def __init__(self, photos: Photos, size: int, batch: int, seed: int) -> None:
        """Take the photos, the wanted side in px, the batch's length and a seed."""
        self.photos, self.size, self.batch, self.seed = photos, size, batch, seed
        # A detected face is nearly upright: half of the preset's range is enough.
        self.settings = replace(Augmentation.for_photos(), rotation_deg=30.0)
        self.mirror = load_dense_points().mirror
        self._pass: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))

    def __call__(self, step: int) -> Batch:
        """Make the batch of a step."""
        samples = range(step * self.batch, (step + 1) * self.batch)
        images = np.empty((self.batch, self.size, self.size, 3), np.float32)
        points = np.empty((self.batch, len(self.mirror), 2), np.float32)
        seen = np.empty((self.batch, len(self.mirror)), np.float32)
        for row, sample in enumerate(samples):
            rng = np.random.default_rng([self.seed, 1, sample])
            images[row], points[row], seen[row] = self._sample(self._index(sample), rng)
        return Batch(
            torch.from_numpy(images).permute(0, 3, 1, 2),
            torch.from_numpy(points),
            torch.from_numpy(seen),
        )

    def _index(self, sample: int) -> int:
        number, place = divmod(sample, len(self.photos))
        if self._pass[0] != number:
            rng = np.random.default_rng([self.seed, 0, number])
            self._pass = number, rng.permutation(len(self.photos))
        return int(self._pass[1][place])

    def _sample(self, number: int, rng: np.random.Generator) -> tuple:
        photo = self.photos[number]
        image, points = shrunk(photo.image, photo.points, self.size)
        change = draw_change(self.size, rng, self.settings)
        image = change_image(image, change)
        flat = np.column_stack([points, np.zeros(len(points), np.float32)])
        points = (change_points(flat, change, self.size)[:, :2] + 0.5) / self.size
        seen = photo.seen & (points > 0).all(axis=1) & (points < 1).all(axis=1)
        if rng.random() < 0.5:
            image = image[:, ::-1]
            points = points[self.mirror] * np.float32([-1, 1]) + np.float32([1, 0])
            seen = seen[self.mirror]
        return image, points, seen


def shrunk(image: np.ndarray, points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resample a photo and its points to another side, px."""
    stored = image.shape[0]
    if size == stored:
        return image, points
    import cv2

    image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    return image, ((points + 0.5) * (size / stored) - 0.5).astype(np.float32)
