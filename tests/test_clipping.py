"""Clipping: the part of a surface on one side of a curve, with a clean rim."""

import numpy as np
from shapes import grid, icosphere

from facelib.geometry.clipping import clip
from facelib.geometry.mesh import boundary_loops


def areas(vertices, triangles):
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2


def test_a_sphere_cut_by_a_plane_has_a_flat_rim_and_no_slivers():
    vertices, triangles = icosphere(3)
    clipped = clip(triangles, vertices[:, 2] - 0.31)
    kept = clipped.matrix @ vertices
    (rim,) = boundary_loops(clipped.triangles)
    np.testing.assert_allclose(kept[rim, 2], 0.31, atol=1e-12)
    assert (kept[:, 2] > 0.31 - 1e-12).all()
    area = areas(kept, clipped.triangles)
    assert area.min() > 0.05 * np.median(area)
    share = area.sum() / areas(vertices, triangles).sum()
    np.testing.assert_allclose(share, (1 - 0.31) / 2, rtol=0.005)  # Archimedes: by height


def test_a_plane_is_cut_exactly_along_a_line():
    vertices, triangles = grid(9)
    value = vertices @ [1, 0.3, 0] - 0.5
    clipped = clip(triangles, value)
    kept = clipped.matrix @ vertices
    # The square's part with x + 0.3 y > 0.5 is a trapezium: its width is 0.5 + 0.3 y.
    np.testing.assert_allclose(areas(kept, clipped.triangles).sum(), 0.65, rtol=1e-9)


def test_pieces_keep_their_winding_and_know_their_parents():
    vertices, triangles = icosphere(2)
    clipped = clip(triangles, vertices @ [0.3, 0.5, 0.8] - 0.1)
    kept = clipped.matrix @ vertices
    normals = np.cross(*np.moveaxis(np.diff(kept[clipped.triangles], axis=1), 1, 0))
    assert (np.einsum("td,td->t", normals, kept[clipped.triangles].mean(axis=1)) > 0).all()
    centres = vertices[triangles[clipped.parents]].mean(axis=1)
    gap = np.linalg.norm(kept[clipped.triangles].mean(axis=1) - centres, axis=1)
    assert gap.max() < 0.3  # edges are 0.3 long


def test_what_is_whole_or_gone_is_not_cut():
    _, triangles = grid(3)
    whole = clip(triangles, np.ones(9))
    np.testing.assert_array_equal(whole.triangles, triangles)
    assert whole.matrix.nnz == 9
    assert len(clip(triangles, -np.ones(9)).triangles) == 0
