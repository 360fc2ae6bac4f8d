"""The points to find in every photo: iBUG's 68, and others spread over the whole face.

A point is a weighted mean of layout vertices, so one product gives the points of any face.
`facelib.face.point_choice` chooses them; they ship as `data/head/points.npz`, because the choice
takes longer than all else that a program does at its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.face.layout import load_layout
from facelib.files.atomic import replacing
from facelib.files.paths import data_file

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

N_KEYPOINTS = 68
REGIONS = ("eyes", "nose", "mouth", "cheeks", "forehead", "rim")
INNER = ("eyes", "nose", "mouth", "cheeks")
ARRAYS = ("vertices", "weights", "mirror", "region")  # of the file


@dataclass(frozen=True)
class DensePoints:
    """The points as weights of layout vertices, with their mirror twins and regions.

    Attributes:
        vertices: (P, 3) int32, the layout vertices that each point lies between. The first 68
            points are iBUG's keypoints.
        weights: (P, 3) float32, their barycentric weights.
        mirror: (P,) int16, each point's twin across the plane of symmetry.
        region: (P,) uint8, index into `REGIONS`.
    """

    vertices: np.ndarray
    weights: np.ndarray
    mirror: np.ndarray
    region: np.ndarray

    def __len__(self) -> int:
        """Count the points."""
        return len(self.vertices)

    @property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """The vertices and the weights, as `SeenPoints.at` takes them."""
        return self.vertices, self.weights

    @cached_property
    def matrix(self) -> csr_matrix:
        """(P, V) csr: points = matrix @ layout vertices."""
        from scipy.sparse import csr_matrix  # slow to import, and few need it

        rows = np.repeat(np.arange(len(self)), 3)
        entries = (self.weights.ravel(), (rows, self.vertices.ravel()))
        matrix = csr_matrix(entries, shape=(len(self), len(load_layout().uv)))
        matrix.eliminate_zeros()
        return matrix

    @property
    def inner(self) -> np.ndarray:
        """(P,) bool: the points of eyes, nose, mouth and cheeks."""
        return np.isin(self.region, [REGIONS.index(name) for name in INNER])


@lru_cache(maxsize=1)
def load_dense_points() -> DensePoints:
    """Load the shipped points.

    Raises:
        FileNotFoundError: if the file is not there.
    """
    with np.load(data_file("head", "points.npz"), allow_pickle=False) as file:
        return DensePoints(**{name: file[name] for name in ARRAYS})


def save_dense_points(path: Path, points: DensePoints) -> None:
    """Write a file for `load_dense_points`, whole or not at all."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            vertices=points.vertices,
            weights=points.weights,
            mirror=points.mirror,
            region=points.region,
        )
