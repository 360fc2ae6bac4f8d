"""Texture pages of a head model, made once per process for each model and size of page."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.synthetic.looks.atlas import Atlas, build_atlas
from facelib.synthetic.looks.canvas import Canvas, build_canvas
from facelib.synthetic.materials import HeadMaterials, build_materials
from facelib.synthetic.worn.scalp import behind_hairline


def texture_size(photo_size: int) -> int:
    """Width of the texture page that is just finer than a photo of this size, px."""
    return 256 if photo_size <= 128 else 512


@lru_cache(maxsize=2)
def head_atlas(head: MorphableModel, size: int) -> Atlas:
    """Return the atlas of a page `size` px wide."""
    keypoints_head = head.keypoints(head.mean_head)
    return build_atlas(head.mean_head, head.triangles, head.uv, head.regions, keypoints_head, size)


@lru_cache(maxsize=2)
def hair_atlas(head: MorphableModel, size: int) -> Atlas:
    """Return the same atlas, but with the hairline of the grown hair."""
    atlas = head_atlas(head, size)
    return replace(atlas, hairline_mm=behind_hairline(atlas.position_mm).astype(np.float32))


@lru_cache(maxsize=2)
def head_materials(head: MorphableModel, size: int) -> HeadMaterials:
    """Return the materials of the head's vertices, for a page `size` px wide."""
    return build_materials(head, head_atlas(head, size))


@lru_cache(maxsize=2)
def head_canvas(head: MorphableModel, size: int) -> Canvas:
    """Return the canvas for painting skin on a page `size` px wide."""
    return build_canvas(head_atlas(head, size), head)
