"""A photo with the head in it: the pixels around it, and what the fitted camera sees of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, rasterize

if TYPE_CHECKING:
    from facelib.avatar.surface import HeadSurface

HEAD_MARGIN = 0.03  # around the head's box, as a share of its sides
BUFFER_SIDE = 448  # px, of the z-buffer around the head


@dataclass(frozen=True, eq=False)
class SeenPhoto:
    """A photo and what the fit found in it.

    Attributes:
        pixels: (H, W, 3) RGB, uint8 or float32 in 0..1.
        camera: of the whole photo: its image frame is that of `pixels`.
        vertices_head: (N, 3) float, mm: the head model's vertices, with this photo's expression.
        visibility: (P,) in 0..1 of the dense points, as in `fitting.seen.SeenPoints`; None if
            unknown.
    """

    pixels: np.ndarray
    camera: Camera
    vertices_head: np.ndarray
    visibility: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class View:
    """The smooth surface in front of a photo's camera.

    Attributes:
        surface: the head's surface.
        vertices_head: (V, 3) float32, mm, with the photo's expression.
        normals_head: (V, 3) float32, unit.
        crop: the square around the head in the photo.
        camera: the camera that has this square as its image.
        buffer: (BUFFER_SIDE, BUFFER_SIDE), the whole surface, eyes and teeth included, in it.
    """

    surface: HeadSurface
    vertices_head: np.ndarray
    normals_head: np.ndarray
    crop: Crop
    camera: Camera
    buffer: Fragments

    @classmethod
    def of(cls, photo: SeenPhoto, surface: HeadSurface) -> View:
        """Draw the surface into a photo's z-buffer."""
        vertices = (surface.from_head @ np.asarray(photo.vertices_head)).astype(np.float32)
        places = photo.camera.head_to_image(vertices)[:, :2]
        low, high = places.min(axis=0), places.max(axis=0)
        side = float((high - low).max()) * (1 + 2 * HEAD_MARGIN)
        crop = Crop(tuple((low + high) / 2), side, BUFFER_SIDE)
        camera = photo.camera.cropped(crop)
        image, inverse_w = camera.project(vertices)
        buffer = rasterize(image, surface.triangles, BUFFER_SIDE, BUFFER_SIDE, inverse_w)
        return cls(surface, vertices, surface.normals(vertices), crop, camera, buffer)

    def shows(self, *parts: str) -> np.ndarray:
        """(BUFFER_SIDE, BUFFER_SIDE) bool: pixels in which a part of the surface is visible."""
        members = np.zeros(len(self.surface.triangles) + 1, bool)  # the last for uncovered pixels
        for name, triangles in self.surface.parts:
            members[triangles] = name in parts
        return members[self.buffer.triangle]

    def colors(self, photo: SeenPhoto, where: np.ndarray) -> np.ndarray:
        """Take the colours of a photo's pixels under a mask of the z-buffer, each pixel once.

        Args:
            photo: of this view.
            where: (BUFFER_SIDE, BUFFER_SIDE) bool.

        Returns:
            (n, 3) float32 RGB in 0..1.
        """
        rows, columns = np.nonzero(where)
        places = np.rint(self.crop.crop_to_image(np.column_stack([columns, rows]))).astype(int)
        height, width = photo.pixels.shape[:2]
        inside = ((places >= 0) & (places < [width, height])).all(axis=1)
        x, y = np.unique(places[inside], axis=0).T
        values = photo.pixels[y, x]
        return values / np.float32(255) if values.dtype == np.uint8 else np.float32(values)


def near_head(photo: SeenPhoto, texels_per_mm: float) -> SeenPhoto:
    """Return a photo as uint8, shrunk to the scale of the page around the head if it is finer.

    Shrinking, by a whole number, keeps detail finer than a texel from aliasing.

    Args:
        photo: of any size.
        texels_per_mm: of the page that will be painted.

    Returns:
        The same view.
    """
    places = photo.camera.head_to_image(photo.vertices_head)[:, :2]
    low, high = places.min(axis=0), places.max(axis=0)
    margin = HEAD_MARGIN * (high - low) + 2
    height, width = photo.pixels.shape[:2]
    left, top = np.clip(np.floor(low - margin), 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(high + margin), [left, top], [width - 1, height - 1]).astype(
        int
    )
    cut = photo.pixels[top : bottom + 1, left : right + 1]
    factor = min(max(1, int(photo.camera.scale / texels_per_mm)), *cut.shape[:2])
    if factor == 1 and cut.dtype == np.uint8:  # then cutting would only copy
        return replace(photo, pixels=np.ascontiguousarray(photo.pixels))
    camera = replace(
        photo.camera,
        width=cut.shape[1],
        height=cut.shape[0],
        centre_px=np.asarray(photo.camera.centre_px) - [left, top],
    )
    if cut.dtype != np.uint8:
        cut = to_uint8(cut)
    if factor > 1:
        cut, camera = _shrunk(cut, factor), _shrunk_camera(camera, factor)
    return replace(photo, pixels=np.ascontiguousarray(cut), camera=camera)


def _shrunk(pixels: np.ndarray, factor: int) -> np.ndarray:
    """Average blocks of factor × factor pixels, uint8; what remains at the borders is left out."""
    rows, columns = (side // factor * factor for side in pixels.shape[:2])
    return np.array(Image.fromarray(pixels[:rows, :columns]).reduce(factor))


def _shrunk_camera(camera: Camera, factor: int) -> Camera:
    return replace(
        camera,
        scale=camera.scale / factor,
        width=camera.width // factor,
        height=camera.height // factor,
        centre_px=(np.asarray(camera.centre_px) + 0.5) / factor - 0.5,
        focal_px=None if camera.focal_px is None else camera.focal_px / factor,
    )
