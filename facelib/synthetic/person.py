"""The person to photograph: a head's shape, and looks that fit age, sex and origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from facelib.synthetic.looks.appearance import (
    HAIR_COLORS,
    LASHES,
    Appearance,
    random_appearance,
    young_hair_color,
)
from facelib.synthetic.people.population import Population, Traits, random_shape, random_traits

# Mean and standard deviation of melanin (0 palest .. 1 darkest) by MakeHuman's origins: african,
# asian, european. Chosen by eye, wide enough to overlap: each word stands for a continent.
MELANIN_OF_ORIGINS = np.array([0.7, 0.34, 0.2])
MELANIN_SPREAD = 0.15
GREY_HAIR = HAIR_COLORS[-1]
GREY_HAIR_GAIN = (0.55, 1.05)  # from iron grey to nearly white
# Mean age of half-grey hair and its standard deviation: at fifty, about one in eight is half grey
# (6 to 23 % by place and hair colour: Panhard and others 2012).
GREY_AGE_YEARS = (62.0, 10.0)
GREYING_YEARS = 6.0  # standard deviation of the ages at which the hairs of one person turn grey
DYED_SHARE = (0.1, 0.45)  # of greying men and women, who keep their former colour
BEARDED_ABOVE = 0.5  # of Traits.male
GROWN_UP_YEARS = 18.0
CHILDS_BROW = (0.7, 0.7, 1.0)  # of an adult's opacity, thickness and raggedness


@dataclass(frozen=True)
class Person:
    """The person to photograph.

    Attributes:
        shape: (60,) float64, standard deviations of the head model.
        appearance: the person's looks.
        traits: age, sex and origin; None if the head was drawn without them.
    """

    shape: np.ndarray
    appearance: Appearance
    traits: Traits | None = None

    @property
    def age_years(self) -> float | None:
        """Age, if known."""
        return None if self.traits is None else self.traits.age_years

    @property
    def adult(self) -> bool:
        """Whether the person is grown up; a person without an age is."""
        return self.traits is None or self.traits.age_years >= GROWN_UP_YEARS

    @property
    def feminine(self) -> float:
        """0 (male) .. 1 (female); 0.5 if unknown."""
        return 0.5 if self.traits is None else 1 - self.traits.male


def cast_person(
    rng: np.random.Generator,
    held_out: bool,
    population: Population,
    draw_traits: Callable[[np.random.Generator], Traits] = random_traits,
) -> Person:
    """Draw age, sex and origin, and a head and looks that fit them.

    Args:
        rng: draws.
        held_out: draw from the people held out of training.
        population: statistics of shapes.
        draw_traits: draws age, sex and origin of one of them.
    """
    traits = draw_traits(rng)
    shape = random_shape(rng, traits, population, held_out)
    person = Person(shape, fitting_appearance(rng, traits), traits)
    return person if person.adult else replace(person, appearance=childlike(person.appearance))


def childlike(looks: Appearance) -> Appearance:
    """Take beard, make-up and a receding hairline away, and thin the brows."""
    bare = {name: getattr(looks, name) * [1, 1, 1, 0] for name in ("lipstick", "eye_shadow")}
    return replace(
        looks,
        beard=0.0,
        lashes=min(looks.lashes, LASHES[1]),
        brow=looks.brow * CHILDS_BROW,
        hairline_mm=0.0,
        **bare,
    )


def fitting_appearance(rng: np.random.Generator, traits: Traits) -> Appearance:
    """Draw looks as `random_appearance` does, until the skin fits; then fit beard and hair.

    The skin is drawn first and kept with its eye colour, which depends on it. Hair is drawn anew:
    `random_appearance` does not use ages and gives grey hair to the young, too.

    Args:
        rng: draws.
        traits: of the person.
    """
    melanin = float(traits.origins @ MELANIN_OF_ORIGINS)
    while True:
        looks = random_appearance(rng)
        if rng.random() < np.exp(-(((looks.melanin - melanin) / MELANIN_SPREAD) ** 2) / 2):
            break
    mean, deviation = GREY_AGE_YEARS
    years = traits.age_years - mean + rng.normal(0, deviation)
    dyed = rng.random() < np.interp(traits.male, [0, 1], DYED_SHARE[::-1])
    grey = 0.0 if dyed else float(ndtr(years / GREYING_YEARS))
    young = young_hair_color(rng, looks.melanin)
    return replace(
        looks,
        beard=looks.beard if traits.male > BEARDED_ABOVE else 0.0,
        hair_color=young * (1 - grey) + GREY_HAIR * rng.uniform(*GREY_HAIR_GAIN) * grey,
    )
