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
RINGS, TURNS = 48, 256  # grid of an iris, from its middle outwards and around
PATTERNS = 6


@dataclass(frozen=True)
class EyeMaps:
    """What all eyes of a page have in common.

    Attributes:
        radius: (s, s) float32, 1 at the iris's rim.
        turn: (s, s) float32, 0..1 around.
        veins: (s, s) uint8.
        fibres: (PATTERNS, RINGS, TURNS) uint8, brightness of irises; 128 is even.
        bulge_mm: (s, s) float32, height of the cornea over the eyeball.
    """

    radius: np.ndarray
    turn: np.ndarray
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
    """How far the cornea stands out of the eyeball, mm, at a distance from the eye's axis, mm."""
    d = np.minimum(across_mm, IRIS_MM)
    cornea, ball = np.sqrt(CORNEA_MM**2 - d**2), np.sqrt(EYEBALL_MM**2 - d**2)
    rim = np.sqrt(CORNEA_MM**2 - IRIS_MM**2) - np.sqrt(EYEBALL_MM**2 - IRIS_MM**2)
    return cornea - ball - rim


@njit(cache=True, error_model="numpy")
def paint_eye(radius, turn, veins, fibres, colors, shape, start, out):
    """Paint one eyeball.

    Args:
        radius: (s, s) float32, 1 at the iris's rim.
        turn: (s, s) float32, 0..1.
        veins: (s, s) uint8.
        fibres: (RINGS, TURNS) uint8.
        colors: (3, 3) float32 linear RGB: iris, iris about the pupil, sclera.
        shape: (3,) float32: pupil's radius (iris = 1), darkness of the limbal ring, veins.
        start: float in 0..1, turns the iris.
        out: (s, s, 3) float32, written.
    """
    one, zero = np.float32(1), np.float32(0)
    rings, turns = fibres.shape
    pupil, limbal, red = shape[0], shape[1], shape[2]
    for row in range(radius.shape[0]):
        for col in range(radius.shape[1]):
            r = radius[row, col]
            # White grows yellow and red toward the corners of the eye.
            far = min(max((r - np.float32(1.05)) * np.float32(1.3), zero), one)
            vein = red * far * veins[row, col] * np.float32(1 / 255) + red * far * np.float32(0.22)
            out[row, col, 0] = colors[2, 0] * (one - np.float32(0.14) * vein)
            out[row, col, 1] = colors[2, 1] * (one - np.float32(0.62) * vein)
            out[row, col, 2] = colors[2, 2] * (one - np.float32(0.66) * vein)
            if r > np.float32(1.08):
                continue
            t = turn[row, col] + start
            t -= np.floor(t)
            ring = min(int(r * rings), rings - 1)
            light = fibres[ring, min(int(t * turns), turns - 1)] * np.float32(1 / 128)
            inner = one - min(max((r - pupil - np.float32(0.22)) * np.float32(5.0), zero), one)
            rim = min(max((r - np.float32(0.78)) * np.float32(4.5), zero), one)
            light *= one - limbal * rim * rim
            outside = min(max((r - np.float32(0.96)) * np.float32(9.0), zero), one)
            open_ = min(max((r - pupil) * np.float32(11.0) + np.float32(0.5), zero), one)
            for k in range(3):
                iris = colors[0, k] + (colors[1, k] - colors[0, k]) * inner
                iris = iris * light * open_ + np.float32(0.004)
                out[row, col, k] = iris + (out[row, col, k] - iris) * outside


def _fibres(rng):
    """Radial strands with a wavy collar, (RINGS, TURNS) uint8."""
    noise = rng.normal(size=(RINGS, TURNS))
    strands = gaussian_filter(noise, (9, 0.9), mode=("nearest", "wrap"))
    broad = gaussian_filter(noise[::-1], (7, 6), mode=("nearest", "wrap"))
    crypts = gaussian_filter(rng.normal(size=(RINGS, TURNS)), (2.2, 2.2), mode=("nearest", "wrap"))
    light = 1 + 0.2 * strands / strands.std() + 0.13 * broad / broad.std()
    light -= 0.22 * np.maximum(crypts / crypts.std() - 1, 0)
    waves = gaussian_filter1d(rng.normal(size=TURNS), 5, mode="wrap")
    collar = 0.48 + 0.05 * waves / waves.std()
    r = (np.arange(RINGS) + 0.5)[:, None] / RINGS
    light += 0.28 * np.exp(-(((r - collar) / 0.09) ** 2))
    return np.clip(light * 128, 20, 255).astype(np.uint8)


def _veins(angle, around):
    """Branching red lines that come from the back and fade toward the iris."""
    rng = np.random.default_rng(43)
    size = angle.shape[0]
    map_ = np.zeros((size, size))
    half = size / 2
    for _ in range(46):
        turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.62, 0.95)
        lean = rng.normal(0, 0.25)
        for step in np.linspace(1.5, reach, 90):
            turn += rng.normal(0, 0.018) + lean / 90
            x, y = (
                half + step * half * np.cos(turn) / 1.57,
                half - step * half * np.sin(turn) / 1.57,
            )
            if 0 <= x < size and 0 <= y < size:
                map_[int(y), int(x)] += np.clip((step - reach) * 2.5, 0.1, 1)
    soft = gaussian_filter(np.minimum(map_, 1), 0.55 * size / 128)
    return np.clip(soft / soft.max() * 255, 0, 255).astype(np.uint8)
