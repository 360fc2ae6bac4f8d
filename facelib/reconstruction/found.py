"""A face in one photo: where it was found, and how the network saw it."""

from __future__ import annotations

from dataclasses import dataclass

from facelib.detect import Detection
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import Photo

FRONT, SIDE = "front", "side"


@dataclass(frozen=True, eq=False)
class PhotoOfFace:
    """A face in one photo.

    Attributes:
        view: "front" or "side".
        name: of the photo's file, or "the front photo".
        photo: upright.
        faces: all faces found in it, the largest first; one that was given stands alone.
        face: the one that was taken.
        crop: the last square around it that the network saw.
        seen: the points that the network found, px of the crop; None for position maps.
        quarter_turns: by how many the photo was turned counter-clockwise to be upright.
    """

    view: str
    name: str
    photo: Photo
    faces: tuple[Detection, ...]
    face: Detection
    crop: Crop
    seen: SeenPoints | None = None
    quarter_turns: int = 0

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the photo."""
        height, width = self.photo.pixels.shape[:2]
        return width, height
