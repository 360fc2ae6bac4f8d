"""Fit the Basel model to 68 points of a photo: how the truth of 300W-LP was made, in short.

The points say where corners and contours are, and nothing of what lies between them or how deep;
the rest comes from the model's idea of a likely face. Chapter 06 measures what that costs.
"""

from __future__ import annotations

import numpy as np

from facelib.datasets.w300lp.basel import UM_PER_MM
from facelib.datasets.w300lp.basel_layout import BaselFace
from facelib.datasets.w300lp.fitted_photo import Parameters
from facelib.geometry.registration import weak_perspective

STEPS = 30


def fit_keypoints(
    keypoints_image: np.ndarray, face: BaselFace, height: int, noise_px: float = 1.0
) -> Parameters:
    """Find the likeliest pose, shape and expression behind 68 points.

    Minimises Σ |projected − given|² / noise² + |α|² + |β|², with α and β in standard deviations:
    pose and size for a given face, then the face for a given pose, in turn.

    Args:
        keypoints_image: (68, 2) float px, image frame.
        face: the Basel model.
        height: of the photo, px.
        noise_px: how far a point may be off; larger trusts the model more.

    Returns:
        Parameters as a .mat file of 300W-LP has them; the depth of the origin is 0.

    Raises:
        ValueError: if there are not 68 finite points.
    """
    points = np.asarray(keypoints_image, np.float64)
    if points.shape != (68, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected 68 finite points (68, 2), got {points.shape}")
    upward = points * [1, -1] + [0, height - 1]
    mean = face.mean[-68:].astype(np.float64)
    basis = face.basis.reshape(len(face.basis), -1, 3)[:, -68:] * face.deviations[:, None, None]
    coefficients = np.zeros(len(basis))
    for _ in range(STEPS):
        model_points = mean + np.tensordot(coefficients, basis, 1)
        scale, rotation, shift = weak_perspective(model_points, upward)
        seen = (scale / noise_px) * (basis @ rotation[:2].T).reshape(len(basis), -1)
        missing = (upward - shift - scale * mean @ rotation[:2].T).ravel() / noise_px
        # As many unknowns as the model has, but only 136 equations: solve in those.
        inner = seen.T @ seen + np.eye(seen.shape[1])
        coefficients = seen @ np.linalg.solve(inner, missing)
    para = coefficients * face.deviations
    return Parameters(
        rotation, float(np.arcsin(np.clip(-rotation[0, 2], -1, 1))), np.append(shift, 0.0),
        scale / UM_PER_MM, para[: face.n_shape], para[face.n_shape :], points,
    )  # fmt: skip
