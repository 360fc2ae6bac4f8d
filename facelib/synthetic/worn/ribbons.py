"""Thin things drawn over a finished photo: strands of hair, lashes, the wire of glasses.

A ribbon is a line in space with a width. Its flat side always faces the camera, so it is drawn
directly onto the image, on a grid `FINE` times as fine as the photo, with its own z-buffer that
starts from the photo's depth. Averaging the fine grid gives soft edges; the photo itself needs no
finer grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.imaging.effects import box_mean
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.render import Light, Rendering, light_rows
from facelib.synthetic.worn.ribbon_kernels import (
    FineGrid,
    Overlay,
    ScreenLines,
    compose,
    draw_lines,
    enlarge,
    light_points,
)

FINE = 2  # samples of a ribbon per pixel and axis
SHADE, SHADE_MM = 0.5, 8.0  # share of light that ribbons block from near surfaces; how near
LEAST_PX = 0.45  # half width on the fine grid below which a ribbon would break up into dots


@dataclass(frozen=True)
class Ribbons:
    """Lines with a width; N points in S lines, one line after the other.

    Attributes:
        points_head: (N, 3) float32, mm, head frame.
        first: (S + 1,) int32: line s has the points first[s] .. first[s + 1] − 1.
        half_width_mm: (N,) float32.
        normals_head: (N, 3) float32, unit, out of the volume of hair, for shading.
        albedo: (N, 3) float32, linear RGB.
        gloss: (S,) float32, strength of the highlight.
        hairs: (S,) int32: single hairs that a ribbon shows side by side; 0 is a solid wire.
        label: (S,) uint8, number in `pairs.labels.LABELS`.
    """

    points_head: np.ndarray
    first: np.ndarray
    half_width_mm: np.ndarray
    normals_head: np.ndarray
    albedo: np.ndarray
    gloss: np.ndarray
    hairs: np.ndarray
    label: np.ndarray

    def __post_init__(self) -> None:
        """Check that the arrays fit together."""
        n, s = len(self.points_head), len(self.first) - 1
        per_point = (("points_head", (n, 3)), ("half_width_mm", (n,)), ("normals_head", (n, 3)))
        per_line = (("gloss", (s,)), ("hairs", (s,)), ("label", (s,)))
        for name, shape in (*per_point, ("albedo", (n, 3)), *per_line):
            if np.shape(getattr(self, name)) != shape:
                raise ValueError(
                    f"expected {name} of shape {shape}, got {np.shape(getattr(self, name))}"
                )
        if s < 0 or self.first[0] != 0 or self.first[-1] != n:
            raise ValueError(f"expected first to run from 0 to {n}")


def even_lines(
    points_head: np.ndarray,
    half_width_mm: np.ndarray,
    normals_head: np.ndarray,
    albedo: np.ndarray,
    gloss: float,
    hairs: int,
    label: str,
) -> Ribbons:
    """Make ribbons from lines that all have P points: arrays (S, P, 3), (S, P) and so on."""
    s, p = points_head.shape[:2]

    def spread(values, *shape):
        return np.ascontiguousarray(np.broadcast_to(values, (s, p, *shape)), np.float32)

    return Ribbons(
        spread(points_head, 3).reshape(-1, 3),
        np.arange(0, (s + 1) * p, p, dtype=np.int32),
        spread(half_width_mm).ravel(),
        spread(normals_head, 3).reshape(-1, 3),
        spread(albedo, 3).reshape(-1, 3),
        np.full(s, gloss, np.float32),
        np.full(s, hairs, np.int32),
        np.full(s, NUMBER_OF[label], np.uint8),
    )


def join(parts: Sequence[Ribbons]) -> Ribbons:
    """Combine ribbons; an empty list gives ribbons without lines."""
    if not parts:
        empty = np.zeros((0, 2, 3), np.float32)
        return even_lines(empty, empty[..., 0], empty, empty, 0.0, 0, "background")
    offsets = np.cumsum([0] + [len(part.points_head) for part in parts])
    starts = [part.first[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    first = np.concatenate([*starts, offsets[-1:]]).astype(np.int32)
    names = ("half_width_mm", "normals_head", "albedo", "gloss", "hairs", "label")
    rest = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Ribbons(np.concatenate([part.points_head for part in parts]), first, *rest)


def draw_ribbons(
    photo: Rendering,
    camera: Camera,
    ribbons: Ribbons,
    lights: Sequence[Light],
    ambient: np.ndarray | tuple[float, float, float],
) -> Overlay:
    """Draw ribbons over a photo that was rendered with the same camera over black.

    A strand is lit as a fibre (Kajiya and Kay 1989): a light at the angle θ to it gives sin θ, and
    its highlight is a band across the strands. The volume's normal decides which side is in shadow.

    Args:
        photo: the render to draw over; only what its depth leaves visible is drawn.
        camera: of the photo.
        ribbons: the ribbons to draw.
        lights: directional, eye frame.
        ambient: (3,) RGB light from all directions, or (N, 3) for every point of the ribbons.

    Returns:
        Overlay of the photo's size.
    """
    size = (camera.height, camera.width)
    fine = camera.enlarged(FINE)
    screen, px_per_mm = _project(fine, ribbons.points_head)
    grid = (size[0] * FINE, size[1] * FINE)
    fine_grid = FineGrid(
        np.full(grid, -1, np.int32), np.empty((*grid, 3), np.float32), np.empty(grid, np.float32)
    )
    enlarge(photo.depth, fine_grid.depth)
    half_px = np.maximum(ribbons.half_width_mm * px_per_mm, np.float32(LEAST_PX))
    lit = _lit(ribbons, camera, lights, ambient)
    # From the nearest to the farthest: most of the rest is then hidden.
    order = np.argsort(-screen[ribbons.first[:-1] + np.diff(ribbons.first) // 2, 2])
    draw_lines(order, ScreenLines(screen, half_px, ribbons.first, ribbons.hairs, lit), fine_grid)
    overlay = Overlay(
        photo.image.copy(),
        photo.alpha.copy(),
        np.zeros(size, np.float32),
        np.zeros(size, np.uint8),
        np.full(size, -np.inf, np.float32),
    )
    compose(fine_grid, ribbons.label, _shade_below(fine_grid.line, camera.scale), overlay)
    return overlay


def _lit(ribbons, camera, lights, ambient):
    """Colour of every point, (N, 3) float32."""
    rotation = np.asarray(camera.rotation, np.float32).T
    lit = np.empty((len(ribbons.points_head), 3), np.float32)
    light_points(
        ribbons.points_head @ rotation,
        ribbons.first,
        ribbons.normals_head @ rotation,
        ribbons.albedo,
        ribbons.gloss,
        light_rows(lights),
        np.ascontiguousarray(np.broadcast_to(ambient, lit.shape), np.float32),
        lit,
    )
    return lit


def _shade_below(line, px_per_mm):
    """Darkening of surfaces near and below ribbons: (H/2, W/2) float32, 0..SHADE."""
    cover = (line[:: 2 * FINE, :: 2 * FINE] >= 0).astype(np.float32)
    radius = max(int(round(SHADE_MM * px_per_mm / 4)), 1)
    near = box_mean(box_mean(cover, radius), radius)
    near[radius:] = near[: len(near) - radius].copy()
    return near * np.float32(SHADE)


def _project(camera, points_head):
    """Image points (N, 3) and px per mm there (N,), float32."""
    rotation = np.asarray(camera.rotation, np.float32).T
    points_eye = points_head @ rotation + np.asarray(camera.translation_eye, np.float32)
    per_mm = np.full(len(points_eye), camera.scale, np.float32)
    if camera.focal_px is not None:
        per_mm = np.float32(camera.focal_px) / np.maximum(-points_eye[:, 2], np.float32(1))
    screen = np.empty_like(points_eye)
    screen[:, 0] = points_eye[:, 0] * per_mm + np.float32(camera.centre_px[0])
    screen[:, 1] = np.float32(camera.centre_px[1]) - points_eye[:, 1] * per_mm
    screen[:, 2] = (points_eye[:, 2] - np.float32(camera.translation_eye[2])) * camera.scale
    return screen, per_mm
