"""How people look: skin, lips, brows, eyes, hair, drawn at random and painted on the atlas.

Colours here are linear light, as the renderer adds them up; `to_display` makes a photo of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas
from facelib.synthetic.looks.brushes import (
    blend,
    paint_beard,
    paint_brow,
    paint_cap,
    paint_skin,
    skin_color,
)

IRIS_RADIUS = np.arcsin(
    6.0 / 12.5
)  # rad seen from the eyeball's centre: 12 mm wide on a 12.5 mm ball
IRIS_COLORS = np.array(
    [
        [0.10, 0.045, 0.02],
        [0.20, 0.10, 0.04],
        [0.20, 0.20, 0.08],
        [0.16, 0.26, 0.36],
        [0.25, 0.28, 0.30],
    ]
)  # dark brown, brown, hazel, blue, grey
HAIR_COLORS = np.array(
    [[0.010, 0.009, 0.009], [0.045, 0.024, 0.013], [0.14, 0.07, 0.03], [0.40, 0.26, 0.12],
     [0.22, 0.06, 0.02], [0.42, 0.41, 0.40]]
)  # black, dark brown, brown, blond, red, grey  # fmt: skip
FIELD_COUNT = 12  # smooth random fields of each of the two widths
FIELD_WIDTHS_MM = (28.0, 8.0)


@dataclass(frozen=True)
class Appearance:
    """One person's looks; every number is a draw of `random_appearance`.

    Attributes:
        melanin: 0 (palest) .. 1 (darkest).
        blood: redness of the skin, 0..1.
        map_melanin: strength by map name of regional darkening.
        map_blood: strength by map name of regional reddening.
        blotch_melanin: (2·FIELD_COUNT,) weights of the smooth random fields.
        blotch_blood: (2·FIELD_COUNT,) the same for redness.
        fine: strength of the skin's grain.
        lipstick: (4,) linear RGB and opacity.
        eye_shadow: (4,) linear RGB and opacity.
        lashes: opacity of the lash line.
        brow: (3,) opacity, half thickness mm, raggedness mm.
        beard: opacity of beard or stubble.
        beard_grain: how much of it shows as single hairs.
        hair: opacity of the hair; 0 is bald.
        hairline_mm: how far the hair is drawn back.
        hair_color: (3,) linear RGB of hair, brows and beard.
        iris: (3,) linear RGB.
        pupil: its radius as a share of the iris.
        sclera: (3,) linear RGB.
        garment: (3,) linear RGB.
        gloss: strength of the skin's highlight.
        pattern: seed of hair and grain patterns.
    """

    melanin: float
    blood: float
    map_melanin: dict[str, float]
    map_blood: dict[str, float]
    blotch_melanin: np.ndarray
    blotch_blood: np.ndarray
    fine: float
    lipstick: np.ndarray
    eye_shadow: np.ndarray
    lashes: float
    brow: np.ndarray
    beard: float
    beard_grain: float
    hair: float
    hairline_mm: float
    hair_color: np.ndarray
    iris: np.ndarray
    pupil: float
    sclera: np.ndarray
    garment: np.ndarray
    gloss: float
    pattern: int


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Draw a person's looks."""
    melanin = float(rng.beta(0.9, 1.6))
    beard = float(
        rng.choice([0.0, rng.uniform(0.1, 0.4), rng.uniform(0.5, 0.95)], p=[0.6, 0.25, 0.15])
    )
    made_up = beard == 0 and rng.random() < 0.35
    hair_color = _random_hair_color(rng, melanin)
    return Appearance(
        melanin=melanin,
        blood=float(rng.uniform(0.1, 0.6)),
        map_melanin={
            "bags": rng.uniform(0, 0.14), "lids": rng.uniform(0, 0.12),
            "lips": rng.uniform(0.0, 0.14), "nose": rng.uniform(-0.03, 0.03),
            "ears": rng.uniform(-0.02, 0.04), "freckles": _sometimes(rng, 0.2, 0.15, 0.5),
        },
        map_blood={
            "cheeks": rng.uniform(0, 0.5), "nose": rng.uniform(0, 0.25), "tip": rng.uniform(0, 0.4),
            "ears": rng.uniform(0, 0.5), "bags": rng.uniform(-0.1, 0.25),
            "lids": rng.uniform(0, 0.3), "lips": rng.uniform(0.5, 1.3),
        },
        blotch_melanin=_blotches(rng, 0.05, 0.025),
        blotch_blood=_blotches(rng, 0.12, 0.08),
        fine=float(rng.uniform(0.0, 0.07)),
        lipstick=_makeup(rng, made_up, [0.25, 0.02, 0.04], [0.5, 0.14, 0.2], 0.8),
        eye_shadow=_makeup(rng, made_up, [0.02, 0.02, 0.03], [0.25, 0.12, 0.15], 0.5),
        lashes=float(rng.uniform(0.6, 0.95) if made_up else rng.uniform(0.25, 0.7)),
        brow=rng.uniform([0.45, 1.7, 0.2], [0.95, 4.0, 0.9]),
        beard=beard,
        beard_grain=float(rng.uniform(0.2, 0.8)),
        hair=float(rng.choice([0.0, rng.uniform(0.3, 0.7), 0.97], p=[0.08, 0.1, 0.82])),
        hairline_mm=float(rng.normal(0, 4) + _sometimes(rng, 0.15, 8, 30)),
        hair_color=hair_color,
        iris=_random_iris(rng, melanin),
        pupil=float(rng.uniform(0.28, 0.55)),
        sclera=rng.uniform([0.60, 0.52, 0.48], [0.85, 0.80, 0.78]),
        garment=rng.random(3) ** 2 * 0.8,
        gloss=float(rng.uniform(0.01, 0.12)),
        pattern=int(rng.integers(2**31)),
    )  # fmt: skip


