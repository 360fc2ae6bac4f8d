"""The complexion, beyond the tone of the skin: pores, lines of age, moles, oil, make-up, shadow.

The tone itself is that of two dyes over a neutral floor: the light that is reflected and scattered
before it reaches a dye. Constants were fitted to the ten tones of the Monk scale (Monk 2022) and to
the redness of measured skin. The drawn tones cover all six classes of the individual typology
angle, ITA = atan((L* − 50) / b*) (Chardon and others 1991), from very light to dark.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.relief import CREASE_VARIANTS, CREASES

# Colour = FLOOR + PALE · exp(−MELANIN·m − BLOOD·b).
FLOOR = 0.015
PALE = (0.90, 0.76, 0.57)
MELANIN = (2.45, 3.07, 3.69)
BLOOD = (0.12, 0.62, 0.55)
FLUSH = 0.2  # blood of the palest cheek, added to `Appearance.blood`
MOST_MOLES = 14
ADULT_YEARS = (18.0, 80.0)
# Deepening of each group of lines by actions of the face.
FLEXES = {
    "mouthSmile": {"nasolabial": 0.5, "crows_feet": 0.4},
    "browInnerUp": {"forehead": 0.5},
    "browOuterUp": {"forehead": 0.3},
    "browDown": {"glabella": 0.6},
    "eyeSquint": {"crows_feet": 0.4, "under_eye": 0.3},
    "mouthFrown": {"marionette": 0.5},
}
FLEXED_MM = 0.08  # additional depth by an action, since young skin folds, too

# Depths of lines, mm: nearly 0 at YOUNG_YEARS, full AGING_YEARS later.
YOUNG_YEARS, AGING_YEARS = 25, 50
CREASES_YOUNG_MM = {"under_eye": 0.08, "nasolabial": 0.14, "lips": 0.04}
CREASES_OLD_MM = {
    "forehead": 0.26,
    "glabella": 0.2,
    "crows_feet": 0.2,
    "under_eye": 0.28,
    "nasolabial": 0.62,
    "marionette": 0.5,
    "lips": 0.09,
}
CREASE_POWER = 1.3  # of the age between young and old
CREASES_OF_PERSON, CREASES_OF_GROUP = (0.5, 1.3), (0.4, 1.5)  # factors, drawn for each


class ComplexionDraws(NamedTuple):
    """Distributions of `random_complexion`; age runs from 0 (young) to 1 (old)."""

    shaven: tuple[float, float] = (0.05, 0.45)
    shaven_share: tuple[float, float] = (0.3, 0.7)  # of people without and with a beard
    pores: tuple[float, float] = (0.3, 1.2)
    pores_with_age: tuple[float, float] = (0.7, 0.6)  # factor of the young, and more of the old
    mottle_melanin: tuple[float, float] = (0.003, 0.01)
    mottle_blood: tuple[float, float] = (0.01, 0.045)
    mottle_blood_with_age: float = 0.6
    oil: tuple[float, float] = (0.55, 1.3)
    roughness: tuple[float, float] = (0.38, 0.55)
    blusher: tuple = ((0.45, 0.08, 0.1), (0.7, 0.2, 0.22))  # linear RGB
    blusher_opacity: tuple[float, float] = (0.05, 0.3)
    eyeliner: tuple[float, float] = (0, 0.8)
    foundation: tuple[float, float] = (0.2, 0.8)
    limbal_ring: tuple[float, float] = (0.25, 0.85)
    inner_iris: tuple = ((1.1, 1.0, 0.6), (2.2, 1.6, 1.1))  # factors on the iris's colour
    veins: tuple[float, float] = (0.1, 0.7)
    freckles: tuple[float, float] = (0.1, 1.0)
    freckled_share: float = 0.25  # of the palest people
    freckled_per_melanin: float = -1.6  # change of that share, relative to it
    age_spots: tuple[float, float] = (0, 0.12)
    moles_scale: float = 3.0
    mole_places: tuple = ((0.15, 0.2), (0.85, 0.98))  # u and v of the skin's square
    mole_shape: float = 3.0  # of a gamma distribution
    mole_scale_mm: float = 0.28
    mole_least_mm: float = 0.35


DRAWS = ComplexionDraws()


@dataclass(frozen=True)
class Complexion:
    """One person's skin and eyes; every number is a draw of `random_complexion`.

    Attributes:
        age_years: the age for which the lines were drawn.
        creases: (7,) depth in mm of each group of `relief.CREASES`, in that order.
        crease_variant: number of the set of lines.
        pores: depth of the pores; 1 is usual.
        mottle_melanin: strength of small irregular darkening.
        mottle_blood: strength of small irregular reddening.
        freckles: density of freckles, 0..1.
        moles: (k, 3) float: place on the page (u, v of the skin's square) and radius, mm.
        oil: strength of the skin's highlight; 1 corresponds to its refractive index.
        roughness: GGX alpha of the skin.
        beard_shadow: opacity of shaven hair below the skin.
        blusher: (4,) linear RGB and opacity.
        eyeliner: opacity of a dark line at the lids.
        foundation: how far make-up evens out the skin, 0..1.
        limbal_ring: darkness of the iris's rim, 0..1.
        inner_iris: (3,) linear RGB about the pupil.
        veins: redness of the sclera, 0..1.
        pattern: seed of the positions of pores, mottles and freckles.
    """

    age_years: float
    creases: np.ndarray
    crease_variant: int
    pores: float
    mottle_melanin: float
    mottle_blood: float
    freckles: float
    moles: np.ndarray
    oil: float
    roughness: float
    beard_shadow: float
    blusher: np.ndarray
    eyeliner: float
    foundation: float
    limbal_ring: float
    inner_iris: np.ndarray
    veins: float
    pattern: int

    def without(self, *names: str) -> Complexion:
        """Return the same skin with some of its parts set to 0, to show the effect of each.

        Raises:
            ValueError: if a name is not a field.
        """
        unknown = set(names) - {field.name for field in fields(self)}
        if unknown:
            raise ValueError(f"expected fields of Complexion, got {sorted(unknown)}")
        nothing = {name: np.zeros_like(getattr(self, name))[()] for name in names}
        if "moles" in nothing:
            nothing["moles"] = np.zeros((0, 3))
        return replace(self, **nothing)


def skin_tone(melanin: np.ndarray, blood: np.ndarray) -> np.ndarray:
    """Colour of skin: FLOOR + PALE · exp(−MELANIN·m − BLOOD·b).

    Args:
        melanin: (...) float, 0 (palest) .. about 1.2.
        blood: (...) float, about 0..1.

    Returns:
        (..., 3) float64, linear RGB.
    """
    m, b = np.asarray(melanin)[..., None], np.asarray(blood)[..., None]
    return FLOOR + np.array(PALE) * np.exp(-np.array(MELANIN) * m - np.array(BLOOD) * b)


def random_complexion(
    rng: np.random.Generator, looks: Appearance, age_years: float | None = None
) -> Complexion:
    """Draw a person's skin to fit their looks.

    Args:
        rng: draws.
        looks: the person's tone, beard and make-up.
        age_years: drawn uniformly between 18 and 80 if unknown.
    """
    drawn_years = rng.uniform(*ADULT_YEARS)
    age = float(drawn_years if age_years is None else age_years)
    made_up = looks.lipstick[3] > 0
    grown = min(age / ADULT_YEARS[0], 1.0)  # children's skin is smooth
    old = np.clip((age - YOUNG_YEARS) / AGING_YEARS, 0, 1)
    shaven = rng.uniform(*DRAWS.shaven) * (rng.random() < DRAWS.shaven_share[looks.beard > 0])
    young_pores, old_pores = DRAWS.pores_with_age
    return Complexion(
        age_years=age,
        creases=_creases(rng, old) * grown,
        crease_variant=int(rng.integers(0, CREASE_VARIANTS)),
        pores=float(rng.uniform(*DRAWS.pores) * (young_pores + old_pores * old) * grown),
        mottle_melanin=float(rng.uniform(*DRAWS.mottle_melanin) * (1 + old)),
        mottle_blood=float(
            rng.uniform(*DRAWS.mottle_blood) * (1 + DRAWS.mottle_blood_with_age * old)
        ),
        freckles=_freckles(rng, looks, old),
        moles=_moles(rng) * [1, 1, grown],
        oil=float(rng.uniform(*DRAWS.oil)),
        roughness=float(rng.uniform(*DRAWS.roughness)),
        beard_shadow=float(0 if made_up or grown < 1 else shaven),
        blusher=np.append(
            rng.uniform(*DRAWS.blusher), rng.uniform(*DRAWS.blusher_opacity) * made_up
        ),
        eyeliner=float(rng.uniform(*DRAWS.eyeliner) * made_up),
        foundation=float(rng.uniform(*DRAWS.foundation) * made_up),
        limbal_ring=float(rng.uniform(*DRAWS.limbal_ring)),
        inner_iris=looks.iris * rng.uniform(*DRAWS.inner_iris),
        veins=float(rng.uniform(*DRAWS.veins)),
        pattern=int(rng.integers(2**31)),
    )


def flexed(skin: Complexion, strengths: dict[str, float]) -> Complexion:
    """Deepen the lines that an expression folds.

    Args:
        skin: at rest.
        strengths: facial actions by ARKit's names, 0..1.
    """
    deeper = dict.fromkeys(CREASES, 0.0)
    for action, folds in FLEXES.items():
        halves = [strengths.get(action + half, 0.0) for half in ("", "Left", "Right")]
        for name, share in folds.items():
            deeper[name] += share * max(halves)
    gain = np.array([1.0 + deeper[name] for name in CREASES])
    added = FLEXED_MM * np.array([deeper[name] for name in CREASES])
    return replace(skin, creases=skin.creases * gain + added)


def _creases(rng, old):
    """Depth of each group of lines, mm: (7,)."""
    person, age = rng.uniform(*CREASES_OF_PERSON), old**CREASE_POWER
    depths = []
    for name in CREASES:
        aged = CREASES_OLD_MM[name] * age * person * rng.uniform(*CREASES_OF_GROUP)
        depths.append(CREASES_YOUNG_MM.get(name, 0.0) + aged)
    return np.array(depths)


def _freckles(rng, looks, old):
    fair = np.clip(1 + DRAWS.freckled_per_melanin * looks.melanin, 0, 1)
    young = rng.uniform(*DRAWS.freckles) * (rng.random() < DRAWS.freckled_share * fair)
    return float(np.clip(young + rng.uniform(*DRAWS.age_spots) * old, 0, 1))


def _moles(rng):
    count = min(int(rng.gamma(1.0, DRAWS.moles_scale)), MOST_MOLES)
    places = rng.uniform(*DRAWS.mole_places, (count, 2))
    radius = rng.gamma(DRAWS.mole_shape, DRAWS.mole_scale_mm, count) + DRAWS.mole_least_mm
    return np.column_stack([places, radius])
