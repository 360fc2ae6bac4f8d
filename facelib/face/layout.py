"""The UV layout: a face as a square image whose red, green and blue are x, y and z.

A position map (equation 2.10; Feng et al. 2018) is linear in the vertices. The layout is fixed, so
the triangle under each texel and its weights are computed once and stored as a sparse matrix: a map
is then one product, and no rasteriser runs per face. Chapter 4 derives it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.files.atomic import replacing
from facelib.files.kernels import kernel
from facelib.files.paths import data_file
from facelib.geometry.sparse_rows import SparseRows
from facelib.render.rasterize import Fragments, rasterize

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

REACH_TEXELS = 2.0  # width of the linear extrapolation beyond the seam


@dataclass(frozen=True)
class UVLayout:
    """One unwrapping of the face at one resolution.

    Attributes:
        size: width and height of its maps, texels.
        uv: (V, 2) float64 in [0, 1], u right, v down. Texel (i, j) has its centre at
            u = (j + 0.5) / size, v = (i + 0.5) / size.
        triangles: (T, 3) int32, counter-clockwise from outside in the head frame.
        mirror: (V,) int, each vertex's twin across the plane of symmetry.
        from_head: (V, N) float64: layout vertices = from_head @ head vertices. All but the
            membranes that close eyes and mouth are vertices of the head.
        keypoint_matrix: (68, V) float32: keypoints = keypoint_matrix @ layout vertices.
        references_head: (R, V, 3) float32, mm, head frame: a few faces, the mean face first.
        labels: (V,) bool each: eyes, nose, mouth, face, neck, membrane.
    """

    size: int
    uv: np.ndarray
    triangles: np.ndarray
    mirror: np.ndarray
    from_head: SparseRows
    keypoint_matrix: SparseRows
    references_head: np.ndarray
    labels: dict[str, np.ndarray]

    @cached_property
    def fragments(self) -> Fragments:
        """The layout rasterised once: triangle and barycentric weights under every texel."""
        corners = np.column_stack([self.uv * self.size - 0.5, np.zeros(len(self.uv))])
        return rasterize(corners, self.triangles, self.size, self.size)

    @property
    def coverage(self) -> np.ndarray:
        """(size, size) bool: texels whose centre holds a face point."""
        return self.fragments.covered

    @cached_property
    def matrix(self) -> csr_matrix:
        """(size², V) csr: B, which turns vertices into the texels of a position map.

        Beyond the seam the nearest triangle is extrapolated linearly for two texels and then held
        constant, so that the map has no jump there, which a network could not fit.
        """
        from scipy.ndimage import distance_transform_edt  # slow to import, and few need it
        from scipy.sparse import csr_matrix

        from facelib.geometry.surface import barycentric

        to_covered = distance_transform_edt(
            ~self.coverage, return_distances=False, return_indices=True
        )
        here = np.indices((self.size, self.size))
        offset = here - to_covered
        distance = np.maximum(np.linalg.norm(offset, axis=0), 1e-9)
        row, column = to_covered + offset * np.minimum(1, REACH_TEXELS / distance)
        triangle = self.fragments.triangle[tuple(to_covered)].ravel()
        point = np.stack([column.ravel() + 0.5, row.ravel() + 0.5], 1) / self.size
        weights = barycentric(point, self.uv[self.triangles[triangle]])
        rows = np.repeat(np.arange(self.size**2), 3)
        entries = (weights.ravel(), (rows, self.triangles[triangle].ravel()))
        return csr_matrix(entries, shape=(self.size**2, len(self.uv)), dtype=np.float32)

    @cached_property
    def sampling_matrix(self) -> csr_matrix:
        """(V, size²) csr: samples every vertex from a map (see `facelib.face.readout`)."""
        from facelib.face.readout import readout_matrix  # the default network does without

        return readout_matrix(self.matrix, self.uv, self.references_head)

    def position_map(self, vertices: np.ndarray) -> np.ndarray:
        """Draw vertices into a map: Pos(u, v) = (x, y, z) (2.10), as B · vertices.

        Args:
            vertices: (V, 3) layout vertices in any frame.

        Returns:
            (size, size, 3) float32 in the same frame and unit.

        Raises:
            ValueError: if there are not V vertices.
        """
        self._check(vertices)
        corners, weights = (part.reshape(-1, 3) for part in (self.matrix.indices, self.matrix.data))
        blended = np.empty((len(corners), 3), np.float32)
        _blend_corners(corners, weights, np.ascontiguousarray(vertices, np.float32), blended)
        return blended.reshape(self.size, self.size, 3)

    def vertices(self, position_map: np.ndarray) -> np.ndarray:
        """Read the (V, 3) float32 vertices back out of a (size, size, 3) map.

        Raises:
            ValueError: if the map has another size.
        """
        if position_map.shape != (self.size, self.size, 3):
            raise ValueError(
                f"expected a map of shape {(self.size, self.size, 3)}, got {position_map.shape}"
            )
        return self.sampling_matrix @ np.asarray(position_map, np.float32).reshape(-1, 3)

    def keypoints(self, vertices: np.ndarray) -> np.ndarray:
        """Compute the 68 iBUG keypoints, (68, 3), from (V, 3) layout vertices in any frame."""
        self._check(vertices)
        return self.keypoint_matrix @ vertices

    def label_map(self, name: str) -> np.ndarray:
        """(size, size) float32, 0..1: the share of each texel that a labelled region covers."""
        return (self.matrix @ self.labels[name].astype(np.float32)).reshape(self.size, self.size)

    def _check(self, vertices: np.ndarray) -> None:
        if vertices.shape != (len(self.uv), 3):
            raise ValueError(f"expected {(len(self.uv), 3)} vertices, got {vertices.shape}")


def step_across(position_map: np.ndarray, region: np.ndarray) -> float:
    """Return the mean step from one texel to the next across a region's border: a seam's height.

    Where the loss has weight 0, nothing constrains a network's map. Divide by the true map's step
    to see whether the map jumps there.

    Args:
        position_map: (S, S, 3) float.
        region: (S, S) bool, such as a mask above 0; neither full nor empty.

    Returns:
        The mean length of P(a) − P(b), a inside and b its neighbour outside, in the map's unit.
    """
    steps = [
        np.linalg.norm(np.diff(position_map, axis=axis), axis=2)[np.diff(region, axis=axis)]
        for axis in (0, 1)
    ]
    return float(np.concatenate(steps).mean())


@kernel()
def _blend_corners(corners, weights, vertices, blended):
    """B · vertices, three entries per row of B; scipy's general product is 3 times slower."""
    for row in range(len(corners)):
        # One by one: unpacking a row first makes an array of it and takes 8 times as long.
        a, b, c = corners[row, 0], corners[row, 1], corners[row, 2]
        s, t, r = weights[row, 0], weights[row, 1], weights[row, 2]
        for axis in range(3):
            blended[row, axis] = (
                s * vertices[a, axis] + t * vertices[b, axis] + r * vertices[c, axis]
            )


