"""Eyeballs: sclera with veins, an iris of fibres between its two rings, and the cornea's bulge.

The page shows an eyeball from the front; its patch holds the angle from the front and the angle
around (facelib.synthetic.looks.atlas). All lengths are those of an adult's eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from facelib.synthetic.looks.atlas import Atlas

EYEBALL_MM, CORNEA_MM, IRIS_MM = 15.5, 8.0, 5.6  # radii; the head model's eyeballs are large
RINGS, AROUND = 48, 256  # grid of an iris, from its middle outwards and around
EVEN = 128  # uint8 brightness of an iris without a pattern
PATTERNS = 6

# Radii and widths relative to the iris's radius; a slope is 1 over the width of a soft edge.
WHITE_FROM, WHITE_SLOPE = 1.05, 1.3  # where the white begins to redden toward the corners
RED_WHITE = 0.22  # redness between the veins, relative to a vein's
VEIN_DARK = (0.14, 0.62, 0.66)  # absorption of a vein, RGB
IRIS_END = 1.08  # outer end of the iris
INNER_WIDTH, INNER_SLOPE = 0.22, 5.0  # the ring around the pupil with its own colour
LIMBAL_FROM, LIMBAL_SLOPE = 0.78, 4.5  # the dark ring at the rim
RIM_FROM, RIM_SLOPE = 0.96, 9.0  # transition from the iris to the white
PUPIL_SLOPE, PUPIL_LIGHT = 11.0, 0.004  # linear light of a pupil
# An iris's pattern: deviations of blurs in rings and columns, and strengths.
STRANDS, STRANDS_BLUR = 0.2, (9, 0.9)
BROAD, BROAD_BLUR = 0.13, (7, 6)
CRYPTS, CRYPTS_BLUR, CRYPTS_FROM = 0.22, (2.2, 2.2), 1  # dark pits, from this deviation on
COLLAR, COLLAR_AT, COLLAR_WAVE, COLLAR_BLUR, COLLAR_HALF = 0.28, 0.48, 0.05, 5, 0.09
DARKEST = 20
# Veins are random walks from the back of the eye toward the iris; rad from the front.
VEINS, VEIN_STEPS, VEIN_START, VEIN_REACH = 46, 90, 1.5, (0.62, 0.95)
VEIN_LEAN, VEIN_WANDER = 0.25, 0.018  # deviations: of the whole way, of a step
VEIN_FADE, VEIN_LEAST = 2.5, 0.1  # how fast a vein grows stronger from its end on, and its least
VEIN_VIEW = 1.57  # rad that the patch reaches
VEIN_BLUR_PX, VEIN_BLUR_SIZE = 0.55, 128


@dataclass(frozen=True)
class EyeMaps:
    """The maps that all eyes of a page share.

    Attributes:
        radius: (s, s) float32, 1 at the iris's rim.
        around_share: (s, s) float32, 0..1 around.
        veins: (s, s) uint8.
        fibres: (PATTERNS, RINGS, AROUND) uint8, brightness of irises, `EVEN` without a pattern.
        bulge_mm: (s, s) float32, height of the cornea over the eyeball.
    """

    radius: np.ndarray
    around_share: np.ndarray
    veins: np.ndarray
    fibres: np.ndarray
    bulge_mm: np.ndarray


def build_eye_maps(atlas: Atlas) -> EyeMaps:
    """Prepare the maps of eyes for a page."""
    angle, around = atlas.eye_angle, atlas.eye_around
    across_mm = EYEBALL_MM * np.sin(np.minimum(angle, np.pi / 2))
    return EyeMaps(
        (across_mm / IRIS_MM).astype(np.float32),
        ((around / (2 * np.pi)) % 1).astype(np.float32),
        _veins(angle, around),
        np.stack([_fibres(np.random.default_rng((41, k))) for k in range(PATTERNS)]),
        corneal_bulge(across_mm).astype(np.float32),
    )


def corneal_bulge(across_mm: np.ndarray) -> np.ndarray:
    """Height of the cornea over the eyeball, mm, at a distance from the eye's axis, mm."""
    d = np.minimum(across_mm, IRIS_MM)
    cornea, ball = np.sqrt(CORNEA_MM**2 - d**2), np.sqrt(EYEBALL_MM**2 - d**2)
    rim = np.sqrt(CORNEA_MM**2 - IRIS_MM**2) - np.sqrt(EYEBALL_MM**2 - IRIS_MM**2)
    return cornea - ball - rim


