"""The strip below the skin: eyeballs, teeth, tongue and mouth, in the generator's paint.

The generator's eye is linear in the colours of its iris, of the iris around the pupil and of its
white, so its paint ships as what each colour is multiplied with. The colours are those that the
photos show between the lids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.avatar.surface import MOUTH_PATCH
from facelib.avatar.texture.teeth import enamel_shown
from facelib.avatar.texture.tones import Tone
from facelib.avatar.texture.views import SeenPhoto, View
from facelib.imaging.effects import box_mean, to_linear
from facelib.imaging.imagefiles import to_uint8
from facelib.imaging.resample import resize_image

SKIN_SHARE = 0.8  # of the page's height, above the strip
EYE_SCALE = 1.6  # largest value of the shipped paint of eyes
GAMMA = 1 / 2.2
# Linear RGB where photos show none: a neutral brown, and a white that lids shade.
BROWN, WHITE = (0.09, 0.042, 0.02), (0.50, 0.46, 0.43)
INNER = (1.5, 1.25, 0.8)  # the iris around the pupil, relative to its rim
# Behind lips, whose shade photos show without them.
ENAMEL, GUM, TONGUE = (0.30, 0.26, 0.21), (0.22, 0.078, 0.072), (0.24, 0.075, 0.07)
LIPS_INSIDE, THROAT = (0.24, 0.07, 0.06), (0.02, 0.006, 0.006)
RIM_PX = 2  # of the z-buffer: pixels this near to a lid may show it
FEW = 60  # least number of px of the photo
LEAST_CONTRAST = 1.5  # of white over iris, in linear light
IRIS_AMONG, WHITE_AMONG = (20, 80), (20, 90)  # percentiles of the darker and brighter pixels
DARKEST_IRIS, BRIGHTEST_IRIS = 0.008, 0.22  # mean of linear RGB
DARKEST_WHITE, BRIGHTEST_WHITE = 0.28, 0.62
MOST_WARMTH = 0.75  # log of red over blue of an eye's white, in linear light; skin has more
GREY_WHITE = 0.6  # how far the measured white is moved to grey: it mirrors lids and lamps


@dataclass(frozen=True)
class InnerColors:
    """Colours of eyes and of teeth behind lips, linear RGB, each (3,) float32."""

    iris: np.ndarray
    white: np.ndarray
    enamel: np.ndarray


def inner_colors(
    photos: Sequence[SeenPhoto],
    views: Sequence[View],
    skins: Sequence[Tone],
    gains: np.ndarray,
) -> InnerColors:
    """Measure the colours between lids and lips in the first photo that shows them.

    Args:
        photos: with the head.
        views: of the same photos.
        skins: tone of the skin in each photo, in evened light.
        gains: (K, 3) float32, by which the lips' colours in each photo are multiplied to even its
            light.
    """
    both = list(zip(photos, views, strict=True))
    eyes = (_eye_colors(_between_lids(*each)) for each in both)
    iris, white = next((pair for pair in eyes if pair), (np.float32(BROWN), np.float32(WHITE)))
    teeth = (
        enamel_shown(*each, skin, gain) for each, skin, gain in zip(both, skins, gains, strict=True)
    )
    enamel = next((shown for shown in teeth if shown is not None), None)
    if enamel is None:
        enamel = np.float32(ENAMEL) * (white.mean() / np.mean(WHITE)).astype(np.float32)
    return InnerColors(iris, white, enamel)


def paint_strip(pixels: np.ndarray, colors: InnerColors, maps: dict[str, np.ndarray]) -> None:
    """Paint the strip of a page in place.

    Args:
        pixels: (size, size, 3) uint8.
        colors: of this person.
        maps: of `paint.page_maps`.
    """
    size = pixels.shape[0]
    top, side = round(SKIN_SHARE * size), size / 4
    strip = pixels[top:]
    light, gum = maps["tooth_light"][..., None], maps["tooth_gum"][..., None]
    teeth = colors.enamel * light
    teeth += (np.float32(GUM) - teeth) * gum
    for slots, paint in (((0, 1), eye_paint(colors, maps)), ((2,), teeth)):
        shown = _shown(resize_image(paint, (len(strip), round(side))))
        for slot in slots:
            strip[:, round(slot * side) :][:, : round(side)] = shown
    strip[:, round(3 * side) :] = _shown(np.float32(TONGUE))
    (left, _), (right, _) = (np.round(np.multiply(corner, size)) for corner in MOUTH_PATCH)
    inward = np.linspace(0, 1, len(strip), dtype=np.float32)[:, None, None]
    mouth = np.float32(LIPS_INSIDE) + (np.float32(THROAT) - np.float32(LIPS_INSIDE)) * inward
    strip[:, int(left) :] = _shown(mouth)


def eye_paint(colors: InnerColors, maps: dict[str, np.ndarray]) -> np.ndarray:
    """Colour the generator's eye: (h, w, 3) float32, linear RGB."""
    iris = maps["eye_iris"] * colors.iris + maps["eye_inner"] * (colors.iris * np.float32(INNER))
    return (iris + maps["eye_white"] * colors.white) * np.float32(EYE_SCALE)


def _between_lids(photo: SeenPhoto, view: View) -> np.ndarray:
    """(n, 3) float32 linear RGB of a photo where eyeballs show, away from the lids."""
    shown = view.shows("eyes").astype(np.float32)
    return to_linear(view.colors(photo, box_mean(shown, RIM_PX) > 0.999))


def _eye_colors(colors: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Take the iris from the darker part, without the pupil, and the white from the brighter one.

    None if there are few pixels, or none as bright and as grey as an eye's white: closed or shaded
    eyes, or a black border.
    """
    if len(colors) < FEW:
        return None
    brightness = np.log(np.maximum(colors.mean(axis=1), 1e-3))
    bright = brightness > np.percentile(brightness, (5, 95)).mean()
    if bright.all() or not bright.any():
        return None
    iris, white = (
        np.median(colors[_among(np.where(side, brightness, np.nan), ranks)], axis=0)
        for side, ranks in ((~bright, IRIS_AMONG), (bright, WHITE_AMONG))
    )
    if not iris.any():
        return None
    warmth = np.log(white[0] / max(white[2], 1e-3))
    if not white.mean() > LEAST_CONTRAST * iris.mean() or warmth > MOST_WARMTH:
        return None
    white = white + (white.mean() - white) * np.float32(GREY_WHITE)
    return (
        iris * np.clip(iris.mean(), DARKEST_IRIS, BRIGHTEST_IRIS) / iris.mean(),
        white * np.clip(white.mean(), DARKEST_WHITE, BRIGHTEST_WHITE) / white.mean(),
    )


def _among(values: np.ndarray, ranks: tuple[float, float]) -> np.ndarray:
    """(n,) bool: values between two percentiles; NaN is none."""
    low, high = np.nanpercentile(values, ranks)
    return (values >= low) & (values <= high)


def _shown(linear: np.ndarray) -> np.ndarray:
    return to_uint8(np.clip(linear, 0, 1) ** np.float32(GAMMA))
