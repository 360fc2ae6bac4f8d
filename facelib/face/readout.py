"""Reading vertices back out of a position map: 4 × 4 texels and 16 weights per vertex.

Bilinear weights would flatten the surface where it bends between two texels, at the lips by more
than a texel. So each vertex's row w starts from the bilinear weights b and is moved toward w B = e,
the row that returns the vertex itself (B converts vertices to texels):

    min |w B − e|² + λ |w − b|²

The second term keeps the weights small, so that a network's noise is not amplified. Where triangles
are smaller than texels, two more conditions help: like b, w sums to 1 and keeps its centre at the
vertex, which makes flat surfaces exact; and a few reference faces must be exact, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WINDOW = 4  # texels, each way
REGULARISATION = 0.003  # λ
FLATNESS = 30.0  # weight of the conditions on a row's sum and centre
FAITHFULNESS = 1.0  # weight of the reference faces, per mm


def readout_matrix(
    map_matrix: csr_matrix, uv: np.ndarray, references_head: np.ndarray
) -> csr_matrix:
    """Solve for the matrix that samples every vertex from a map.

    Args:
        map_matrix: (S², V) csr: B, which converts vertices to the texels of an S × S map; each is a
            mix of three vertices.
        uv: (V, 2) float64 in [0, 1], u right, v down.
        references_head: (R, V, 3) float, mm: faces to be read exactly.

    Returns:
        (V, S²) csr float32.

    Raises:
        ValueError: if a texel is not a mix of three vertices.
    """
    from scipy.sparse import csr_matrix  # slow to import, and the default network does without

    if (np.diff(map_matrix.indptr) != 3).any():
        raise ValueError("expected a map_matrix with three vertices per texel")
    n_vertices, size = len(uv), round(map_matrix.shape[0] ** 0.5)
    corner, bilinear = bilinear_windows(uv, size)
    references = references_head.transpose(1, 0, 2).reshape(n_vertices, -1)
    steps = np.arange(WINDOW)
    row, column = corner[:, :1] + steps, corner[:, 1:] + steps
    texels = (row[:, :, None] * size + column[:, None]).reshape(n_vertices, -1)
    weights = _solve_rows(map_matrix, texels, bilinear, _moments(texels, size), references)
    rows = np.repeat(np.arange(n_vertices), texels.shape[1])
    entries = (weights.ravel(), (rows, texels.ravel()))
    return csr_matrix(entries, shape=(n_vertices, size**2), dtype=np.float32)


def bilinear_windows(uv: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return each vertex's window in a map of size × size texels, and bilinear weights in it.

    Returns:
        First row and column, (V, 2) int; weights, (V, 16) float64.
    """
    column, row = np.clip(uv * size - 0.5, 0, size - 1).T
    corner = np.stack([row, column], 1).astype(int) - 1
    corner = np.clip(corner, 0, size - WINDOW)
    tent = [
        np.maximum(0, 1 - np.abs(corner[:, [axis]] + np.arange(WINDOW) - place[:, None]))
        for axis, place in enumerate((row, column))
    ]
    return corner, np.einsum("vi,vj->vij", *tent).reshape(-1, WINDOW**2)


def _moments(texels: np.ndarray, size: int) -> np.ndarray:
    """(V, 16, 3): 1, row and column of each texel of a window, counted from its first."""
    row, column = (place - place[:, :1] for place in np.divmod(texels, size))
    return FLATNESS * np.stack([np.ones_like(row), row, column], axis=2)


def _solve_rows(
    map_matrix: csr_matrix,
    texels: np.ndarray,
    bilinear: np.ndarray,
    moments: np.ndarray,
    references: np.ndarray,
) -> np.ndarray:
    """(V, 16) weights of the vertices' windows, from the normal equations of all of them at once.

    The unknown is w − b. It should return e − b B, keep the moments at 0, and add to each reference
    face what b misses.
    """
    corners = map_matrix.indices.reshape(-1, 3)[texels]  # (V, 16, 3): each texel is a mix of three
    shares = map_matrix.data.reshape(-1, 3)[texels].astype(float)
    same = corners[:, :, None, :, None] == corners[:, None, :, None]
    products = np.einsum("via,vjb,vijab->vij", shares, shares, same)
    own = (shares * (corners == np.arange(len(texels))[:, None, None])).sum(axis=2)
    faces = ((map_matrix @ references)[texels] - references[:, None]).astype(float)
    products += FAITHFULNESS**2 * (faces @ faces.swapaxes(1, 2))
    wanted = own - (products @ bilinear[..., None])[..., 0]
    normal = products + moments @ moments.swapaxes(1, 2)
    normal += REGULARISATION * np.eye(texels.shape[1])
    return bilinear + np.linalg.solve(normal, wanted[..., None])[..., 0]
