"""Fit the Basel model to 68 points of a photo, as was done, in principle, for 300W-LP.

The points locate corners and contours, but neither the surface between them nor its depth, which
come from the model's prior. Chapter 8 measures the resulting error.
"""

from __future__ import annotations

import numpy as np

from facelib.datasets.basel.files import UM_PER_MM
from facelib.datasets.basel.fitted_photo import Parameters
from facelib.datasets.basel.layout import BaselFace
from facelib.geometry.registration import weak_perspective

N_ITERATIONS = 30


def fit_keypoints(
    keypoints_image: np.ndarray, face: BaselFace, height: int, noise_px: float = 1.0
) -> Parameters:
    """Find the most likely pose, shape and expression for 68 points.

    Minimises Σ |projected − given|² / noise² + |α|² + |β|², with α and β in standard deviations,
    by alternating between pose and scale for a fixed face, and the face for a fixed pose.

    Args:
        keypoints_image: (68, 2) float px, image frame.
        face: the Basel model.
        height: of the photo, px.
        noise_px: standard deviation of a point's error; larger trusts the model more.

    Returns:
        Parameters as in a .mat file of 300W-LP; the depth of the origin is 0.

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
    for _ in range(N_ITERATIONS):
        model_points = mean + np.tensordot(coefficients, basis, 1)
        scale, rotation, shift = weak_perspective(model_points, upward)
        projected = (scale / noise_px) * (basis @ rotation[:2].T).reshape(len(basis), -1)
        residual = (upward - shift - scale * mean @ rotation[:2].T).ravel() / noise_px
        # More unknowns than equations (136): the dual system is the smaller one.
        inner = projected.T @ projected + np.eye(projected.shape[1])
        coefficients = projected @ np.linalg.solve(inner, residual)
    para = coefficients * face.deviations
    return Parameters(
        rotation=rotation,
        yaw=float(np.arcsin(np.clip(-rotation[0, 2], -1, 1))),
        translation_px=np.append(shift, 0.0),
        scale=scale / UM_PER_MM,
        shape_para=para[: face.n_shape],
        exp_para=para[face.n_shape :],
        keypoints_image=points,
    )
