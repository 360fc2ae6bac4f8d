"""The texture of the whole head: what the photos show, what their mirror image shows, what is made.

All decisions are made on a page of `WORK` texels a side; the page in full size only takes the
photos' detail. Chapter 12 shows every step as a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from facelib.avatar.texture.bands import blended_by_bands, filled, pyramid
from facelib.avatar.texture.compose import compose
from facelib.avatar.texture.glasses import frames
from facelib.avatar.texture.light import evening_gains
from facelib.avatar.texture.quality import quality, unoccluded
from facelib.avatar.texture.strip import SKIN_SHARE, inner_colors, paint_strip
from facelib.avatar.texture.tones import BEFORE_MM, OwnColors, hair_depth_mm, own_colors
from facelib.avatar.texture.unwrap import WORK, SkinPage, unwrap
from facelib.avatar.texture.views import SeenPhoto, View, near_head
from facelib.files.kernels import kernel
from facelib.files.paths import data_file
from facelib.files.threads import in_threads
from facelib.imaging.effects import box_mean

if TYPE_CHECKING:
    from facelib.avatar.surface import HeadSurface

PAGE_MM = 340.0  # the page's width where the face is
FIRST = 0.5  # by so much more the first photo counts in the middle of the face
MIRRORED = 0.3  # quality of mirrored skin, relative to skin that was seen
MADE_UP = 0.05  # quality of what is made up
DECIDED = 5  # power of the qualities: how decidedly the best source wins
SMOOTH_PX = 4  # of the qualities, so that sources change along calm borders
KNOWN = (0.15, 0.45)  # quality from which skin colours what is made up, and fully so
USED, LEAST_USED = 0.05, 0.001  # shares of texels whose colours count, and that are looked at
GAP_PX = 6  # half width of a wide gap
N_BANDS = 4  # the coarsest is 16 texels wide, 1 cm
MOST_GAIN = 4.0
HAIRLINE_MM = 2.5  # a quarter or so of the made-up hairline's width
PORES, STRANDS = 0.035, 0.045  # strength of made-up detail of skin and of hair
LEAST_DETAIL = 0.25  # made-up detail is weaker next to blurred photos, down to this share
SKY_SHADE = 0.6  # how much darker made-up skin is that sees no sky, as it is in photos


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


@dataclass(frozen=True, eq=False)
class Judged:
    """What each photo shows of each texel of the page, WORK texels a side.

    Attributes:
        photos: (K, h, w, 3) float32, 1..255: the photos, unwrapped.
        rated: (K, h, w) float32: how well each shows a texel of the person; 0: not at all.
        plain: (K, h, w) float32: the same without brows, lids and lips.
        evened: (K, h, w, 3) float32: the photos in one light.
        framed: (K, h, w) bool: texels that show the frame of glasses.
        own: the person's tones in each photo.
        best: the photo that shows the middle of the face best.
        shares: (2 K + 1, h, w) float32, summing to 1: photos, mirrored photos, made up.
    """

    photos: np.ndarray
    rated: np.ndarray
    plain: np.ndarray
    evened: np.ndarray
    framed: np.ndarray
    own: tuple[OwnColors, ...]
    best: int
    shares: np.ndarray


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
    views = in_threads(partial(View.of, surface=surface), photos)
    page = SkinPage.of(surface)
    judged = judge(photos, views, page, sharpness(photos, size / PAGE_MM))
    pixels = np.zeros((size, size, 3), np.uint8)
    with ThreadPoolExecutor(2) as threads:  # neither waits for the coarse page
        strip = threads.submit(paint_inner_parts, pixels, photos, views, judged)
        fine = threads.submit(unwrap_finely, photos, views, page, size, judged.shares)
        blended, strands = blend(judged)
        finest = max(photo.camera.scale for photo in photos) / (size / PAGE_MM)
        paint_skin(pixels, fine.result(), judged, blended, strands, finest)
        strip.result()
    names = [f"photo {number + 1}" for number in range(len(photos))]
    sources = (*names, *(f"{name} mirrored" for name in names), "made up")
    return HeadTexture(pixels, judged.shares, sources)


def judge(
    photos: Sequence[SeenPhoto], views: Sequence[View], page: SkinPage, sharp: np.ndarray
) -> Judged:
    """Decide on the coarse page what paints each texel.

    Args:
        photos: K of them.
        views: of the photos.
        page: the skin on the page.
        sharp: (K,) of `sharpness`.
    """
    maps = page_maps()
    fragments = page.coarse_fragments
    small = in_threads(partial(near_head, texels_per_mm=WORK / PAGE_MM), photos)
    colors = np.maximum(unwrap(small, views, page, WORK), 1).astype(np.float32)
    rated = np.stack(in_threads(partial(quality, page=page, fragments=fragments), photos, views))
    rated *= np.stack([uncovered(photo) for photo in photos])
    rated *= (colors[..., 0] > 1) * sharp[:, None, None]
    rated[0] *= 1 + np.float32(FIRST) * maps["inner"]
    plain = rated * (1 - maps["features"])
    middle = plain * maps["inner"]
    best = int(np.argmax(middle.sum(axis=(1, 2))))
    normals = [page.spread(fragments, view.normals_head) for view in views]
    evened = colors * np.stack(evening_gains(colors, middle, normals, best))
    framed = frames(evened, rated, maps)
    own = tuple(in_threads(partial(own_colors, maps=maps), evened, rated, framed))
    person = np.stack([each.share for each in own])
    rated *= person
    shares = shares_of_sources(rated)
    return Judged(colors, rated, plain * person, evened, framed, own, best, shares)


def blend(judged: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Blend what the photos show and what is made up.

    Returns:
        (h, w, 3) float32, 0..255: the coarse page; and (h, w) float32 in 0..1: how far what is made
        up is hair.
    """
    maps, shares, evened = page_maps(), judged.shares, judged.evened
    base, strands = made_up(evened, judged.plain, judged.own, judged.best)
    used = shares_used(shares) > USED
    complete = in_threads(filled, evened, np.float32(used))
    *bands, base_bands = in_threads(partial(pyramid, n_levels=N_BANDS), [*complete, base])
    mirrored = [[band[:, ::-1] for band in each] for each in bands]
    blended = blended_by_bands([*bands, *mirrored, base_bands], shares)
    unframed = ~judged.framed.any(axis=0)
    dark = np.float32(SKY_SHADE) * (1 - maps["sky"]) * shares[-1] * unframed
    blended *= (1 - dark)[..., None]
    return blended, strands


