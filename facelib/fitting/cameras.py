"""A camera as seven numbers for a solver, and the derivatives of its projection.

The numbers are a rotation vector φ (rad, head → eye), the log of the scale s (px per mm at the
head's origin), the projection o of that origin (px), and the log of the distance d (mm). With
q = R(φ) p, F = diag(1, −1) and the principal point c,

    place = c + (s F q_xy + o − c) / (1 − q_z / d).

The focal length is s d. An infinite d gives weak perspective, which needs no code of its own.
If c is unknown, it is set to o: the head is then on the view axis. Leading axes (…) stand for
several cameras.
"""

from __future__ import annotations

import numpy as np

from facelib.fitting.seen import SeenPoints, blended
from facelib.geometry.registration import weak_perspective
from facelib.geometry.transforms import cross_matrix, rotation_from_vector, vector_from_rotation
from facelib.render.camera import Camera

N_CAMERA = 7
ROTATION, LOG_SCALE, ORIGIN, LOG_DISTANCE = slice(0, 3), 3, slice(4, 6), 6
IMAGE_AXES = np.array([1.0, -1.0])  # x to the right as in the eye frame, y down
NEAREST = 0.05  # smallest 1 − q_z / d: a trial step must not put points behind the camera
LEAST_ANGLE = 1e-4  # rad; stands for smaller ones, whose series have no further terms that count


def first_camera(seen: SeenPoints, mean_head: np.ndarray, log_distance: float) -> np.ndarray:
    """Find a start camera in closed form: weak perspective, at a given distance.

    Args:
        seen: the points in a photo.
        mean_head: (V, 3) mm, the layout's vertices on the mean head.
        log_distance: log of mm.

    Returns:
        (7,) camera numbers.
    """
    weights = seen.visibility / np.trace(seen.covariance_px2, axis1=1, axis2=2)
    places = seen.places_image * IMAGE_AXES
    scale, rotation, shift = weak_perspective(blended(seen, mean_head), places, weights)
    pose = *vector_from_rotation(rotation), np.log(scale), *(shift * IMAGE_AXES), log_distance
    return np.array(pose)


def project(
    camera: np.ndarray, points_head: np.ndarray, principal_px: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Project points, with the derivatives by camera and points.

    Args:
        camera: (…, 7).
        points_head: (…, N, 3) mm.
        principal_px: (…, 2) principal points, NaN where unknown; None if all are.

    Returns:
        places (…, N, 2) px; d places / d camera (…, N, 2, 7); d places / d points (…, N, 2, 3)
        px per mm.
    """
    rotation = rotation_from_vector(camera[..., ROTATION])
    numbers = camera[..., None, :]  # the same for all points
    scale, nearness = np.exp(numbers[..., [LOG_SCALE]]), np.exp(-numbers[..., [LOG_DISTANCE]])
    origin, rotated = numbers[..., ORIGIN], points_head @ rotation.swapaxes(-1, -2)
    flat = scale * IMAGE_AXES * rotated[..., :2]
    depth = np.maximum(1 - nearness * rotated[..., 2:], NEAREST)
    principal = np.array(principal_px, float, ndmin=1)[..., None, :]  # None becomes NaN
    unknown = np.isnan(principal)
    shift = np.where(unknown, 0, origin - principal)
    from_axis = (flat + shift) / depth
    by_rotated = np.zeros((*rotated.shape[:-1], 2, 3))
    by_rotated[..., [0, 1], [0, 1]] = scale * IMAGE_AXES / depth
    by_rotated[..., 2] = nearness * from_axis / depth
    by_spin = -by_rotated @ cross_matrix(rotated)
    by_camera = np.empty((*rotated.shape[:-1], 2, N_CAMERA))
    by_camera[..., ROTATION] = by_spin @ _spin(camera[..., ROTATION])[..., None, :, :]
    by_camera[..., LOG_SCALE] = flat / depth
    by_camera[..., ORIGIN] = np.eye(2) * np.where(unknown, 1, 1 / depth)[..., None]
    by_camera[..., LOG_DISTANCE] = -nearness * rotated[..., 2:] * from_axis / depth
    return origin - shift + from_axis, by_camera, by_rotated @ rotation[..., None, :, :]


def to_camera(camera: np.ndarray, seen: SeenPoints) -> Camera:
    """Return the `Camera` of a photo from its seven numbers."""
    scale, distance = np.exp(camera[[LOG_SCALE, LOG_DISTANCE]])
    centre = camera[ORIGIN] if seen.principal_px is None else np.asarray(seen.principal_px)
    across = (camera[ORIGIN] - centre) * IMAGE_AXES / scale
    return Camera(
        rotation=rotation_from_vector(camera[ROTATION]),
        translation_eye=np.array([*across, -distance]),
        scale=float(scale),
        width=seen.width,
        height=seen.height,
        centre_px=centre,
        focal_px=float(scale * distance),
    )


def _spin(vectors: np.ndarray) -> np.ndarray:
    """Rate of rotation, rad in the eye frame, per change of (…, 3) rotation vectors: (…, 3, 3).

    R(φ + δ) ≈ R(J δ) R(φ) with J = 1 + (1 − cos θ) / θ² [φ]ₓ + (θ − sin θ) / θ³ [φ]ₓ², θ = |φ|.
    """
    angle = np.maximum(np.linalg.norm(vectors, axis=-1), LEAST_ANGLE)[..., None, None]
    once, twice = (1 - np.cos(angle)) / angle**2, (angle - np.sin(angle)) / angle**3
    cross = cross_matrix(vectors)
    return np.eye(3) + once * cross + twice * cross @ cross
