"""The population: age, sex and origin drawn at random, and a head that fits them.

The head model's coefficients depend on age, sex and origin. `experiments/build_people.py` measured
this on the 5,000 heads from which the model was made, and `experiments/calibrate_people.py` moved
and widened it so that faces measure as real people's do:

    α = Σ (share of origin o, sex s, age a) · mean(o, s, a) + spread · z,    z standard normal.

z is the rest, which varies from person to person. Held-out people are beyond a plane in z: see
`HELD_OUT_ABOVE`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from facelib.files.paths import data_file

ORIGINS = ("african", "asian", "european")
# MakeHuman's targets are called young and old; its program reads them as 25 and 90 years, linear
# between (MID_AGE and MAX_AGE in makehuman/apps/human.py). Children are not in the head model; the
# heads of adults below 25 are those of people of 25.
SHAPE_AGE_YEARS = (25.0, 90.0)
# Children are a stress set of their own: `experiments/build_children.py` extrapolates the means of
# adults to these ages, and draws are even between.
CHILD_AGE_YEARS = (4.0, 12.0)
# Adults' photos by age in UTKFace, people found by searching the web (Zhang and others 2017): first
# age, number of photos. Of its group from 11 to 20, the part of 18 and above, if all ages in it are
# equally frequent.
PHOTOS_FROM_AGE = {18: 459, 21: 7344, 31: 4536, 41: 2244, 51: 2298, 61: 1316, 71: 699}
OLDEST_YEARS = 81
MIXED_SEX = 0.35  # largest share of the other sex; most heads have much less
ORIGIN_MIXING = 0.5  # of the Dirichlet distribution: most people are mainly of one origin
LIMIT = 2.5  # standard deviations of each number of z; beyond, heads look unnatural
# Along one direction of z, the held-out axis, training draws stay below the first number and
# held-out draws above the second. Of all people 84 % are below, 11 % above; 5 % are never drawn.
TRAINING_BELOW = 1.0
HELD_OUT_ABOVE = 1.25


@dataclass(frozen=True)
class Traits:
    """The traits of a person on which the head's shape depends.

    Attributes:
        age_years: 18..81, of children 4..12.
        male: 0 (female) .. 1 (male), as MakeHuman mixes its shapes.
        origins: (3,) float64, shares of MakeHuman's african, asian and european shapes; sum 1.
    """

    age_years: float
    male: float
    origins: np.ndarray

    @property
    def sex(self) -> str:
        """ "female" or "male", whichever is nearer."""
        return "male" if self.male > 0.5 else "female"

    @property
    def origin(self) -> str:
        """The origin with the largest share."""
        return ORIGINS[int(np.argmax(self.origins))]


@dataclass(frozen=True)
class Population:
    """How coefficients depend on traits, as measured on the model's own heads.

    Attributes:
        corner_means: (3, 2, 2, K) float64, mean coefficients by origin, sex (female, male) and age
            (young, old), standard deviations of the model.
        spread: (K, K) float64: people of the same traits differ by spread · z.
        held_out_axis: (K,) float64, of length 1: the direction of z whose far side is held out.
        held_out_functional: (K,) float64: the same direction as a linear function of coefficients.
        held_out_offset: its value at every mean, which age, sex and origin do not change.
        shape_age_years: the ages of young and old.
    """

    corner_means: np.ndarray
    spread: np.ndarray
    held_out_axis: np.ndarray
    held_out_functional: np.ndarray
    held_out_offset: float
    shape_age_years: tuple[float, float] = SHAPE_AGE_YEARS

    def mean_shape(self, traits: Traits) -> np.ndarray:
        """Return the average coefficients of people with these traits: (K,)."""
        age = np.interp(traits.age_years, self.shape_age_years, (0, 1))
        sexes, ages = [1 - traits.male, traits.male], [1 - age, age]
        return np.einsum("o,s,a,osak->k", traits.origins, sexes, ages, self.corner_means)

    def held_out_score(self, shape: np.ndarray) -> np.ndarray:
        """Return the positions of shapes along the held-out axis.

        Args:
            shape: (..., K) coefficients, standard deviations of the model.

        Returns:
            (...) float64, standard normal over all people; training keeps below
            `TRAINING_BELOW`, held-out people above `HELD_OUT_ABOVE`.
        """
        return np.asarray(shape, float) @ self.held_out_functional - self.held_out_offset


def load_population(path: Path | None = None) -> Population:
    """Load the shipped statistics (or another people.npz of the same fields).

    Raises:
        FileNotFoundError: if the file is not there.
    """
    return _load(path or data_file("head", "people.npz"))


def load_children() -> Population:
    """Load the shipped statistics of children, who are extrapolated: no training set has them."""
    return replace(_load(data_file("people", "children.npz")), shape_age_years=CHILD_AGE_YEARS)


def random_traits(rng: np.random.Generator) -> Traits:
    """Draw an age as photos show them, and sex and origin evenly."""
    toward_other = MIXED_SEX * rng.beta(1.0, 3.0)
    return Traits(
        age_years=age_quantile(rng.random()),
        male=float(1 - toward_other if rng.random() < 0.5 else toward_other),
        origins=rng.dirichlet([ORIGIN_MIXING] * len(ORIGINS)),
    )


def random_child_traits(rng: np.random.Generator) -> Traits:
    """Draw age, sex and origin of a child, all evenly."""
    return replace(random_traits(rng), age_years=float(rng.uniform(*CHILD_AGE_YEARS)))


def age_quantile(share: float) -> float:
    """Return the age, years, below which this share of the photos' adults are."""
    counts = np.cumsum([0, *PHOTOS_FROM_AGE.values()])
    return float(np.interp(share, counts / counts[-1], [*PHOTOS_FROM_AGE, OLDEST_YEARS]))


def random_shape(
    rng: np.random.Generator, traits: Traits, population: Population, held_out: bool = False
) -> np.ndarray:
    """Draw a head that fits the traits, on its side of the held-out plane.

    Args:
        rng: draws.
        traits: the person's traits.
        population: statistics of the coefficients.
        held_out: draw from the region held out of training.

    Returns:
        (K,) float64 coefficients, standard deviations of the model.
    """
    axis = population.held_out_axis
    z = np.clip(rng.standard_normal(len(axis)), -LIMIT, LIMIT)
    low, high = (HELD_OUT_ABOVE, LIMIT) if held_out else (-LIMIT, TRAINING_BELOW)
    along = ndtri(rng.uniform(ndtr(low), ndtr(high)))  # a normal number between low and high
    z += (along - z @ axis) * axis
    return population.mean_shape(traits) + population.spread @ z


@lru_cache(maxsize=2)
def _load(path: Path) -> Population:
    with np.load(path, allow_pickle=False) as file:
        return Population(
            corner_means=file["corner_means"],
            spread=file["spread"],
            held_out_axis=file["held_out_axis"],
            held_out_functional=file["held_out_functional"],
            held_out_offset=float(file["held_out_offset"]),
        )
