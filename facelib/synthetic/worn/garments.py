"""Pieces of cloth as meshes around the mean head: made from rows, joined, moved to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.geometry.mesh import vertex_normals
from facelib.pairs.labels import NUMBER_OF


@dataclass(frozen=True)
class Garments:
    """Cloth as one mesh, every triangle with its label.

    Attributes:
        vertices_head: (N, 3) float32, mm, about the mean head until `carried`.
        triangles: (M, 3) int32; cloth that shows both sides has every triangle in both windings.
        triangle_label: (M,) uint8, number in `pairs.labels.LABELS`.
        colors: (N, 3) float32, linear RGB.
        outside: (M,) bool: triangles used for the normals.
    """

    vertices_head: np.ndarray
    triangles: np.ndarray
    triangle_label: np.ndarray
    colors: np.ndarray
    outside: np.ndarray

    def carried(self, movement: np.ndarray) -> Garments:
        """Move the vertices by (N, 3) mm."""
        return Garments(
            (self.vertices_head + movement).astype(np.float32),
            self.triangles,
            self.triangle_label,
            self.colors,
            self.outside,
        )

    def normals(self) -> np.ndarray:
        """Return the vertices' normals, outward: (N, 3) float32."""
        return vertex_normals(self.vertices_head, self.triangles[self.outside])


def strip(
    rows: np.ndarray, color: np.ndarray, label: str, closed: bool, two_sided: bool = False
) -> Garments:
    """Join rows of points into a band of cloth.

    Args:
        rows: (R, L, 3) float, mm, from the upper edge down; points run about the upright axis from
            the front over the image's right (+x), so that the outside is outside.
        color: broadcast to (R, L, 3), linear RGB.
        label: a name in `pairs.labels.LABELS`.
        closed: whether each row's end meets its start.
        two_sided: whether the inside is visible, too.
    """
    r, count = rows.shape[:2]
    here = np.arange(count if closed else count - 1)
    following = (here + 1) % count
    upper = (np.arange(r - 1) * count)[:, None]
    lower = upper + count
    # Counter-clockwise from outside: down, then to the next point.
    one = np.stack([upper + here, lower + here, lower + following], axis=-1)
    two = np.stack([upper + here, lower + following, upper + following], axis=-1)
    triangles = np.concatenate([one.reshape(-1, 3), two.reshape(-1, 3)]).astype(np.int32)
    outside = np.ones(len(triangles), bool)
    if two_sided:
        triangles = np.concatenate([triangles, triangles[:, ::-1]])
        outside = np.concatenate([outside, ~outside])
    return Garments(
        rows.reshape(-1, 3).astype(np.float32),
        triangles,
        np.full(len(triangles), NUMBER_OF[label], np.uint8),
        np.broadcast_to(color, rows.shape).reshape(-1, 3).astype(np.float32),
        outside,
    )


def sewn(parts: Sequence[Garments]) -> Garments:
    """Combine pieces into one mesh; vertices are not merged."""
    offsets = np.cumsum([0] + [len(part.vertices_head) for part in parts[:-1]])
    shifted = [part.triangles + offset for part, offset in zip(parts, offsets, strict=True)]
    return Garments(
        np.concatenate([part.vertices_head for part in parts]),
        np.concatenate(shifted).astype(np.int32),
        np.concatenate([part.triangle_label for part in parts]),
        np.concatenate([part.colors for part in parts]),
        np.concatenate([part.outside for part in parts]),
    )
