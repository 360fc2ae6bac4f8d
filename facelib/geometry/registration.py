"""Lay one set of points on another: Umeyama's closed form, and ICP when nobody knows who is whom.

Chapter 09. Points of any frame and unit may come in, as long as both sets are right-handed or both
left-handed: a reflection is never returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from facelib.geometry.transforms import Similarity

IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))


@dataclass(frozen=True)
class IcpResult:
    """What ICP found.

    Attributes:
        similarity: source frame → target frame.
        history: root mean square distance between matched points before each update and after the
            last one, in the target's unit; one more entry than there were updates.
        converged: whether the error stopped changing before the iterations ran out.
    """

    similarity: Similarity
    history: tuple[float, ...]
    converged: bool


def umeyama(
    source: np.ndarray,
    target: np.ndarray,
    with_scale: bool = True,
    weights: np.ndarray | None = None,
) -> Similarity:
    """Find the similarity that takes corresponding points onto each other in least squares.

    Minimises Σ wᵢ ‖target_i − (s·R·source_i + t)‖² over s > 0, rotations R and translations t. The
    sign of the smallest singular value is flipped where R would otherwise be a reflection.

    Args:
        source: (N, 3) float, any frame and unit.
        target: (N, 3) float; row i corresponds to row i of ``source``.
        with_scale: False fixes s = 1 (a rigid motion).
        weights: (N,) float ≥ 0, not all 0; None weighs every point alike.

    Returns:
        Similarity, source frame → target frame.

    Raises:
        ValueError: on other shapes, fewer than 3 points, bad weights, or points that coincide.

    Reference:
        S. Umeyama, Least-squares estimation of transformation parameters between two point
        patterns, IEEE TPAMI 13(4), 1991, equations 40 to 42.
    """
    source, target = _corresponding(source, target)
    weights = _normalised(weights, len(source))
    mean_source, mean_target = weights @ source, weights @ target
    centred_source, centred_target = source - mean_source, target - mean_target
    covariance = (centred_target * weights[:, None]).T @ centred_source  # (3, 3)
    left, singular, right = np.linalg.svd(covariance)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * signs) @ right
    scale = 1.0
    if with_scale:
        variance = weights @ np.sum(centred_source**2, axis=1)
        size = np.abs(source).max(initial=0.0)
        if variance <= (1e-12 * size) ** 2:
            raise ValueError("source points coincide: their scale cannot be found")
        scale = float(singular @ signs / variance)
        if scale <= 0:
            raise ValueError("target points coincide: the best scale is 0")
    return Similarity(scale, rotation, mean_target - scale * rotation @ mean_source)


def icp(
    source: np.ndarray,
    target_points: np.ndarray,
    initial: Similarity | None = None,
    with_scale: bool = False,
    max_iterations: int = 50,
    tolerance: float = 1e-6,
    trim: float = 0.0,
    closest: Callable[[np.ndarray], np.ndarray] | None = None,
) -> IcpResult:
    """Align points to a surface without known correspondences (iterative closest point, §2.9).

    Each turn matches every source point with the nearest target point and solves `umeyama` for the
    matches. The error never grows, but only a start within the basin of the answer ends there.
    With ``with_scale`` a partial source may shrink toward dense spots of the target: give a good
    ``initial`` then.

    Args:
        source: (N, 3) float, any frame.
        target_points: (M, 3) float; M need not equal N.
        initial: where to start, source frame → target frame; None starts at the identity.
        with_scale: also estimate a scale (the thesis aligns rigidly).
        max_iterations: number of updates at most.
        tolerance: stop when the error changes by less than this share of itself.
        trim: share of the worst matches left out of each update, in [0, 1).
        closest: (K, 3) points → (K, 3) nearest target points, for matching to something denser than
            ``target_points``, such as the triangles between them; None asks a k-d tree.

    Returns:
        IcpResult.

    Raises:
        ValueError: on other shapes, or ``trim`` outside [0, 1).

    Reference:
        P. Besl and N. McKay, A method for registration of 3-D shapes, IEEE TPAMI 14(2), 1992.
    """
    source, target_points = _points(source, "source"), _points(target_points, "target_points")
    if not 0 <= trim < 1:
        raise ValueError(f"trim must be in [0, 1), got {trim}")
    match = closest or nearest_point_finder(target_points)
    similarity, history, converged = initial or IDENTITY, [], False
    for iteration in range(max_iterations + 1):
        moved = similarity.apply(source)
        matched = match(moved)
        distances = np.linalg.norm(moved - matched, axis=1)
        kept = _best(distances, trim)
        history.append(float(np.sqrt(np.mean(distances[kept] ** 2))))
        converged = len(history) > 1 and history[-2] - history[-1] <= tolerance * history[-2]
        if converged or iteration == max_iterations:
            break
        similarity = umeyama(source[kept], matched[kept], with_scale)
    return IcpResult(similarity, tuple(history), converged)


def nearest_point_finder(target_points: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that maps (K, 3) points to the nearest of ``target_points`` (M, 3) each."""
    tree = cKDTree(target_points)
    return lambda points: target_points[tree.query(points)[1]]


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
    radius. With the triangles sorted along the surface's longest side, that leaves a narrow band to
    look through for each point.

    Args:
        vertices: (N, 3) float, any frame.
        triangles: (M, 3) int, at least one; degenerate ones may be among them.

    Returns:
        A function of (K, 3) points that gives (K, 3) float64 nearest points, and (K,) int64, the
        triangle that each lies on.
    """
    vertices = _points(vertices, "vertices")
    triangles = np.asarray(triangles)
    if triangles.ndim != 2 or triangles.shape[1] != 3 or len(triangles) == 0:
        raise ValueError(f"triangles must be (M, 3) with M of 1 or more, got {triangles.shape}")
    used, first_use = np.unique(triangles, return_index=True)
    used = vertices[used]
    axis = int(np.argmax(np.ptp(used, axis=0)))
    order = np.argsort(vertices[triangles].mean(axis=1)[:, axis])
    corners = np.ascontiguousarray(vertices[triangles[order]])  # (M, 3 corners, 3)
    centroids = corners.mean(axis=1)
    radii = np.linalg.norm(corners - centroids[:, None], axis=2).max(axis=1)
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
        for step in (1, -1):  # up from where the point is along the axis, then down
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
        corners: (3, 3) float64, one a row; may be degenerate.

    Returns:
        Three float64.
    """
    # Scalars rather than small arrays: no memory is asked for in the innermost loop.
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
        turn = nx * (ey * pz - ez * py) + ny * (ez * px - ex * pz) + nz * (ex * py - ey * px)
        inside = inside and turn >= 0
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


