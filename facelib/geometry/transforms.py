"""From head to eye to clip to image: every change of frame, as a similarity or a 4×4 matrix.

Frames: head (mm, y up, z out of the face), eye (mm, camera at the origin looking down −z), clip
([−1, 1]³), image (px, y down, origin at the centre of the top-left pixel).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_CROSS = -np.cross(np.eye(3)[:, None], np.eye(3))  # (3, 3, 3), the cross products of the axes


def rotation_x(angle: float) -> np.ndarray:
    """Rotate about x, right-handed: y moves toward z.

    Args:
        angle: rad.

    Returns:
        (3, 3) float64.
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_y(angle: float) -> np.ndarray:
    """Rotate about y, right-handed: z moves toward x. Angle in rad; returns (3, 3) float64."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotation_z(angle: float) -> np.ndarray:
    """Rotate about z, right-handed: x moves toward y. Angle in rad; returns (3, 3) float64."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_from_pose(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Compose the head's rotation R = Rz(roll) · Rx(−pitch) · Ry(yaw): yaw is applied first.

    Args:
        pitch: rad, positive tilts the face up.
        yaw: rad, positive rotates the face to the image's right.
        roll: rad, positive rotates the head counter-clockwise as seen in the image.

    Returns:
        (3, 3) float64, head → eye.

    Examples:
        >>> import numpy as np
        >>> to_the_right = rotation_from_pose(pitch=0, yaw=np.pi / 2, roll=0)
        >>> (to_the_right @ [0, 0, 1]).round(9).tolist()  # where the nose points
        [1.0, 0.0, 0.0]
    """
    return rotation_z(roll) @ rotation_x(-pitch) @ rotation_y(yaw)


def pose_from_rotation(rotation: np.ndarray) -> tuple[float, float, float]:
    """Recover pitch, yaw and roll from a rotation (inverse of `rotation_from_pose`).

    Where the face points straight up or down, only yaw ± roll is defined; yaw is then 0.

    Args:
        rotation: (3, 3), head → eye.

    Returns:
        pitch in [−π/2, π/2], yaw and roll in (−π, π], rad.

    Raises:
        ValueError: if the matrix is not a rotation.

    Examples:
        >>> pitch, yaw, roll = pose_from_rotation(rotation_from_pose(0.1, 0.7, -0.2))
        >>> f"{pitch:.1f} {yaw:.1f} {roll:.1f}"
        '0.1 0.7 -0.2'
    """
    r = _checked_rotation(rotation)
    level = np.hypot(r[0, 1], r[1, 1])  # the cosine of the pitch
    pitch = np.arctan2(-r[2, 1], level)
    if level < 1e-9:
        return float(pitch), 0.0, float(np.arctan2(r[1, 0], r[0, 0]))
    roll = np.arctan2(-r[0, 1], r[1, 1])
    # The first row of Rz(−roll) · R is (cos yaw, 0, sin yaw). It makes up for a roll that is
    # inexact because the face looks almost straight up or down.
    across = np.cos(roll) * r[0] + np.sin(roll) * r[1]
    return float(pitch), float(np.arctan2(across[2], across[0])), float(roll)


def cross_matrix(vectors: np.ndarray) -> np.ndarray:
    """Return the (…, 3, 3) matrices [v]ₓ of (…, 3) vectors, with [v]ₓ w = v × w."""
    return np.tensordot(vectors, _CROSS, 1)


def rotation_from_vector(vectors: np.ndarray) -> np.ndarray:
    """Return the rotations by θ = |φ| rad about the axes φ / θ (Rodrigues).

    R = 1 + sin θ / θ [φ]ₓ + (1 − cos θ) / θ² [φ]ₓ²

    Args:
        vectors: (…, 3) φ, rad.

    Returns:
        (…, 3, 3).

    Examples:
        >>> import numpy as np
        >>> quarter = rotation_from_vector(np.array([0, 0, np.pi / 2]))  # about z
        >>> (quarter @ [1, 0, 0]).round(9).tolist()
        [0.0, 1.0, 0.0]
    """
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    cross = cross_matrix(vectors)
    # sin x / x, without a case for 0; 1 − cos θ = 2 sin² (θ / 2)
    sine, half = np.sinc(angle / np.pi), np.sinc(angle / (2 * np.pi))
    return np.eye(3) + sine * cross + half**2 / 2 * cross @ cross


def vector_from_rotation(rotation: np.ndarray) -> np.ndarray:
    """Return the rotation vector, (3,) rad, of a (3, 3) rotation: its length is at most π.

    The unit quaternion (x, y, z, w) of the rotation is the eigenvector of the largest eigenvalue of
    a symmetric matrix, so that no angle needs a case of its own (I. Bar-Itzhack, Journal of
    Guidance, Control and Dynamics 23(6), 2000).

    Raises:
        ValueError: if the matrix is not a rotation.
    """
    rotation = _checked_rotation(rotation)
    axis = rotation[[2, 0, 1], [1, 2, 0]] - rotation[[1, 2, 0], [2, 0, 1]]
    symmetric = rotation + rotation.T - np.trace(rotation) * np.eye(3)
    matrix = np.block([[symmetric, axis[:, None]], [axis, np.trace(rotation)]])
    quaternion = np.linalg.eigh(matrix)[1][:, -1]
    imaginary, real = quaternion[:3] * (1 if quaternion[3] >= 0 else -1), abs(quaternion[3])
    sine = np.linalg.norm(imaginary)
    return imaginary * (2 * np.arctan2(sine, real) / sine if sine else 2.0)


def _checked_rotation(rotation: np.ndarray) -> np.ndarray:
    rotation = np.asarray(rotation, dtype=np.float64)
    if rotation.shape != (3, 3):
        raise ValueError(f"expected a rotation (3, 3), got {rotation.shape}")
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise ValueError("expected a rotation matrix, got one that scales, skews or mirrors")
    return rotation


def homogeneous(rotation: np.ndarray, translation: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Write p ↦ scale · rotation · p + translation as one 4×4 matrix.

    Args:
        rotation: (3, 3).
        translation: (3,), in the target frame's unit.
        scale: target units per source unit.

    Returns:
        (4, 4) float64.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = scale * np.asarray(rotation, dtype=np.float64)
    matrix[:3, 3] = translation
    return matrix


def checked_points(points: np.ndarray) -> np.ndarray:
    """Return points as (N, 3) float64, or raise ValueError with the actual shape."""
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"expected points (N, 3), got {points.shape}")
    return points


def finite_points(points: np.ndarray, name: str) -> np.ndarray:
    """Return points as float64, or raise ValueError if they are not (N ≥ 3, 3) finite numbers."""
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or len(points) < 3:
        raise ValueError(f"{name} must be (N, 3) with N of 3 or more, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    return points


@dataclass(frozen=True)
class Similarity:
    """Scale, rotate, translate: p ↦ scale · rotation · p + translation.

    Attributes:
        scale: target units per source unit, positive.
        rotation: (3, 3).
        translation: (3,), in the target's unit.
    """

    scale: float
    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Move (N, 3) points; returns (N, 3) float64."""
        return self.scale * checked_points(points) @ np.asarray(self.rotation).T + self.translation

    def inverse(self) -> Similarity:
        """Return the inverse."""
        rotation = np.asarray(self.rotation).T
        return Similarity(
            1.0 / self.scale, rotation, -(rotation @ np.asarray(self.translation)) / self.scale
        )

    def then(self, other: Similarity) -> Similarity:
        """Return the composition: first this similarity, then the other."""
        return Similarity(
            other.scale * self.scale,
            np.asarray(other.rotation) @ self.rotation,
            other.apply(np.asarray(self.translation)[None])[0],
        )

    @property
    def matrix(self) -> np.ndarray:
        """(4, 4) float64, for `transform_points`."""
        return homogeneous(self.rotation, self.translation, self.scale)


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a homogeneous matrix and divide by w.

    Args:
        matrix: (4, 4).
        points: (N, 3) in the matrix's source frame.

    Returns:
        (N, 3) float64 in its target frame.

    Raises:
        ValueError: if points are not (N, 3), or one of them has w = 0 (it lies in the eye's plane).

    Examples:
        >>> import numpy as np
        >>> twice = homogeneous(np.eye(3), np.array([0, 0, -5]), scale=2)
        >>> transform_points(twice, np.array([[1, 2, 3]])).tolist()
        [[2.0, 4.0, 1.0]]
    """
    points = checked_points(points)
    matrix = np.asarray(matrix, dtype=np.float64)
    moved = points @ matrix[:, :3].T + matrix[:, 3]
    if np.any(moved[:, 3] == 0.0):
        raise ValueError("expected points off the eye's plane, got a point with w = 0")
    return moved[:, :3] / moved[:, 3:]


def extended_view(
    left: float, right: float, bottom: float, top: float, near: float, far: float
) -> np.ndarray:
    """Map a truncated pyramid in front of the eye onto the cube [−1, 1]³ (eq. 2.8).

    The near plane goes to −1 and the far plane to +1. Equation 2.8 is printed for a pyramid that is
    symmetric about the view axis and has the last row (0 0 1 0), so w = z_eye. Points in front of a
    camera that looks down −z then have w < 0, which mirrors x and y. With its last two rows negated
    (w = −z_eye > 0) and the two off-centre terms in its third column, it is this matrix.

    Args:
        left: x of the pyramid's left side at the near plane, mm, eye frame.
        right: the same for the right side.
        bottom: y of its bottom at the near plane.
        top: the same for its top.
        near: distance of the near plane, mm, positive.
        far: distance of the far plane, mm, beyond near.

    Returns:
        (4, 4) float64, eye → clip.

    Raises:
        ValueError: if the pyramid is flat, infinite or not in front of the eye.
    """
    finite = np.isfinite([left, right, bottom, top, near, far]).all()
    if not finite or not 0 < near < far or right == left or top == bottom:
        raise ValueError(
            "expected 0 < near < far, left ≠ right and bottom ≠ top, all finite, "
            f"got {left=}, {right=}, {bottom=}, {top=}, {near=}, {far=}"
        )
    width, height, depth = right - left, top - bottom, far - near
    return np.array(
        [
            [2 * near / width, 0.0, (right + left) / width, 0.0],
            [0.0, 2 * near / height, (top + bottom) / height, 0.0],
            [0.0, 0.0, -(far + near) / depth, -2 * far * near / depth],
            [0.0, 0.0, -1.0, 0.0],
        ]
    )


def viewport(
    x_min: float, x_max: float, y_min: float, y_max: float, z_min: float, z_max: float
) -> np.ndarray:
    """Map the cube [−1, 1]³ onto a box of the image (eq. 2.9).

    Clip −1 goes to the `min` and +1 to the `max`. For an image of W×H px, whose y points down, that
    is x from −0.5 to W − 0.5 and y from H − 0.5 (the bottom) to −0.5 (the top).

    Args:
        x_min: the left side, px.
        x_max: the right side.
        y_min: the bottom.
        y_max: the top.
        z_min: z for clip −1, any unit.
        z_max: z for clip +1, any unit.

    Returns:
        (4, 4) float64, clip → image.
    """
    low, high = np.array([x_min, y_min, z_min]), np.array([x_max, y_max, z_max])
    return homogeneous(np.diag((high - low) / 2), (high + low) / 2)


def head_to_image_matrix(
    head_to_eye: np.ndarray, eye_to_clip: np.ndarray, clip_to_image: np.ndarray
) -> np.ndarray:
    """Compose all three steps: viewport · extended view · placing the head (eq. 4.1).

    Args:
        head_to_eye: (4, 4), from `homogeneous`; the thesis calls the head frame WCS.
        eye_to_clip: (4, 4), from `extended_view`.
        clip_to_image: (4, 4), from `viewport`.

    Returns:
        (4, 4) float64, head → image, for `transform_points`.
    """
    return np.asarray(clip_to_image) @ eye_to_clip @ head_to_eye
