"""Scale, turn and move: the motions that keep a face's shape, and the 4×4 matrix of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def homogeneous(rotation: np.ndarray, translation: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Write p ↦ scale · rotation · p + translation as one 4×4 matrix.

    Args:
        rotation: (3, 3).
        translation: (3,), in the target frame's unit.
        scale: target units per source unit.

    Returns:
        (4, 4) float64.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = scale * np.asarray(rotation, dtype=np.float64)
    matrix[:3, 3] = translation
    return matrix


def checked_points(points: np.ndarray) -> np.ndarray:
    """Return points as (N, 3) float64, or raise ValueError with the shape that came."""
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"expected points (N, 3), got {points.shape}")
    return points


@dataclass(frozen=True)
class Similarity:
    """Scale, turn, move: p ↦ scale · rotation · p + translation.

    Attributes:
        scale: target units per source unit, positive.
        rotation: (3, 3).
        translation: (3,), in the target's unit.
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Move (N, 3) points; returns (N, 3) float64."""
        return self.scale * checked_points(points) @ np.asarray(self.rotation).T + self.translation

    def inverse(self) -> Similarity:
        """Return the way back."""
        rotation = np.asarray(self.rotation).T
        return Similarity(
            1.0 / self.scale, rotation, -(rotation @ np.asarray(self.translation)) / self.scale
        )

    def then(self, other: Similarity) -> Similarity:
        """Return this one followed by the other, as one."""
        return Similarity(
            other.scale * self.scale,
            np.asarray(other.rotation) @ self.rotation,
            other.apply(np.asarray(self.translation)[None])[0],
        )

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4) float64, for `transform_points`."""
        return homogeneous(self.rotation, self.translation, self.scale)
