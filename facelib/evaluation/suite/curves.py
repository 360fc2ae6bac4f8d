"""What is varied, one thing at a time, to see what it does to the errors.

A curve sets one thing in a photo session (`people.Scene`), changes one thing of the people
(`people.CHANGES`), or edits the finished photos. All other draws stay as they are, so the same
people stand behind each of its points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from facelib.evaluation.suite.people import AS_DRAWN, TONES, Scene
from facelib.imaging.effects import blurred, jpeg
from facelib.imaging.imagefiles import to_uint8
from facelib.imaging.resample import resize_image

Photos = tuple[np.ndarray, np.ndarray]
FACE_SHARE = 0.6  # of a crop's side that the width of a face takes
NONE, OTHER = "no side photo", "of another person"


@dataclass(frozen=True)
class Point:
    """One point of a curve.

    Attributes:
        level: the value that is set; a word where it is no number.
        scene: what is set in the session.
        change: what is changed of the person.
        without: the ingredient of the photos that is left out; "" for none.
        edit: of front and side, (S, S, 3) uint8 each, and a generator: the photos that are given
            to the method. None leaves them as they are.
    """

    level: float | str
    scene: Scene = AS_DRAWN
    change: str = ""
    without: str = ""
    edit: Callable[[Photos, np.random.Generator], Photos] | None = None


@dataclass(frozen=True)
class Curve:
    """A thing that is varied.

    Attributes:
        name: of the thing.
        unit: of its levels; "" for words.
        points: in their order.
    """

    name: str
    unit: str
    points: tuple[Point, ...]


def _scenes(name: str, unit: str, field: str, levels: Sequence[float]) -> Curve:
    return Curve(name, unit, tuple(Point(v, Scene(**{field: v})) for v in levels))


def _changes(name: str, unit: str, levels: dict[float | str, str]) -> Curve:
    return Curve(name, unit, tuple(Point(v, change=change) for v, change in levels.items()))


def _edits(name: str, unit: str, edit: Callable, levels: Sequence[float]) -> Curve:
    return Curve(name, unit, tuple(Point(v, edit=partial(_both, edit, v)) for v in levels))


def _both(edit: Callable, level: float, photos: Photos, rng: np.random.Generator) -> Photos:
    front, side = (edit(photo, level, rng) for photo in photos)
    return front, side


def blur(photo: np.ndarray, sigma_px: float, _: np.random.Generator) -> np.ndarray:
    """Blur (S, S, 3) uint8 by a Gaussian."""
    return to_uint8(blurred(photo.astype(np.float32) / 255, sigma_px))


def shrink(photo: np.ndarray, face_px: float, _: np.random.Generator) -> np.ndarray:
    """Take a photo's detail away, as if its face were only so wide."""
    small = max(round(face_px / FACE_SHARE), 1)
    if small >= len(photo):
        return photo
    return to_uint8(resize_image(resize_image(photo, small), len(photo)) / 255)


def compress(photo: np.ndarray, quality: float, _: np.random.Generator) -> np.ndarray:
    """Store a photo as JPEG of a quality from 1 to 95."""
    return jpeg(photo, int(quality))


def add_noise(photo: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Add normal noise to (S, S, 3) uint8; the deviation is a share of white."""
    noisy = photo / 255 + rng.normal(0, deviation, photo.shape)
    return to_uint8(noisy.clip(0, 1).astype(np.float32))


def cover(photo: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Cover a share of the crop's middle, where the face is, by a grey square somewhere in it."""
    size = len(photo)
    inner = round(size * FACE_SHARE)
    side = round(inner * np.sqrt(share))
    top, left = (size - inner) // 2 + rng.integers(0, inner - side + 1, 2)
    covered = photo.copy()
    covered[top : top + side, left : left + side] = 128
    return covered


def _mirrored_side(photos: Photos, _: np.random.Generator) -> Photos:
    return photos[0], np.ascontiguousarray(photos[1][:, ::-1])


def _front_twice(photos: Photos, _: np.random.Generator) -> Photos:
    return photos[0], photos[0]


def _noisy_side(photos: Photos, rng: np.random.Generator) -> Photos:
    return photos[0], add_noise(photos[1], 0.2, rng)


SIDE_ANGLES_DEG = (15, 30, 45, 60, 75, 90)
SECOND_PHOTO = Curve(
    "second photo",
    "",
    (
        Point(NONE, Scene(front_yaw_deg=0)),
        *(
            Point(f"side from {a}°", Scene(front_yaw_deg=0, side_yaw_deg=a))
            for a in SIDE_ANGLES_DEG
        ),
        Point("the front once more", Scene(front_yaw_deg=0), edit=_front_twice),
        Point("side from 90°, noisy", Scene(front_yaw_deg=0, side_yaw_deg=90), edit=_noisy_side),
        Point(
            "side from 90°, mirrored", Scene(front_yaw_deg=0, side_yaw_deg=90), edit=_mirrored_side
        ),
        Point(OTHER, Scene(front_yaw_deg=0, side_yaw_deg=90)),
    ),
)
"""The headline of the book: what the second photo is, and what it gives."""

CURVES = (
    Curve("as drawn", "", (Point("as drawn"),)),
    SECOND_PHOTO,
    _scenes("yaw of the front photo", "°", "front_yaw_deg", (0, 15, 30, 45, 60, 75, 90)),
    _scenes("pitch", "°", "pitch_deg", (0, 10, 20, 30, 40)),
    _scenes("lamp from the side", "°", "lamp_azimuth_deg", (0, 30, 60, 90, 120)),
    _scenes("distance of the camera", "mm", "distance_mm", (300, 500, 1000, 2000, 8000)),
    _scenes("strength of the expression", "of drawn", "expression", (0.0, 0.5, 1.0, 1.5)),
    _edits("width of the face", "px", shrink, (20, 30, 40, 60, 80, 120, 154)),
    _edits("blur", "px of the crop", blur, (0, 1, 2, 4, 8)),
    _edits("JPEG quality", "", compress, (95, 50, 20, 10, 5)),
    _edits("noise", "of white", add_noise, (0.0, 0.05, 0.1, 0.2, 0.4)),
    _edits("covered share", "of the face", cover, (0.0, 0.1, 0.2, 0.4, 0.6)),
    _changes("melanin", "", {tone: f"melanin {tone:g}" for tone in TONES}),
    _changes(
        "worn",
        "",
        {
            "nothing": "plain",
            **{
                name: name
                for name in (
                    "glasses",
                    "sunglasses",
                    "full beard",
                    "long hair",
                    "hair across the face",
                )
            },
        },
    ),
)

CAUSES = (
    Point("as drawn"),
    Point("what is held before it", without="things"),
    Point("what is worn", change="plain"),
    Point("expression", Scene(expression=0)),
    Point("turn of the head", Scene(front_yaw_deg=0, pitch_deg=0)),
    Point("light", without="light"),
    Point("faults of the camera", without="film"),
)
"""What may be behind a large error: it is taken away, and the same person is measured again."""


def shortened(curve: Curve, n_points: int) -> Curve:
    """Return a curve with its first and last points, and some evenly between them."""
    chosen = np.unique(np.linspace(0, len(curve.points) - 1, n_points).round().astype(int))
    return replace(curve, points=tuple(curve.points[i] for i in chosen))
