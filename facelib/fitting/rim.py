"""Contour points: they lie on the head's rim, whose position on the head depends on the view.

When the head rotates, another part of the cheek becomes its edge against the background. So a
contour point is matched with the rim vertex that is nearest in the photo, and its error along the
rim is ignored.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from facelib.face.layout import load_layout
from facelib.fitting.cameras import project
from facelib.fitting.point_model import PointModel
from facelib.geometry.mesh import vertex_normals

REACH_MM = 40.0  # on the mean head, from a contour point to the rim vertex that it may slide to


def rim_points(
    vertices_head: np.ndarray,
    camera: np.ndarray,
    places_image: np.ndarray,
    homes_head: np.ndarray,
    principal_px: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find the rim's vertex for each contour point.

    Args:
        vertices_head: (V, 3) mm, the head at this step.
        camera: (7,).
        places_image: (S, 2) px, the contour points in the photo.
        homes_head: (S, 3) mm, the points' own positions on the head.
        principal_px: (2,) or None, see `SeenPoints`.

    Returns:
        (S,) vertex numbers, and (S, 2) unit vectors across the rim in the image.
    """
    places, _, by_point = project(camera, vertices_head, principal_px)
    triangles, edges = load_layout().triangles, _inner_edges()
    sides = places[triangles[:, 1:]] - places[triangles[:, :1]]
    towards = sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0] < 0
    at_rim = towards[edges[:, 2]] != towards[edges[:, 3]]
    rim = np.unique(edges[at_rim, :2])
    apart = np.linalg.norm(places_image[:, None] - places[rim], axis=2)
    too_far = np.linalg.norm(homes_head[:, None] - vertices_head[rim], axis=2) > REACH_MM
    vertex = rim[np.argmin(apart + 1e6 * too_far, axis=1)]
    normals = vertex_normals(vertices_head, triangles)
    across = np.einsum("sij,sj->si", by_point[vertex], normals[vertex])
    return vertex, across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)


def slid(photo: PointModel, camera: np.ndarray, coefficients: np.ndarray) -> PointModel:
    """Move the contour points of a photo to the rim; only errors across the rim count there.

    Args:
        photo: of each of B faces.
        camera: (B, 7).
        coefficients: (B, C) of the heads in this photo.
    """
    points, basis = photo.mean_points.copy(), photo.basis.copy()
    kept = np.zeros_like(photo.whiten)  # projections on the direction across, as residuals have it
    kept[:] = np.eye(2)
    for face, slides in enumerate(photo.slides):
        vertices = photo.prior.vertices(coefficients[face])
        seen = (each[face, slides] for each in (photo.places, photo.mean_points))
        vertex, across = rim_points(vertices, camera[face], *seen, photo.principal_px[face])
        points[face, slides], basis[face, slides] = (
            each[vertex] for each in (photo.prior.mean_head, photo.prior.basis)
        )
        across = np.linalg.solve(photo.whiten[face, slides].swapaxes(1, 2), across[..., None])
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        kept[face, slides] = across @ across.swapaxes(1, 2)
    return replace(
        photo,
        mean_points=points,
        basis=basis,
        whiten=kept @ photo.whiten,
        offset=(kept @ photo.offset[..., None])[..., 0],
        errors=kept @ photo.errors,
    )


@lru_cache(maxsize=1)
def _inner_edges() -> np.ndarray:
    """(E, 4): the two vertices of each edge between two triangles, and those triangles."""
    triangles = load_layout().triangles
    ends = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    order = np.lexsort(ends.T)
    ends, owner = ends[order], order // 3
    twins = np.flatnonzero((ends[1:] == ends[:-1]).all(axis=1))
    return np.column_stack([ends[twins], owner[twins], owner[twins + 1]])
