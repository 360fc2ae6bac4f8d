"""Align one set of points with another: Umeyama's closed form, and ICP without correspondences.

Chapter 11. Points may have any frame and unit, as long as both sets are right-handed or both
left-handed: a reflection is never returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facelib.files.threads import usable_cores
from facelib.geometry.transforms import Similarity, finite_points

IDENTITY = Similarity(1.0, np.eye(3), np.zeros(3))
COINCIDE = 1e-12  # points that differ by less than this part of their coordinates are one point


@dataclass(frozen=True)
class IcpResult:
    """The result of ICP.

    Attributes:
        similarity: source frame → target frame.
        history: root-mean-square distance between matched points before each update and after the
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
    """Find the least-squares similarity between corresponding points.

    Minimises Σ wᵢ ‖target_i − (s·R·source_i + t)‖² over s > 0, rotations R and translations t. The
    sign of the smallest singular value is flipped if R would otherwise be a reflection. If points
    lie on a line, the rotation about it is arbitrary; if they coincide and s is fixed, R is 1.

    Args:
        source: (N, 3) float, any frame and unit.
        target: (N, 3) float; row i corresponds to row i of ``source``.
        with_scale: False fixes s = 1 (a rigid motion).
        weights: (N,) float ≥ 0, not all 0; None weighs every point alike.

    Returns:
        Similarity, source frame → target frame.

    Raises:
        ValueError: on other shapes, fewer than 3 points, bad weights, or a scale that cannot be
            found: of points that coincide, or that have nothing to do with each other.

    Reference:
        S. Umeyama, Least-squares estimation of transformation parameters between two point
        patterns, IEEE TPAMI 13(4), 1991, equations 40 to 42.

    Examples:
        >>> import numpy as np
        >>> corners = np.eye(3)
        >>> found = umeyama(corners, 2 * corners + [10, 0, 0])
        >>> round(found.scale, 9), found.translation.round(9).tolist()
        (2.0, [10.0, 0.0, 0.0])
    """
    source, target = _corresponding(source, target)
    weights = _normalised(weights, len(source))
    mean_source, source, source_size = _centred(source, weights)
    mean_target, target, target_size = _centred(target, weights)
    covariance = (target * weights[:, None]).T @ source  # (3, 3)
    left, singular, right = np.linalg.svd(covariance)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * signs) @ right
    scale = 1.0
    if with_scale:
        for name, size in (("source", source_size), ("target", target_size)):
            if size == 0:
                raise ValueError(f"{name} points coincide: their scale cannot be found")
        share = float(singular @ signs / (weights @ np.einsum("nk,nk->n", source, source)))
        if share <= COINCIDE:
            raise ValueError("source and target have nothing in common: the best scale is 0")
        scale = share * (target_size / source_size)
    return Similarity(scale, rotation, mean_target - scale * rotation @ mean_source)


