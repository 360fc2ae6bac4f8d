"""A mesh as it goes into a file: parts with materials, normals, a texture, movable shapes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from facelib.geometry.mesh import Mesh, nearest_texels, vertex_normals
from facelib.imaging.imagefiles import to_uint8

STEPS_PER_M, STEPS_OF_NORMALS = 2**16, 2**9  # powers of 2: multiples of 1 / steps are short floats


@dataclass(frozen=True)
class MeshPart:
    """Triangles of one material.

    Attributes:
        name: of the part and of its material.
        triangles: which rows of the asset's triangles.
        roughness: 0 is a mirror, 1 is chalk.
        two_sided: whether the inside can be seen, as the surface has holes.
    """

    name: str
    triangles: slice
    roughness: float = 1.0
    two_sided: bool = False


@dataclass(frozen=True, eq=False)
class Morph:
    """A movement of some vertices: a morph target, or blend shape.

    Attributes:
        name: of the movement.
        places: (Q,) int, sorted: the vertices that move.
        moves: (Q, 3) float32, by how much at full strength.
        bent_places: (R,) int, sorted: the vertices whose normals change.
        bends: (R, 3) float32, their change at full strength.
    """

    name: str
    places: np.ndarray
    moves: np.ndarray
    bent_places: np.ndarray
    bends: np.ndarray


@dataclass(frozen=True, eq=False)
class MeshAsset:
    """A mesh with all that its file shall hold.

    Attributes:
        vertices: (V, 3) float32, right-handed, y up.
        normals: (V, 3) float32, unit vectors.
        triangles: (T, 3) int32, counter-clockwise from outside.
        parts: they cover the triangles, in their order.
        uv: (V, 2) float32, u right, v DOWN, or None.
        texture: (H, W, 3) uint8 RGB, or None.
        colors: (V, 3) uint8 RGB, or None.
        morphs: movements that a viewer can play.
        strengths: of each morph at first; () stands for zeros.
        is_photo: whether the texture may be stored as JPEG, which is smaller but not exact.
    """

    vertices: np.ndarray
    normals: np.ndarray
    triangles: np.ndarray
    parts: tuple[MeshPart, ...]
    uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    colors: np.ndarray | None = None
    morphs: tuple[Morph, ...] = ()
    strengths: tuple[float, ...] = ()
    is_photo: bool = False

    def vertex_colors(self) -> np.ndarray | None:
        """Return each vertex's colour, (V, 3) uint8: its nearest texel × `colors`; None without."""
        if self.uv is None or self.texture is None:
            return self.colors
        sampled = nearest_texels(self.uv, self.texture)
        return sampled if self.colors is None else to_uint8(sampled / 255 * (self.colors / 255))


def asset_of(mesh: Mesh, name: str) -> MeshAsset:
    """Return a plain mesh as an asset of one part."""
    textured = mesh.uv is not None and mesh.texture is not None
    return MeshAsset(
        vertices=mesh.vertices,
        normals=vertex_normals(mesh.vertices, mesh.triangles),
        triangles=mesh.triangles,
        parts=(MeshPart(name, slice(0, len(mesh.triangles)), two_sided=True),),
        uv=mesh.uv if textured else None,
        texture=to_uint8(mesh.texture) if textured else None,
        colors=None if mesh.colors is None else to_uint8(mesh.colors),
    )


def rounded(asset: MeshAsset) -> MeshAsset:
    """Round what moves and bends by less than anybody sees: the file then packs a third smaller.

    Vertices and their moves become multiples of 1 / 65,536 m, normals of 1 / 512. The last bytes of
    such numbers are 0, so compression finds them.
    """
    return replace(
        asset,
        vertices=_multiples(asset.vertices, STEPS_PER_M),
        normals=_multiples(asset.normals, STEPS_OF_NORMALS),
        morphs=tuple(
            replace(
                morph,
                moves=_multiples(morph.moves, STEPS_PER_M),
                bends=_multiples(morph.bends, STEPS_OF_NORMALS),
            )
            for morph in asset.morphs
        ),
    )


def _multiples(values: np.ndarray, steps: int) -> np.ndarray:
    return (np.round(values * steps) / steps).astype(np.float32)


def welded(asset: MeshAsset) -> tuple[np.ndarray, np.ndarray]:
    """Join vertices in exactly one place, as at seams: the first of each, (W,), and its number."""
    rows = np.ascontiguousarray(asset.vertices).view([("place", asset.vertices.dtype, 3)]).ravel()
    _, first, numbers = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return first[order], np.argsort(order)[numbers]
