"""The surface of a head as it is given away: smooth, in parts, with a texture page.

It is the same for all heads: the vertices are fixed mixtures of the head model's.
`experiments/build_surface.py` made the shipped file.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from facelib.files.paths import data_file
from facelib.geometry.mesh import MovedPart, vertex_normals
from facelib.geometry.sparse_rows import SparseProduct, SparseRows

DETAILS = (0, 1, 2)
REGIONS = ("head", "face")
PARTS = ("skin", "eyes", "teeth", "mouth")
UV_STEPS = 65535  # texture coordinates are stored as multiples of 1 / UV_STEPS
# The part of the page that the mouth's cavity occupies: u, v of two corners. There v grows from the
# lips to the throat.
MOUTH_PATCH = ((0.88, 0.81), (0.995, 0.99))

Region = Literal["head", "face"]


@dataclass(frozen=True, eq=False)
class HeadSurface:
    """A smooth surface over the head model's vertices.

    Attributes:
        from_head: (V, 4846): its vertices from the head model's, by Loop's scheme; `@` applies it.
        triangles: (T, 3) int32, counter-clockwise from outside.
        uv: (V, 2) float32, v down, on the page of `synthetic.looks.atlas`: a square of skin above,
            a strip below for eyeballs, teeth, tongue and, in MOUTH_PATCH, the mouth's cavity. No
            triangle spans the page: where the skin cannot be unfolded, triangles have their own
            vertices.
        parts: name and slice of the triangles: skin, eyes, teeth, mouth (its cavity, and the
            tongue). Each part has its own vertices, which follow in the same order.
        twin: (V,) int32, the first vertex of the same place: several where the page has a seam. Of
            the flat base that closes the neck, each triangle stands alone.
    """

    from_head: SparseProduct
    triangles: np.ndarray
    uv: np.ndarray
    parts: tuple[tuple[str, slice], ...]
    twin: np.ndarray

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return unit normals, (V, 3) float32, of (V, 3) vertices; alike across seams."""
        return vertex_normals(vertices, self._smooth_triangles)[self.twin]

    def moved_part(self, places: np.ndarray) -> MovedPart:
        """Find the normals that change if some vertices move, (P,) int; alike across seams."""
        return MovedPart.of(self._smooth_triangles, places, self.twin)

    @cached_property
    def _smooth_triangles(self) -> np.ndarray:
        return self.twin[self.triangles]


def head_surface(detail: int, part: Region = "head", path: Path | None = None) -> HeadSurface:
    """Load the shipped surface.

    Args:
        detail: 0 keeps the head model's triangles, about 5,000 vertices; 1 and 2 subdivide them
            once and twice, to about 20,000 and 80,000.
        part: the whole head, down to the neck, or the face, up to a line from the forehead along
            the ears to the chin; either with eyeballs, teeth and mouth.
        path: another file of the same kind.

    Raises:
        ValueError: if there is no such detail or part.
        FileNotFoundError: if the file is missing.
    """
    if detail not in DETAILS or part not in REGIONS:
        raise ValueError(f"expected detail 0, 1 or 2 of head or face, got {detail} of {part}")
    return _load(detail, part, path or data_file("head", "surface.npz"))


@lru_cache(maxsize=2)
def _load(detail: int, part: str, path: Path) -> HeadSurface:
    with np.load(path, allow_pickle=False) as file:
        name = f"{part}{detail}"
        factors = [_rows(file, name)]
        factors += [_rows(file, f"loop{level}") for level in range(detail - 1, 0, -1)]
        triangles = file[f"{name}.triangles"].astype(np.int32)
        twin = np.arange(len(file[f"{name}.uv"]), dtype=np.int32)
        copies, originals = file[f"{name}.copies"]
        twin[copies] = originals
        stops = file[f"{name}.stops"].tolist()
        slices = map(slice, [0, *stops], stops)
        return HeadSurface(
            from_head=SparseProduct(tuple(factors)),
            triangles=triangles,
            uv=file[f"{name}.uv"].astype(np.float32) / UV_STEPS,
            parts=tuple(zip(PARTS, slices, strict=False)),
            twin=twin,
        )


def _rows(file, name: str) -> SparseRows:
    starts = np.concatenate([[0], np.cumsum(file[f"{name}.counts"], dtype=np.int64)])
    columns = file[f"{name}.columns"].astype(np.int32)
    n_columns = int(file[f"{name}.n_columns"])
    return SparseRows(starts, columns, file[f"{name}.weights"], n_columns)
