"""The fine painter: a page with all details of skin and eyes, and its relief."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import BROW_SHADE, SKIN_SHARE
from facelib.synthetic.looks.brushes import paint_brow, paint_cap
from facelib.synthetic.looks.canvas import Canvas
from facelib.synthetic.looks.complexion import FLUSH, Complexion
from facelib.synthetic.looks.eyes import PATTERNS, paint_eye
from facelib.synthetic.looks.fields import mix_fields
from facelib.synthetic.looks.relief import CREASE_VARIANTS, CREASES
from facelib.synthetic.looks.skin_brushes import (
    DyeWeights,
    add_mole,
    carve,
    cover,
    paint_dyes,
    stubble,
)
from facelib.synthetic.looks.teeth import paint_teeth

# What the white of an eye reflects of `Appearance.sclera`, and how much less in the darkest people,
# in whom it is often pigmented itself and lids throw no light of their own on it.
WHITE, WHITE_IN_DARK = (0.74, 0.71, 0.68), 0.45
TONGUE = np.float32([0.42, 0.13, 0.12])

# Composition of a person's paint.
BLOTCHES = 0.6  # share of `Appearance`'s blotches, because mottles are painted, too
LIPS_BLOOD = 0.9  # of `Appearance`'s
FINE_MOTTLES = 0.5  # of the soft ones
FRECKLE_MELANIN, PORES_MM = 0.28, 0.035
CREASE_MELANIN, CREASE_BLOOD, PORE_MELANIN = -0.22, -0.16, -0.4  # per mm of height
LIPSTICK_IN_DARK = 0.6  # make-up is thin: its darkening on the darkest skin
LASHES_LIGHT, LINER_LIGHT = 0.4, 0.01  # share of hair's colour, linear RGB
STUBBLE_LIGHT, STUBBLE_BASE = 0.8, (0.006, 0.008, 0.012)
MOLE_LEAST_PX, MOLE_MM = 0.8, 0.1  # radius, and height of its middle
PAGE_MM = 340  # the page's width where the face is


@dataclass(frozen=True)
class Painting:
    """A painted person: page (1.25·size, size, 3) float32 linear RGB, relief (same) float32 mm."""

    page: np.ndarray
    relief: np.ndarray


def paint_person(
    looks: Appearance, skin: Complexion, canvas: Canvas, hairline_mm: np.ndarray | None = None
) -> Painting:
    """Paint a person's page and relief.

    Args:
        looks: tone, brows, hair, colours.
        skin: the complexion.
        canvas: of the atlas to paint on.
        hairline_mm: (size, size) float32, another region of hair than the atlas's.

    Returns:
        Painting.
    """
    size = canvas.atlas.size
    rng = np.random.default_rng(skin.pattern)
    height = round(size / SKIN_SHARE)
    page = np.empty((height, size, 3), np.float32)
    relief = np.zeros((height, size), np.float32)
    face, face_relief = page[:size], relief[:size]
    creases = canvas.creases[skin.crease_variant % CREASE_VARIANTS]
    for name, depth in zip(CREASES, skin.creases, strict=True):
        crease = creases[name]
        if depth > 0:
            carve(relief, crease.top, crease.left, crease.profile, depth)
    dyes, shifts = _smooth_dyes(looks, skin, canvas), rng.integers(1, size, 4)
    weights = np.float32(_dye_weights(looks, skin))
    paint_dyes(*dyes, canvas.maps, shifts, weights, face, face_relief)
    _make_up(face, looks, skin, canvas)
    _hair(face, looks, skin, canvas, hairline_mm)
    for u, v, radius_mm in skin.moles:
        radius_px = max(radius_mm * size / PAGE_MM, MOLE_LEAST_PX)
        row, col = int(v * size), int(u * size)
        add_mole(face, face_relief, row, col, radius_px, np.float32(MOLE_MM))
    _strip(page[size:], relief[size:], looks, skin, canvas, rng)
    return Painting(page, relief)


def _smooth_dyes(looks, skin, canvas):
    """Melanin and blood on the coarse grid."""
    even = 1 - skin.foundation
    dyes = []
    for base, blotches, strengths in (
        (looks.melanin, looks.blotch_melanin, looks.map_melanin),
        (FLUSH + looks.blood, looks.blotch_blood, looks.map_blood),
    ):
        field = mix_fields(canvas.fields, blotches * (BLOTCHES * even), strengths, even)
        dyes.append(np.ascontiguousarray(field + np.float32(base)))
    return dyes


def _dye_weights(looks, skin):
    even = 1 - skin.foundation
    shallow = 1 / (1 + looks.melanin)  # creases redden light skin more than dark
    return DyeWeights(
        lips_melanin=looks.map_melanin["lips"],
        lips_blood=looks.map_blood["lips"] * LIPS_BLOOD,
        soft_melanin=skin.mottle_melanin * even,
        soft_blood=skin.mottle_blood * even,
        fine_melanin=skin.mottle_melanin * even * FINE_MOTTLES,
        freckles=skin.freckles * FRECKLE_MELANIN * even,
        pores_mm=skin.pores * PORES_MM,
        crease_melanin=CREASE_MELANIN,
        crease_blood=CREASE_BLOOD * shallow,
        pore_melanin=PORE_MELANIN * even,
    )


def _make_up(face, looks, skin, canvas):
    thin = np.append(np.full(3, 1 - LIPSTICK_IN_DARK * min(looks.melanin, 1.0)), 1.0)
    colors = {
        "lips": looks.lipstick * thin,
        "lids": looks.eye_shadow,
        "cheeks": skin.blusher,
        "lashes": np.append(looks.hair_color * (LASHES_LIGHT * BROW_SHADE), looks.lashes),
        "liner": np.append(np.full(3, LINER_LIGHT), skin.eyeliner),
    }
    for name, color in colors.items():
        if color[3] > 0:
            patch = canvas.patches[name]
            cover(face, patch.top, patch.left, patch.mask, np.asarray(color, np.float32))


def _hair(face, looks, skin, canvas, hairline_mm):
    color = np.append(looks.hair_color, 1.0).astype(np.float32)
    top, left, brow_mm, taper = canvas.brow
    cut = slice(top, top + brow_mm.shape[0]), slice(left, left + brow_mm.shape[1])
    grain = canvas.grain
    brow_color = color * np.float32(BROW_SHADE)
    paint_brow(face[cut], brow_mm, taper, grain[cut], np.float32(looks.brow), brow_color)
    patch = canvas.patches["beard"]
    for opacity in (skin.beard_shadow, looks.beard):
        if opacity > 0:
            veil = np.float32([*(looks.hair_color * STUBBLE_LIGHT + STUBBLE_BASE), opacity])
            stubble(face, patch.top, patch.left, patch.mask, canvas.maps.fine, veil)
    if looks.hair:
        cap = np.float32([looks.hair, looks.hairline_mm])
        line_mm = canvas.atlas.hairline_mm if hairline_mm is None else hairline_mm
        paint_cap(face, line_mm, grain, cap, color)


def _strip(strip, relief, looks, skin, canvas, rng):
    """Eyeballs, teeth, tongue and shirt side by side."""
    side, maps = strip.shape[0], canvas.eyes
    white = np.array(WHITE) * (1 - WHITE_IN_DARK * min(looks.melanin, 1.0))
    colors = np.float32([looks.iris, skin.inner_iris, looks.sclera * white])
    shape = np.float32([looks.pupil, skin.limbal_ring, skin.veins])
    pattern = maps.fibres[rng.integers(0, PATTERNS)]
    for eye in range(2):
        left = slice(eye * side, (eye + 1) * side)
        start = np.float32(rng.random())
        places = maps.radius, maps.around_share, maps.veins
        paint_eye(*places, pattern, colors, shape, start, strip[:, left])
        relief[:, left] = maps.bulge_mm
    strip[:, 2 * side : 3 * side] = paint_teeth(canvas.teeth, rng)
    strip[:, 3 * side :] = TONGUE
    strip[:, 3 * side + side // 2 :] = np.float32(looks.garment)