def load_layout(size: int = 256, path: Path | None = None) -> UVLayout:
    """Load the shipped layout for maps of `size` × `size` texels.

    Raises:
        FileNotFoundError: if the file is not there.
    """
    return _load(size, path or data_file("head", "layout.npz"))


@lru_cache(maxsize=6)
def _load(size: int, path: Path) -> UVLayout:
    with np.load(path, allow_pickle=False) as file:
        return UVLayout(
            size=size,
            uv=file["uv"],
            triangles=file["triangles"],
            mirror=file["mirror"],
            from_head=_read_rows(file, "from_head"),
            keypoint_matrix=_read_rows(file, "keypoint_matrix"),
            references_head=file["references_head"],
            labels=dict(zip(map(str, file["label_names"]), file["label_masks"], strict=True)),
        )


def save_layout(path: Path, layout: UVLayout) -> None:
    """Write a file for `load_layout`, whole or not at all; the maps' size is not stored."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            uv=layout.uv,
            triangles=layout.triangles,
            mirror=layout.mirror,
            references_head=layout.references_head,
            label_names=np.array(list(layout.labels)),
            label_masks=np.array(list(layout.labels.values())),
            **_row_arrays("from_head", layout.from_head),
            **_row_arrays("keypoint_matrix", layout.keypoint_matrix),
        )


def _row_arrays(name: str, matrix: SparseRows) -> dict[str, np.ndarray]:
    return {
        f"{name}_data": matrix.weights,
        f"{name}_indices": matrix.columns.astype(np.int32),
        f"{name}_indptr": matrix.starts.astype(np.int32),
        f"{name}_shape": np.array(matrix.shape),
    }


def _read_rows(file: np.lib.npyio.NpzFile, name: str) -> SparseRows:
    starts, (_, n_columns) = file[f"{name}_indptr"].astype(np.int64), file[f"{name}_shape"]
    return SparseRows(starts, file[f"{name}_indices"], file[f"{name}_data"], int(n_columns))