@njit(cache=True, error_model="numpy")
def paint_eye(radius, around_share, veins, fibres, colors, shape, start, out):
    """Paint one eyeball.

    Args:
        radius: (s, s) float32, 1 at the iris's rim.
        around_share: (s, s) float32, 0..1.
        veins: (s, s) uint8.
        fibres: (RINGS, AROUND) uint8.
        colors: (3, 3) float32 linear RGB: iris, iris about the pupil, sclera.
        shape: (3,) float32: pupil's radius (iris = 1), darkness of the limbal ring, veins.
        start: float in 0..1, rotates the iris.
        out: (s, s, 3) float32, written.
    """
    one, zero = np.float32(1), np.float32(0)
    rings, columns = fibres.shape
    pupil, limbal, red = shape[0], shape[1], shape[2]
    for row in range(radius.shape[0]):
        for col in range(radius.shape[1]):
            r = radius[row, col]
            # The white turns yellow and red toward the corners of the eye.
            far = min(max((r - np.float32(WHITE_FROM)) * np.float32(WHITE_SLOPE), zero), one)
            vein = red * far * veins[row, col] * np.float32(1 / 255)
            vein += red * far * np.float32(RED_WHITE)
            for k in range(3):
                out[row, col, k] = colors[2, k] * (one - np.float32(VEIN_DARK[k]) * vein)
            if r > np.float32(IRIS_END):
                continue
            t = around_share[row, col] + start
            t -= np.floor(t)
            ring = min(int(r * rings), rings - 1)
            light = fibres[ring, min(int(t * columns), columns - 1)] * np.float32(1 / EVEN)
            inner = (r - pupil - np.float32(INNER_WIDTH)) * np.float32(INNER_SLOPE)
            inner = one - min(max(inner, zero), one)
            rim = min(max((r - np.float32(LIMBAL_FROM)) * np.float32(LIMBAL_SLOPE), zero), one)
            light *= one - limbal * rim * rim
            outside = min(max((r - np.float32(RIM_FROM)) * np.float32(RIM_SLOPE), zero), one)
            open_ = min(max((r - pupil) * np.float32(PUPIL_SLOPE) + np.float32(0.5), zero), one)
            for k in range(3):
                iris = colors[0, k] + (colors[1, k] - colors[0, k]) * inner
                iris = iris * light * open_ + np.float32(PUPIL_LIGHT)
                out[row, col, k] = iris + (out[row, col, k] - iris) * outside


def _fibres(rng):
    """Radial strands with a wavy collar, (RINGS, AROUND) uint8."""
    noise = rng.normal(size=(RINGS, AROUND))
    edges = ("nearest", "wrap")
    strands = gaussian_filter(noise, STRANDS_BLUR, mode=edges)
    broad = gaussian_filter(noise[::-1], BROAD_BLUR, mode=edges)
    crypts = gaussian_filter(rng.normal(size=(RINGS, AROUND)), CRYPTS_BLUR, mode=edges)
    light = 1 + STRANDS * strands / strands.std() + BROAD * broad / broad.std()
    light -= CRYPTS * np.maximum(crypts / crypts.std() - CRYPTS_FROM, 0)
    waves = gaussian_filter1d(rng.normal(size=AROUND), COLLAR_BLUR, mode="wrap")
    collar = COLLAR_AT + COLLAR_WAVE * waves / waves.std()
    r = (np.arange(RINGS) + 0.5)[:, None] / RINGS
    light += COLLAR * np.exp(-(((r - collar) / COLLAR_HALF) ** 2))
    return np.clip(light * EVEN, DARKEST, 255).astype(np.uint8)


def _veins(angle, around):
    """Branching red lines that come from the back and fade toward the iris."""
    rng = np.random.default_rng(43)
    size = angle.shape[0]
    map_ = np.zeros((size, size))
    half = size / 2
    for _ in range(VEINS):
        azimuth, end = rng.uniform(0, 2 * np.pi), rng.uniform(*VEIN_REACH)
        lean = rng.normal(0, VEIN_LEAN)
        for out in np.linspace(VEIN_START, end, VEIN_STEPS):
            azimuth += rng.normal(0, VEIN_WANDER) + lean / VEIN_STEPS
            x = half + out * half * np.cos(azimuth) / VEIN_VIEW
            y = half - out * half * np.sin(azimuth) / VEIN_VIEW
            if 0 <= x < size and 0 <= y < size:
                map_[int(y), int(x)] += np.clip((out - end) * VEIN_FADE, VEIN_LEAST, 1)
    soft = gaussian_filter(np.minimum(map_, 1), VEIN_BLUR_PX * size / VEIN_BLUR_SIZE)
    return np.clip(soft / soft.max() * 255, 0, 255).astype(np.uint8)
