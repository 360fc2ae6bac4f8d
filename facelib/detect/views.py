"""Changed copies of a photo, in which the detector may find a face that it misses in the photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.detect.centerface import Detection, run_centerface
from facelib.imaging.contrast import with_contrast
from facelib.imaging.resample import resize_image

WORKING_PX = 640
"""The longer side of the searched image."""
LEAST_SAMPLES = 3
"""Pixels of a large photo that each pixel of a copy averages, each way."""
BORDER = 0.5
"""Border of a copy, as a share of the sides: a face that fills the whole image is found only with
a margin around it."""


@dataclass(frozen=True, eq=False)
class View:
    """A copy of a photo, and the way back to it.

    Attributes:
        image: (H, W, 3) float32 in 0..1, of the size at which it is searched.
        to_photo: (2, 3), photo px = to_photo[:, :2] · px of the view + to_photo[:, 2].
        is_mirrored: whether left and right are exchanged.
    """

    image: np.ndarray
    to_photo: np.ndarray
    is_mirrored: bool = False

    def faces(self, min_score: float) -> list[Detection]:
        """Find faces in the view: in px of the photo."""
        return [self._in_photo(face) for face in run_centerface(self.image, min_score)]

    def mirrored(self) -> View:
        """Exchange left and right."""
        back = np.array([[-1, 0, self.image.shape[1] - 1], [0, 1, 0]])
        return self._changed(self.image[:, ::-1], back, not self.is_mirrored)

    def turned(self, quarter_turns: int) -> View:
        """Return the view of the photo turned counter-clockwise, in px of that photo."""
        linear, shift = self.to_photo[:, :2], self.to_photo[:, 2]
        if quarter_turns % 2:
            linear, shift = linear[::-1, ::-1], shift[::-1]
        image = np.ascontiguousarray(np.rot90(self.image, quarter_turns))
        return View(image, np.column_stack([linear, shift]), self.is_mirrored)

    def resized(self, factor: float) -> View:
        """Enlarge or shrink."""
        height, width = self.image.shape[:2]
        size = max(1, round(height * factor)), max(1, round(width * factor))
        zoom = np.array([width / size[1], height / size[0]])
        back = np.column_stack([np.diag(zoom), zoom / 2 - 0.5])
        return self._changed(resize_image(self.image, size), back)

    def with_border(self, share: float = BORDER) -> View:
        """Put a border around the image that repeats its outermost pixels."""
        y, x = (round(side * share) for side in self.image.shape[:2])
        image = np.pad(self.image, [(y, y), (x, x), (0, 0)], mode="edge")
        return self._changed(image, np.array([[1, 0, -x], [0, 1, -y]]))

    def tilted(self, angle_deg: float) -> View:
        """Turn the image counter-clockwise around its middle; corners are lost."""
        from PIL import Image

        height, width = self.image.shape[:2]
        cos, sin = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
        linear = np.array([[cos, -sin], [sin, cos]])
        middle = np.array([width - 1, height - 1]) / 2
        back = np.column_stack([linear, middle - linear @ middle])
        steps = (self.image * 255).round().astype(np.uint8)
        # Pillow counts from the corner of the first pixel.
        shift = back[:, 2] + 0.5 - linear @ [0.5, 0.5]
        numbers = (*linear[0], shift[0], *linear[1], shift[1])
        picture = Image.fromarray(steps).transform(
            (width, height), Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR
        )
        return self._changed(np.asarray(picture, np.float32) / 255, back)

    def _changed(self, image: np.ndarray, back: np.ndarray, mirrored: bool | None = None) -> View:
        """Return a copy of this view; `back` leads from it to this view."""
        linear, shift = self.to_photo[:, :2], self.to_photo[:, 2]
        to_photo = np.column_stack([linear @ back[:, :2], linear @ back[:, 2] + shift])
        return View(image, to_photo, self.is_mirrored if mirrored is None else mirrored)

    def _in_photo(self, face: Detection) -> Detection:
        """Bring a face to the photo; its box stays upright and keeps its size there."""
        linear, shift = self.to_photo[:, :2], self.to_photo[:, 2]
        middle = linear @ (face.box[:2] + face.box[2:]) / 2 + shift
        half = (face.box[2:] - face.box[:2]) / 2 * np.linalg.norm(linear, axis=0)
        landmarks = face.landmarks @ linear.T + shift
        if self.is_mirrored:
            landmarks = landmarks[[1, 0, 2, 4, 3]]
        return Detection(np.concatenate([middle - half, middle + half]), face.score, landmarks)


def whole_photo(image: np.ndarray, longest_px: int = WORKING_PX) -> View:
    """Return a photo as a view, shrunk so that its longer side has this many px.

    A photo without contrast is stretched.

    Args:
        image: (H, W, 3) uint8, or float in 0..1.
        longest_px: smaller photos keep their size.
    """
    factor = min(1.0, longest_px / max(image.shape[:2]))
    size = [max(1, round(side * factor)) for side in image.shape[:2]]
    # A pixel of the copy is the mean of enough pixels without the rows and columns between these.
    step = max(1, int(1 / factor / LEAST_SAMPLES))
    some = image[::step, ::step]
    zoom = np.array([some.shape[1] / size[1], some.shape[0] / size[0]])
    small = resize_image(some, tuple(size)) / (255 if image.dtype == np.uint8 else 1)
    back = np.column_stack([np.diag(zoom * step), (zoom / 2 - 0.5) * step])
    return View(with_contrast(small.clip(0, 1)), back)


def bordered(view: View) -> View:
    """Put a border around a view; the copy is no larger than `WORKING_PX`."""
    copy = view.with_border()
    return copy.resized(min(1.0, WORKING_PX / max(copy.image.shape[:2])))