def young_hair_color(rng: np.random.Generator, melanin: float) -> np.ndarray:
    """Draw the colour, (3,) linear RGB, that hair has before it greys.

    Args:
        rng: draws.
        melanin: of the skin, 0..1; fair hair grows rare with it.
    """
    shares = _hair_shares(melanin)
    color = HAIR_COLORS[rng.choice(len(shares), p=shares / shares.sum())]
    # One factor for all channels, then a little warmth: what is pale must not turn grey or green.
    warmth = rng.uniform(-0.12, 0.12)
    return color * rng.uniform(0.65, 1.3) * [1 + warmth, 1, 1 - warmth]


def paint(person: Appearance, atlas: Atlas) -> np.ndarray:
    """Paint a person's texture.

    Args:
        person: whom.
        atlas: the page to paint on.

    Returns:
        (1.25·size, size, 3) float32, linear RGB albedo in 0..1.
    """
    rng = np.random.default_rng(person.pattern)
    page = np.empty((round(atlas.size / SKIN_SHARE), atlas.size, 3), np.float32)
    skin, strip = page[: atlas.size], page[atlas.size :]
    fields = _fields(atlas)
    melanin = np.float32(person.melanin) + _mix(fields, person.blotch_melanin, person.map_melanin)
    blood = np.float32(person.blood) + _mix(fields, person.blotch_blood, person.map_blood)
    grain = _grain(atlas.size, rng)
    sharp = np.float32(
        [person.map_melanin["lips"], person.map_blood["lips"], person.map_melanin["freckles"],
         person.fine]
    )  # fmt: skip
    smooth = skin_color(np.maximum(melanin, 0), np.maximum(blood, 0))
    paint_skin(smooth, atlas.maps["lips"], atlas.maps["freckles"], grain, sharp, skin)
    _cover(skin, atlas.maps["lips"], person.lipstick)
    _cover(skin, atlas.maps["lids"], person.eye_shadow)
    _paint_hair(skin, atlas, person, grain)
    _paint_strip(strip, atlas, person, rng)
    return page


def vertex_colors(atlas: Atlas) -> np.ndarray:
    """(N, 3) float32: what the texture is multiplied with, darker where little light gets in."""
    return atlas.shade


def vertex_gloss(person: Appearance, atlas: Atlas) -> np.ndarray:
    """(N,) float32: strength of the highlight at every vertex."""
    return atlas.gloss * np.float32(person.gloss)


def _sometimes(rng, chance, low, high):
    value = rng.uniform(low, high)
    return float(value) if rng.random() < chance else 0.0


def _blotches(rng, wide, narrow):
    scale = np.repeat([wide, narrow], FIELD_COUNT) / np.sqrt(FIELD_COUNT / 2)
    return (rng.normal(size=2 * FIELD_COUNT) * scale * rng.uniform(0.3, 1)).astype(np.float32)


def _makeup(rng, worn, low, high, opacity):
    color, strength = rng.uniform(low, high), rng.uniform(0.1, opacity)
    return np.append(color, strength if worn else 0.0)


def _hair_shares(melanin):
    fair = np.clip(1 - 2.2 * melanin, 0, 1)
    return np.array([0.25 + melanin, 0.3, 0.25 * fair + 0.03, 0.25 * fair, 0.08 * fair])


def _random_hair_color(rng, melanin):
    shares = np.append(_hair_shares(melanin), 0.12)
    color = HAIR_COLORS[rng.choice(len(shares), p=shares / shares.sum())]
    return color * rng.uniform(0.7, 1.4, 3) ** [1, 0.3, 0.3]


def _random_iris(rng, melanin):
    fair = np.clip(1 - 2.2 * melanin, 0, 1)
    shares = np.array([0.35 + melanin, 0.3, 0.2 * fair, 0.3 * fair, 0.15 * fair])
    return IRIS_COLORS[rng.choice(len(shares), p=shares / shares.sum())] * rng.uniform(0.7, 1.3)


