"""The parts of a page that all finely painted people share: maps, masks, noise, lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from facelib.face.headmodel import MorphableModel
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.looks.brushes import BROW_REACH_MM
from facelib.synthetic.looks.eyes import EyeMaps, build_eye_maps
from facelib.synthetic.looks.falloff import Edge, soft_step
from facelib.synthetic.looks.fields import smooth_fields
from facelib.synthetic.looks.relief import CREASE_VARIANTS, Crease, build_creases, pore_tile
from facelib.synthetic.looks.skin_brushes import COARSE, NOISE_DEVIATION, PIT, SkinMaps
from facelib.synthetic.looks.teeth import TeethMaps, build_teeth

# The shared page; mm on the mean head, px on a page of TILE_SIZE.
TILE_SIZE = 512
SOFT_MOTTLE_PX, FINE_MOTTLE_PX = 2.2, 0.55
FACE_FRONT, FACE_LOW = Edge(20, 14), Edge(-100, 12)  # in z and y
MOTTLED_BELOW = Edge(60, 10)  # in y
# Where pores are coarse: most on the nose, and around these points.
FINEST_PORES = 0.25
COARSE_PORES = (
    # strength, places, radius
    (1.1, ((-28, -18, 75), (28, -18, 75)), 22),  # cheeks
    (0.7, ((0, 45, 92),), 30),  # forehead
    (0.5, ((0, -80, 85),), 16),  # chin
)
NO_PORES_ON_LIPS = 1.3
# Freckles of three sizes: blur, px, and share of the texels that have one.
FRECKLE_SIZES = ((0.6, 0.007), (0.85, 0.0025), (1.2, 0.0005))
FRECKLE_LIGHTEST, FRECKLE_FULL_PERCENTILE = 0.3, 90  # darkness; percentile with full darkness
# Make-up and hair at the lids, mm from the lids' outer edge; shares at the lower lid.
SHADOW_MM, LASH_MM, LINER_MM, LINER_POWER = 7, 1.0, 1.7, 4
LOWER_LASHES, LOWER_LINER = 0.3, 0.25
LID_SIDE_MM = 0.8  # width of the transition from the upper lid to the lower one
LID_REACH_MM, BEYOND_MM = 25.0, 99.0  # largest measured distance from lids; value beyond it
BEARD_LOW = Edge(-104, 4)  # in y


@dataclass(frozen=True)
class CutMask:
    """A mask cropped to its content: first row and column, (h, w) uint8."""

    top: int
    left: int
    mask: np.ndarray


@dataclass(frozen=True)
class Canvas:
    """The parts that all people painted on an atlas share; made once by `build_canvas`.

    Attributes:
        atlas: the page.
        fields: (F, size/4, size/4) float32, of `smooth_fields`.
        maps: for the dyes.
        grain: (size, size) float32, noise of deviation 1 for hair.
        patches: masks by name: lips, lids, lashes, liner, cheeks, beard.
        creases: CREASE_VARIANTS sets of lines.
        brow: first row, column, distance mm and taper, cut about the brows.
        eyes: maps of eyeballs.
        teeth: maps of both rows of teeth.
    """

    atlas: Atlas
    fields: np.ndarray
    maps: SkinMaps
    grain: np.ndarray
    patches: dict[str, CutMask]
    creases: tuple[dict[str, Crease], ...]
    brow: tuple[int, int, np.ndarray, np.ndarray]
    eyes: EyeMaps
    teeth: TeethMaps


def build_canvas(atlas: Atlas, model: MorphableModel) -> Canvas:
    """Prepare a canvas for painting people on an atlas.

    Args:
        atlas: the page.
        model: whose mean head the atlas shows.

    Returns:
        Canvas; making it takes about two seconds, so cache it.
    """
    maps = _skin_maps(atlas)
    keypoints_head = model.keypoints(model.mean_head)
    return Canvas(
        atlas,
        smooth_fields(atlas, np.s_[COARSE // 2 :: COARSE, COARSE // 2 :: COARSE]),
        maps,
        (maps.fine / np.float32(NOISE_DEVIATION)).astype(np.float32),
        _patches(atlas, model),
        tuple(build_creases(atlas, keypoints_head, k) for k in range(CREASE_VARIANTS)),
        _brow(atlas),
        build_eye_maps(atlas),
        build_teeth(atlas, model),
    )


def _skin_maps(atlas):
    size, position = atlas.size, atlas.position_mm
    noise = np.random.default_rng(23).normal(size=(2, size, size))
    soft_px, fine_px = SOFT_MOTTLE_PX * size / TILE_SIZE, FINE_MOTTLE_PX
    y, z = position[..., 1], position[..., 2]
    face = FACE_FRONT.above(z) * FACE_LOW.above(y)
    coarse = atlas.maps["nose"]
    for strength, places, radius in COARSE_PORES:
        coarse = coarse + strength * _near(position, places, radius)
    coarse = FINEST_PORES + (1 - FINEST_PORES) * np.clip(coarse, 0, 1)
    coarse *= face * (1 - np.clip(NO_PORES_ON_LIPS * atlas.maps["lips"], 0, 1))
    return SkinMaps(
        _uint8(atlas.maps["lips"]),
        _uint8(face * MOTTLED_BELOW.below(y)),
        _uint8(coarse),
        _int8(gaussian_filter(noise[0], soft_px, mode="wrap")),
        _int8(gaussian_filter(noise[1], fine_px, mode="wrap")),
        _spots(size),
        np.rint(pore_tile(size) * PIT).astype(np.int8),
    )


def _patches(atlas, model):
    rim_mm, upper = _lid_edge(atlas, model)
    y = atlas.position_mm[..., 1]
    masks = {
        "lips": atlas.maps["lips"],
        "cheeks": atlas.maps["cheeks"],
        "beard": gaussian_filter(atlas.maps["beard"], atlas.size / 256) * BEARD_LOW.above(y),
        "lids": np.exp(-((rim_mm / SHADOW_MM) ** 2)) * upper,
        "lashes": np.exp(-((rim_mm / LASH_MM) ** 2)) * (LOWER_LASHES + (1 - LOWER_LASHES) * upper),
        "liner": np.exp(-((rim_mm / LINER_MM) ** LINER_POWER))
        * (LOWER_LINER + (1 - LOWER_LINER) * upper),
    }
    return {name: _cut(mask) for name, mask in masks.items()}


def _lid_edge(atlas, model):
    """Distance to the lids' outer edge, mm, and whether the nearer lid is the upper one (0..1)."""
    socket, triangles = model.regions["eye_sockets"], model.triangles
    inner = np.zeros(len(socket), bool)
    inner[triangles[socket[triangles].any(axis=1)]] = True
    # A lid is thick: its visible edge is one ring further out.
    outer = np.zeros(len(socket), bool)
    outer[triangles[(inner & ~socket)[triangles].any(axis=1)]] = True
    edge = np.flatnonzero(outer & ~inner)
    points = model.mean_head[edge]
    distance, index = cKDTree(points).query(atlas.position_mm, distance_upper_bound=LID_REACH_MM)
    distance = np.where(np.isfinite(distance), distance, BEYOND_MM)
    right, left = (points[points[:, 0] * side > 0, 1].mean() for side in (1, -1))
    middle = np.where(points[:, 0] > 0, right, left)
    above = np.append(points[:, 1] - middle, 0.0)[np.minimum(index, len(points))]
    return distance, soft_step(above, LID_SIDE_MM)


