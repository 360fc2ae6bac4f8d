"""A person's skin, painted on a texture page: the fine painter, and every painter's result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.synthetic.head_pages import head_canvas
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.looks.complexion import (
    FLUSH,
    Complexion,
    flexed,
    random_complexion,
    skin_tone,
)
from facelib.synthetic.looks.skin_paint import paint_person
from facelib.synthetic.person import Person


@dataclass(frozen=True)
class Skin:
    """A painted texture page.

    Attributes:
        page: (1.25·size, size, 3) float32, linear RGB albedo.
        bare: (3,) linear RGB: skin below the neck, computed like the face's.
        relief: (1.25·size, size) float32, mm; None for smooth skin.
        complexion: the complexion drawn for it; None if there was none.
    """

    page: np.ndarray
    bare: np.ndarray
    relief: np.ndarray | None = None
    complexion: Complexion | None = None


def paint_skin_finely(
    rng: np.random.Generator,
    person: Person,
    strengths: np.ndarray,
    head: MorphableModel,
    atlas: Atlas,
) -> Skin:
    """Draw a complexion and paint it: pores, lines, moles, make-up, eyes, teeth.

    Args:
        rng: draws.
        person: the person; an unknown age is drawn.
        strengths: (E,) float, of the head model's actions: they deepen lines.
        head: the head model.
        atlas: of the page; its hairline bounds the painted hair.
    """
    looks = person.appearance
    complexion = random_complexion(rng, looks, person.age_years)
    by_name = dict(zip(head.expression_names, strengths, strict=True))
    canvas = head_canvas(head, atlas.size)
    painting = paint_person(looks, flexed(complexion, by_name), canvas, atlas.hairline_mm)
    bare = skin_tone(looks.melanin, FLUSH + looks.blood)
    return Skin(painting.page, bare, painting.relief, complexion)
