"""A photo unwrapped onto the texture page: every texel takes its colour from the fitted camera.

A texel knows the point of the head's surface under it, the camera where that point is in the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, interpolate, rasterize

if TYPE_CHECKING:
    from facelib.avatar.surface import HeadSurface

BAND_ROWS = 256  # rows of the page at a time: it bounds the memory
UNSEEN = 0  # the value of texels that no pixel colours; pixels that dark count as 1
HEAD_MARGIN = 0.02  # around the head's box in the photo, as a share of its sides


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """A photo and what the fit found in it.

    Attributes:
        pixels: (H, W, 3) RGB, uint8 or float32 in 0..1.
        camera: of the whole photo: its image frame is that of `pixels`.
        vertices_head: (N, 3) float, mm: the head's vertices, with the expression in this photo.
        visibility: (P,) in 0..1 of the dense points (`fitting.seen.SeenPoints`); None if unknown.
    """

    pixels: np.ndarray
    camera: Camera
    vertices_head: np.ndarray
    visibility: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class PageSurface:
    """The skin of a head's surface, ready to be drawn on the page.

    Attributes:
        surface: the head's surface.
        triangles: (M, 3) int32, those of the skin.
    """

    surface: HeadSurface
    triangles: np.ndarray

    @classmethod
    def of(cls, surface: HeadSurface) -> PageSurface:
        """Take the skin of a head's surface."""
        return cls(surface, surface.triangles[dict(surface.parts)["skin"]])

    def fragments(self, size: int, rows: slice = slice(None)) -> Fragments:
        """Find the triangle under each texel of some rows of a page `size` texels wide and high."""
        top, bottom, _ = rows.indices(size)
        uv = self.surface.uv
        texels = np.column_stack([uv * size - 0.5, np.zeros(len(uv))])
        return rasterize(texels - [0, top, 0], self.triangles, bottom - top, size)

    def spread(self, fragments: Fragments, of_vertices: np.ndarray) -> np.ndarray:
        """Interpolate (V, C) values of the surface's vertices at texels: (h, w, C) float32."""
        return interpolate(fragments, self.triangles, of_vertices)

    def only(self, wanted: np.ndarray) -> PageSurface:
        """Keep the triangles that may cover wanted texels, (w, w) bool."""
        cells = self.surface.uv * wanted.shape[::-1]
        corners = cells[self.triangles]
        low = np.clip(np.floor(corners.min(axis=1)), 0, len(wanted) - 1).astype(int)
        high = np.clip(np.floor(corners.max(axis=1)), 0, len(wanted) - 1).astype(int) + 1
        sums = np.zeros((len(wanted) + 1, len(wanted) + 1), np.int32)
        sums[1:, 1:] = wanted.cumsum(axis=0).cumsum(axis=1)
        (left, top), (right, bottom) = low.T, high.T
        count = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return replace(self, triangles=self.triangles[count > 0])


@dataclass(frozen=True, eq=False)
class PosedSurface:
    """The surface's vertices as one photo shows them.

    Attributes:
        vertices_head: (V, 3) float32, mm.
        normals_head: (V, 3) float32, unit.
    """

    vertices_head: np.ndarray
    normals_head: np.ndarray

    @classmethod
    def of(cls, surface: HeadSurface, vertices_head: np.ndarray) -> PosedSurface:
        """Smooth (N, 3) vertices of the head model."""
        vertices = (surface.from_head @ np.asarray(vertices_head)).astype(np.float32)
        return cls(vertices, surface.normals(vertices))


