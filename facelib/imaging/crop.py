"""The square around a face, in pixels of the photo, and its image at a network's input size."""

from dataclasses import dataclass

import numpy as np

from facelib.imaging.resample import resample

KEYPOINT_BOX_SCALE = 1.5  # thesis, listing A.1: a crop's side over the keypoint box's mean side


@dataclass(frozen=True)
class Crop:
    """A square cut out of an image and resized to the network's input size.

    Attributes:
        centre_px: (x, y) of the square's centre, px, image frame.
        size_px: the square's side, px, image frame.
        output_size: the side of the crop, px, crop frame.
    """

    centre_px: tuple[float, float]
    size_px: float
    output_size: int

    def __post_init__(self) -> None:
        """Raise ValueError for an empty square, or one without an end or a place."""
        if not (0 < self.size_px < np.inf and self.output_size >= 1):
            raise ValueError(
                f"expected a finite size above 0 px and an output of at least 1 px, "
                f"got {self.size_px} and {self.output_size}"
            )
        if not np.isfinite(self.centre_px).all():
            raise ValueError(f"expected a finite centre, got {self.centre_px}")

    @classmethod
    def around_keypoints(
        cls, keypoints_image: np.ndarray, output_size: int, scale: float = KEYPOINT_BOX_SCALE
    ) -> "Crop":
        """Crop around the keypoints' box, `scale` times its mean side wide (listing A.1).

        Args:
            keypoints_image: (K, 2 or 3) float, px, image frame; K = 68 in training.
            output_size: side of the crop, px.
            scale: crop side over mean box side.

        Raises:
            ValueError: if there are no keypoints, they coincide, or one is not finite.
        """
        keypoints = np.asarray(keypoints_image, dtype=np.float64)[:, :2]
        if len(keypoints) == 0:
            raise ValueError("expected one keypoint or more, got none")
        low, high = keypoints.min(axis=0), keypoints.max(axis=0)
        x, y = (low + high) / 2
        return cls((float(x), float(y)), float(scale * (high - low).mean()), output_size)

    @classmethod
    def whole(cls, size: int, output_size: int) -> "Crop":
        """Resize a whole square image of `size` px to `output_size` px."""
        return cls(((size - 1) / 2, (size - 1) / 2), float(size), output_size)

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
        """Shift and scale the square at random (listing A.1), like the error of a detector's box.

        Args:
            rng: always draws three numbers.
            shift: largest shift along x and along y, as a share of the mean keypoint box side.
            zoom: the side is multiplied by 1 − zoom .. 1 + zoom.
            box_scale: this crop's side over the mean keypoint box side.
        """
        dx, dy, dz = rng.uniform(-1.0, 1.0, size=3)
        step = shift * self.size_px / box_scale
        centre = (float(self.centre_px[0] + dx * step), float(self.centre_px[1] + dy * step))
        return Crop(centre, float(self.size_px * (1 + dz * zoom)), self.output_size)

    def image_to_crop(self, points_image: np.ndarray) -> np.ndarray:
        """Convert points to the crop frame; z, if there is one, is scaled alike, not shifted.

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
        """Convert (N, 2 or 3) points back to the image frame (inverse of `image_to_crop`)."""
        points = np.array(points_crop, dtype=np.float64)
        points[:, :2] = (points[:, :2] + 0.5) / self.scale + self.corner_px
        points[:, 2:] /= self.scale
        return points

    def cut(self, image: np.ndarray, outside: str = "black") -> np.ndarray:
        """Cut the square out, without aliasing when it shrinks.

        Args:
            image: (H, W, C), float or uint8.
            outside: fill beyond the image: "black", or "edge" to repeat its border.

        Returns:
            (output_size, output_size, C) float32, on the image's own scale of values.

        Raises:
            ValueError: if `outside` is neither, the image is not (H, W, C), or the square is too
                large for `resample`.
        """
        if outside not in ("black", "edge"):
            raise ValueError(f'expected outside="black" or "edge", got {outside!r}')
        box = (*self.corner_px, *(self.corner_px + self.size_px))
        return resample(image, box, (self.output_size, self.output_size), outside == "edge")