def gains_on_lips(judged: Judged) -> np.ndarray:
    """(K, 3) float32: by which the lips' colours in each photo are multiplied to even its light."""
    lips = page_maps()["lips"] > 0.5
    seen = judged.rated[:, lips] > 0  # (K, n)
    logs = np.log(judged.evened[:, lips] / judged.photos[:, lips]) * seen[..., None]
    return np.exp(logs.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)[:, None])


def uncovered(photo: SeenPhoto) -> np.ndarray:
    """(h, w) float32 in 0..1: 0 where the points are hidden by something that covers the face.

    Behind the hairline that is hair, which may be painted.
    """
    maps = page_maps()
    if photo.visibility is None:
        return np.ones((WORK, WORK), np.float32)
    free = unoccluded(photo.visibility, maps["points_uv"], WORK)
    return np.maximum(free, np.clip(1 + hair_depth_mm(maps) / np.float32(BEFORE_MM), 0, 1))


def sharpness(photos: Sequence[SeenPhoto], texels_per_mm: float) -> np.ndarray:
    """Rate how finely each photo shows the head, relative to the finest or to the page: (K,)."""
    px_per_mm = np.float32([photo.camera.scale for photo in photos])
    return np.minimum(px_per_mm / min(px_per_mm.max(), texels_per_mm), 1)


def shares_of_sources(rated: np.ndarray) -> np.ndarray:
    """Decide for each texel which photo, mirrored photo or paint colours it.

    Args:
        rated: (K, h, w) float32, the photos' qualities.

    Returns:
        (2 K + 1, h, w) float32, summing to 1.
    """
    smooth = np.stack([box_mean(each, SMOOTH_PX) for each in rated])
    shares = np.empty((2 * len(rated) + 1, *rated.shape[1:]), np.float32)
    _share(smooth, rated, np.empty((2, rated.shape[2]), np.float32), shares)
    return shares


@kernel()
def _share(smooth, rated, line, shares):
    """Do what `shares_of_sources` does, of qualities (K, h, w) that were smoothed.

    The inner loops run along rows, so that the compiler does many texels at once; `line` is room.
    """
    count, width, zero = rated.shape[0], rated.shape[2], np.float32(0)
    best, total = line[0], line[1]
    for row in range(rated.shape[1]):
        for col in range(width):
            best[col], total[col] = MADE_UP, zero
            shares[2 * count, row, col] = MADE_UP
        for photo in range(count):
            for col in range(width):
                shown = smooth[photo, row, col] if rated[photo, row, col] > zero else zero
                shares[photo, row, col] = shown
                best[col] = max(best[col], shown)
            for col in range(width):
                mirrored = shares[photo, row, width - 1 - col] * np.float32(MIRRORED)
                shares[count + photo, row, col] = mirrored
                best[col] = max(best[col], mirrored)
        for source in range(2 * count + 1):
            for col in range(width):
                relative = shares[source, row, col] / best[col]
                power = relative
                for _ in range(DECIDED - 1):
                    power *= relative
                shares[source, row, col] = power
                total[col] += power
        for source in range(2 * count + 1):
            for col in range(width):
                shares[source, row, col] /= total[col]


def shares_used(shares: np.ndarray) -> np.ndarray:
    """How much of each photo's texel is used, there or mirrored: (K, h, w) of (2 K + 1, h, w)."""
    count = len(shares) // 2
    return np.maximum(shares[:count], shares[count : 2 * count, :, ::-1])


def wide_gaps(shares: np.ndarray) -> np.ndarray:
    """(h, w) float32 in 0..1: how far a texel is made up, and many around it.

    Made-up pores would show a narrow gap in seen skin.
    """
    return shares[-1] * box_mean(shares[-1], GAP_PX)


