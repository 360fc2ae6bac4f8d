"""Painting a person finely: the page with all that skin and eyes have, its relief and its shine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from facelib.face.headmodel import MorphableModel
from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import BROW_SHADE, SKIN_SHARE, Atlas
from facelib.synthetic.looks.brushes import paint_brow, paint_cap
from facelib.synthetic.looks.complexion import FLUSH, Complexion
from facelib.synthetic.looks.eyes import PATTERNS, EyeMaps, build_eye_maps, paint_eye
from facelib.synthetic.looks.fields import mix_fields, smooth_fields
from facelib.synthetic.looks.relief import CREASES, Crease, build_creases, pore_tile
from facelib.synthetic.looks.skin_brushes import COARSE, add_mole, carve, cover, paint_dyes, stubble
from facelib.synthetic.looks.teeth import TeethMaps, build_teeth, paint_teeth

VARIANTS = 3
# What the white of an eye reflects of `Appearance.sclera`, and how much less in the darkest people,
# in whom it is often pigmented itself and lids throw no light of their own on it.
WHITE, WHITE_IN_DARK = (0.74, 0.71, 0.68), 0.45
TONGUE = np.float32([0.42, 0.13, 0.12])


@dataclass(frozen=True)
class CutMask:
    """A mask cut to where it is not empty: first row and column, (h, w) uint8."""

    top: int
    left: int
    mask: np.ndarray


@dataclass(frozen=True)
class Canvas:
    """What all people painted on an atlas share; made once by `build_canvas`.

    Attributes:
        atlas: the page.
        fields: (F, size/4, size/4) float32, of `smooth_fields`.
        maps: (3, size, size) uint8: lips, where skin is mottled, how coarse pores are.
        mottle: (2, size, size) int8 noise of deviation 32, soft and fine, seamless.
        spots: (size, size) uint8, freckles all over, seamless.
        pores: (size, size) int8, pits, seamless.
        grain: (size, size) float32, noise of deviation 1 for hair.
        patches: masks by name: lips, lids, lashes, liner, cheeks, beard.
        creases: VARIANTS sets of lines.
        brow: first row, column, distance mm and taper, cut about the brows.
        eyes: maps of eyeballs.
        teeth: maps of both rows of teeth.
    """

    atlas: Atlas
    fields: np.ndarray
    maps: np.ndarray
    mottle: np.ndarray
    spots: np.ndarray
    pores: np.ndarray
    grain: np.ndarray
    patches: dict[str, CutMask]
    creases: tuple[dict[str, Crease], ...]
    brow: tuple[int, int, np.ndarray, np.ndarray]
    eyes: EyeMaps
    teeth: TeethMaps


@dataclass(frozen=True)
class Painting:
    """A painted person: page (1.25·size, size, 3) float32 linear RGB, relief (same) float32 mm."""

    page: np.ndarray
    relief: np.ndarray


def build_canvas(atlas: Atlas, model: MorphableModel) -> Canvas:
    """Prepare everything that painting people on an atlas needs.

    Args:
        atlas: the page.
        model: whose mean head the atlas shows.

    Returns:
        Canvas; it takes about two seconds, so keep it.
    """
    size, position = atlas.size, atlas.position_mm
    rng = np.random.default_rng(23)
    noise = rng.normal(size=(2, size, size))
    widths = (2.2 * size / 512, 0.55)
    soft = (gaussian_filter(n, w, mode="wrap") for n, w in zip(noise, widths, strict=True))
    mottle = np.stack([_int8(layer) for layer in soft])
    y, z = position[..., 1], position[..., 2]
    face = _soft(z - 20, 14) * _soft(y + 100, 12)
    coarse = 0.25 + 0.75 * np.clip(
        atlas.maps["nose"] + 1.1 * _near(position, [(-28, -18, 75), (28, -18, 75)], 22)
        + 0.7 * _near(position, [(0, 45, 92)], 30) + 0.5 * _near(position, [(0, -80, 85)], 16), 0, 1
    )  # fmt: skip
    coarse *= face * (1 - np.clip(1.3 * atlas.maps["lips"], 0, 1))
    masks = (atlas.maps["lips"], face * _soft(60 - y, 10), coarse)
    keypoints_head = model.keypoints(model.mean_head)
    return Canvas(
        atlas,
        smooth_fields(atlas, np.s_[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE]),
        np.stack([_uint8(mask) for mask in masks]),
        mottle,
        _spots(size),
        np.rint(pore_tile(size) * 127).astype(np.int8),
        (mottle[1] / np.float32(32)).astype(np.float32),
        _patches(atlas, model),
        tuple(build_creases(atlas, keypoints_head, k) for k in range(VARIANTS)),
        _brow(atlas),
        build_eye_maps(atlas),
        build_teeth(atlas, model),
    )


def paint_person(
    looks: Appearance, skin: Complexion, canvas: Canvas, hairline_mm: np.ndarray | None = None
) -> Painting:
    """Paint a person's page and relief.

    Args:
        looks: tone, brows, hair, colours.
        skin: everything finer.
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
    face = page[:size]
    creases = canvas.creases[skin.crease_variant % VARIANTS]
    for name, depth in zip(CREASES, skin.creases, strict=True):
        crease = creases[name]
        if depth > 0:
            carve(relief, crease.top, crease.left, crease.profile, depth)
    paint_dyes(
        *_smooth_dyes(looks, skin, canvas),
        canvas.maps,
        canvas.mottle,
        canvas.spots,
        canvas.pores,
        rng.integers(1, size, 4),
        _dye_weights(looks, skin),
        face,
        relief[:size],
    )
    _make_up(face, looks, skin, canvas)
    _hair(face, looks, skin, canvas, hairline_mm)
    for u, v, radius_mm in skin.moles:
        radius_px = max(radius_mm * size / 340, 0.8)  # the face's texels are about 0.6 mm at 512
        row, col = int(v * size), int(u * size)
        add_mole(face, relief[:size], row, col, radius_px, np.float32(0.1))
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
        field = mix_fields(canvas.fields, blotches * (0.6 * even), strengths, even)
        dyes.append(np.ascontiguousarray(field + np.float32(base)))
    return dyes