def weak_perspective(
    points_head: np.ndarray, points_seen: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Find scale, rotation and shift so that scale · (R p)_xy + shift fits the points seen.

    The least-squares 2 × 3 matrix, with its two rows made perpendicular and equally long.

    Args:
        points_head: (N, 3) float, N ≥ 4, not in a plane; in one, the answer is one of several.
        points_seen: (N, 2) float, y up.
        weights: (N,) float ≥ 0, not all 0; None weighs every point alike.

    Returns:
        scale, (3, 3) rotation, (2,) shift.

    Raises:
        ValueError: if numbers are not finite, weights are bad, or points coincide.
    """
    points_head, points_seen = finite_points(points_head, "points_head"), np.asarray(points_seen)
    if not np.isfinite(points_seen).all():
        raise ValueError("points_seen must be finite, got NaN or infinity")
    weights = _normalised(weights, len(points_head))
    centre, sources, head_size = _centred(points_head, weights)
    seen_centre, targets, seen_size = _centred(points_seen, weights)
    for name, size in (("points_head", head_size), ("points_seen", seen_size)):
        if size == 0:
            raise ValueError(f"{name} coincide: no pose can be found")
    sources, targets = (np.sqrt(weights)[:, None] * each for each in (sources, targets))
    matrix = np.linalg.lstsq(sources, targets, rcond=None)[0].T
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(*rows)])
    scale = float(sizes.mean()) * seen_size / head_size
    return scale, rotation, seen_centre - scale * rows @ centre


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

    Each iteration matches every source point with the nearest target point and solves `umeyama`
    for the matches. The error never grows, but only a start within the basin of the solution ends
    there. With ``with_scale`` a partial source may shrink toward dense spots of the target: give a
    good ``initial`` then.

    Args:
        source: (N, 3) float, any frame.
        target_points: (M, 3) float; M need not equal N.
        initial: where to start, source frame → target frame; None starts at the identity.
        with_scale: also estimate a scale (the thesis aligns rigidly).
        max_iterations: number of updates at most, 0 or more.
        tolerance: stop when the error's relative change is smaller than this.
        trim: share of the worst matches ignored in each update, in [0, 1).
        closest: (K, 3) points → (K, 3) nearest target points, for matching to something denser than
            ``target_points``, such as the triangles between them; None uses a k-d tree.

    Returns:
        IcpResult.

    Raises:
        ValueError: on other shapes, ``trim`` outside [0, 1), fewer than 0 iterations, or if, with
            a scale, all points are nearest to the same one, as far from the target.

    Reference:
        P. Besl and N. McKay, A method for registration of 3-D shapes, IEEE TPAMI 14(2), 1992.
    """
    source, target_points = (
        finite_points(source, "source"),
        finite_points(target_points, "target_points"),
    )
    if not 0 <= trim < 1:
        raise ValueError(f"trim must be in [0, 1), got {trim}")
    if max_iterations < 0:
        raise ValueError(f"max_iterations must be 0 or more, got {max_iterations}")
    match = closest or _nearest_point_finder(target_points)
    similarity, history, converged = initial or IDENTITY, [], False
    for iteration in range(max_iterations + 1):
        moved = similarity.apply(source)
        matched = match(moved)
        away = moved - matched
        distances = np.sqrt(np.einsum("nk,nk->n", away, away))
        kept = _best(distances, trim)
        history.append(float(np.sqrt(np.mean(distances[kept] ** 2))))
        converged = len(history) > 1 and history[-2] - history[-1] <= tolerance * history[-2]
        if converged or iteration == max_iterations:
            break
        similarity = umeyama(source[kept], matched[kept], with_scale)
    return IcpResult(similarity, tuple(history), converged)


def _nearest_point_finder(target_points: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that maps (K, 3) points to the nearest of ``target_points`` (M, 3) each.

    Both libraries search exactly; small_gicp, which is optional, takes less than half of the time.
    """
    try:
        from small_gicp import KdTree
    except ImportError:
        from scipy.spatial import cKDTree  # slow to import, and few need it

        tree = cKDTree(target_points)
        return lambda points: target_points[tree.query(points)[1]]
    tree = KdTree(target_points)

    def nearest(points: np.ndarray) -> np.ndarray:
        rows, _ = tree.batch_nearest_neighbor_search(points, num_threads=usable_cores())
        return target_points.take(np.fromiter(rows, np.intp, len(rows)), axis=0)

    return nearest


def _best(distances: np.ndarray, trim: float) -> np.ndarray | slice:
    """Return the indices of the smallest distances, without a share ``trim`` of the largest."""
    n_kept = max(3, round(len(distances) * (1 - trim)))
    if n_kept >= len(distances):
        return slice(None)  # which copies nothing
    return np.sort(np.argpartition(distances, n_kept)[:n_kept])


def _centred(points: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the mean, the points about it over their size, and that size: 0 if they coincide.

    Unit size keeps squares in range, whatever the unit. Points of weight 0 do not count, and are 0.
    """
    counts = weights > 0
    if counts.all():  # the usual case, without copies
        mean, largest = weights @ points, np.abs(points).max()
        away = points - mean
    else:
        mean, largest = weights[counts] @ points[counts], np.abs(points[counts]).max()
        away = np.where(counts[:, None], points - mean, 0)
    size = float(np.abs(away).max())
    if size <= COINCIDE * largest:
        return mean, np.zeros_like(points), 0.0
    return mean, away / size, size


def _corresponding(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    source, target = finite_points(source, "source"), finite_points(target, "target")
    if source.shape != target.shape:
        raise ValueError(f"source and target must correspond, got {source.shape}, {target.shape}")
    return source, target


def _normalised(weights: np.ndarray | None, n_points: int) -> np.ndarray:
    """Return weights that sum to 1, or raise ValueError if they are invalid."""
    if weights is None:
        return np.full(n_points, 1.0 / n_points)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_points,):
        raise ValueError(f"weights must be ({n_points},), got {weights.shape}")
    total = weights.sum()
    if not (np.isfinite(total) and total > 0 and (weights >= 0).all()):
        raise ValueError("weights must be finite, 0 or more, and not all 0")
    return weights / total
