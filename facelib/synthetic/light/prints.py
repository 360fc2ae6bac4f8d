"""What happens to a photo after the camera: paper and its tones, small copies, hard compression.

Most photos stay as they are. The others are black-and-white, sepia, of high contrast, faded,
enlarged from a small copy, or compressed until blocks are visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image

from facelib.imaging.effects import jpeg

Range = tuple[float, float]


class PrintDraws(NamedTuple):
    """Distributions of `random_print`; displayed values are in 0..1."""

    grey_share: float = 0.08
    grey_mix: tuple[float, float, float] = (2.0, 3.0, 1.2)  # Dirichlet's parameters of R, G, B
    grey_contrast: Range = (0.0, 1.8)
    sepia_share: float = 0.15  # of the grey photos
    sepia_black: tuple[Range, Range, Range] = ((0.08, 0.2), (0.05, 0.12), (0.0, 0.07))
    sepia_white: tuple[Range, Range, Range] = ((0.92, 1.0), (0.84, 0.93), (0.66, 0.8))
    hard_share: float = 0.05  # of photos in colour
    hard_contrast: Range = (0.9, 1.8)
    pivot: Range = (0.38, 0.55)  # the value that contrast keeps
    faded_share: float = 0.06  # of photos that are not sepia
    faded_black: Range = (0.04, 0.28)
    faded_white: Range = (0.75, 1.0)
    faded_cast: float = 0.025  # standard deviation of each colour's black and white
    small_share: float = 0.1
    small: Range = (0.3, 0.75)  # side of the small copy over the photo's
    squeezed_share: float = 0.08
    squeezed_small_share: float = 0.4  # of the small copies
    quality: tuple[int, int] = (10, 36)  # of squeezed JPEGs: from, and below ...
    small_quality: tuple[int, int] = (30, 70)  # ... and of those that are enlarged afterwards


DRAWS = PrintDraws()
LEAST_COPY_PX = 12
WAYS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


@dataclass(frozen=True)
class Print:
    """The way of one photo after the camera; by default, it stays as it is.

    Attributes:
        mix: (3,) shares of red, green and blue in a black-and-white photo; None for colour.
        contrast: steepness of the tones' S; 0 is straight.
        pivot: the displayed value about which tones are spread.
        black: (3,) displayed RGB that black becomes.
        white: (3,) displayed RGB that white becomes.
        small: side of the copy that was enlarged, over the photo's side.
        smooth: whether it was enlarged with smooth curves, not with straight lines.
        jpeg_quality: 1..95 of the small copy, or 0 for no JPEG.
    """

    mix: np.ndarray | None = None
    contrast: float = 0.0
    pivot: float = 0.5
    black: np.ndarray | tuple[float, float, float] = (0.0, 0.0, 0.0)
    white: np.ndarray | tuple[float, float, float] = (1.0, 1.0, 1.0)
    small: float = 1.0
    smooth: bool = True
    jpeg_quality: int = 0


def random_print(rng: np.random.Generator) -> Print:
    """Draw what happens to a photo."""
    grey, sepia, hard, faded, small, squeezed = rng.random(6)
    mix, contrast = None, 0.0
    if grey < DRAWS.grey_share:
        mix, contrast = rng.dirichlet(DRAWS.grey_mix), rng.uniform(*DRAWS.grey_contrast)
    elif hard < DRAWS.hard_share:
        contrast = rng.uniform(*DRAWS.hard_contrast)
    black, white = np.zeros(3), np.ones(3)
    if mix is not None and sepia < DRAWS.sepia_share:
        black = rng.uniform(*np.transpose(DRAWS.sepia_black))
        white = rng.uniform(*np.transpose(DRAWS.sepia_white))
    elif faded < DRAWS.faded_share:
        cast = np.zeros((2, 3)) if mix is not None else rng.normal(0, DRAWS.faded_cast, (2, 3))
        black = np.clip(rng.uniform(*DRAWS.faded_black) + cast[0], 0, 1)
        white = np.clip(rng.uniform(*DRAWS.faded_white) + cast[1], 0, 1)
    is_small = small < DRAWS.small_share
    squeezed_share = DRAWS.squeezed_small_share if is_small else DRAWS.squeezed_share
    quality = rng.integers(*(DRAWS.small_quality if is_small else DRAWS.quality))
    return Print(
        mix,
        float(contrast),
        float(rng.uniform(*DRAWS.pivot)),
        black,
        white,
        small=float(np.exp(rng.uniform(*np.log(DRAWS.small)))) if is_small else 1.0,
        smooth=bool(rng.random() < 0.5),
        jpeg_quality=int(quality) if squeezed < squeezed_share else 0,
    )


def make_print(photo: np.ndarray, way: Print) -> np.ndarray:
    """Return (S, S, 3) uint8 RGB after the camera's photo went its way: tones, copy, JPEG."""
    table = _tones(way)
    if way.mix is not None:
        photo = np.repeat(np.rint(photo @ np.asarray(way.mix))[..., None].astype(np.uint8), 3, -1)
    if table is not None:
        photo = table[photo, np.arange(3)]
    size = len(photo)
    small = max(round(size * way.small), min(LEAST_COPY_PX, size))
    if small < size:
        photo = _resized(photo, small, Image.Resampling.BOX)
    if way.jpeg_quality:
        photo = jpeg(photo, way.jpeg_quality)
    return _resized(photo, size, WAYS[way.smooth]) if small < size else photo


def _tones(way: Print) -> np.ndarray | None:
    """The printed value of each displayed one: (256, 3) uint8; None if nothing changes."""
    black, white = np.asarray(way.black), np.asarray(way.white)
    if not way.contrast and not black.any() and (white == 1).all():
        return None
    value = np.linspace(0, 1, 256)
    if way.contrast:
        bent = np.tanh(2 * way.contrast * (value - way.pivot))
        value = (bent - bent[0]) / (bent[-1] - bent[0])
    return np.rint(255 * (black + (white - black) * value[:, None])).astype(np.uint8)


def _resized(photo, side, how):
    return np.asarray(Image.fromarray(photo).resize((side, side), how))
