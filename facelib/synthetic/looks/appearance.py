"""The looks of people: colours of skin, lips, eyes, hair and cloth, and shapes of brows and hair.

Colours are linear light, as in the renderer; `to_display` converts them for a photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.synthetic.looks.fields import FIELD_COUNT

IRIS_COLORS = np.array(
    [
        [0.10, 0.045, 0.02],  # dark brown
        [0.20, 0.10, 0.04],  # brown
        [0.20, 0.20, 0.08],  # hazel
        [0.16, 0.26, 0.36],  # blue
        [0.25, 0.28, 0.30],  # grey
    ]
)
HAIR_COLORS = np.array(
    [
        [0.010, 0.009, 0.009],  # black
        [0.045, 0.024, 0.013],  # dark brown
        [0.14, 0.07, 0.03],  # brown
        [0.40, 0.26, 0.12],  # blond
        [0.22, 0.06, 0.02],  # red
        [0.42, 0.41, 0.40],  # grey
    ]
)
GREY_SHARE = 0.12  # of hair, if the person's age is unknown
FAIR_BELOW = 2.2  # fair hair and eyes get rarer with melanin, up to 1 over this

# The draws of `random_appearance`: limits of uniform draws, unless noted otherwise.
MELANIN_BETA = (0.9, 1.6)  # both shapes of the beta distribution
BLOOD = (0.1, 0.6)
MELANIN_OF_REGION = {
    "bags": (0, 0.14),
    "lids": (0, 0.12),
    "lips": (0.0, 0.14),
    "nose": (-0.03, 0.03),
    "ears": (-0.02, 0.04),
}
BLOOD_OF_REGION = {
    "cheeks": (0, 0.5),
    "nose": (0, 0.25),
    "tip": (0, 0.4),
    "ears": (0, 0.5),
    "bags": (-0.1, 0.25),
    "lids": (0, 0.3),
    "lips": (0.5, 1.3),
}
FRECKLED_SHARE, FRECKLES = 0.2, (0.15, 0.5)
MELANIN_BLOTCHES, BLOOD_BLOTCHES = (0.05, 0.025), (0.12, 0.08)  # deviations, wide and narrow
GRAIN = (0.0, 0.07)
STUBBLE, BEARD = (0.1, 0.4), (0.5, 0.95)
BEARD_SHARES = (0.6, 0.25, 0.15)  # no beard, stubble, beard
STUBBLE_GRAIN = (0.2, 0.8)
MADE_UP_SHARE = 0.35  # of people without a beard
LIPSTICK, LIPSTICK_OPACITY = ([0.25, 0.02, 0.04], [0.5, 0.14, 0.2]), (0.1, 0.8)
EYE_SHADOW, EYE_SHADOW_OPACITY = ([0.02, 0.02, 0.03], [0.25, 0.12, 0.15]), (0.1, 0.5)
LASHES, MADE_UP_LASHES = (0.25, 0.7), (0.6, 0.95)
BROW = ([0.45, 1.7, 0.2], [0.95, 4.0, 0.9])  # opacity, half thickness mm, raggedness mm
THIN_HAIR, FULL_HAIR = (0.3, 0.7), 0.97
HAIR_SHARES = (0.08, 0.1, 0.82)  # bald, thin, full
HAIRLINE_DEVIATION_MM = 4
RECEDING_SHARE, RECEDING_MM = 0.15, (8, 30)
PUPIL = (0.28, 0.55)
SCLERA = ([0.60, 0.52, 0.48], [0.85, 0.80, 0.78])
BRIGHTEST_GARMENT = 0.8
GLOSS = (0.01, 0.12)


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
        beard_grain: share of it that is visible as single hairs.
        hair: opacity of the hair; 0 is bald.
        hairline_mm: how far the hairline recedes.
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
    melanin = float(rng.beta(*MELANIN_BETA))
    beards = [0.0, rng.uniform(*STUBBLE), rng.uniform(*BEARD)]
    beard = float(rng.choice(beards, p=BEARD_SHARES))
    made_up = beard == 0 and rng.random() < MADE_UP_SHARE
    hair_color = _random_hair_color(rng, melanin)
    return Appearance(
        melanin=melanin,
        blood=float(rng.uniform(*BLOOD)),
        map_melanin={
            **{name: rng.uniform(*limits) for name, limits in MELANIN_OF_REGION.items()},
            "freckles": _sometimes(rng, FRECKLED_SHARE, FRECKLES),
        },
        map_blood={name: rng.uniform(*limits) for name, limits in BLOOD_OF_REGION.items()},
        blotch_melanin=_blotches(rng, *MELANIN_BLOTCHES),
        blotch_blood=_blotches(rng, *BLOOD_BLOTCHES),
        fine=float(rng.uniform(*GRAIN)),
        lipstick=_makeup(rng, made_up, LIPSTICK, LIPSTICK_OPACITY),
        eye_shadow=_makeup(rng, made_up, EYE_SHADOW, EYE_SHADOW_OPACITY),
        lashes=float(rng.uniform(*(MADE_UP_LASHES if made_up else LASHES))),
        brow=rng.uniform(*BROW),
        beard=beard,
        beard_grain=float(rng.uniform(*STUBBLE_GRAIN)),
        hair=float(rng.choice([0.0, rng.uniform(*THIN_HAIR), FULL_HAIR], p=HAIR_SHARES)),
        hairline_mm=float(
            rng.normal(0, HAIRLINE_DEVIATION_MM) + _sometimes(rng, RECEDING_SHARE, RECEDING_MM)
        ),
        hair_color=hair_color,
        iris=_random_iris(rng, melanin),
        pupil=float(rng.uniform(*PUPIL)),
        sclera=rng.uniform(*SCLERA),
        garment=rng.random(3) ** 2 * BRIGHTEST_GARMENT,
        gloss=float(rng.uniform(*GLOSS)),
        pattern=int(rng.integers(2**31)),
    )


def young_hair_color(rng: np.random.Generator, melanin: float) -> np.ndarray:
    """Draw the colour, (3,) linear RGB, of hair before it turns grey.

    Args:
        rng: draws.
        melanin: of the skin, 0..1; fair hair gets rarer with it.
    """
    shares = _hair_shares(melanin)
    color = HAIR_COLORS[rng.choice(len(shares), p=shares / shares.sum())]
    # One factor for all channels, then a little warmth: pale hair must not look grey or green.
    warmth = rng.uniform(-0.12, 0.12)
    return color * rng.uniform(0.65, 1.3) * [1 + warmth, 1, 1 - warmth]


def _sometimes(rng, share, limits):
    value = rng.uniform(*limits)
    return float(value) if rng.random() < share else 0.0


def _blotches(rng, wide, narrow):
    scale = np.repeat([wide, narrow], FIELD_COUNT) / np.sqrt(FIELD_COUNT / 2)
    return (rng.normal(size=2 * FIELD_COUNT) * scale * rng.uniform(0.3, 1)).astype(np.float32)


def _makeup(rng, worn, colors, opacities):
    color, strength = rng.uniform(*colors), rng.uniform(*opacities)
    return np.append(color, strength if worn else 0.0)


def _hair_shares(melanin):
    """Shares of HAIR_COLORS without grey; they need not sum to 1."""
    fair = np.clip(1 - FAIR_BELOW * melanin, 0, 1)
    return np.array([0.25 + melanin, 0.3, 0.25 * fair + 0.03, 0.25 * fair, 0.08 * fair])


def _random_hair_color(rng, melanin):
    shares = np.append(_hair_shares(melanin), GREY_SHARE)
    color = HAIR_COLORS[rng.choice(len(shares), p=shares / shares.sum())]
    return color * rng.uniform(0.7, 1.4, 3) ** [1, 0.3, 0.3]


def _random_iris(rng, melanin):
    fair = np.clip(1 - FAIR_BELOW * melanin, 0, 1)
    shares = np.array([0.35 + melanin, 0.3, 0.2 * fair, 0.3 * fair, 0.15 * fair])
    return IRIS_COLORS[rng.choice(len(shares), p=shares / shares.sum())] * rng.uniform(0.7, 1.3)
