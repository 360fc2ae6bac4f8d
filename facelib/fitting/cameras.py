"""A camera as seven numbers for a solver, and the derivatives of its projection.

The numbers are a rotation vector φ (rad, head → eye), the log of the scale s (px per mm at the
head's origin), the projection o of that origin (px), and the log of the distance d (mm). With
q = R(φ) p, F = diag(1, −1) and the principal point c,

    place = c + (s F q_xy + o − c) / (1 − q_z / d).

The focal length is s d. An infinite d gives weak perspective, which needs no code of its own.
If c is unknown, it is set to o: the head is then on the view axis.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from facelib.fitting.seen import SeenPoints
from facelib.geometry.registration import weak_perspective
from facelib.render.camera import Camera

N_CAMERA = 7
ROTATION, LOG_SCALE, ORIGIN, LOG_DISTANCE = slice(0, 3), 3, slice(4, 6), 6
IMAGE_AXES = np.array([1.0, -1.0])  # x to the right as in the eye frame, y down
NEAREST = 0.05  # smallest 1 − q_z / d: a trial step must not put points behind the camera


def first_camera(
    points_head: np.ndarray, places_image: np.ndarray, weights: np.ndarray, log_distance: float
) -> np.ndarray:
    """Find a start camera in closed form: weak perspective, at a given distance.

    Args:
        points_head: (N, 3) mm, the mean head's points.
        places_image: (N, 2) px, their positions in the photo.
        weights: (N,) ≥ 0.
        log_distance: log of mm.

    Returns:
        (7,) camera numbers.
    """
    scale, rotation, shift = weak_perspective(points_head, places_image * IMAGE_AXES, weights)
    vector = Rotation.from_matrix(rotation).as_rotvec()
    return np.array([*vector, np.log(scale), *(shift * IMAGE_AXES), log_distance])


def project(
    camera: np.ndarray, points_head: np.ndarray, principal_px: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project points, with the derivatives by camera and points.

    Args:
        camera: (7,).
        points_head: (N, 3) mm.
        principal_px: (2,) principal point, or None.

    Returns:
        places (N, 2) px; d places / d camera (N, 2, 7); d places / d points (N, 2, 3) px per mm.
    """
    rotation = Rotation.from_rotvec(camera[ROTATION]).as_matrix()
    scale, origin, nearness = (
        np.exp(camera[LOG_SCALE]),
        camera[ORIGIN],
        np.exp(-camera[LOG_DISTANCE]),
    )
    rotated = points_head @ rotation.T
    flat = scale * IMAGE_AXES * rotated[:, :2]
    shift = np.zeros(2) if principal_px is None else origin - principal_px
    depth = np.maximum(1 - nearness * rotated[:, 2], NEAREST)[:, None]
    from_axis = (flat + shift) / depth
    by_rotated = np.zeros((len(points_head), 2, 3))
    by_rotated[:, [0, 1], [0, 1]] = scale * IMAGE_AXES / depth
    by_rotated[:, :, 2] = nearness * from_axis / depth
    by_camera = np.empty((len(points_head), 2, N_CAMERA))
    by_camera[..., ROTATION] = np.cross(rotated[:, None], by_rotated) @ _left_jacobian(
        camera[ROTATION]
    )
    by_camera[..., LOG_SCALE] = flat / depth
    by_camera[..., ORIGIN] = np.eye(2) * (1.0 if principal_px is None else 1 / depth[..., None])
    by_camera[..., LOG_DISTANCE] = -nearness * rotated[:, 2:] * from_axis / depth
    return origin - shift + from_axis, by_camera, by_rotated @ rotation


def to_camera(camera: np.ndarray, seen: SeenPoints) -> Camera:
    """Return the `Camera` of a photo from its seven numbers."""
    scale, distance = np.exp(camera[[LOG_SCALE, LOG_DISTANCE]])
    centre = camera[ORIGIN] if seen.principal_px is None else np.asarray(seen.principal_px)
    across = (camera[ORIGIN] - centre) * IMAGE_AXES / scale
    return Camera(
        rotation=Rotation.from_rotvec(camera[ROTATION]).as_matrix(),
        translation_eye=np.array([*across, -distance]),
        scale=float(scale),
        width=seen.width,
        height=seen.height,
        centre_px=centre,
        focal_px=float(scale * distance),
    )


def _left_jacobian(vector: np.ndarray) -> np.ndarray:
    """Rate of rotation, (3,) rad in the eye frame, per change of the vector: (3, 3).

    R(φ + δ) ≈ R(J δ) R(φ) with J = 1 + (1 − cos θ) / θ² [φ]ₓ + (θ − sin θ) / θ³ [φ]ₓ², θ = |φ|.
    """
    angle = max(float(np.linalg.norm(vector)), 1e-4)
    cross = np.cross(vector, np.eye(3)).T
    once, twice = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    return np.eye(3) + once * cross + twice * cross @ cross
