"""What seems wrong with photos of a face: sentences for the person who took them.

Each names the number on which it rests. Chapter 12.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from facelib.detect.centerface import Detection
from facelib.fitting.seen import SeenPoints
from facelib.imaging.contrast import contrast
from facelib.imaging.imagefiles import Photo, to_float
from facelib.imaging.resample import resize_image
from facelib.reconstruction.dense_fit import DenseFit, PairFit
from facelib.reconstruction.looking import deviation_share, is_unsure

SIDE_FROM_DEG = 45.0  # |yaw| of side photos
APART_DEG = 20.0  # least difference between the yaws of two photos that both help
OTHER_FACE = 0.3  # a face of at least this share of the taken one's width counts as a person
FEWEST_INSIDE = 0.8  # share of the 68 keypoints that should lie in the photo
NARROWEST_PX = 64  # of a face: below it, a texture has no detail
FAINT = 0.1  # contrast: of 256 values a face uses no more than 26
LOST_CONTRAST = 0.005
"""A face that loses less than this share of its contrast when it is shrunk to `NARROWEST_PX` is
blurred: sharp faces lose 1 to 6 %, those blurred by 1/32 of their width 0.2 to 0.6 %."""
LOOKED_AT_PX = 256  # the width at which blur and contrast are measured


@dataclass(frozen=True)
class Doubt:
    """Something that seems wrong with the photos.

    Attributes:
        kind: for programs: "swapped", "disagreement", "one direction", "several faces",
            "other face", "unsure", "turned", "outside", "small", "faint" or "blurred".
        sentence: for people.
    """

    kind: str
    sentence: str


def is_swapped(front_yaw_deg: float, side_yaw_deg: float) -> bool:
    """Whether the photo given as the front shows the face from the side, and the other less so."""
    front, side = abs(front_yaw_deg), abs(side_yaw_deg)
    return front > SIDE_FROM_DEG and front - side > APART_DEG


def swapped(front_yaw_deg: float, side_yaw_deg: float) -> Doubt:
    """Return the doubt for photos that `is_swapped` found, with their yaws as they were given."""
    return Doubt(
        "swapped",
        "The two photos were given in the wrong order and were swapped: the first shows the face "
        f"from the side (yaw {round(front_yaw_deg)}°), the second from the front "
        f"({round(side_yaw_deg)}°).",
    )


def doubt_about(pair: PairFit) -> list[Doubt]:
    """Return what seems wrong with two photos together."""
    front, side = pair.front.yaws_deg[0], pair.side.yaws_deg[0]
    doubts = []
    if not pair.agrees:
        doubts.append(
            Doubt(
                "disagreement",
                "The two photos do not seem to show one face: is the side photo of another "
                "person, mirrored, or with another expression? (The log of the odds is "
                f"{pair.agreement:.0f}, and above {pair.agree_above:.0f} for one person.)",
            )
        )
    if abs(front - side) < APART_DEG:
        doubts.append(
            Doubt(
                "one direction",
                "Both photos show the face from nearly the same direction "
                f"(yaw {round(front)}° and {round(side)}°), so the second adds little.",
            )
        )
    return doubts


def doubt_about_photo(
    name: str,
    photo: Photo,
    faces: Sequence[Detection],
    face: Detection,
    keypoints_image: np.ndarray,
    option: str = "--face",
    quarter_turns: int = 0,
    seen: SeenPoints | None = None,
) -> list[Doubt]:
    """Return what seems wrong with one photo.

    Args:
        name: of the photo's file.
        photo: upright.
        faces: all that were found in it, largest first.
        face: the one that was taken.
        keypoints_image: (68, 2 or 3) of that face, px of the photo.
        option: of the command line, with which another face can be chosen.
        quarter_turns: by how many the photo was turned counter-clockwise to be upright.
        seen: the points that the network found, if it finds points.
    """
    doubts = []
    if seen is not None and is_unsure(seen):
        doubts.append(
            Doubt(
                "unsure",
                f"The face in {name} is hard to make out: its points are uncertain by "
                f"{deviation_share(seen):.0%} of the picture around it. Is it upright, sharp and "
                "uncovered?",
            )
        )
    if quarter_turns % 4:
        degrees = {1: "90° counter-clockwise", 2: "180°", 3: "90° clockwise"}[quarter_turns % 4]
        doubts.append(Doubt("turned", f"{name} was turned by {degrees} to be upright."))
    width = face.box[2] - face.box[0]
    people = [each for each in faces if each.box[2] - each.box[0] >= OTHER_FACE * width]
    if len(people) > 1 and face is faces[0]:  # otherwise it was chosen, and that is known
        doubts.append(
            Doubt(
                "several faces",
                f"{len(people)} faces in {name}; took the largest, {place(photo, face)}; "
                f"choose another with {option} N.",
            )
        )
    height_px, width_px = photo.pixels.shape[:2]
    x, y = keypoints_image[:, 0], keypoints_image[:, 1]
    outside = (x < -0.5) | (y < -0.5) | (x > width_px - 0.5) | (y > height_px - 0.5)
    if outside.mean() > 1 - FEWEST_INSIDE:
        doubts.append(
            Doubt(
                "outside",
                f"A part of the face lies outside {name}: {outside.sum()} of {len(outside)} "
                "keypoints. What is not there was guessed.",
            )
        )
    return doubts + _doubt_about_pixels(name, photo, face)


def place(photo: Photo, face: Detection) -> str:
    """Describe where a face is, in px of the photo's file."""
    left, top, right, bottom = photo.to_file_px(face.box.reshape(2, 2)).round().astype(int).ravel()
    return f"at ({left}, {top})-({right}, {bottom})"


