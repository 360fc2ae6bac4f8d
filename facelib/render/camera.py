"""The camera: the head's pose in front of the eye, and the projection onto the image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facelib.geometry.transforms import checked_points, rotation_from_pose
from facelib.imaging.crop import Crop


@dataclass(frozen=True)
class Camera:
    """The head's pose in front of the eye, and the projection of the eye's view onto the image.

    Attributes:
        rotation: (3, 3), head → eye.
        translation_eye: (3,), mm: the head's origin in the eye frame.
        scale: image px per mm at the head's origin.
        width: image width, px.
        height: image height, px.
        centre_px: (2,), x and y of the view axis in the image.
        focal_px: focal length in px, or None for an orthographic camera.
    """

    rotation: np.ndarray
    translation_eye: np.ndarray
    scale: float
    width: int
    height: int
    centre_px: np.ndarray
    focal_px: float | None = None

    @classmethod
    def perspective(
        cls,
        pose: tuple[float, float, float],
        distance_mm: float,
        focal_px: float,
        width: int = 256,
        height: int = 256,
        centre_px: tuple[float, float] | None = None,
    ) -> Camera:
        """Return a perspective camera with the head on its view axis, at a distance.

        Args:
            pose: pitch, yaw, roll of the head, rad (see `rotation_from_pose`).
            distance_mm: from the eye to the head's origin.
            focal_px: focal length, px.
            width: image width, px.
            height: image height, px.
            centre_px: where the head's origin appears; the image's middle by default.

        Raises:
            ValueError: if the distance or the focal length is not positive and finite.
        """
        if not (0 < distance_mm < np.inf and 0 < focal_px < np.inf):
            raise ValueError(
                "expected a positive, finite distance and focal length, "
                f"got {distance_mm} and {focal_px}"
            )
        return cls(
            rotation_from_pose(*pose),
            np.array([0.0, 0.0, -float(distance_mm)]),
            float(focal_px / distance_mm),
            width,
            height,
            _centre(centre_px, width, height),
            float(focal_px),
        )

    @classmethod
    def orthographic(
        cls,
        pose: tuple[float, float, float],
        scale: float,
        width: int = 256,
        height: int = 256,
        centre_px: tuple[float, float] | None = None,
    ) -> Camera:
        """Return an orthographic camera: parallel rays, `scale` px per mm.

        Args:
            pose: pitch, yaw, roll of the head, rad.
            scale: px per mm.
            width: image width, px.
            height: image height, px.
            centre_px: where the head's origin appears; the image's middle by default.

        Raises:
            ValueError: if the scale is not positive and finite.
        """
        if not 0 < scale < np.inf:
            raise ValueError(f"expected a positive, finite scale, got {scale}")
        centre = _centre(centre_px, width, height)
        return cls(rotation_from_pose(*pose), np.zeros(3), float(scale), width, height, centre)

    def head_to_eye(self, points_head: np.ndarray) -> np.ndarray:
        """Convert (N, 3) points, mm, from the head frame to the eye frame; returns float64."""
        return checked_points(points_head) @ np.asarray(self.rotation).T + self.translation_eye

    def head_to_image(self, points_head: np.ndarray) -> np.ndarray:
        """Project points onto the image (eq. 4.1, keeping a depth that is linear in mm).

        Args:
            points_head: (N, 3) float, mm.

        Returns:
            (N, 3) float64, px; z is 0 at the depth of the head's origin, toward the camera.
            Points in or behind the eye's plane become NaN.
        """
        points_eye = self.head_to_eye(points_head)
        return self._eye_to_image(points_eye, self._px_per_mm(points_eye[:, 2]))

    def image_to_head(self, points_image: np.ndarray) -> np.ndarray:
        """Undo `head_to_image`: (N, 3) px to (N, 3) mm, float64.

        Points whose z lies in or behind the eye's plane become NaN.
        """
        points = checked_points(points_image)
        z_eye = points[:, 2] / self.scale + self.translation_eye[2]
        centred = (points[:, :2] - np.asarray(self.centre_px)) * [1.0, -1.0]
        xy_eye = centred / self._px_per_mm(z_eye)[:, None]
        points_eye = np.column_stack([xy_eye, z_eye])
        return (points_eye - self.translation_eye) @ np.asarray(self.rotation)

    def inverse_w(self, points_head: np.ndarray) -> np.ndarray | None:
        """(N,) 1/mm, for perspective-correct `rasterize`; None for an orthographic camera."""
        return self.project(points_head)[1]

    def project(self, points_head: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return `head_to_image` and `inverse_w` of the same (N, 3) points, mm."""
        points_eye = self.head_to_eye(points_head)
        per_mm = self._px_per_mm(points_eye[:, 2])
        inverse_w = None if self.focal_px is None else per_mm / self.focal_px
        return self._eye_to_image(points_eye, per_mm), inverse_w

    def frustum(
        self, near: float | None = None, far: float | None = None
    ) -> tuple[float, float, float, float, float, float]:
        """Return left, right, bottom, top, near, far in mm for `transforms.extended_view`.

        Args:
            near: distance of the near plane; half the head's distance by default.
            far: distance of the far plane; twice the head's distance by default.

        Raises:
            ValueError: for an orthographic camera, which has no frustum.
        """
        if self.focal_px is None:
            raise ValueError("expected a perspective camera, got an orthographic one")
        distance = -float(self.translation_eye[2])
        near = distance / 2 if near is None else near
        far = distance * 2 if far is None else far
        mm_per_px = near / self.focal_px
        x, y = float(self.centre_px[0]), float(self.centre_px[1])
        left, right = -0.5 - x, self.width - 0.5 - x
        bottom, top = y - (self.height - 0.5), y + 0.5
        sides = (left * mm_per_px, right * mm_per_px, bottom * mm_per_px, top * mm_per_px)
        return (*sides, float(near), float(far))

    def cropped(self, crop: Crop) -> Camera:
        """Return the camera whose image is this crop of the camera's image."""
        return replace(
            self,
            scale=self.scale * crop.scale,
            width=crop.output_size,
            height=crop.output_size,
            centre_px=crop.image_to_crop(np.array([self.centre_px]))[0],
            focal_px=None if self.focal_px is None else self.focal_px * crop.scale,
        )

    def uncropped(self, crop: Crop, width: int, height: int) -> Camera:
        """Return the camera of the whole image, width × height px, of which this one has a crop."""
        return replace(
            self,
            scale=self.scale / crop.scale,
            width=width,
            height=height,
            centre_px=crop.crop_to_image(np.array([self.centre_px]))[0],
            focal_px=None if self.focal_px is None else self.focal_px / crop.scale,
        )

    def enlarged(self, factor: int) -> Camera:
        """Return the same view on an image `factor` times as wide and high."""
        return replace(
            self,
            scale=self.scale * factor,
            width=self.width * factor,
            height=self.height * factor,
            centre_px=(np.asarray(self.centre_px) + 0.5) * factor - 0.5,
            focal_px=None if self.focal_px is None else self.focal_px * factor,
        )

    def _eye_to_image(self, points_eye: np.ndarray, per_mm: np.ndarray) -> np.ndarray:
        points_image = np.empty_like(points_eye)
        points_image[:, 0] = points_eye[:, 0] * per_mm + self.centre_px[0]
        points_image[:, 1] = self.centre_px[1] - points_eye[:, 1] * per_mm
        points_image[:, 2] = (points_eye[:, 2] - self.translation_eye[2]) * self.scale
        points_image[np.isnan(per_mm), 2] = np.nan
        return points_image

    def _px_per_mm(self, z_eye: np.ndarray) -> np.ndarray:
        if self.focal_px is None:
            return np.full(z_eye.shape, self.scale)
        return np.divide(self.focal_px, -z_eye, out=np.full(z_eye.shape, np.nan), where=z_eye < 0)


def _centre(centre_px, width: int, height: int) -> np.ndarray:
    middle = ((width - 1) / 2, (height - 1) / 2)
    return np.asarray(middle if centre_px is None else centre_px, dtype=np.float64)
