"""How to take better photos: plain advice, from what was measured in the photos at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from facelib.geometry.transforms import pose_from_rotation
from facelib.imaging.crop import Crop
from facelib.imaging.effects import blurred
from facelib.show.report_content import ReportContent, ReportPhoto

FRONT_YAW_DEG = 12.0  # beyond these limits a photo is worth taking again
SIDE_YAW_DEG = (50.0, 100.0)
LEVEL_DEG = 15.0
NEAREST_MM = 600.0
SMALLEST_FACE_PX = 300
DARK, WASHED_OUT = 0.25, 0.97  # grey values: the brightest tenth below, the middle above
UNEVEN = 1.7  # one half of the face this many times as bright as the other
SHARP = 1.2  # steepest slopes over those of the photo blurred by BLUR faces; see `_sharpness`
BLUR = 0.01
FACE_PX = 400  # largest side at which sharpness is measured
ACTING = 0.35  # strength of a facial action that shows

ALWAYS = (
    "Stand in even light: daylight from a window that you face is best, with no lamp or sun behind "
    "you or on one side.",
    "Hold the camera at the height of your eyes, 1 to 2 m away, and zoom in; or let somebody else "
    "take the photos.",
    "Look neutral, with closed lips and open eyes, and keep that expression in both photos.",
    "Take off glasses, and keep hair away from cheeks, forehead and ears.",
    "Take both photos at the same place within a minute. For the second, rotate your whole body by "
    "about 80°, so that the camera sees your profile.",
    "Use the files as the camera made them. Portrait mode, beauty filters, cropping and messengers "
    "remove detail and what is known of the lens.",
)

_ACTIONS = {
    "jawOpen": "an open mouth",
    "mouthSmileLeft": "a smile",
    "mouthSmileRight": "a smile",
    "eyeBlinkLeft": "closed eyes",
    "eyeBlinkRight": "closed eyes",
    "mouthPucker": "pursed lips",
    "cheekPuff": "puffed cheeks",
    "browInnerUp": "raised brows",
}


def advice_on(content: ReportContent) -> list[str]:
    """Return what to do better in these photos, one or two sentences each; empty if all is well."""
    found: list[str] = []
    if len(content.photos) < 2:
        found.append(
            "There is no side photo. A second photo, of your profile, shows how far nose, chin and "
            "forehead stand out, which the front photo can only suggest."
        )
    for photo in content.photos:
        found += [*_on_pose(photo), *_on_size(photo), *_on_focus(photo), *_on_light(photo)]
    return found + list(_on_expression(content.expression))


def _on_pose(photo: ReportPhoto) -> Iterator[str]:
    if photo.camera is None:
        return
    pitch, yaw, _ = np.degrees(pose_from_rotation(photo.camera.rotation))
    if photo.view == "front" and abs(yaw) > FRONT_YAW_DEG:
        yield f"In the front photo the head is rotated by {abs(yaw):.0f}°: look into the camera."
    if photo.view == "side" and not SIDE_YAW_DEG[0] <= abs(yaw) <= SIDE_YAW_DEG[1]:
        yield (
            f"In the side photo the head is rotated by {abs(yaw):.0f}°: "
            "80° to 90° shows the profile and helps most."
        )
    if abs(pitch) > LEVEL_DEG:
        yield (
            f"The {photo.view} photo shows the face tilted {'up' if pitch > 0 else 'down'} by "
            f"{abs(pitch):.0f}°: look straight ahead, with the camera at the height of your eyes."
        )
    distance = float(np.linalg.norm(photo.camera.translation_eye))
    if photo.camera.focal_px is not None and distance < NEAREST_MM:
        yield (
            f"The {photo.view} photo was taken from about {distance / 10:.0f} cm, which makes the "
            "nose large and the ears small: step back to 1 m or more, and zoom in."
        )


def _on_size(photo: ReportPhoto) -> Iterator[str]:
    height = float(np.ptp(photo.vertices_image[:, 1]))
    if height < SMALLEST_FACE_PX:
        yield (
            f"The face in the {photo.view} photo is {height:.0f} pixels high: fill more of the "
            f"picture with it, or use the original file; {2 * SMALLEST_FACE_PX} or more keep the "
            "detail of the skin."
        )


def _on_focus(photo: ReportPhoto) -> Iterator[str]:
    if _sharpness(photo) < SHARP:
        yield (
            f"The face in the {photo.view} photo is blurred: hold still, in more light, and let "
            "the camera focus on your eyes."
        )


def _sharpness(photo: ReportPhoto) -> float:
    """Return the photo's steepest slopes over those of a blurred copy: 1 has no fine detail.

    Photos of 1,000 px and enlarged thumbnails of 120 px have 1.5 to 2.8. Blurred by 1 % of the
    face they have 1.3, by 2 % 1.1.
    """
    low, high = photo.vertices_image[:, :2].min(axis=0), photo.vertices_image[:, :2].max(axis=0)
    side = float((high - low).max())
    size = max(16, min(FACE_PX, round(side)))
    pixels = Crop(tuple(map(float, (low + high) / 2)), side, size).cut(photo.pixels, outside="edge")
    return _steepest(pixels) / max(_steepest(blurred(pixels, BLUR * size)), 1e-6)


def _steepest(pixels: np.ndarray) -> float:
    grey = pixels.mean(axis=2)
    slopes = np.hypot(grey[1:-1, 2:] - grey[1:-1, :-2], grey[2:, 1:-1] - grey[:-2, 1:-1])
    return float(np.quantile(slopes, 0.98))


def _on_light(photo: ReportPhoto) -> Iterator[str]:
    at_right, grey = _grey_on_face(photo)
    if len(grey) < 2:
        return
    if np.quantile(grey, 0.9) < DARK:
        yield f"The face in the {photo.view} photo is dark: take it in more light."
    elif np.median(grey) > WASHED_OUT:
        yield f"The face in the {photo.view} photo is washed out: take it in softer light."
    elif photo.view == "front" and 0 < at_right.sum() < len(grey):
        halves = np.mean(grey[at_right]), np.mean(grey[~at_right])
        ratio = max(halves) / max(min(halves), 1e-3)
        if ratio > UNEVEN:
            yield (
                f"One half of the face in the front photo is {ratio:.1f} times as bright as the "
                "other: face the window or the lamp."
            )


def _grey_on_face(photo: ReportPhoto) -> tuple[np.ndarray, np.ndarray]:
    """Return, of the vertices inside the photo, whether right of the nose, and the grey there."""
    height, width = photo.pixels.shape[:2]
    columns, rows = np.round(photo.vertices_image[:, :2]).astype(int).T
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    colors = photo.pixels[rows[inside], columns[inside]].astype(np.float32)
    grey = colors.mean(axis=1) / (255 if photo.pixels.dtype == np.uint8 else 1)
    return columns[inside] > photo.keypoints_image[30, 0], grey


def _on_expression(strengths: Mapping[str, float]) -> Iterator[str]:
    shown = {words for name, words in _ACTIONS.items() if strengths.get(name, 0.0) > ACTING}
    if shown:
        yield (
            f"The front photo shows {' and '.join(sorted(shown))}: a neutral face gives the most "
            "faithful head."
        )