def barycentric_in_space(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights of (P, 3) points in the (P, 3, 3) triangles they lie in, ≥ 0 and summing to 1."""
    to_b, to_c = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    to_p = points - corners[:, 0]
    dots = [np.einsum("pk,pk->p", *pair) for pair in ((to_b, to_b), (to_b, to_c), (to_c, to_c))]
    bb, bc, cc = dots
    pb, pc = np.einsum("pk,pk->p", to_p, to_b), np.einsum("pk,pk->p", to_p, to_c)
    whole = np.maximum(bb * cc - bc**2, 1e-300)
    weights = np.zeros((len(points), 3))
    weights[:, 1], weights[:, 2] = (cc * pb - bc * pc) / whole, (bb * pc - bc * pb) / whole
    weights[:, 0] = 1 - weights[:, 1] - weights[:, 2]
    weights = np.clip(weights, 0, 1)
    return weights / weights.sum(axis=1, keepdims=True)


@njit(cache=True)
def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


@njit(cache=True)
def _distance2(a, b):
    return (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2


def _best(distances: np.ndarray, trim: float) -> np.ndarray:
    """Return the indices of the smallest distances, a share ``trim`` of the largest left out."""
    n_kept = max(3, round(len(distances) * (1 - trim)))
    if n_kept >= len(distances):
        return np.arange(len(distances))
    return np.sort(np.argpartition(distances, n_kept)[:n_kept])


def _points(points: np.ndarray, name: str) -> np.ndarray:
    """Return the points as float64, or say what came instead of (N ≥ 3, 3) finite numbers."""
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3:
        raise ValueError(f"{name} must be (N, 3) with N of 3 or more, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return points


def _corresponding(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    source, target = _points(source, "source"), _points(target, "target")
    if source.shape != target.shape:
        raise ValueError(f"source and target must correspond, got {source.shape}, {target.shape}")
    return source, target


def _normalised(weights: np.ndarray | None, n_points: int) -> np.ndarray:
    """Return weights that sum to 1, or say what is wrong with them."""
    if weights is None:
        return np.full(n_points, 1.0 / n_points)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_points,):
        raise ValueError(f"weights must be ({n_points},), got {weights.shape}")
    total = weights.sum()
    if not (np.isfinite(total) and total > 0 and (weights >= 0).all()):
        raise ValueError("weights must be finite, 0 or more, and not all 0")
    return weights / total
