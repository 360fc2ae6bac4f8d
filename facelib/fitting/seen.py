"""Points of the layout seen in one photo: position, covariance and visibility."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FARTHEST_PX = 1e6  # from the photo's corner; no photo is so large, and its square is harmless
DEVIATIONS_PX = 1e-3, 1e6  # the smallest and the largest: beyond, the fit loses its digits
FEWEST = 4  # points that give a pose


@dataclass(frozen=True)
class SeenPoints:
    """Points of the layout that were seen in one photo.

    A point of which nothing is known has a visibility of 0, not an infinite covariance.

    Attributes:
        corners: (N, 3) int, layout vertices around each point.
        weights: (N, 3) float, its barycentric weights.
        places_image: (N, 2) px, its position in the photo.
        covariance_px2: (N, 2, 2) px², the covariance of that position, positive definite.
        visibility: (N,) in 0..1, the probability that the point is visible rather than guessed.
        slides: (N,) bool, contour points, for which only the distance from the head's rim counts.
        width, height: px, of the photo.
        principal_px: (2,) principal point, the middle of a whole photo. None, for a crop of an
            unknown photo, uses the head's own position.
        focal_px: focal length if there is an estimate, such as 75 / 36 of a whole photo's width,
            the middle of lenses of 28 to 200 mm; None if not.
        focal_spread: standard deviation of its log; 0.57 covers lenses of 28 to 200 mm.
    """

    corners: np.ndarray
    weights: np.ndarray
    places_image: np.ndarray
    covariance_px2: np.ndarray
    visibility: np.ndarray
    slides: np.ndarray
    width: int = 256
    height: int = 256
    principal_px: np.ndarray | None = None
    focal_px: float | None = None
    focal_spread: float = 0.57

    def __post_init__(self) -> None:
        """Raise ValueError for points that no head can be fitted to."""
        counts = len(self.corners), len(self.weights), len(self.places_image)
        if min(counts) != max(counts) or len(self.places_image) < FEWEST:
            raise ValueError(f"expected {FEWEST} or more points and as many places, got {counts}")
        for wanted, holds in self._conditions():
            if not holds:
                raise ValueError(f"expected {wanted}")

    def _conditions(self) -> Iterator[tuple[str, bool]]:
        """Say what must hold, one condition after the other; NaN fulfils none."""
        places, visible = self.places_image, self.visibility > 0
        yield f"finite places_image, up to {FARTHEST_PX:g} px", np.abs(places).max() <= FARTHEST_PX
        yield "finite covariance_px2", np.isfinite(self.covariance_px2).all()
        variances, (least, most) = np.linalg.eigvalsh(self.covariance_px2), DEVIATIONS_PX
        in_range = least**2 <= variances.min() and variances.max() <= most**2
        yield f"covariance_px2 of deviations from {least:g} to {most:g} px", in_range
        yield "a visibility from 0 to 1", ((self.visibility >= 0) & (self.visibility <= 1)).all()
        yield f"{FEWEST} or more points with a visibility above 0", visible.sum() >= FEWEST
        yield "points at different places", np.ptp(places[visible], axis=0).any()
        yield "a finite principal_px", self.principal_px is None or _finite(self.principal_px)
        lens = [1.0 if self.focal_px is None else self.focal_px, self.focal_spread]
        yield "a finite focal_px and focal_spread above 0", _finite(lens) and min(lens) > 0

    @classmethod
    def at(
        cls,
        points: np.ndarray | tuple[np.ndarray, np.ndarray],
        places_image: np.ndarray,
        deviation: float | np.ndarray = 1.0,
        visibility: float | np.ndarray = 1.0,
        slides: bool | np.ndarray = False,
        **photo: object,
    ) -> SeenPoints:
        """Make points from values that may be the same for all of them.

        Args:
            points: (N,) layout vertices, or corners (N, 3) and weights (N, 3).
            places_image: (N, 2) px.
            deviation: px, one number or (N,), the same along x and y; or a covariance (N, 2, 2).
            visibility: one number or (N,).
            slides: one bool or (N,).
            photo: the other attributes.

        Raises:
            ValueError: if the numbers of points differ, there are fewer than 4, or a value makes no
                sense.
        """
        places = np.asarray(places_image, np.float64)
        if not isinstance(points, tuple):
            vertices = np.asarray(points)
            points = np.stack([vertices] * 3, axis=1), np.tile([1.0, 0.0, 0.0], (len(vertices), 1))
        covariance = np.asarray(deviation, np.float64)
        if covariance.ndim < 3:
            covariance = np.multiply.outer(np.broadcast_to(covariance, len(places)) ** 2, np.eye(2))
        seen = np.broadcast_to(np.asarray(visibility, np.float64), len(places))
        return cls(*points, places, covariance, seen, np.broadcast_to(slides, len(places)), **photo)


def _finite(numbers) -> bool:
    return bool(np.isfinite(np.asarray(numbers, float)).all())


def blended(seen: SeenPoints, of_vertices: np.ndarray) -> np.ndarray:
    """Interpolate (V, …) values of the layout vertices at the points seen: (N, …)."""
    weights = seen.weights.astype(of_vertices.dtype)
    return np.einsum("nc,nc...->n...", weights, of_vertices[seen.corners])
