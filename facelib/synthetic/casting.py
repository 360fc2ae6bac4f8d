"""Who stands before the camera and what their face does: people, and looks that fit them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import Mesh
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.looks.appearance import (
    HAIR_COLORS,
    Appearance,
    random_appearance,
    young_hair_color,
)
from facelib.synthetic.people.acting import act, mouth_light, settle_lips
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import Traits, load_population, random_shape, random_traits
from facelib.synthetic.scene import random_expression

N_SHAPE = 60
SHAPE_LIMIT = 2.5  # standard deviations; beyond, heads look drawn rather than born
# Mean and standard deviation of melanin (0 palest .. 1 darkest) by MakeHuman's origins: african,
# asian, european. Chosen by eye, wide enough to overlap: each word stands for a continent.
MELANIN = np.array([0.7, 0.34, 0.2])
MELANIN_SPREAD = 0.15
GREY = HAIR_COLORS[-1]
# Mean age of half-grey hair and its standard deviation: at fifty, about one in eight is half grey
# (6 to 23 % by place and hair colour: Panhard and others 2012).
GREY_AGE_YEARS = (62.0, 10.0)
GREYING_YEARS = 6.0  # standard deviation of the ages at which one person's hairs turn
DYED_SHARE = (0.1, 0.45)  # of greying men and women, who keep the colour that they had
BEARDED_ABOVE = 0.5  # of Traits.male


@dataclass(frozen=True)
class Person:
    """Who is photographed.

    Attributes:
        shape: (60,) float64, standard deviations.
        appearance: their looks.
        traits: age, sex and origin; None where the head was drawn without them.
    """

    shape: np.ndarray
    appearance: Appearance
    traits: Traits | None = None


def random_person(rng: np.random.Generator) -> Person:
    """Draw a person."""
    shape = np.clip(rng.standard_normal(N_SHAPE), -SHAPE_LIMIT, SHAPE_LIMIT)
    return Person(shape, random_appearance(rng))


def cast_person(rng: np.random.Generator, held_out: bool) -> Person:
    """Draw a person's age, sex and origin, and a head and looks that fit them."""
    traits = random_traits(rng)
    shape = random_shape(rng, traits, load_population(), held_out)
    return Person(shape, fitting_looks(rng, traits), traits)


def fitting_looks(rng: np.random.Generator, traits: Traits) -> Appearance:
    """Draw looks as `random_appearance` does, until the skin fits; then fit beard and hair.

    Skin is drawn first and kept with its eye colour, which depends on it. Hair is drawn anew:
    `random_appearance`, which knows no ages, gives grey to the young as well.

    Args:
        rng: draws.
        traits: whose looks.
    """
    melanin = float(traits.origins @ MELANIN)
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
        hair_color=young * (1 - grey) + GREY * rng.uniform(0.55, 1.05) * grey,
    )


def draw_face(
    rng: np.random.Generator, person: Person, ingredients: Ingredients
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what a person's face does.

    Returns:
        (E,) strengths of the model's actions; (N, 3) vertices of the acting head, mm, head frame.
    """
    model = load_head()
    if ingredients.expressions:
        strengths = random_strengths(rng, model.expression_names)
        strengths = settle_lips(model, person.shape, strengths)
        return strengths, act(model, person.shape, strengths)
    strengths = random_expression(rng, model.expression_names)
    return strengths, model.vertices(person.shape, strengths)


def lit_mouth(mesh_head: Mesh, vertices_head: np.ndarray) -> tuple[Mesh, np.ndarray]:
    """Darken the inside of the mouth by the light that its opening lets in.

    Args:
        mesh_head: head, its vertices first, and clothes.
        vertices_head: (N, 3) mm, the acting head.

    Returns:
        The mesh, and the (N,) float32 share of the light by which it was darkened.
    """
    colors, light = mesh_head.colors.copy(), mouth_light(load_head(), vertices_head)
    colors[: len(vertices_head)] *= light[:, None]
    return replace(mesh_head, colors=colors), light
