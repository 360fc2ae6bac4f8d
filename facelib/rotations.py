"""Rotations about the axes, and a head's pose as one rotation and back.

Frames: head (y up, z out of the face) to eye (y up, camera looking down −z), both right-handed.
"""

import numpy as np


def rotation_x(angle: float) -> np.ndarray:
    """Turn about x, right-handed: y goes toward z.

    Args:
        angle: rad.

    Returns:
        (3, 3) float64.
    """
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def rotation_y(angle: float) -> np.ndarray:
    """Turn about y, right-handed: z goes toward x. Angle in rad; returns (3, 3) float64."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def rotation_z(angle: float) -> np.ndarray:
    """Turn about z, right-handed: x goes toward y. Angle in rad; returns (3, 3) float64."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def rotation_from_pose(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Compose the head's rotation R = Rz(roll) · Rx(−pitch) · Ry(yaw): yaw is applied first.

    Args:
        pitch: rad, positive turns the face up.
        yaw: rad, positive turns the face to the image's right.
        roll: rad, positive turns the head counter-clockwise as seen in the image.

    Returns:
        (3, 3) float64, head → eye.
    """
    return rotation_z(roll) @ rotation_x(-pitch) @ rotation_y(yaw)


def pose_from_rotation(rotation: np.ndarray) -> tuple[float, float, float]:
    """Read pitch, yaw and roll back out of a rotation (inverse of `rotation_from_pose`).

    Where the face looks straight up or down, only yaw ± roll is defined; yaw is then 0.

    Args:
        rotation: (3, 3), head → eye.

    Returns:
        pitch in [−π/2, π/2], yaw and roll in (−π, π], rad.

    Raises:
        ValueError: if the matrix is not a rotation.
    """
    r = _checked_rotation(rotation)
    pitch = np.arctan2(-r[2, 1], np.hypot(r[0, 1], r[1, 1]))
    if np.hypot(r[0, 1], r[1, 1]) < 1e-9:
        return float(pitch), 0.0, float(np.arctan2(r[1, 0], r[0, 0]))
    return float(pitch), float(np.arctan2(-r[2, 0], r[2, 2])), float(np.arctan2(-r[0, 1], r[1, 1]))


def _checked_rotation(rotation: np.ndarray) -> np.ndarray:
    rotation = np.asarray(rotation, dtype=np.float64)
    if rotation.shape != (3, 3):
        raise ValueError(f"expected a rotation (3, 3), got {rotation.shape}")
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-4) or np.linalg.det(rotation) < 0:
        raise ValueError("expected a rotation matrix, got one that scales, skews or mirrors")
    return rotation
