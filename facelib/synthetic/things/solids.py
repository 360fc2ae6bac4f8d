"""Closed shapes with a material per vertex, made of rings of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from facelib.geometry.mesh import vertex_normals
from facelib.pairs.labels import NUMBER_OF

AROUND = 28  # points of a ring


class Finish(NamedTuple):
    """How a surface reflects and scatters light, as `materials.Material`, and what shades it.

    Attributes:
        gloss: strength of the reflection; 1 corresponds to skin's refractive index.
        roughness: GGX's alpha, 0..1.
        scatter: 1 with subsurface scattering as in skin, 0 without.
        openness: share of the sky that reaches it, 0..1.
    """

    gloss: float
    roughness: float
    scatter: float = 0.0
    openness: float = 0.9


@dataclass(frozen=True)
class Solid:
    """A shape with its material, mm.

    Attributes:
        vertices: (N, 3) float64.
        triangles: (M, 3) int32, counter-clockwise from outside.
        normals: (N, 3) float64, outward, of any length.
        colors: (N, 3) float64, linear RGB.
        finish: (N, 4) float64, columns as the fields of `Finish`.
        labels: (M,) uint8, numbers of `facelib.pairs.labels.LABELS`.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    normals: np.ndarray
    colors: np.ndarray
    finish: np.ndarray
    labels: np.ndarray

    @classmethod
    def of(cls, vertices, triangles, normals, color, finish: Finish, label: str) -> Solid:
        """Give a shape one material, and a colour that is broadcast to (N, 3)."""
        count = len(vertices)
        return cls(
            np.asarray(vertices, np.float64),
            np.asarray(triangles, np.int32),
            np.asarray(normals, np.float64),
            np.broadcast_to(np.asarray(color, np.float64), (count, 3)),
            np.tile(np.float64(finish), (count, 1)),
            np.full(len(triangles), NUMBER_OF[label], np.uint8),
        )

    def placed(self, axes: np.ndarray, origin: np.ndarray) -> Solid:
        """Move the shape: its x, y and z axes become the rows of (3, 3) `axes`; mm."""
        return replace(self, vertices=self.vertices @ axes + origin, normals=self.normals @ axes)

    def mirrored(self) -> Solid:
        """Mirror at x = 0."""
        flip = np.array([-1.0, 1.0, 1.0])
        return replace(
            self,
            vertices=self.vertices * flip,
            normals=self.normals * flip,
            triangles=self.triangles[:, ::-1],
        )


def joined(parts: Sequence[Solid]) -> Solid:
    """Combine shapes; vertices are not merged.

    Args:
        parts: at least one.
    """
    offsets = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    shifted = [part.triangles + offset for part, offset in zip(parts, offsets, strict=True)]
    names = ("vertices", "normals", "colors", "finish", "labels")
    rest = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return Solid(triangles=np.concatenate(shifted).astype(np.int32), **rest)


def lofted(rings: np.ndarray, color, finish: Finish, label: str = "thing") -> Solid:
    """Skin rings of points and close both ends.

    Args:
        rings: (R, L, 3) float, mm; points run counter-clockwise seen from the last ring's end.
        color: broadcast to (R, L, 3), linear RGB.
        finish: of the whole.
        label: a name in `facelib.pairs.labels.LABELS`.
    """
    count, around = rings.shape[:2]
    middles = rings[[0, -1]].mean(axis=1)
    vertices = np.concatenate([rings.reshape(-1, 3), middles])
    here = np.arange(around)
    following = (here + 1) % around
    lower = (np.arange(count - 1) * around)[:, None]
    upper = lower + around
    one = np.stack([lower + here, lower + following, upper + following], axis=-1)
    two = np.stack([lower + here, upper + following, upper + here], axis=-1)
    last, first_end = (count - 1) * around, count * around
    bottom = np.column_stack([following, here, np.full(around, first_end)])
    top = np.column_stack([last + here, last + following, np.full(around, first_end + 1)])
    parts = [one.reshape(-1, 3), two.reshape(-1, 3), bottom, top]
    triangles = np.concatenate(parts).astype(np.int32)
    colors = np.broadcast_to(np.asarray(color, float), rings.shape)
    colors = np.concatenate([colors.reshape(-1, 3), colors[[0, -1], 0]])
    return Solid.of(vertices, triangles, vertex_normals(vertices, triangles), colors, finish, label)


def turned(
    profile_mm: Sequence[tuple[float, float]],
    color,
    finish: Finish,
    across: float = 1.0,
    power: float = 2.0,
) -> Solid:
    """Make a shape with upright axis y from its profile.

    Args:
        profile_mm: pairs of radius and height, heights rising.
        color: broadcast to (R, 1, 3), linear RGB.
        finish: of the whole.
        across: factor on x; 1 gives round sections.
        power: exponent of the sections' superellipse: 2 is round, more is squarer.
    """
    radius, height = np.transpose(profile_mm)
    angle = np.linspace(0, 2 * np.pi, AROUND, endpoint=False)
    x, z = np.sin(angle), np.cos(angle)
    reach = (np.abs(x) ** power + np.abs(z) ** power) ** (-1 / power)
    section = np.column_stack([across * x * reach, np.zeros(AROUND), z * reach])
    rings = radius[:, None, None] * section
    rings[..., 1] = height[:, None]
    return lofted(rings, color, finish)