def _cut(mask):
    bits = _uint8(mask)
    rows, columns = np.flatnonzero(bits.any(axis=1)), np.flatnonzero(bits.any(axis=0))
    inside = bits[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return CutMask(int(rows[0]), int(columns[0]), np.ascontiguousarray(inside))


def _brow(atlas):
    near = atlas.brow_mm < BROW_REACH_MM
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
    for blur_px, share in FRECKLE_SIZES:
        seeds = rng.random((size, size)) < share
        seeds = seeds * rng.uniform(FRECKLE_LIGHTEST, 1, (size, size))
        blurred = gaussian_filter(seeds, blur_px * size / TILE_SIZE, mode="wrap")
        full = np.percentile(blurred[seeds > 0], FRECKLE_FULL_PERCENTILE)
        total = np.maximum(total, blurred / full)
    return _uint8(total)


def _near(position, centres, radius):
    """1 at the centres, falling off like a Gaussian."""
    best = np.min([((position - np.array(c)) ** 2).sum(axis=-1) for c in centres], axis=0)
    return np.exp(-best / radius**2)


def _uint8(mask):
    return np.clip(np.rint(np.asarray(mask) * 255), 0, 255).astype(np.uint8)


def _int8(noise):
    return np.clip(np.rint(noise / noise.std() * NOISE_DEVIATION), -127, 127).astype(np.int8)
