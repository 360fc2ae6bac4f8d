"""The scores of each face, for a method and for the mean-face baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from facelib.evaluation.metrics import skill


@dataclass(frozen=True)
class FaceScore:
    """One method's errors on one face, from `facelib.evaluation.metrics`.

    Attributes:
        face: name of the pair or of the scan's subject.
        identity: number of the person.
        vertex_error_mm: mean over vertices, no alignment; NaN on scans, whose vertices have no
            known correspondence to ours.
        vertex_error_share: the same / mean side of the true face's box in the image; or NaN.
        surface_distance_mm: both ways, after similarity alignment.
        thesis_nme: one way, after rigid ICP, / diagonal of the true face's box.
        depth_error_mm: mean over vertices of |Δz| in the crop frame, no alignment; or NaN.
        shape_error_mm: mean over vertices, after the best similarity; or NaN.
    """

    face: str
    identity: int
    vertex_error_mm: float
    vertex_error_share: float
    surface_distance_mm: float
    thesis_nme: float
    depth_error_mm: float = np.nan
    shape_error_mm: float = np.nan


METRICS = tuple(field.name for field in fields(FaceScore))[2:]


@dataclass(frozen=True)
class Evaluation:
    """Scores of a method and of the mean-face baseline, on the same faces in the same order."""

    scores: tuple[FaceScore, ...]
    mean_face: tuple[FaceScore, ...]

    def skill(self, metric: str) -> np.ndarray:
        """Return (F,) each face's error / the baseline's, for one of `METRICS`."""
        return skill(values(self.scores, metric), values(self.mean_face, metric))


def values(scores: Sequence[FaceScore], metric: str) -> np.ndarray:
    """Return (F,) float64, one of `METRICS` for each face.

    Raises:
        ValueError: if there is no such metric.
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, got {metric!r}")
    return np.array([getattr(score, metric) for score in scores])
