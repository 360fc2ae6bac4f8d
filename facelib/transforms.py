"""From head to eye to clip to image and crop: every change of frame, each with its inverse.

Frames: head (mm, y up, z out of the face), eye (mm, camera at the origin looking down −z), clip
([−1, 1]³), image (px, y down, origin at the centre of the top-left pixel), crop (an image frame).
"""

from dataclasses import dataclass

import numpy as np

from facelib.images import resample, resampling_matrix
from facelib.rotations import (
    pose_from_rotation,
    rotation_from_pose,
    rotation_x,
    rotation_y,
    rotation_z,
)
from facelib.similarity import Similarity, checked_points, homogeneous

__all__ = [
    "KEYPOINT_BOX_SCALE",
    "Crop",
    "Similarity",
    "checked_points",
    "extended_view",
    "extended_view_inverse",
    "head_to_image_matrix",
    "homogeneous",
    "pose_from_rotation",
    "rotation_from_pose",
    "rotation_x",
    "rotation_y",
    "rotation_z",
    "transform_points",
    "viewport",
    "viewport_inverse",
]

KEYPOINT_BOX_SCALE = 1.5  # thesis, listing A.1: a crop's side over the keypoint box's mean side


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a homogeneous matrix and divide by w.

    Args:
        matrix: (4, 4).
        points: (N, 3) in the matrix's source frame.

    Returns:
        (N, 3) float64 in its target frame.

    Raises:
        ValueError: if points are not (N, 3), or one of them has w = 0 (it lies in the eye's plane).
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
    symmetric about the view axis and ends in the row (0 0 1 0), so w = z_eye. Points in front of a
    camera that looks down −z then have w < 0, which mirrors x and y. With its last two rows negated
    (w = −z_eye > 0) and the two off-centre terms in its third column, it is this matrix.

    Args:
        left: x where the pyramid's left side meets the near plane, mm, eye frame.
        right: the same for the right side.
        bottom: y where its bottom meets the near plane.
        top: the same for its top.
        near: distance of the near plane, mm, positive.
        far: distance of the far plane, mm, beyond near.

    Returns:
        (4, 4) float64, eye → clip.

    Raises:
        ValueError: if the pyramid is flat or not in front of the eye.
    """
    if not 0 < near < far or right == left or top == bottom:
        raise ValueError(
            "expected 0 < near < far, left ≠ right and bottom ≠ top, "
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


def extended_view_inverse(
    left: float, right: float, bottom: float, top: float, near: float, far: float
) -> np.ndarray:
    """Return clip → eye, the inverse of `extended_view` with the same arguments: (4, 4) float64."""
    extended_view(left, right, bottom, top, near, far)
    width, height, depth = right - left, top - bottom, far - near
    return np.array(
        [
            [width / (2 * near), 0.0, 0.0, (right + left) / (2 * near)],
            [0.0, height / (2 * near), 0.0, (top + bottom) / (2 * near)],
            [0.0, 0.0, 0.0, -1.0],
            [0.0, 0.0, -depth / (2 * far * near), (far + near) / (2 * far * near)],
        ]
    )


def viewport(
    x_min: float, x_max: float, y_min: float, y_max: float, z_min: float, z_max: float
) -> np.ndarray:
    """Map the cube [−1, 1]³ onto a box of the image (eq. 2.9).

    Clip −1 goes to the `min` and +1 to the `max`. For an image of W×H px, whose y points down, that
    is x from −0.5 to W − 0.5 and y from H − 0.5 (the bottom) to −0.5 (the top).

    Args:
        x_min: px; and so for the others. z in any unit.
        x_max: the right side.
        y_min: the bottom.
        y_max: the top.
        z_min: the nearest.
        z_max: the furthest.

    Returns:
        (4, 4) float64, clip → image.
    """
    low, high = np.array([x_min, y_min, z_min]), np.array([x_max, y_max, z_max])
    return homogeneous(np.diag((high - low) / 2), (high + low) / 2)


def viewport_inverse(
    x_min: float, x_max: float, y_min: float, y_max: float, z_min: float, z_max: float
) -> np.ndarray:
    """Return image → clip, the inverse of `viewport` with the same arguments: (4, 4) float64.

    Raises:
        ValueError: if the box is flat.
    """
    low, high = np.array([x_min, y_min, z_min]), np.array([x_max, y_max, z_max])
    if np.any(high == low):
        raise ValueError(f"expected a box with three sides, got {low} to {high}")
    return homogeneous(np.diag(2 / (high - low)), -(high + low) / (high - low))


def head_to_image_matrix(
    head_to_eye: np.ndarray, eye_to_clip: np.ndarray, clip_to_image: np.ndarray
) -> np.ndarray:
    """Compose the whole way: viewport · extended view · placing the head (eq. 4.1).

    Args:
        head_to_eye: (4, 4), from `homogeneous`; the thesis calls the head frame WCS.
        eye_to_clip: (4, 4), from `extended_view`.
        clip_to_image: (4, 4), from `viewport`.

    Returns:
        (4, 4) float64, head → image, for `transform_points`.
    """
    return np.asarray(clip_to_image) @ eye_to_clip @ head_to_eye


@dataclass(frozen=True)
class Crop:
    """A square cut out of an image and brought to the network's input size.

    Attributes:
        centre_px: (x, y) of the square's centre, px, image frame.
        size_px: the square's side, px, image frame.
        output_size: the side of the crop, px, crop frame.
    """

    centre_px: tuple[float, float]
    size_px: float
    output_size: int

    def __post_init__(self) -> None:
        """Refuse an empty square."""
        if not (self.size_px > 0 and self.output_size >= 1):
            raise ValueError(
                f"expected a size above 0 px and an output of at least 1 px, "
                f"got {self.size_px} and {self.output_size}"
            )

    @classmethod
    def around_keypoints(
        cls, keypoints_image: np.ndarray, output_size: int, scale: float = KEYPOINT_BOX_SCALE
    ) -> "Crop":
        """Cut about the keypoints' box, `scale` times the mean of its sides wide (listing A.1).

        Args:
            keypoints_image: (K, 2 or 3) float, px, image frame; K = 68 in training.
            output_size: side of the crop, px.
            scale: crop side over mean box side.
        """
        keypoints = np.asarray(keypoints_image, dtype=np.float64)[:, :2]
        low, high = keypoints.min(axis=0), keypoints.max(axis=0)
        x, y = (low + high) / 2
        return cls((float(x), float(y)), float(scale * (high - low).mean()), output_size)

    @property
    def scale(self) -> float:
        """Crop px per image px."""
        return self.output_size / self.size_px

    @property
    def corner_px(self) -> np.ndarray:
        """(2,) x, y of the square's top-left corner (a corner, not a pixel centre), image frame."""
        return np.asarray(self.centre_px) - self.size_px / 2

    def jittered(
        self,
        rng: np.random.Generator,
        shift: float = 0.1,
        zoom: float = 0.1,
        box_scale: float = KEYPOINT_BOX_SCALE,
    ) -> "Crop":
        """Move and scale the square at random (listing A.1), as a detector's box would.

        Args:
            rng: draws three numbers, always.
            shift: largest move along x and along y, as a share of the mean keypoint box side.
            zoom: the side is multiplied by 1 − zoom .. 1 + zoom.
            box_scale: this crop's side over the mean keypoint box side.
        """
        dx, dy, dz = rng.uniform(-1.0, 1.0, size=3)
        step = shift * self.size_px / box_scale
        centre = (float(self.centre_px[0] + dx * step), float(self.centre_px[1] + dy * step))
        return Crop(centre, float(self.size_px * (1 + dz * zoom)), self.output_size)

    def image_to_crop(self, points_image: np.ndarray) -> np.ndarray:
        """Move points into the crop frame; z, where there is one, is scaled alike, not shifted.

        Args:
            points_image: (N, 2 or 3) float, px.

        Returns:
            The same shape, float64, px.
        """
        points = np.array(points_image, dtype=np.float64)
        points[:, :2] = (points[:, :2] - self.corner_px) * self.scale - 0.5
        points[:, 2:] *= self.scale
        return points

    def crop_to_image(self, points_crop: np.ndarray) -> np.ndarray:
        """Move (N, 2 or 3) points back into the image frame (inverse of `image_to_crop`)."""
        points = np.array(points_crop, dtype=np.float64)
        points[:, :2] = (points[:, :2] + 0.5) / self.scale + self.corner_px
        points[:, 2:] /= self.scale
        return points

    def cut(self, image: np.ndarray, outside: str = "black") -> np.ndarray:
        """Cut the square out, without aliasing when it shrinks.

        Args:
            image: (H, W, C) float.
            outside: what to show beyond the image: "black", or "edge" to repeat its border.

        Returns:
            (output_size, output_size, C) float32.

        Raises:
            ValueError: if `outside` is another word or the image is not (H, W, C).
        """
        if outside not in ("black", "edge"):
            raise ValueError(f'expected outside="black" or "edge", got {outside!r}')
        if image.ndim != 3:
            raise ValueError(f"expected an image (H, W, C), got {image.shape}")
        (left, top), size, repeat = self.corner_px, self.size_px, outside == "edge"
        rows = resampling_matrix(image.shape[0], top, top + size, self.output_size, repeat)
        columns = resampling_matrix(image.shape[1], left, left + size, self.output_size, repeat)
        return resample(image, rows, columns)
