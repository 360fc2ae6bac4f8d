"""The shipped head's texture pages, made once a process, and people painted on them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.synthetic.lit_photo import HeadMaterials, build_materials
from facelib.synthetic.looks.appearance import Appearance
from facelib.synthetic.looks.atlas import Atlas, build_atlas
from facelib.synthetic.looks.complexion import Complexion, flexed, random_complexion
from facelib.synthetic.looks.skin_paint import Canvas, Painting, build_canvas, paint_person


def texture_size(photo_size: int) -> int:
    """Width of the texture page that is just finer than a photo of this size, px."""
    return 256 if photo_size <= 128 else 512


@lru_cache(maxsize=2)
def head_atlas(size: int) -> Atlas:
    """Return the atlas of the shipped head, made once a process."""
    model = load_head()
    keypoints_head = model.keypoints(model.mean_head)
    return build_atlas(
        model.mean_head, model.triangles, model.uv, model.regions, keypoints_head, size
    )


@lru_cache(maxsize=2)
def head_materials(size: int) -> HeadMaterials:
    """Return the materials of the shipped head on a page of this size, made once a process."""
    return build_materials(load_head(), head_atlas(size))


@lru_cache(maxsize=2)
def head_canvas(size: int) -> Canvas:
    """Return what painting skin on a page of this size needs, made once a process."""
    return build_canvas(head_atlas(size), load_head())


def painted(
    rng: np.random.Generator,
    looks: Appearance,
    expression: np.ndarray,
    size: int,
    age_years: float | None = None,
    hairline_mm: np.ndarray | None = None,
) -> tuple[Complexion, Painting]:
    """Draw a person's skin and paint it.

    Args:
        rng: draws.
        looks: of the person.
        expression: (E,) float, strengths of the head model's actions: they deepen lines.
        size: width of the page, px.
        age_years: drawn if not known.
        hairline_mm: (size, size) float32, another region of hair than the atlas's.
    """
    skin = random_complexion(rng, looks, age_years)
    strengths = dict(zip(load_head().expression_names, expression, strict=True))
    painting = paint_person(looks, flexed(skin, strengths), head_canvas(size), hairline_mm)
    return skin, painting
