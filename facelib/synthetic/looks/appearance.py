"""How people look: colours of skin, lips, eyes, hair and cloth, and shapes of brows and hair.

Colours are linear light, as the renderer adds them up; `to_display` makes a photo of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.synthetic.looks.fields import FIELD_COUNT

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
