"""The plain painter: a smooth page of skin, lips, brows, eyes and hair, without relief.

Colours are linear light, as in the renderer; `to_display` converts them for a photo.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas
from facelib.synthetic.looks.brushes import (
    blend,
    dye_page,
    paint_beard,
    paint_brow,
    paint_cap,
    plain_skin_color,
)
from facelib.synthetic.looks.fields import mix_fields, smooth_fields

# rad seen from the eyeball's centre: 12 mm wide on a 12.5 mm ball
IRIS_RADIUS = np.arcsin(6.0 / 12.5)
TEETH = np.float32([0.75, 0.68, 0.55])
TONGUE = np.float32([0.45, 0.14, 0.13])
VEINS = np.float32([0.05, 0.25, 0.25])  # darkening of an eye's white toward its corners, RGB
LASH_SHADE = 0.4  # brightness of lashes relative to hair
GRAIN_SEED, GRAIN_BLUR_PX = 3, 0.7
# An eyeball, in radii of the iris.
VEINS_FROM = 1.4
LIMBUS, LIMBUS_WIDTH, LIMBUS_DARKNESS = 0.86, 0.1, 0.65  # the dark ring around the iris
COLLAR_WIDTH, COLLAR_GAIN = 0.15, 0.5  # the bright ring around the pupil
EDGE_WIDTH = 0.06  # of iris and pupil
FIBRE_WAVES, FIBRES_PER_TURN, FIBRE_CONTRAST = 3, (5, 30), 0.12


def paint_page(looks: Appearance, atlas: Atlas) -> np.ndarray:
    """Paint a person's texture page.

    Args:
        looks: of the person.
        atlas: the page to paint on.

    Returns:
        (1.25·size, size, 3) float32, linear RGB albedo in 0..1.
    """
    rng = np.random.default_rng(looks.pattern)
    page = np.empty((round(atlas.size / SKIN_SHARE), atlas.size, 3), np.float32)
    skin, strip = page[: atlas.size], page[atlas.size :]
    fields = _fields(atlas)
    melanin = mix_fields(fields, looks.blotch_melanin, looks.map_melanin)
    melanin = np.float32(looks.melanin) + melanin
    blood = np.float32(looks.blood) + mix_fields(fields, looks.blotch_blood, looks.map_blood)
    grain = _grain(atlas.size, rng)
    sharp = np.float32(
        [
            looks.map_melanin["lips"],
            looks.map_blood["lips"],
            looks.map_melanin["freckles"],
            looks.fine,
        ]
    )
    smooth = plain_skin_color(np.maximum(melanin, 0), np.maximum(blood, 0))
    dye_page(smooth, atlas.maps["lips"], atlas.maps["freckles"], grain, sharp, skin)
    _cover(skin, atlas.maps["lips"], looks.lipstick)
    _cover(skin, atlas.maps["lids"], looks.eye_shadow)
    _paint_hair(skin, atlas, looks, grain)
    _paint_strip(strip, atlas, looks, rng)
    return page


@lru_cache(maxsize=4)
def _fields(atlas: Atlas) -> np.ndarray:
    """The smooth fields of a page at half its size, made once per page."""
    return smooth_fields(atlas, np.s_[::2, ::2])


@lru_cache(maxsize=4)
def _grain_tile(size):
    rng = np.random.default_rng(GRAIN_SEED)
    noise = gaussian_filter(rng.normal(size=(size, size)), GRAIN_BLUR_PX, mode="wrap")
    return (noise / noise.std()).astype(np.float32)


def _grain(size, rng):
    """Fine noise of standard deviation 1, another part of one tile for each person."""
    down, right = rng.integers(0, size, 2)
    return np.roll(_grain_tile(size), (down, right), axis=(0, 1))


def _paint_hair(skin, atlas, looks, grain):
    color = np.append(looks.hair_color, 1.0).astype(np.float32)
    paint_brow(skin, atlas.brow_mm, atlas.brow_taper, grain, np.float32(looks.brow), color)
    _cover(skin, atlas.maps["lashes"], np.append(looks.hair_color * LASH_SHADE, looks.lashes))
    if looks.beard:
        grainy = np.float32([looks.beard, looks.beard_grain])
        paint_beard(skin, atlas.maps["beard"], grain, grainy, color)
    if looks.hair:
        cap = np.float32([looks.hair, looks.hairline_mm])
        paint_cap(skin, atlas.hairline_mm, grain, cap, color)


def _cover(page, mask, color_opacity):
    if color_opacity[3] > 0:
        color = np.asarray(color_opacity, np.float32)
        blend(page, np.ascontiguousarray(mask, np.float32), color)


def _paint_strip(strip, atlas, looks, rng):
    """Eyeballs, teeth, tongue and shirt side by side."""
    side = strip.shape[0]
    eye = _plain_eye(atlas, looks, rng)
    strip[:, :side] = eye
    strip[:, side : 2 * side] = eye[:, ::-1]
    strip[:, 2 * side : 3 * side] = TEETH
    strip[:, 3 * side :] = TONGUE
    strip[:, 3 * side + side // 2 :] = np.float32(looks.garment)


def _plain_eye(atlas, looks, rng):
    """(size/4, size/4, 3) one eyeball, its front in the middle."""
    side = atlas.eye_angle.shape[0]
    r = atlas.eye_angle / np.float32(IRIS_RADIUS)
    vein = VEINS * np.clip(r - VEINS_FROM, 0, 1)[..., None]
    eye = np.float32(looks.sclera) * (1 - vein)
    front = slice(side // 4, side - side // 4)  # the iris lies in the middle quarter
    r, around = r[front, front], atlas.eye_around[front, front]
    waves = rng.integers(*FIBRES_PER_TURN, FIBRE_WAVES)
    fibres = sum(np.cos(n * around + rng.uniform(0, 6.28)) for n in waves) * FIBRE_CONTRAST
    ring = 1 - LIMBUS_DARKNESS * _step(r, LIMBUS, LIMBUS_WIDTH)
    from_collar = (r - looks.pupil - COLLAR_WIDTH) / COLLAR_WIDTH
    collar = 1 + COLLAR_GAIN * np.exp(-(from_collar**2))
    iris = (ring * collar * (1 + fibres))[..., None] * looks.iris
    color = iris + (eye[front, front] - iris) * _step(r, 1.0, EDGE_WIDTH)[..., None]
    eye[front, front] = color * _step(r, looks.pupil, EDGE_WIDTH)[..., None]
    return eye


def _step(value, at, width):
    return np.clip((value - at) / width + 0.5, 0, 1)
