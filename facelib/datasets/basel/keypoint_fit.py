"""Fit the Basel model to 68 points of a photo: in short, how the truth of 300W-LP was made.

The points locate corners and contours, but neither the surface between them nor its depth; those
come from the model's prior. Chapter 06 measures what that costs.
"""

from __future__ import annotations

import numpy as np

from facelib.datasets.basel.files import UM_PER_MM
from facelib.datasets.basel.fitted_photo import Parameters
from facelib.datasets.basel.layout import BaselFace

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


def weak_perspective(
    points_head: np.ndarray, points_seen: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Fit scale, rotation and shift so that scale · (R p)_xy + shift is close to the points seen.

    This is the least-squares 2 × 3 matrix with its rows made orthogonal and equally long.

    Args:
        points_head: (N, 3) float, N ≥ 4, not in a plane.
        points_seen: (N, 2) float, y up.

    Returns:
        scale, (3, 3) rotation, (2,) shift.
    """
    centre, seen_centre = points_head.mean(axis=0), points_seen.mean(axis=0)
    matrix = np.linalg.lstsq(points_head - centre, points_seen - seen_centre, rcond=None)[0].T
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(*rows)])
    scale = float(sizes.mean())
    return scale, rotation, seen_centre - scale * rows @ centre