@dataclass(frozen=True)
class _Fields:
    stack: np.ndarray  # (2·FIELD_COUNT + maps, size/2, size/2) float32
    names: tuple[str, ...]


_FIELD_CACHE: dict[int, tuple[Atlas, _Fields]] = {}


def _fields(atlas: Atlas) -> _Fields:
    """The smooth maps and random fields of an atlas at half its size, made once."""
    kept = _FIELD_CACHE.get(atlas.size)
    if kept is not None and kept[0].position_mm is atlas.position_mm:
        return kept[1]
    half = atlas.position_mm[::2, ::2]
    rng = np.random.default_rng(11)
    waves = []
    for width in FIELD_WIDTHS_MM:
        for _ in range(FIELD_COUNT):
            turns = rng.normal(size=(3, 3)) / width
            shifts = rng.uniform(0, 2 * np.pi, 3)
            waves.append(np.cos(half @ turns.T + shifts).sum(axis=-1) / np.sqrt(1.5))
    names = ("nose", "tip", "cheeks", "ears", "bags", "lids")
    maps = [atlas.maps[name][::2, ::2] for name in names]
    fields = _Fields(np.stack(waves + maps).astype(np.float32), names)
    _FIELD_CACHE[atlas.size] = atlas, fields
    return fields


def _mix(fields, blotches, strengths):
    weights = np.append(blotches, [strengths.get(name, 0.0) for name in fields.names])
    return np.tensordot(weights.astype(np.float32), fields.stack, 1)


@lru_cache(maxsize=4)
def _grain_tile(size):
    rng = np.random.default_rng(3)
    noise = gaussian_filter(rng.normal(size=(size, size)), 0.7, mode="wrap")
    return (noise / noise.std()).astype(np.float32)


def _grain(size, rng):
    """Fine noise of standard deviation 1, another cut of one tile for everybody."""
    down, right = rng.integers(0, size, 2)
    return np.roll(_grain_tile(size), (down, right), axis=(0, 1))


def _paint_hair(skin, atlas, person, grain):
    color = np.append(person.hair_color, 1.0).astype(np.float32)
    paint_brow(skin, atlas.brow_mm, atlas.brow_taper, grain, np.float32(person.brow), color)
    _cover(skin, atlas.maps["lashes"], np.append(person.hair_color * 0.4, person.lashes))
    if person.beard:
        grainy = np.float32([person.beard, person.beard_grain])
        paint_beard(skin, atlas.maps["beard"], grain, grainy, color)
    if person.hair:
        cap = np.float32([person.hair, person.hairline_mm])
        paint_cap(skin, atlas.hairline_mm, grain, cap, color)


def _cover(page, mask, color_opacity):
    if color_opacity[3] > 0:
        color = np.asarray(color_opacity, np.float32)
        blend(page, np.ascontiguousarray(mask, np.float32), color)


def _paint_strip(strip, atlas, person, rng):
    """Eyeballs, teeth, tongue and shirt side by side."""
    side = strip.shape[0]
    eye = _eye(atlas, person, rng)
    strip[:, :side] = eye
    strip[:, side : 2 * side] = eye[:, ::-1]
    strip[:, 2 * side : 3 * side] = np.float32([0.75, 0.68, 0.55])
    strip[:, 3 * side :] = np.float32([0.45, 0.14, 0.13])
    strip[:, 3 * side + side // 2 :] = np.float32(person.garment)


def _eye(atlas, person, rng):
    """(size/4, size/4, 3) one eyeball, its front in the middle."""
    side = atlas.eye_angle.shape[0]
    r = atlas.eye_angle / np.float32(IRIS_RADIUS)
    vein = np.float32([0.05, 0.25, 0.25]) * np.clip(r - 1.4, 0, 1)[..., None]
    eye = np.float32(person.sclera) * (1 - vein)
    front = slice(side // 4, side - side // 4)  # the iris lies in the middle quarter
    r, around = r[front, front], atlas.eye_around[front, front]
    fibres = sum(np.cos(n * around + rng.uniform(0, 6.28)) for n in rng.integers(5, 30, 3)) * 0.12
    ring = 1 - 0.65 * _step(r, 0.86, 0.1)
    collar = 1 + 0.5 * np.exp(-(((r - person.pupil - 0.15) / 0.15) ** 2))
    iris = (ring * collar * (1 + fibres))[..., None] * person.iris
    color = iris + (eye[front, front] - iris) * _step(r, 1.0, 0.06)[..., None]
    eye[front, front] = color * _step(r, person.pupil, 0.06)[..., None]
    return eye


def _step(value, at, width):
    return np.clip((value - at) / width + 0.5, 0, 1)
