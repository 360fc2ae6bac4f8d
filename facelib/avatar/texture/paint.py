"""The texture of the whole head: what the photos show, what their mirror image shows, what is made.

All decisions are made on a page of `WORK` texels a side; the page in full size only takes the
photos' detail. Chapter 10 shows every step as a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facelib.avatar.texture.bands import blended_by_bands, filled
from facelib.avatar.texture.compose import compose
from facelib.avatar.texture.light import evening_gains
from facelib.avatar.texture.quality import quality, unoccluded
from facelib.avatar.texture.strip import inner_colors, paint_strip
from facelib.avatar.texture.tones import BEFORE_MM, OwnColors, hair_depth_mm, own_colors
from facelib.avatar.texture.unwrap import SkinPage, unwrap
from facelib.avatar.texture.views import SeenPhoto, View, near_head
from facelib.files.paths import data_file
from facelib.imaging.effects import box_mean

if TYPE_CHECKING:
    from facelib.avatar.surface import HeadSurface

WORK = 512
PAGE_MM = 340.0  # the page's width where the face is
FIRST = 0.5  # by so much more the first photo counts in the middle of the face
MIRRORED = 0.3  # quality of mirrored skin, relative to skin that was seen
MADE_UP = 0.05  # quality of what is made up
DECIDED = 5  # power of the qualities: how decidedly the best source wins
SMOOTH_PX = 4  # of the qualities, so that sources change along calm borders
KNOWN = (0.15, 0.45)  # quality from which skin colours what is made up, and fully so
MOST_GAIN = 4.0
HAIRLINE_MM = 2.5  # a quarter or so of the made-up hairline's width
DETAIL = 0.035  # strength of pores and mottles of made-up skin


@dataclass(frozen=True, eq=False)
class HeadTexture:
    """The painted page and where its colours come from.

    Attributes:
        pixels: (size, size, 3) uint8 RGB.
        shares: (S, 512, 512) float32, summing to 1: how much of a texel each source painted.
        sources: S names: "photo 1", …, "photo 1 mirrored", …, "made up".
    """

    pixels: np.ndarray
    shares: np.ndarray
    sources: tuple[str, ...]


@lru_cache(maxsize=1)
def page_maps() -> dict[str, np.ndarray]:
    """Load what `experiments/build_texture.py` made: maps of bytes as float32 in 0..1."""
    with np.load(data_file("head", "texture.npz")) as file:
        maps = {name: file[name] for name in file.files}
    return {
        name: each.astype(np.float32) / 255 if each.dtype == np.uint8 else each
        for name, each in maps.items()
    }


def paint_head(photos: Sequence[SeenPhoto], surface: HeadSurface, size: int = 2048) -> HeadTexture:
    """Paint a head's texture from its photos.

    Args:
        photos: one or more; the middle of the face comes from the first if it shows it well.
        surface: of the whole head, at any detail.
        size: side of the page, texels.

    Returns:
        HeadTexture.
    """
    maps = page_maps()
    views = [View.of(photo, surface) for photo in photos]
    page = SkinPage.of(surface)
    fragments = page.fragments(WORK)
    small = [near_head(photo, WORK / PAGE_MM) for photo in photos]
    colors = np.maximum(unwrap(small, views, page, WORK), 1).astype(np.float32)
    rated = np.stack(
        [
            quality(photo, view, page, fragments) * free_of_things(photo, maps)
            for photo, view in zip(photos, views, strict=True)
        ]
    )
    rated *= (colors[..., 0] > 1) * sharpness(photos, size / PAGE_MM)[:, None, None]
    rated[0] *= 1 + np.float32(FIRST) * maps["inner"]
    plain = rated * (1 - maps["features"])
    middle = plain * maps["inner"]
    best = int(np.argmax(middle.sum(axis=(1, 2))))
    normals = [page.spread(fragments, view.normals_head) for view in views]
    evened = colors * np.stack(evening_gains(colors, middle, normals, best))
    own = [own_colors(*each, maps) for each in zip(evened, rated, strict=True)]
    person = np.stack([each.share for each in own])
    rated *= person
    plain *= person * (hair_depth_mm(maps) < 0)
    shares = shares_of_sources(rated)
    complete = [filled(*each) for each in zip(evened, (rated > 0).astype(np.float32), strict=True)]
    mirrored = [each[:, ::-1] for each in complete]
    base = made_up(evened, plain, own, maps)
    whole = blended_by_bands([*complete, *mirrored, base], shares)
    near = [near_head(photo, size / PAGE_MM) for photo in photos]
    pixels = in_full_size(near, views, page, size, colors, whole, shares, maps["detail"])
    paint_strip(pixels, inner_colors(photos, views), maps)
    names = [f"photo {number + 1}" for number in range(len(photos))]
    sources = (*names, *(f"{name} mirrored" for name in names), "made up")
    return HeadTexture(pixels, shares, sources)


def free_of_things(photo: SeenPhoto, maps: dict[str, np.ndarray]) -> np.ndarray:
    """(h, w) float32 in 0..1: 0 where the points found that something covers the face.

    Behind the hairline it is hair, which may be painted.
    """
    if photo.visibility is None:
        return np.ones((WORK, WORK), np.float32)
    free = unoccluded(photo.visibility, maps["points_uv"], WORK)
    return np.maximum(free, np.clip(1 + hair_depth_mm(maps) / np.float32(BEFORE_MM), 0, 1))


def sharpness(photos: Sequence[SeenPhoto], texels_per_mm: float) -> np.ndarray:
    """Rate how finely each photo shows the head, relative to the finest or to the page: (K,)."""
    px_per_mm = np.array([photo.camera.scale for photo in photos])
    return (np.minimum(px_per_mm / min(px_per_mm.max(), texels_per_mm), 1)).astype(np.float32)


def shares_of_sources(rated: np.ndarray) -> np.ndarray:
    """Decide for each texel which photo, mirrored photo or paint colours it.

    Args:
        rated: (K, h, w) float32, the photos' qualities.

    Returns:
        (2 K + 1, h, w) float32, summing to 1.
    """
    smooth = np.stack([box_mean(each, SMOOTH_PX) for each in rated]) * (rated > 0)
    mirrored = smooth[:, :, ::-1] * np.float32(MIRRORED)
    nothing = np.full((1, *rated.shape[1:]), MADE_UP, np.float32)
    powers = np.concatenate([smooth, mirrored, nothing])
    powers /= powers.max(axis=0)
    powers = powers * powers * powers * powers * powers
    return powers / powers.sum(axis=0)


def made_up(
    evened: np.ndarray, plain: np.ndarray, own: Sequence[OwnColors], maps: dict[str, np.ndarray]
) -> np.ndarray:
    """Paint the page where no photo shows it: skin's colours around it, continued; plain hair.

    Args:
        evened: (K, h, w, 3) float32, the photos.
        plain: (K, h, w) float32, quality of plain skin in them.
        own: the person's colours in each photo.
        maps: of `page_maps`.

    Returns:
        (h, w, 3) float32, 0..255.
    """
    weights = plain**2
    total = weights.sum(axis=0) + weights.sum(axis=0)[:, ::-1]
    seen = np.einsum("khwc,khw->hwc", evened, weights)
    seen = (seen + seen[:, ::-1]) / np.maximum(total, 1e-9)[..., None]
    low, high = KNOWN
    known = np.clip((np.sqrt(total) - low) / (high - low), 0, 1)
    tone = np.einsum("hwc,hw->c", seen, known) / max(known.sum(), 1e-6)
    if known.sum() < 1:
        tone = own[0].skin.color
    base = filled(seen, known, tone)
    hair = next((each.hair for each in own if each.hair is not None), None)
    if hair is None:
        return base
    share = 1 / (1 + np.exp(-hair_depth_mm(maps) / np.float32(HAIRLINE_MM)))
    return base + (hair.color - base) * share[..., None]


def in_full_size(
    near: Sequence[SeenPhoto],
    views: Sequence[View],
    page: SkinPage,
    size: int,
    colors: np.ndarray,
    whole: np.ndarray,
    shares: np.ndarray,
    detail: np.ndarray,
) -> np.ndarray:
    """Give the coarse page the photos' detail: (size, size, 3) uint8.

    Each photo is multiplied with what the coarse page is relative to the coarse photo.

    Args:
        near: the photos, of `near_head`.
        views: of the photos.
        page: the skin on the page.
        size: side of the page, texels.
        colors: (K, w, w, 3) float32, the coarse photos, 1..255.
        whole: (w, w, 3) float32, the coarse page.
        shares: (2 K + 1, w, w) float32, of the sources.
        detail: (d, d) int8, a tile of pores.
    """
    count = len(near)
    both = np.concatenate([colors, colors[:, :, ::-1]])
    gains = np.minimum(whole / both, MOST_GAIN) * shares[:-1, ..., None]
    used = shares > 0.001
    wanted = _widened(used[:count] | used[count : 2 * count, :, ::-1])
    fine = unwrap(near, views, page, size, wanted)
    pixels = np.empty((size, size, 3), np.uint8)
    compose(fine, shares, gains, whole, detail, np.float32(DETAIL), pixels)
    return pixels


def _widened(wanted: np.ndarray) -> np.ndarray:
    """Add the neighbours of (K, h, w) wanted texels, between which shares are interpolated."""
    wanted = wanted.copy()
    wanted[:, 1:] |= wanted[:, :-1].copy()
    wanted[:, :-1] |= wanted[:, 1:].copy()
    wanted[:, :, 1:] |= wanted[:, :, :-1].copy()
    wanted[:, :, :-1] |= wanted[:, :, 1:].copy()
    return wanted
