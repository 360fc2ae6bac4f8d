"""Split the error of a predicted face into position, scale, rotation and shape. Chapter 13."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import pose_from_rotation

CROP_TO_EYE = np.diag([1.0, -1.0, 1.0])  # y points down in the crop frame, up in the eye frame


@dataclass(frozen=True)
class ErrorParts:
    """Parts of the mean squared distance between predicted and true vertices, mm².

    `across`, `depth`, `scale`, `rotation` and `shape` add up to that mean, except for products of
    three errors, which are small where the errors are small.

    Attributes:
        across: from the position of the face's centroid in the image plane.
        depth: from the depth of that centroid.
        scale: from the size of the face.
        rotation: from its orientation.
        shape: the residual after the best similarity.
        rotation_deg: pitch, yaw and roll by which the prediction is rotated too far.
    """

    across: float
    depth: float
    scale: float
    rotation: float
    shape: float
    rotation_deg: tuple[float, float, float]


def error_parts(
    prediction_crop: np.ndarray, truth_crop: np.ndarray, px_per_mm: float
) -> ErrorParts:
    """Split a face's squared error into position, scale, rotation and shape.

    The best similarity (Umeyama) from prediction to truth accounts for position, scale and
    rotation. Its residual is shape, and is orthogonal to the other parts.

    Args:
        prediction_crop: (V, 3) float px.
        truth_crop: (V, 3) float px, the same crop frame.
        px_per_mm: of the crop.
    """
    prediction, truth = (
        np.asarray(points, np.float64) / px_per_mm for points in (prediction_crop, truth_crop)
    )
    to_truth = umeyama(prediction, truth)
    shift = truth.mean(axis=0) - prediction.mean(axis=0)
    centred = prediction - prediction.mean(axis=0)
    rotated = centred @ to_truth.rotation.T
    # Angles are defined in the eye frame; the error is the inverse of its correction.
    excess = pose_from_rotation(CROP_TO_EYE @ to_truth.rotation.T @ CROP_TO_EYE)
    return ErrorParts(
        across=float(shift[:2] @ shift[:2]),
        depth=float(shift[2] ** 2),
        scale=_mean_square((to_truth.scale - 1) * rotated),
        rotation=_mean_square(rotated - centred),
        shape=_mean_square(truth - to_truth.apply(prediction)),
        rotation_deg=tuple(float(angle) for angle in np.degrees(excess)),
    )


def _mean_square(offsets: np.ndarray) -> float:
    return float((offsets**2).sum(axis=1).mean())
