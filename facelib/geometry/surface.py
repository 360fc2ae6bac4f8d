"""Surfaces of triangles: the nearest point on one, and barycentric weights in a triangle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit

from facelib.geometry.mesh import checked_triangles
from facelib.geometry.transforms import finite_points

FLAT = 1e-14  # sin² of the angle at a corner below which a triangle counts as a line


def nearest_surface_finder(
    vertices: np.ndarray, triangles: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that maps (K, 3) points to the nearest points of a surface, exactly.

    Args:
        vertices: (N, 3) float, any frame.
        triangles: (M, 3) int, at least one; degenerate ones may be among them.
    """
    match = surface_matcher(vertices, triangles)
    return lambda points: match(points)[0]


def surface_matcher(
    vertices: np.ndarray, triangles: np.ndarray
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return a function that finds, for (K, 3) points, the nearest surface points and triangles.

    A triangle can only be nearest if its centroid is nearer than the best point so far plus its own
    radius. With the triangles sorted along the surface's longest side, only a narrow band has to be
    searched for each point.

    Args:
        vertices: (N, 3) float, any frame.
        triangles: (M, 3) int, at least one; degenerate ones may be among them.

    Returns:
        A function of (K, 3) points that gives (K, 3) float64 nearest points, and (K,) int64, the
        triangle that each lies on.

    Raises:
        ValueError: if vertices are not finite, there are no triangles, or a corner is none of the
            vertices. The function raises it for points that are not finite.
    """
    vertices = finite_points(vertices, "vertices")
    triangles = checked_triangles(triangles, len(vertices))
    if len(triangles) == 0:
        raise ValueError("expected one triangle or more, got none")
    used, first_use = np.unique(triangles, return_index=True)
    used = vertices[used]
    axis = int(np.argmax(np.ptp(used, axis=0)))
    order = np.argsort(vertices[triangles].mean(axis=1)[:, axis])
    corners = np.ascontiguousarray(vertices[triangles[order]])  # (M, 3 corners, 3)
    centroids = corners.mean(axis=1)
    radii = np.linalg.norm(corners - centroids[:, None], axis=2).max(axis=1)
    from scipy.spatial import cKDTree  # slow to import, and few need it

    tree, place = cKDTree(used), np.argsort(order)

    def match(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = np.ascontiguousarray(points, dtype=np.float64)
        vertex = tree.query(points)[1]  # the nearest vertex is the first guess
        closest, found = used[vertex], place[first_use[vertex] // 3]
        first = np.searchsorted(centroids[:, axis], points[:, axis])
        _improve(points, corners, centroids, radii, axis, first, closest, found)
        return closest, order[found]

    return match


@njit(cache=True)
def _improve(points, corners, centroids, radii, axis, first, closest, found):
    """Replace rows of ``closest`` and ``found`` by the nearest point and its triangle, in place."""
    n_triangles, widest = len(corners), radii.max()
    for k in range(len(points)):
        point = points[k]
        best = np.sqrt(_distance2(point, closest[k]))
        for step in (1, -1):  # up from the point's position on the axis, then down
            t = first[k] if step == 1 else first[k] - 1
            while 0 <= t < n_triangles:
                if abs(centroids[t, axis] - point[axis]) > best + widest:
                    break
                if _distance2(point, centroids[t]) < (best + radii[t]) ** 2:
                    candidate = closest_on_triangle(point, corners[t])
                    distance = np.sqrt(_distance2(point, candidate))
                    if distance < best:
                        best = distance
                        closest[k, 0], closest[k, 1], closest[k, 2] = candidate
                        found[k] = t
                t += step


@njit(cache=True)
def closest_on_triangle(point, corners):
    """Return the point of a triangle that is nearest to a point.

    The foot of the perpendicular where it falls inside, else the nearest point of the three edges.

    Args:
        point: (3,) float64, any frame.
        corners: (3, 3) float64, one per row; may be degenerate.

    Returns:
        Three float64.
    """
    # Scalars rather than small arrays: the innermost loop allocates no memory.
    ux, uy, uz = _minus(corners[1], corners[0])
    vx, vy, vz = _minus(corners[2], corners[0])
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    normal2 = nx * nx + ny * ny + nz * nz
    inside = normal2 > 0
    best, best2 = (corners[0, 0], corners[0, 1], corners[0, 2]), np.inf
    for i in range(3):
        corner = corners[i]
        ex, ey, ez = _minus(corners[(i + 1) % 3], corner)
        px, py, pz = _minus(point, corner)
        to_left = nx * (ey * pz - ez * py) + ny * (ez * px - ex * pz) + nz * (ex * py - ey * px)
        inside = inside and to_left >= 0
        length2 = max(ex * ex + ey * ey + ez * ez, 1e-300)
        along = min(max((px * ex + py * ey + pz * ez) / length2, 0.0), 1.0)
        foot = (corner[0] + along * ex, corner[1] + along * ey, corner[2] + along * ez)
        distance2 = _distance2(point, foot)
        if distance2 < best2:
            best, best2 = foot, distance2
    if inside:
        px, py, pz = _minus(point, corners[0])
        height = (px * nx + py * ny + pz * nz) / normal2
        return point[0] - height * nx, point[1] - height * ny, point[2] - height * nz
    return best


def barycentric(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Return the weights that write points as sums of triangles' corners.

    Args:
        points: (P, D) float, D = 2 or 3; in space, a point off a triangle's plane counts as the
            foot of its perpendicular. A triangle without area counts as the line, or the point,
            that its corners lie on.
        corners: (P, 3, D) float, one triangle per point, same frame.

    Returns:
        (P, 3) float64, summing to 1; outside of the triangle some are negative.
    """
    to_b, to_c = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    to_p = points - corners[:, 0]
    bb, bc, cc = _dot(to_b, to_b), _dot(to_b, to_c), _dot(to_c, to_c)
    pb, pc = _dot(to_p, to_b), _dot(to_p, to_c)
    determinant = bb * cc - bc**2
    flat = determinant <= FLAT * bb * cc
    by_b, by_c = flat & (bb >= cc) & (bb > 0), flat & (bb < cc)
    divisor = np.where(flat, np.where(by_b, bb, np.where(by_c, cc, 1)), determinant)
    weight_b = np.where(flat, by_b * pb, cc * pb - bc * pc) / divisor
    weight_c = np.where(flat, by_c * pc, bb * pc - bc * pb) / divisor
    return np.stack([1 - weight_b - weight_c, weight_b, weight_c], axis=1)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("pk,pk->p", a, b)


@njit(cache=True)
def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@njit(cache=True)
def _distance2(a, b):
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
