"""A photo unwrapped onto the texture page: every texel takes its colour from the fitted camera.

A texel knows the point of the head's surface under it, and the camera where that point is in the
photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facelib.avatar.texture.views import SeenPhoto, View
from facelib.face.headmodel import load_head
from facelib.files.kernels import kernel
from facelib.files.threads import in_threads
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, interpolate, rasterize

if TYPE_CHECKING:
    from facelib.avatar.surface import HeadSurface

WORK = 512  # side of the page on which all is decided, texels
BAND_ROWS = 256  # rows of the page that are drawn at a time: it bounds the memory
BITS = 8
STEPS = 1 << BITS  # from one pixel to the next
LAST = STEPS - 1
UNSEEN = 0  # the red of texels that no pixel colours; that of others is 1 or more


@dataclass(frozen=True, eq=False)
class SkinPage:
    """The skin of a head's surface, ready to be drawn on the page.

    Attributes:
        uv: (V, 2) float32, texture coordinates of all vertices, v down.
        depth: (V,) float32: where the page has skin twice, as lids and the sockets behind them, the
            larger one counts.
        triangles: (M, 3) int32, those of the skin.
    """

    uv: np.ndarray
    depth: np.ndarray
    triangles: np.ndarray

    @classmethod
    def of(cls, surface: HeadSurface) -> SkinPage:
        """Take the skin of a head's surface: the same for all heads."""
        return _skin_page(surface)

    @cached_property
    def coarse_fragments(self) -> Fragments:
        """(WORK, WORK): the whole page as it is decided."""
        return self.fragments(WORK)

    def fragments(self, size: int, rows: slice = slice(None)) -> Fragments:
        """Find the triangle under each texel of some rows of a page `size` texels wide and high."""
        top, bottom, _ = rows.indices(size)
        texels = np.column_stack([self.uv * size - 0.5, self.depth])
        return rasterize(texels - [0, top, 0], self.triangles, bottom - top, size)

    def triangle_under(self, size: int) -> np.ndarray:
        """Find the triangle under each texel: (size, size) int32, below 0 where there is no skin.

        It is the same for all heads, so the last two pages are kept.
        """
        return _triangle_under(self, size)

    def spread(self, fragments: Fragments, of_vertices: np.ndarray) -> np.ndarray:
        """Interpolate (V, C) values of the surface's vertices at texels: (h, w, C) float32."""
        return interpolate(fragments, self.triangles, of_vertices)


@lru_cache(maxsize=1)
def _skin_page(surface: HeadSurface) -> SkinPage:
    mean_head = surface.from_head @ load_head().mean_head.astype(np.float32)
    return SkinPage(surface.uv, mean_head[:, 2], surface.triangles[dict(surface.parts)["skin"]])


@lru_cache(maxsize=2)
def _triangle_under(page: SkinPage, size: int) -> np.ndarray:
    triangle = np.empty((size, size), np.int32)

    def find_from(top: int) -> None:
        rows = slice(top, top + BAND_ROWS)
        triangle[rows] = page.fragments(size, rows).triangle

    in_threads(find_from, range(0, size, BAND_ROWS))
    return triangle


def unwrap(
    photos: Sequence[SeenPhoto],
    views: Sequence[View],
    page: SkinPage,
    size: int,
    wanted: np.ndarray | None = None,
) -> np.ndarray:
    """Unwrap photos onto pages, whether the camera sees a texel or something hides it.

    Args:
        photos: of `near_head`.
        views: of the same photos.
        page: the skin on the page.
        size: side of the pages, texels.
        wanted: (K, w, w) bool, on a coarser page: the texels to unwrap; None for all.

    Returns:
        (K, size, size, 3) uint8 RGB; `UNSEEN` where there is no skin, or no photo.
    """
    if wanted is None:
        wanted = np.ones((len(photos), 1, 1), bool)
    corners_page = page.uv.astype(np.float64) * size - 0.5
    planes = np.empty((len(photos), len(page.triangles), 3, 3))
    for photo, view, own in zip(photos, views, planes, strict=True):
        _extend(corners_page, _homogeneous(photo.camera, view.vertices_head), page.triangles, own)
    wanted_columns = np.arange(size) * wanted.shape[-1] // size
    triangle = page.triangle_under(size)
    out = np.zeros((len(photos), size, size, 3), np.uint8)  # all `UNSEEN`

    def unwrap_from(top: int) -> None:
        rows = triangle[top : top + BAND_ROWS]
        for photo, own, some, unwrapped in zip(photos, planes, wanted, out, strict=True):
            _sample(photo.pixels, own, rows, some, wanted_columns, top, unwrapped)

    in_threads(unwrap_from, range(0, size, BAND_ROWS))
    return out


