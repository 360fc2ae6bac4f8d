"""The points to find in every photo: iBUG's 68, and others spread over the whole face.

A point is a weighted mean of layout vertices, so one product gives the points of any face.
They are spread by farthest-point sampling (Gonzalez 1985) on the mean face: each new point is the
vertex that is farthest from all points so far. One half of the face is sampled, and the other half
gets the mirror twins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_matrix, vstack
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.face.layout import UVLayout, load_layout

N_KEYPOINTS = 68
N_SPREAD = 300
MIDDLE_MM = 1.0  # a vertex this near to the plane of symmetry has no twin
RIM_MM = 18.0  # points nearer than this to the layout's border belong to the rim
REGIONS = ("eyes", "nose", "mouth", "cheeks", "forehead", "rim")
INNER = ("eyes", "nose", "mouth", "cheeks")
JAW_LINE = slice(0, 17)  # keypoints
BROWS = slice(17, 27)


@dataclass(frozen=True)
class DensePoints:
    """The points as weights of layout vertices, with their mirror twins and regions.

    Attributes:
        matrix: (P, V) csr: points = matrix @ layout vertices; the first 68 are iBUG's keypoints.
        mirror: (P,) int, each point's twin across the plane of symmetry.
        region: (P,) uint8, index into `REGIONS`.
    """

    matrix: csr_matrix
    mirror: np.ndarray
    region: np.ndarray

    def __len__(self) -> int:
        """Count the points."""
        return self.matrix.shape[0]

    @cached_property
    def corners(self) -> tuple[np.ndarray, np.ndarray]:
        """(P, 3) layout vertices that each point lies between, and (P, 3) its weights there."""
        vertices, weights = np.zeros((len(self), 3), int), np.zeros((len(self), 3))
        for point, (start, end) in enumerate(pairwise(self.matrix.indptr)):
            vertices[point, : end - start] = self.matrix.indices[start:end]
            weights[point, : end - start] = self.matrix.data[start:end]
        return vertices, weights

    @property
    def inner(self) -> np.ndarray:
        """(P,) bool: the points of eyes, nose, mouth and cheeks."""
        return np.isin(self.region, [REGIONS.index(name) for name in INNER])


@lru_cache(maxsize=1)
def load_dense_points() -> DensePoints:
    """Choose the points on the shipped layout; the result is always the same."""
    layout = load_layout()
    mean_face = layout.from_head @ load_head().mean_head
    vertices = _spread(layout, mean_face, layout.keypoints(mean_face))
    rows = csr_matrix(
        (np.ones(len(vertices)), (np.arange(len(vertices)), vertices)),
        shape=(len(vertices), len(mean_face)),
    )
    matrix = vstack([layout.keypoint_matrix, rows], format="csr")
    return DensePoints(matrix, _twins(layout, matrix), _regions(layout, mean_face, matrix))


def _spread(layout: UVLayout, mean_face: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """Choose N_SPREAD vertices, far from each other and from the (K, 3) given points."""
    allowed = ~layout.labels["membrane"] & (mean_face[:, 0] > -MIDDLE_MM)
    distance, _ = cKDTree(taken).query(mean_face)
    chosen: list[int] = []
    while len(chosen) < N_SPREAD:
        vertex = int(np.argmax(np.where(allowed, distance, -1)))
        pair = {vertex, int(layout.mirror[vertex])}
        if len(chosen) + len(pair) > N_SPREAD:  # room for one: a vertex that is its own twin
            allowed &= layout.mirror == np.arange(len(mean_face))
            continue
        for member in sorted(pair):
            chosen.append(member)
            distance = np.minimum(distance, np.linalg.norm(mean_face - mean_face[member], axis=1))
    return np.array(chosen)


def _twins(layout: UVLayout, matrix: csr_matrix) -> np.ndarray:
    """Match each point with the point that has the same weights on the mirrored vertices.

    One to one, and not by position: on the closed mouth of the mean face, inner points of the upper
    and the lower lip coincide.
    """
    overlap = (matrix[:, layout.mirror] @ matrix.T).toarray()
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    return linear_sum_assignment(-overlap / length[:, None] / length)[1]


def _regions(layout: UVLayout, mean_face: np.ndarray, matrix: csr_matrix) -> np.ndarray:
    points = matrix @ mean_face
    region = np.full(len(points), REGIONS.index("cheeks"), np.uint8)
    brow_y = points[BROWS, 1].mean()
    region[points[:, 1] > brow_y] = REGIONS.index("forehead")
    to_border, _ = cKDTree(mean_face[_border(layout.triangles)]).query(points)
    region[to_border < RIM_MM] = REGIONS.index("rim")
    for name in ("eyes", "nose", "mouth"):
        region[matrix @ layout.labels[name].astype(float) > 0.5] = REGIONS.index(name)
    region[BROWS] = REGIONS.index("eyes")
    region[JAW_LINE] = REGIONS.index("rim")
    return region


def _border(triangles: np.ndarray) -> np.ndarray:
    """Find the vertices on edges that belong to only one triangle."""
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    )
    edges, counts = np.unique(edges, axis=0, return_counts=True)
    return np.unique(edges[counts == 1])