def made_up(
    evened: np.ndarray, plain: np.ndarray, own: Sequence[OwnColors], best: int
) -> tuple[np.ndarray, np.ndarray]:
    """Paint the page where no photo shows it: the skin around it, continued; plain lips and hair.

    Args:
        evened: (K, h, w, 3) float32, the photos in one light.
        plain: (K, h, w) float32, quality of plain skin and of hair in them.
        own: the person's colours in each photo.
        best: the photo whose colours count where they differ.

    Returns:
        (h, w, 3) float32, 0..255, and (h, w) float32: the share of hair in it.
    """
    maps = page_maps()
    hair_mm = hair_depth_mm(maps)
    bare = np.stack([each.bare for each in own])
    weights = (plain * bare) ** 2 * (hair_mm < 0)
    total = weights.sum(axis=0) + weights.sum(axis=0)[:, ::-1]
    seen = np.einsum("khwc,khw->hwc", evened, weights)
    seen = (seen + seen[:, ::-1]) / np.maximum(total, 1e-9)[..., None]
    low, high = KNOWN
    known = np.clip((np.sqrt(total) - low) / (high - low), 0, 1)
    tone = np.einsum("hwc,hw->c", seen, known) / max(known.sum(), 1e-6)
    if known.sum() < 1:
        tone = own[best].skin.color
    base = filled(seen, known, tone)
    base += (own[best].lips.color - base) * maps["lips"][..., None]
    hair = next((each.hair for each in (own[best], *own) if each.hair is not None), None)
    if hair is None:
        return base, np.zeros_like(hair_mm)
    share = 1 / (1 + np.exp(-hair_mm / np.float32(HAIRLINE_MM)))
    return base + (hair.color - base) * share[..., None], share


def paint_inner_parts(
    pixels: np.ndarray, photos: Sequence[SeenPhoto], views: Sequence[View], judged: Judged
) -> None:
    """Paint eyes, teeth, tongue and mouth on the page in the photos' colours, in place."""
    skins = [each.skin for each in judged.own]
    inner = inner_colors(photos, views, skins, gains_on_lips(judged))
    paint_strip(pixels, inner, page_maps())


def unwrap_finely(
    photos: Sequence[SeenPhoto],
    views: Sequence[View],
    page: SkinPage,
    size: int,
    shares: np.ndarray,
) -> np.ndarray:
    """Unwrap the photos onto the page in full size, where their `Judged.shares` count."""
    wanted = _widened(shares_used(shares) > LEAST_USED)
    near = in_threads(partial(near_head, texels_per_mm=size / PAGE_MM), photos)
    return unwrap(near, views, page, size, wanted)


def paint_skin(
    pixels: np.ndarray,
    fine: np.ndarray,
    judged: Judged,
    blended: np.ndarray,
    strands: np.ndarray,
    finest: float,
) -> None:
    """Paint the coarse page with the photos' detail on the page in full size, in place.

    Each photo is multiplied with what the coarse page is relative to the coarse photo.

    Args:
        pixels: (size, size, 3) uint8, the page.
        fine: (K, size, size, 3) uint8, of `unwrap_finely`.
        judged: the photos on the coarse page.
        blended: the coarse page, of `blend`.
        strands: how far what is made up is hair, of `blend`.
        finest: px of the finest photo per texel.
    """
    maps, shares = page_maps(), judged.shares
    gains = np.empty((2 * len(fine), *blended.shape), np.float32)
    in_threads(partial(_gain, judged.photos, blended, shares, gains), range(len(gains)))
    detail = np.float32(np.clip(finest, LEAST_DETAIL, 1))
    pores = PORES * detail * wide_gaps(shares)
    strengths = np.stack([pores * (1 - strands), STRANDS * strands])
    tiles = np.stack([maps["detail"], maps["strands"]])
    skin = pixels[: round(SKIN_SHARE * len(pixels))]
    compose(fine, shares, gains, blended, tiles, np.float32(strengths), skin)


@kernel()
def _gain(photos, blended, shares, gains, source):
    """Fill in the gains of one source for `compose`, (2 K, h, w, 3)."""
    width, is_mirrored = photos.shape[2], source >= len(photos)
    seen = photos[source - len(photos) if is_mirrored else source]
    for row in range(photos.shape[1]):
        for col in range(width):
            share, at = shares[source, row, col], width - 1 - col if is_mirrored else col
            for channel in range(3):
                gain = blended[row, col, channel] / seen[row, at, channel]
                gains[source, row, col, channel] = min(gain, np.float32(MOST_GAIN)) * share


def _widened(wanted: np.ndarray) -> np.ndarray:
    """Add the neighbours of (K, h, w) wanted texels, between which shares are interpolated."""
    wanted = wanted.copy()
    wanted[:, 1:] |= wanted[:, :-1].copy()
    wanted[:, :-1] |= wanted[:, 1:].copy()
    wanted[:, :, 1:] |= wanted[:, :, :-1].copy()
    wanted[:, :, :-1] |= wanted[:, :, 1:].copy()
    return wanted
