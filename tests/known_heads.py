"""Heads that tests of files and viewers share."""

import numpy as np

from facelib.avatar.rig import head_asset
from facelib.avatar.surface import head_surface
from facelib.face.headmodel import load_head
from facelib.geometry.asset import MeshAsset

SKIN, LIPS, MOUTH, TEETH = (200, 160, 140), (170, 80, 80), (60, 20, 20), (240, 235, 225)
LIP_BOX = (0.4, 0.56, 0.6, 0.64)  # u, v of two corners on the page


def plain_texture(size: int = 256) -> np.ndarray:
    """Return a page, (size, size, 3) uint8, of plain colours: skin, lips, blue eyes, dark mouth."""
    v, u = (np.mgrid[:size, :size] + 0.5) / size
    page = np.full((size, size, 3), SKIN, np.uint8)
    left, top, right, bottom = LIP_BOX
    page[(u > left) & (u < right) & (v > top) & (v < bottom)] = LIPS
    strip = v > 0.8
    page[strip & (u < 0.5)] = 245
    for centre in (0.125, 0.375):
        radius = np.hypot(u - centre, v - 0.9)
        page[radius < 0.035] = (70, 110, 160)
        page[radius < 0.013] = 10
    page[strip & (u > 0.5)] = TEETH
    page[strip & (u > 0.75)] = LIPS
    page[strip & (u > 0.875)] = MOUTH
    return page


def known_head(
    detail: int = 0, part: str = "head", rig: bool = True, start: str = "neutral", **actions: float
) -> MeshAsset:
    """Return the mean head as an asset, with a plain texture; actions set the photo's expression.

    `geometry.gltf.glb_bytes(known_head(), "me")` is a GLB with 52 morph targets.
    """
    head = load_head()
    return head_asset(
        head, head_surface(detail, part), np.zeros(0), head.expression(**actions),
        plain_texture(), start=start, rig=rig,
    )  # fmt: skip