def head_box(camera: Camera, vertices_head: np.ndarray) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom (exclusive), px, of the part of the photo with the head.

    It is empty (right ≤ left, or bottom ≤ top) if the head is not in the photo.
    """
    places = camera.head_to_image(vertices_head)[:, :2]
    low, high = places.min(axis=0), places.max(axis=0)
    margin = HEAD_MARGIN * (high - low) + 2
    left, top = np.maximum(np.floor(low - margin), 0).astype(int)
    right, bottom = np.ceil(high + margin).astype(int) + 1
    return int(left), int(top), min(int(right), camera.width), min(int(bottom), camera.height)


def near_head(photo: SeenPhoto, texels_per_mm: float) -> SeenPhoto:
    """Cut the head out of a photo as uint8, and shrink it if it is finer than the page.

    Shrinking, by a whole number, keeps detail finer than a texel from aliasing.
    """
    left, top, right, bottom = head_box(photo.camera, photo.vertices_head)
    cut = photo.pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    factor = max(1, int(photo.camera.scale / texels_per_mm))
    factor = min(factor, *cut.shape[:2])
    if cut.dtype != np.uint8:
        cut = to_uint8(cut)
    camera = photo.camera
    centre = (np.asarray(camera.centre_px) - [left, top] + 0.5) / factor - 0.5
    rows, columns = cut.shape[0] // factor, cut.shape[1] // factor
    if factor > 1:
        blocks = cut[: rows * factor, : columns * factor]
        blocks = blocks.reshape(rows, factor, columns, factor, 3)
        cut = to_uint8(blocks.mean(axis=(1, 3), dtype=np.float32) / 255)
    camera = replace(
        camera,
        scale=camera.scale / factor,
        width=columns,
        height=rows,
        centre_px=centre,
        focal_px=None if camera.focal_px is None else camera.focal_px / factor,
    )
    return replace(photo, pixels=np.ascontiguousarray(cut), camera=camera)


def unwrap(
    photos: Sequence[SeenPhoto],
    posed: Sequence[PosedSurface],
    page: PageSurface,
    size: int,
    wanted: np.ndarray | None = None,
) -> np.ndarray:
    """Unwrap photos onto pages, whether the camera sees a texel or something hides it.

    Args:
        photos: of `near_head`.
        posed: the surface in each photo.
        page: the skin on the page.
        size: side of the pages, texels.
        wanted: (K, w, w) bool, a coarser page: the texels to unwrap; None for all.

    Returns:
        (K, size, size, 3) uint8 RGB; `UNSEEN` where there is no skin, or no photo.
    """
    if wanted is None:
        wanted = np.ones((len(photos), 1, 1), bool)
    places = np.concatenate(
        [_homogeneous(photo.camera, shape) for photo, shape in zip(photos, posed, strict=True)],
        axis=1,
    )
    page = page.only(wanted.any(axis=0))
    out = np.full((len(photos), size, size, 3), UNSEEN, np.uint8)
    for top in range(0, size, BAND_ROWS):
        fragments = page.fragments(size, slice(top, top + BAND_ROWS))
        if not fragments.covered.any():
            continue
        spread = page.spread(fragments, places)
        for number, photo in enumerate(photos):
            _sample(
                photo.pixels, spread, number, wanted[number], top, fragments.triangle, out[number]
            )
    return out


def _homogeneous(camera: Camera, shape: PosedSurface) -> np.ndarray:
    """(V, 3): x·q, y·q and q of each vertex, px, which are linear across a triangle."""
    image, inverse_w = camera.project(shape.vertices_head)
    q = np.ones(len(image)) if inverse_w is None else inverse_w / inverse_w.mean()
    return np.column_stack([image[:, :2] * q[:, None], q])


@njit(cache=True, nogil=True, error_model="numpy")
def _sample(pixels, spread, number, wanted, first_row, triangle, out):
    """Sample a uint8 photo bilinearly at the places (x·q, y·q, q) of photo `number`.

    Args:
        pixels: (H, W, 3) uint8.
        spread: (h, size, 3 K) float32, px.
        number: of the photo.
        wanted: (w, w) bool.
        first_row: of the page, to which the first row of `spread` belongs.
        triangle: (h, size) int32, below 0 where there is no skin.
        out: (size, size, 3) uint8, written.
    """
    height, width, size = pixels.shape[0], pixels.shape[1], out.shape[0]
    one, half, zero = np.float32(1), np.float32(0.5), np.float32(0)
    coarse, first = wanted.shape[0], 3 * number
    for band_row in range(triangle.shape[0]):
        row = first_row + band_row
        wanted_row = wanted[row * coarse // size]
        for col in range(size):
            if triangle[band_row, col] < 0 or not wanted_row[col * coarse // size]:
                continue
            q = one / spread[band_row, col, first + 2]
            x, y = spread[band_row, col, first] * q, spread[band_row, col, first + 1] * q
            if not (x > -half and y > -half and x < width - half and y < height - half):
                continue
            x, y = max(x, zero), max(y, zero)
            left, top = min(int(x), width - 1), min(int(y), height - 1)
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            fx, fy = x - left, y - top
            a, b, c, d = (one - fx) * (one - fy), fx * (one - fy), (one - fx) * fy, fx * fy
            for k in range(3):
                value = (
                    pixels[top, left, k] * a
                    + pixels[top, right, k] * b
                    + pixels[bottom, left, k] * c
                    + pixels[bottom, right, k] * d
                )
                out[row, col, k] = np.uint8(max(value + half, one))