def _dye_weights(looks, skin):
    even = 1 - skin.foundation
    shallow = 1 / (1 + looks.melanin)  # creases redden light skin more than dark
    return np.float32(
        [looks.map_melanin["lips"], looks.map_blood["lips"] * 0.9, skin.mottle_melanin * even,
         skin.mottle_blood * even, skin.mottle_melanin * even * 0.5,
         skin.freckles * 0.28 * even, skin.pores * 0.035, -0.22, -0.16 * shallow, -0.4 * even]
    )  # fmt: skip


def _make_up(face, looks, skin, canvas):
    # Make-up is thin: dark skin below darkens it.
    lipstick = looks.lipstick * np.append(np.full(3, 1 - 0.6 * min(looks.melanin, 1.0)), 1.0)
    for name, color in (
        ("lips", lipstick), ("lids", looks.eye_shadow), ("cheeks", skin.blusher),
        ("lashes", np.append(looks.hair_color * (0.4 * BROW_SHADE), looks.lashes)),
        ("liner", np.append(np.full(3, 0.01), skin.eyeliner)),
    ):  # fmt: skip
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
            veil = np.append(looks.hair_color * 0.8 + [0.006, 0.008, 0.012], opacity)
            stubble(face, patch.top, patch.left, patch.mask, canvas.mottle[1], np.float32(veil))
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
        paint_eye(maps.radius, maps.turn, maps.veins, pattern, colors, shape, start, strip[:, left])
        relief[:, left] = maps.bulge_mm
    strip[:, 2 * side : 3 * side] = paint_teeth(canvas.teeth, rng)
    strip[:, 3 * side :] = TONGUE
    strip[:, 3 * side + side // 2 :] = np.float32(looks.garment)


def _patches(atlas, model):
    rim_mm, upper = _lid_edge(atlas, model)
    y = atlas.position_mm[..., 1]
    masks = {
        "lips": atlas.maps["lips"],
        "cheeks": atlas.maps["cheeks"],
        "beard": gaussian_filter(atlas.maps["beard"], atlas.size / 256) * _soft(y + 104, 4),
        "lids": np.exp(-((rim_mm / 7) ** 2)) * upper,
        "lashes": np.exp(-((rim_mm / 1.0) ** 2)) * (0.3 + 0.7 * upper),
        "liner": np.exp(-((rim_mm / 1.7) ** 4)) * (0.25 + 0.75 * upper),
    }
    return {name: _cut(mask) for name, mask in masks.items()}


def _lid_edge(atlas, model):
    """Distance to the lids' outer edge, mm, and whether the nearer lid is the upper one (0..1)."""
    socket, triangles = model.regions["eye_sockets"], model.triangles
    inner = np.zeros(len(socket), bool)
    inner[triangles[socket[triangles].any(axis=1)]] = True
    # A lid is thick: one ring further out lies the edge that photos show.
    outer = np.zeros(len(socket), bool)
    outer[triangles[(inner & ~socket)[triangles].any(axis=1)]] = True
    edge = np.flatnonzero(outer & ~inner)
    points = model.mean_head[edge]
    distance, index = cKDTree(points).query(atlas.position_mm, distance_upper_bound=25.0)
    distance = np.where(np.isfinite(distance), distance, 99.0)
    middle = np.where(points[:, 0] > 0, *(
        points[points[:, 0] * side > 0, 1].mean() for side in (1, -1)
    ))  # fmt: skip
    above = np.append(points[:, 1] - middle, 0.0)[np.minimum(index, len(points))]
    return distance, _soft(above, 0.8)


def _cut(mask):
    bits = _uint8(mask)
    rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
    inside = bits[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return CutMask(int(rows[0]), int(columns[0]), np.ascontiguousarray(inside))


def _brow(atlas):
    near = atlas.brow_mm < 9
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return (
        int(rows[0]),
        int(columns[0]),
        np.ascontiguousarray(atlas.brow_mm[cut]),
        np.ascontiguousarray(atlas.brow_taper[cut]),
    )


def _spots(size):
    """Freckles of many sizes all over a seamless tile, (size, size) uint8."""
    rng = np.random.default_rng(37)
    total = np.zeros((size, size))
    for sigma, share in ((0.6, 0.007), (0.85, 0.0025), (1.2, 0.0005)):
        seeds = (rng.random((size, size)) < share) * rng.uniform(0.3, 1, (size, size))
        blurred = gaussian_filter(seeds, sigma * size / 512, mode="wrap")
        total = np.maximum(total, blurred / np.percentile(blurred[seeds > 0], 90))
    return _uint8(total)


def _near(position, centres, radius):
    """1 at the centres, falling off like a Gaussian."""
    best = np.min([((position - np.array(c)) ** 2).sum(axis=-1) for c in centres], axis=0)
    return np.exp(-best / radius**2)


def _soft(value, width):
    return 1 / (1 + np.exp(-np.clip(value / width, -30, 30)))


def _uint8(mask):
    return np.clip(np.rint(np.asarray(mask) * 255), 0, 255).astype(np.uint8)


def _int8(noise):
    return np.clip(np.rint(noise / noise.std() * 32), -127, 127).astype(np.int8)
