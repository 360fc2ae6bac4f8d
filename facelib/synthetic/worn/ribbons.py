"""Thin things drawn over a finished photo: strands of hair, lashes, the wire of glasses.

A ribbon is a line through space with a width. It always turns its flat side to the camera, so it is
drawn straight onto the image, on a grid `FINE` times as fine as the photo, with a z-buffer of its
own that starts from the photo's depth. Averaging the fine grid gives soft edges; the photo itself
needs no finer grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.imaging.effects import box_mean
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.render import Light, Rendering
from facelib.synthetic.worn.ribbon_kernels import compose, draw_lines, enlarge, light_points

FINE = 2  # samples of a ribbon a pixel and axis
SHADE, SHADE_MM = 0.5, 8.0  # how much light ribbons keep from what is near, and how near
LEAST_PX = 0.45  # half width on the fine grid below which a ribbon would break up into dots


@dataclass(frozen=True)
class Ribbons:
    """Lines with a width; N points in S lines, one line after the other.

    Attributes:
        points_head: (N, 3) float32, mm, head frame.
        first: (S + 1,) int32: line s has the points first[s] .. first[s + 1] − 1.
        half_width_mm: (N,) float32.
        normals_head: (N, 3) float32, unit: which way the volume's outside is; it takes the light.
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


@dataclass(frozen=True)
class Overlay:
    """A photo with ribbons over it.

    Attributes:
        image: (H, W, 3) float32, linear RGB over black, not clipped.
        alpha: (H, W) float32, share of the pixel that anything covers.
        share: (H, W) float32, share that ribbons cover.
        label: (H, W) uint8: what the nearest ribbon in the pixel is, where ribbons cover at least
            half of it; 0 elsewhere.
        depth: (H, W) float32, px, image frame's z of that ribbon; −inf elsewhere.
    """

    image: np.ndarray
    alpha: np.ndarray
    share: np.ndarray
    label: np.ndarray
    depth: np.ndarray


def even_lines(
    points_head: np.ndarray,
    half_width_mm: np.ndarray,
    normals_head: np.ndarray,
    albedo: np.ndarray,
    gloss: float,
    hairs: int,
    label: str,
) -> Ribbons:
    """Make ribbons of lines that all have P points: arrays (S, P, 3), (S, P) and so on."""
    s, p = points_head.shape[:2]
    return Ribbons(
        _float32(points_head).reshape(-1, 3),
        np.arange(0, (s + 1) * p, p, dtype=np.int32),
        _float32(np.broadcast_to(half_width_mm, (s, p))).ravel(),
        _float32(np.broadcast_to(normals_head, (s, p, 3))).reshape(-1, 3),
        _float32(np.broadcast_to(albedo, (s, p, 3))).reshape(-1, 3),
        np.full(s, gloss, np.float32),
        np.full(s, hairs, np.int32),
        np.full(s, NUMBER_OF[label], np.uint8),
    )


def join(parts: Sequence[Ribbons]) -> Ribbons:
    """Put ribbons together; none at all gives ribbons without lines."""
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
    its highlight is a band across the strands; the volume's normal says which side lies in shadow.

    Args:
        photo: the render to draw over; only what its depth leaves visible is drawn.
        camera: of the photo.
        ribbons: what to draw.
        lights: directional, eye frame.
        ambient: (3,) RGB light from everywhere, or (N, 3) for every point of the ribbons.

    Returns:
        Overlay of the photo's size.
    """
    size = (camera.height, camera.width)
    fine = camera.enlarged(FINE)
    screen, px_per_mm = _project(fine, ribbons.points_head)
    rotation = _float32(camera.rotation)
    lit = np.empty((len(ribbons.points_head), 3), np.float32)
    points_eye, normals_eye = ribbons.points_head @ rotation.T, ribbons.normals_head @ rotation.T
    around = _float32(np.broadcast_to(ambient, lit.shape))
    light_points(points_eye, ribbons.first, normals_eye, ribbons.albedo, ribbons.gloss,
                 _light_rows(lights), around, lit)  # fmt: skip
    grid = (size[0] * FINE, size[1] * FINE)
    depth = np.empty(grid, np.float32)
    enlarge(photo.depth, depth)
    line, color = np.full(grid, -1, np.int32), np.empty((*grid, 3), np.float32)
    half_px = np.maximum(ribbons.half_width_mm * px_per_mm, np.float32(LEAST_PX))
    # From the nearest to the farthest: most of the rest is then hidden.
    order = np.argsort(-screen[ribbons.first[:-1] + np.diff(ribbons.first) // 2, 2])
    draw_lines(order, screen, half_px, ribbons.first, ribbons.hairs, lit, depth, line, color)
    image, alpha = photo.image.copy(), photo.alpha.copy()
    shade = _shade_below(line, camera.scale)
    share, label = np.zeros(size, np.float32), np.zeros(size, np.uint8)
    nearest = np.full(size, -np.inf, np.float32)
    compose(line, color, depth, ribbons.label, shade, image, alpha, share, label, nearest)
    return Overlay(image, alpha, share, label, nearest)


def _shade_below(line, px_per_mm):
    """How dark it is near ribbons, most of all below them: (H/2, W/2) float32, 0..SHADE."""
    cover = (line[:: 2 * FINE, :: 2 * FINE] >= 0).astype(np.float32)
    radius = max(int(round(SHADE_MM * px_per_mm / 4)), 1)
    near = box_mean(box_mean(cover, radius), radius)
    near[radius:] = near[: len(near) - radius].copy()
    return near * np.float32(SHADE)


def _project(camera, points_head):
    """Image points (N, 3) and px per mm (N,) there, float32."""
    points_eye = points_head @ _float32(camera.rotation).T + _float32(camera.translation_eye)
    per_mm = np.full(len(points_eye), camera.scale, np.float32)
    if camera.focal_px is not None:
        per_mm = np.float32(camera.focal_px) / np.maximum(-points_eye[:, 2], np.float32(1))
    screen = np.empty_like(points_eye)
    screen[:, 0] = points_eye[:, 0] * per_mm + np.float32(camera.centre_px[0])
    screen[:, 1] = np.float32(camera.centre_px[1]) - points_eye[:, 1] * per_mm
    screen[:, 2] = (points_eye[:, 2] - np.float32(camera.translation_eye[2])) * camera.scale
    return screen, per_mm


def _light_rows(lights):
    rows = np.zeros((len(lights), 6), np.float32)
    for row, light in zip(rows, lights, strict=True):
        direction = np.asarray(light.direction_eye, float)
        row[:3], row[3:] = direction / np.linalg.norm(direction), light.color
    return rows


def _float32(array):
    return np.ascontiguousarray(array, dtype=np.float32)
