"""The morphable head: a mean, plus identity times shapes, plus expression times facial actions.

`experiments/build_head.py` made the shipped head by PCA of MakeHuman's CC0 data. Chapter 3 teaches
it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from facelib.files.paths import data_file

# For each of the 68 iBUG keypoints, the number of its mirror twin.
MIRRORED_KEYPOINTS = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, *range(54, 47, -1), *range(59, 54, -1),
        *range(64, 59, -1), 67, 66, 65,
    ]
)  # fmt: skip


@dataclass(frozen=True, eq=False)  # hashed by identity, so that caches can be keyed with it
class MorphableModel:
    """A linear model of heads (Blanz and Vetter 1999; equation 2.6 with an expression term).

    Attributes:
        mean_head: (N, 3) float64, mm, head frame: the mean shape S̄.
        shape_basis: (K, N, 3) float32, mm per standard deviation: the shape basis A.
        expression_basis: (E, N, 3) float32, mm at full strength: one facial action per row.
        expression_names: E names; the shipped head uses ARKit's 52.
        triangles: (M, 3) int32, counter-clockwise from outside.
        uv: (N, 2) float32, texture coordinates, v down.
        mirror: (N,) int32, each vertex's twin across the plane x = 0.
        regions: (N,) bool by name: eyes, eyeballs, brows, nose, lips, ears, face, neck, scalp,
            mouth_cavity, eye_sockets, teeth, tongue.
        keypoint_triangles: (68, 3) int32, the corners around each iBUG keypoint.
        keypoint_weights: (68, 3) float32, their barycentric weights.
    """

    mean_head: np.ndarray
    shape_basis: np.ndarray
    expression_basis: np.ndarray
    expression_names: tuple[str, ...]
    triangles: np.ndarray
    uv: np.ndarray
    mirror: np.ndarray
    regions: dict[str, np.ndarray]
    keypoint_triangles: np.ndarray
    keypoint_weights: np.ndarray

    def vertices(
        self, shape: np.ndarray | None = None, expression: np.ndarray | None = None
    ) -> np.ndarray:
        """Build a head: S = S̄ + Aα + Bβ (2.6).

        Args:
            shape: (k,) float with k ≤ K, α in standard deviations; the rest counts as 0.
            expression: (E,) float, β, the strength of each facial action, usually 0..1.

        Returns:
            (N, 3) float64, mm, head frame.

        Raises:
            ValueError: if a coefficient vector is too long or of another rank.
        """
        vertices_head = self.mean_head.copy()
        for name, coefficients, basis in (
            ("shape", shape, self.shape_basis),
            ("expression", expression, self.expression_basis),
        ):
            if coefficients is None:
                continue
            coefficients = np.asarray(coefficients, np.float32)
            if coefficients.ndim != 1 or len(coefficients) > len(basis):
                raise ValueError(
                    f"{name} must be a vector of at most {len(basis)} numbers, "
                    f"got shape {coefficients.shape}"
                )
            vertices_head += np.tensordot(coefficients, basis[: len(coefficients)], 1)
        return vertices_head

    def expression(self, **strengths: float) -> np.ndarray:
        """Make a coefficient vector from named actions: `expression(jawOpen=0.5)` -> (E,) float64.

        Raises:
            ValueError: if an action has no such name.
        """
        unknown = set(strengths) - set(self.expression_names)
        if unknown:
            raise ValueError(f"unknown facial actions {sorted(unknown)}")
        return np.array([strengths.get(name, 0.0) for name in self.expression_names])

    def keypoints(self, vertices: np.ndarray) -> np.ndarray:
        """Compute the 68 iBUG keypoints, (68, 3), from (N, 3) vertices in any frame."""
        corners = vertices[self.keypoint_triangles]
        return np.einsum("kc,kcd->kd", self.keypoint_weights, corners)


def load_head(path: Path | None = None) -> MorphableModel:
    """Load the shipped head (or another head.npz of the same fields).

    Raises:
        FileNotFoundError: if the file is missing.
    """
    return _load(path or data_file("head", "head.npz"))


@lru_cache(maxsize=2)
def _load(path: Path) -> MorphableModel:
    with np.load(path, allow_pickle=False) as file:
        return MorphableModel(
            mean_head=file["mean_head"].astype(np.float64),
            shape_basis=file["shape_basis"].astype(np.float32),
            expression_basis=file["expression_basis"].astype(np.float32),
            expression_names=tuple(str(name) for name in file["expression_names"]),
            triangles=file["triangles"],
            uv=file["uv"],
            mirror=file["mirror"],
            regions=dict(zip(map(str, file["region_names"]), file["region_masks"], strict=True)),
            keypoint_triangles=file["keypoint_triangles"],
            keypoint_weights=file["keypoint_weights"],
        )
