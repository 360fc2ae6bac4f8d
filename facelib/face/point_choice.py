"""Choose the points of `facelib.face.dense_points` on the layout.

They are spread by farthest-point sampling (Gonzalez 1985) on the mean face: each new point is the
vertex that is farthest from all points so far. One half of the face is sampled, and the other half
gets the mirror twins.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array, vstack
from scipy.spatial import cKDTree

from facelib.face.dense_points import REGIONS, DensePoints
from facelib.face.layout import UVLayout

N_SPREAD = 300
MIDDLE_MM = 1.0  # a vertex this near to the plane of symmetry has no twin
RIM_MM = 18.0  # points nearer than this to the layout's border belong to the rim
JAW_LINE = slice(0, 17)  # keypoints
BROWS = slice(17, 27)


def choose_points(layout: UVLayout, mean_face: np.ndarray) -> DensePoints:
    """Choose the points; the result is always the same.

    Args:
        layout: the shipped one.
        mean_face: (V, 3) mm, head frame, its vertices on the mean head.
    """
    vertices = _spread(layout, mean_face, layout.keypoints(mean_face))
    rows = csr_array(
        (np.ones(len(vertices)), (np.arange(len(vertices)), vertices)),
        shape=(len(vertices), len(mean_face)),
    )
    matrix = vstack([layout.keypoint_matrix.csr(), rows], format="csr")
    corners, weights = _corners(matrix)
    mirror, region = _twins(layout, matrix), _regions(layout, mean_face, matrix)
    return DensePoints(corners, weights, mirror.astype(np.int16), region)


def _corners(matrix: csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns (P, 3) and the weights (P, 3) of rows with at most three entries."""
    corners = np.zeros((matrix.shape[0], 3), np.int32)
    weights = np.zeros((matrix.shape[0], 3), np.float32)
    for point, (start, end) in enumerate(pairwise(matrix.indptr)):
        corners[point, : end - start] = matrix.indices[start:end]
        weights[point, : end - start] = matrix.data[start:end]
    return corners, weights


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


def _twins(layout: UVLayout, matrix: csr_array) -> np.ndarray:
    """Match each point with the point that has the same weights on the mirrored vertices.

    One to one, and not by position: on the closed mouth of the mean face, inner points of the upper
    and the lower lip coincide.
    """
    overlap = (matrix[:, layout.mirror] @ matrix.T).toarray()
    length = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    return linear_sum_assignment(-overlap / length[:, None] / length)[1]


def _regions(layout: UVLayout, mean_face: np.ndarray, matrix: csr_array) -> np.ndarray:
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