def _homogeneous(camera: Camera, vertices_head: np.ndarray) -> np.ndarray:
    """(V, 3) float64: x·q, y·q and q of each vertex, px, which are linear across a triangle."""
    image, inverse_w = camera.project(vertices_head)
    q = np.ones(len(image)) if inverse_w is None else inverse_w / inverse_w.mean()
    return np.column_stack([image[:, :2] * q[:, None], q])


@kernel()
def _extend(corners, places, triangles, planes):
    """Write what is linear across a triangle as a · column + b · row + c.

    Args:
        corners: (V, 2) float64, column and row of each vertex on the page.
        places: (V, 3) float64, its `_homogeneous`.
        triangles: (M, 3) int32.
        planes: (M, 3, 3) float64, written: a, b and c of each of the three values.
    """
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x, y = corners[i, 0], corners[i, 1]
        x_j, y_j, x_k, y_k = (
            corners[j, 0] - x,
            corners[j, 1] - y,
            corners[k, 0] - x,
            corners[k, 1] - y,
        )
        area = x_j * y_k - y_j * x_k
        share = 1.0 / area if area != 0.0 else 0.0  # one without area covers no texel
        for n in range(3):
            to_j, to_k = places[j, n] - places[i, n], places[k, n] - places[i, n]
            a, b = (to_j * y_k - to_k * y_j) * share, (to_k * x_j - to_j * x_k) * share
            planes[t, n, 0], planes[t, n, 1], planes[t, n, 2] = a, b, places[i, n] - a * x - b * y


@kernel()
def _sample(pixels, planes, triangle, wanted, wanted_columns, first_row, out):
    """Sample a photo bilinearly on some rows of the page.

    Args:
        pixels: (H, W, 3) uint8.
        planes: (M, 3, 3) float64, of `_extend`.
        triangle: (h, size) int32, below 0 where there is no skin.
        wanted: (w, w) bool.
        wanted_columns: (size,) int64, the column of `wanted` for each of the page's.
        first_row: of the page, to which the first row of `triangle` belongs.
        out: (size, size, 3) uint8, written.
    """
    height, width, size = pixels.shape[0], pixels.shape[1], out.shape[0]
    coarse = wanted.shape[0]
    end_x, end_y = (width - 1) * STEPS, (height - 1) * STEPS
    for band_row in range(triangle.shape[0]):
        row = first_row + band_row
        wanted_row = wanted[row * coarse // size]
        for col in range(size):
            t = triangle[band_row, col]
            if t < 0 or not wanted_row[wanted_columns[col]]:
                continue
            plane = planes[t]
            q = STEPS / (plane[2, 0] * col + plane[2, 1] * row + plane[2, 2])
            if not q > 0.0:  # behind the eye
                continue
            # Whole numbers from here on: to convert twelve bytes to others took half of the time.
            x = int((plane[0, 0] * col + plane[0, 1] * row + plane[0, 2]) * q)
            y = int((plane[1, 0] * col + plane[1, 1] * row + plane[1, 2]) * q)
            if x < 0 or y < 0 or x >= end_x or y >= end_y:
                continue
            left, right_share, top, lower_share = x >> BITS, x & LAST, y >> BITS, y & LAST
            left_share, upper_share = STEPS - right_share, STEPS - lower_share
            a, b = left_share * upper_share, right_share * upper_share
            c, d = left_share * lower_share, right_share * lower_share
            upper, lower = pixels[top], pixels[top + 1]
            for channel in range(3):
                value = (
                    upper[left, channel] * a
                    + upper[left + 1, channel] * b
                    + lower[left, channel] * c
                    + lower[left + 1, channel] * d
                )
                out[row, col, channel] = np.uint8((value + STEPS * STEPS // 2) >> 2 * BITS)
            if out[row, col, 0] == UNSEEN:
                out[row, col, 0] = UNSEEN + 1
