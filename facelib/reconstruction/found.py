"""A face in one photo: where it was found, and how the network saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from facelib.detect.centerface import Detection
from facelib.detect.faces import SURE_SCORE, NoFaceError, detection_from_box, find_faces
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import Photo
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX, crop_from_detection

Face: TypeAlias = Detection | Sequence[float] | int

FRONT, SIDE = "front", "side"
BOX_TO_CROP = {FRONT: FRONT_BOX, SIDE: SIDE_BOX}


@dataclass(frozen=True, eq=False)
class PhotoOfFace:
    """A face in one photo.

    Attributes:
        view: "front" or "side": what it shows.
        photo: upright.
        faces: all faces found in it, the largest first; one that was given stands alone.
        face: the one that was taken.
        crop: the last square around it that the network saw.
        quarter_turns: by how many the photo was turned counter-clockwise to be upright.
        chosen: whether the caller said which face it is.
        seen: the points that the network found, px of the crop; None for position maps.
        given_as: "front" or "side", as which the caller gave it.
    """

    view: str
    photo: Photo
    faces: tuple[Detection, ...]
    face: Detection
    crop: Crop
    quarter_turns: int = 0
    chosen: bool = False
    seen: SeenPoints | None = None
    given_as: str = FRONT

    @property
    def name(self) -> str:
        """The name of its file; without one, "the front photo"."""
        return self.photo.name or f"the {self.view} photo"

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the photo's pixels."""
        height, width = self.photo.pixels.shape[:2]
        return width, height


def find_in_photo(
    view: str, photo: Photo, face: Face | None, size: int, sure_score: float = SURE_SCORE
) -> PhotoOfFace:
    """Find the face in a photo, or take the given one, and guess the crop around it.

    Args:
        view: "front" or "side".
        photo: it may be turned by quarter turns.
        face: a detection in px of the photo's pixels, a box in px of its file, both before
            quarter turns; a number from 1; or None for the largest face.
        size: side of the crop, px.
        sure_score: see `find_faces`.

    Raises:
        NoFaceError: if there is no face.
        ValueError: if there is no face of that number, or the box has no area.
    """
    turns, faces, chosen = 0, (), face is not None
    if face is None or isinstance(face, int):
        name = f"the {view} photo {photo.name}".strip()
        found = find_faces(photo.pixels, sure_score)
        turns, faces = found.quarter_turns, found.faces
        if not faces:
            raise NoFaceError(f"no face found in {name}")
        number = 1 if face is None else face
        if not 1 <= number <= len(faces):
            raise ValueError(f"expected a number from 1 to {len(faces)} of a face in {name}")
        face = faces[number - 1]
    elif not isinstance(face, Detection):
        face = detection_from_box(photo.from_file_px(face))
    crop = crop_from_detection(face, size, BOX_TO_CROP[view])
    upright, faces = photo.turned(turns), faces or (face,)
    return PhotoOfFace(view, upright, faces, face, crop, turns, chosen, given_as=view)
