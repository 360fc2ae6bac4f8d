"""Faces found in a photo, largest first, and the quarter turns that bring a photo upright.

Chapter 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from facelib.detect.centerface import Detection, keep_best, same_face
from facelib.detect.views import WORKING_PX, View, bordered, whole_photo

MIN_SCORE = 0.5
LARGER_PX = 1280
"""The longer side of a second try, for small faces in a large photo."""
WEAK_SCORE = 0.3
"""A face of at least this score is believed if …"""
AGREEING_VIEWS = 2
"""… it is found at one place in so many copies of the photo."""
TURNED_PX = 320
"""The longer side of copies that are only to show which way is up."""
SIZES = (1.25, 0.75)
"""Profiles that are missed at one size are often found at another."""
TILTS_DEG = (-15, 15, -30, 30)
SURE_SCORE = 0.75
"""Below this score, the photo may be turned: a face that lies on its side may be taken for an
upright one, but hardly ever with a higher score."""
UPRIGHT_DEG = 45.0


class NoFaceError(ValueError):
    """A photo in which no face was found."""


@dataclass(frozen=True, eq=False)
class FoundFaces:
    """The faces of a photo.

    Attributes:
        quarter_turns: 0 to 3, counter-clockwise, that bring the photo upright.
        faces: largest first, in px of the upright photo; empty if there are none.
    """

    quarter_turns: int
    faces: tuple[Detection, ...]


def detection_from_box(box: np.ndarray | tuple[float, float, float, float]) -> Detection:
    """Make a Detection from a given box: (x0, y0, x1, y1), image px.

    Raises:
        ValueError: if the box is not four finite numbers with x0 < x1 and y0 < y1.
    """
    box = np.asarray(box, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise ValueError(f"a box is x0 y0 x1 y1 with x0 < x1 and y0 < y1, got {box.tolist()}")
    return Detection(box, 1.0, np.full((5, 2), np.nan))


def detect_faces(image: np.ndarray, min_score: float = MIN_SCORE) -> list[Detection]:
    """Find the faces in an image, the largest first, without trying hard.

    Args:
        image: (H, W, 3), RGB: uint8, or float in 0..1.
        min_score: lowest confidence, 0 to 1.

    Returns:
        Detections in px of the image; empty when there is no face.

    Raises:
        ValueError: if the image is not (H, W, 3).
        FileNotFoundError: if the network's file is not installed.
    """
    _check(image)
    view = whole_photo(image)
    found = view.faces(min_score)
    if not found and max(image.shape[:2]) > WORKING_PX:
        found = whole_photo(image, LARGER_PX).faces(min_score)
    return _largest_first(found or bordered(view).faces(min_score), image)


def find_faces(image: np.ndarray, sure_score: float = SURE_SCORE) -> FoundFaces:
    """Find the faces of a photo that may be turned by quarter turns.

    Most photos take one run of the detector. Where it finds nothing, a face that is not upright, or
    one of which it is unsure, small copies are tried in the other directions. If nothing is found,
    mirrored, resized and tilted copies are tried.

    Args:
        image: (H, W, 3), RGB: uint8, or float in 0..1.
        sure_score: the photo is not taken for a turned one if an upright face has this score.

    Raises:
        ValueError: if the image is not (H, W, 3).
        FileNotFoundError: if the detector's file is not installed.
    """
    _check(image)
    view = whole_photo(image)
    faces = view.faces(MIN_SCORE)
    scores = [_best_score(faces), 0, 0, 0]
    if scores[0] < sure_score:
        small = view.resized(min(1.0, TURNED_PX / max(view.image.shape[:2])))
        scores[1:] = [_best_score(small.turned(turns).faces(MIN_SCORE)) for turns in (1, 2, 3)]
    if max(scores) > 0:
        turns = int(np.argmax(scores))
        if turns:
            faces = view.turned(turns).faces(MIN_SCORE) or small.turned(turns).faces(MIN_SCORE)
        return FoundFaces(turns, tuple(_largest_first(faces, image, turns)))
    for turns in range(4):
        if found := _search(_copies(image, view.turned(turns), turns)):
            return FoundFaces(turns, tuple(_largest_first(found, image, turns)))
    return FoundFaces(0, tuple(_largest_first(faces, image)))


def find_face(image: np.ndarray, name: str = "the photo") -> Detection:
    """Return the largest face of an upright photo.

    Args:
        image: (H, W, 3), RGB: uint8, or float in 0..1.
        name: the photo's name in the error message.

    Raises:
        NoFaceError: if there is no face.
    """
    faces = detect_faces(image)
    if not faces:
        faces = _largest_first(_search(_copies(image, whole_photo(image))), image)
    if not faces:
        raise NoFaceError(f"no face found in {name}")
    return faces[0]


def turned_face(face: Detection, shape: tuple[int, ...], quarter_turns: int) -> Detection:
    """Return a face as it lies in its image turned counter-clockwise by quarter turns.

    Args:
        face: px of the image.
        shape: of the image, (H, W, …).
        quarter_turns: 0 to 3.
    """
    corners, landmarks = face.box.reshape(2, 2), face.landmarks
    width, height = shape[1], shape[0]
    for _ in range(quarter_turns % 4):
        corners, landmarks = (
            np.column_stack([points[:, 1], width - 1 - points[:, 0]])
            for points in (corners, landmarks)
        )
        width, height = height, width
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return Detection(box, face.score, landmarks)


def _check(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must be (H, W, 3), got {image.shape}")


def _best_score(faces: Iterable[Detection]) -> float:
    """Return the highest score of the upright faces; 0 if there are none."""
    return max((face.score for face in faces if _is_upright(face)), default=0.0)


def _is_upright(face: Detection) -> bool:
    return abs(face.roll_deg) <= UPRIGHT_DEG


def _copies(image: np.ndarray, view: View, quarter_turns: int = 0) -> Iterator[View]:
    """Yield changed copies of a photo, the cheap and most helpful ones first; the photo last.

    Of turned photos there are fewer: with every copy, the danger of a false face grows.
    """
    yield view.mirrored()
    for factor in SIZES:
        yield view.resized(factor)
    if not quarter_turns:
        yield bordered(view)
        for angle in TILTS_DEG:
            yield view.tilted(angle)
        if max(image.shape[:2]) > WORKING_PX:
            yield whole_photo(image, LARGER_PX)
    yield view


def _search(views: Iterable[View]) -> list[Detection]:
    """Return the upright faces of the first view that shows any, or weak ones that many show."""
    weak: list[Detection] = []
    for view in views:
        found = [face for face in view.faces(WEAK_SCORE) if _is_upright(face)]
        if sure := [face for face in found if face.score >= MIN_SCORE]:
            return sure
        weak += found
    return [
        face
        for face in keep_best(weak)
        if sum(same_face(face, other) for other in weak) >= AGREEING_VIEWS
    ]


def _largest_first(
    faces: list[Detection], image: np.ndarray, quarter_turns: int = 0
) -> list[Detection]:
    """Sort faces by area, and clip their boxes to the image turned by quarter turns."""
    height, width = image.shape[:2] if quarter_turns % 2 == 0 else image.shape[1::-1]
    inside = [
        Detection(
            face.box.clip(-0.5, np.array([width, height, width, height]) - 0.5),
            face.score,
            face.landmarks,
        )
        for face in faces
    ]
    return sorted(inside, key=lambda face: -face.area_px)
