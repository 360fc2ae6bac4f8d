"""The head model at a layout's vertices: mesh transfer fits it to another mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from facelib.face.headmodel import MorphableModel
from facelib.face.layout import UVLayout
from facelib.geometry.mesh import edges

MEMBRANE_RIDGE, MEMBRANE_SUM = 1.0, 1e8  # keep weights small; make them sum to 1
MEMBRANE_RINGS = 2  # a membrane is made of this many rings of vertices around its hole


@dataclass(frozen=True)
class FaceTemplate:
    """The head model at a layout's vertices.

    Attributes:
        mean_head: (V, 3) float64, mm.
        basis: (K + E, V, 3) float64, mm: shapes, then expressions.
        n_shape: the number K.
        triangles: (T, 3) int32.
        keypoint_matrix: (68, V) csr.
        bound: (V,) bool: vertices that have a counterpart on the other mesh: all but the membrane
            of the mouth and, unless the other mesh closes them, those of the eyes.
        fill: (V, V) csr: the other vertices as weighted sums of the bound vertices around them.
    """

    mean_head: np.ndarray
    basis: np.ndarray
    n_shape: int
    triangles: np.ndarray
    keypoint_matrix: csr_array
    bound: np.ndarray
    fill: csr_array

    @classmethod
    def of(cls, model: MorphableModel, layout: UVLayout, closed_eyes: bool = False) -> FaceTemplate:
        """Sample a head model's mean and bases at a layout's vertices.

        Args:
            model: the head.
            layout: defines the vertices.
            closed_eyes: whether the other mesh is one surface across lids and eyes, like the Basel
                Face Model; False if its eyeballs rotate or are missing.
        """
        every = np.concatenate([model.shape_basis, model.expression_basis]).astype(np.float64)
        basis = np.stack([layout.from_head @ direction for direction in every])
        mean = layout.from_head @ model.mean_head
        free = layout.labels["membrane"] & (layout.labels["mouth"] | (not closed_eyes))
        fill = _fill(mean, basis, layout.triangles, ~free)
        keypoint_matrix = layout.keypoint_matrix.csr()
        return cls(
            mean, basis, len(model.shape_basis), layout.triangles, keypoint_matrix, ~free, fill
        )

    def vertices(self, coefficients: np.ndarray) -> np.ndarray:
        """Build a face (2.6): (K + E,) coefficients to (V, 3) mm, head frame."""
        return self.mean_head + np.tensordot(coefficients, self.basis, 1)


def neighbours(triangles: np.ndarray, n_vertices: int) -> csr_array:
    """(V, V) csr: 1 for each pair of vertices that an edge joins."""
    a, b = edges(triangles).T
    ones = np.ones(2 * len(a))
    return csr_array((ones, (np.append(a, b), np.append(b, a))), shape=(n_vertices, n_vertices))


def _fill(mean, basis, triangles, bound) -> csr_array:
    """(V, V) csr: the membranes of eyes and mouth as weighted sums of the vertices around them.

    Another mesh has no membranes, and its eyeballs, if any, rotate. The weights predict the
    membranes best over the whole head model (ridge regression on its mean and its bases).
    """
    joined = neighbours(triangles, len(bound))
    _, part = connected_components(joined[~bound][:, ~bound])
    rows, columns, values = [np.flatnonzero(bound)], [np.flatnonzero(bound)], [np.ones(bound.sum())]
    for number in range(part.max() + 1):
        members = np.flatnonzero(~bound)[part == number]
        reach = members
        for _ in range(MEMBRANE_RINGS):
            reach = np.union1d(reach, joined[reach].indices)
        rim = np.setdiff1d(reach, members)
        seen = np.concatenate([(mean - mean[rim].mean(axis=0)).T, *basis.transpose(0, 2, 1)])
        normal = seen[:, rim].T @ seen[:, rim] + MEMBRANE_RIDGE * np.eye(len(rim)) + MEMBRANE_SUM
        weights = np.linalg.solve(normal, seen[:, rim].T @ seen[:, members] + MEMBRANE_SUM)
        weights /= weights.sum(axis=0)
        rows.append(np.tile(members, len(rim)))
        columns.append(np.repeat(rim, len(members)))
        values.append(weights.ravel())
    entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return csr_array(entries, shape=(len(bound),) * 2)