def best_side(
    dense_fit: DenseFit, front: SeenPoints, sides: Iterable[SeenPoints]
) -> tuple[int, PairFit]:
    """Choose among the faces of a side photo the one that fits the front photo.

    Args:
        dense_fit: fits the pairs.
        front: the points in the front photo.
        sides: the points of each face of the side photo, the likeliest face first. They are taken
            one by one until a face agrees with the front, so an iterator saves work.

    Returns:
        The number of the chosen face, from 0, and its fit: the first that agrees, or the one
        that disagrees least.
    """
    best: tuple[int, PairFit] | None = None
    for number, side in enumerate(sides):
        pair = dense_fit.fit_pair(front, side)
        if best is None or pair.agreement > best[1].agreement:
            best = number, pair
        if pair.agrees:
            break
    if best is None:
        raise ValueError("expected a face or more in the side photo, got none")
    return best


def other_face(name: str, photo: Photo, face: Detection, option: str = "--side-face") -> Doubt:
    """Return the doubt for a side photo in which `best_side` did not choose the largest face."""
    return Doubt(
        "other face",
        f"The largest face in {name} does not fit the front photo; took the one "
        f"{place(photo, face)}, which does; choose another with {option} N.",
    )


def _doubt_about_pixels(name: str, photo: Photo, face: Detection) -> list[Doubt]:
    """Return what seems wrong with the pixels of a face: few, dark or blurred."""
    height, width = photo.pixels.shape[:2]
    low = face.box[:2].round().clip(0, [width - 1, height - 1]).astype(int)
    high = face.box[2:].round().clip(low + 1, [width, height]).astype(int)
    pixels = photo.pixels[low[1] : high[1], low[0] : high[0]]
    doubts = []
    if pixels.shape[1] < NARROWEST_PX:
        doubts.append(
            Doubt(
                "small",
                f"The face in {name} is {pixels.shape[1]} px wide; for detail it needs "
                f"{NARROWEST_PX} or more.",
            )
        )
    if pixels.shape[1] > LOOKED_AT_PX:
        shape = round(LOOKED_AT_PX * pixels.shape[0] / pixels.shape[1]), LOOKED_AT_PX
        shrunk = resize_image(pixels, shape)
        pixels = shrunk / 255 if pixels.dtype == np.uint8 else shrunk
    used = contrast(pixels)
    if used < FAINT:
        doubts.append(
            Doubt(
                "faint",
                f"The face in {name} has hardly any contrast: it uses {used:.0%} of the values "
                "from black to white. Take the photo in more light.",
            )
        )
    elif pixels.shape[1] > 2 * NARROWEST_PX and (lost := _detail(pixels) / used) < LOST_CONTRAST:
        doubts.append(
            Doubt(
                "blurred",
                f"The face in {name} is blurred: shrunk to a width of {NARROWEST_PX} px it would "
                f"lose no more than {lost:.1%} of its contrast.",
            )
        )
    return doubts


def _detail(pixels: np.ndarray) -> float:
    """Return the rms difference between a picture and its copy of `NARROWEST_PX`, 0..1."""
    image, (height, width) = to_float(pixels), pixels.shape[:2]
    small = resize_image(image, (max(1, round(NARROWEST_PX * height / width)), NARROWEST_PX))
    difference = (image - resize_image(small, (height, width))).mean(axis=-1)
    return float(np.sqrt(np.mean(difference**2)))
