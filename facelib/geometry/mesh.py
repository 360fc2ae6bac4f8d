"""Triangle meshes: normals, edges, holes, colours, parts."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from facelib.files.kernels import kernel


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh with optional texture and colours.

    Attributes:
        vertices: (N, 3) float32; the frame is in the variable's name (`mesh_head`, …).
        triangles: (M, 3) int32, counter-clockwise seen from outside where y points up.
        uv: (N, 2) float32 in [0, 1], u right, v DOWN, or None.
        texture: (H, W, 3) float32 RGB in 0..1, or None.
        colors: (N, 3) float32 RGB in 0..1, or None.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    uv: np.ndarray | None = None
    texture: np.ndarray | None = None
    colors: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Convert every array to its dtype and check that they fit together."""
        vertices = _array("vertices", self.vertices, (None, 3))
        n = len(vertices)
        object.__setattr__(self, "vertices", vertices)
        object.__setattr__(self, "triangles", checked_triangles(self.triangles, n))
        shapes = (("uv", (n, 2)), ("texture", (None, None, 3)), ("colors", (n, 3)))
        for name, shape in shapes:
            if getattr(self, name) is not None:
                array = _array(name, getattr(self, name), shape)
                object.__setattr__(self, name, array)


def checked_triangles(triangles: np.ndarray, n_vertices: int) -> np.ndarray:
    """Return triangles as (M, 3) int32, contiguous.

    Raises:
        ValueError: if they have another shape, or a corner is none of the vertices.
    """
    triangles = np.asarray(triangles)
    if triangles.ndim != 2 or triangles.shape[1] != 3:
        raise ValueError(f"expected triangles (M, 3), got {triangles.shape}")
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < n_vertices:
        raise ValueError(
            f"expected vertex indices 0..{n_vertices - 1}, "
            f"got {triangles.min()}..{triangles.max()} in triangles"
        )
    return np.ascontiguousarray(triangles, np.int32)


def triangle_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return each triangle's unit normal, by the right-hand rule.

    Args:
        vertices: (N, 3) float, a right-handed frame.
        triangles: (M, 3) int.

    Returns:
        (M, 3) float64, same frame; 0 for a triangle without area.

    Examples:
        >>> import numpy as np
        >>> flat = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]])
        >>> triangle_normals(flat, np.array([[0, 1, 2]])).tolist()
        [[0.0, 0.0, 1.0]]
    """
    a, b, c = np.moveaxis(np.asarray(vertices, dtype=np.float64)[triangles], 1, 0)
    return _unit(np.cross(b - a, c - a))


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return each vertex's unit normal: the mean over its triangles, weighted by their area.

    Args:
        vertices: (N, 3) float, a right-handed frame.
        triangles: (M, 3) int.

    Returns:
        (N, 3) float32, same frame; 0 for a vertex that no triangle uses.

    Raises:
        ValueError: if a corner is none of the vertices.
    """
    triangles = checked_triangles(triangles, len(vertices))
    sums = np.zeros((len(vertices), 3))
    _add_normals(np.ascontiguousarray(vertices, dtype=np.float64), triangles, sums)
    return _unit(sums).astype(np.float32)


@dataclass(frozen=True, eq=False)
class MovedPart:
    """The part of a mesh whose normals change if some of its vertices move.

    Attributes:
        near: (Q,) int, sorted: the vertices whose normals change.
        corners: (U,) int: those of all triangles that these normals depend on.
        triangles: (M, 3) int32: these triangles, as rows of `corners`.
        rows: (Q,) int: where in `corners` the normal of each vertex is found.
    """

    near: np.ndarray
    corners: np.ndarray
    triangles: np.ndarray
    rows: np.ndarray

    @classmethod
    def of(cls, triangles: np.ndarray, places: np.ndarray, twin: np.ndarray) -> "MovedPart":
        """Find the part around vertices that move.

        Args:
            triangles: (M, 3) int, whose corners are twins.
            places: (P,) int, the vertices that move.
            twin: (N,) int: of each vertex, the one whose normal it shares; most often itself.
        """
        moves, is_near, is_corner = np.zeros((3, len(twin)), bool)
        is_touched = np.empty(len(triangles), bool)
        moves[twin[places]] = True
        _touch(triangles, moves, is_touched, is_near)
        _touch(triangles, is_near, is_touched, is_corner)
        row = np.cumsum(is_corner, dtype=np.int32) - 1
        near = np.flatnonzero(is_near[twin])
        around = row[triangles[is_touched]]
        return cls(near, np.flatnonzero(is_corner), around, row[twin[near]])

    def normals(self, vertices: np.ndarray) -> np.ndarray:
        """Return these normals of (N, 3) vertices, (Q, 3) float32, as `vertex_normals` does."""
        return vertex_normals(vertices[self.corners], self.triangles)[self.rows]


def edges(triangles: np.ndarray) -> np.ndarray:
    """Return every edge once: (E, 2) int, the smaller vertex first, sorted.

    Examples:
        >>> import numpy as np
        >>> edges(np.array([[0, 1, 2], [2, 1, 3]])).tolist()
        [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    """
    triangles = np.asarray(triangles)
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    count = int(pairs.max(initial=0)) + 1
    codes = np.unique(pairs[:, 0].astype(np.int64) * count + pairs[:, 1])  # faster than rows
    return np.stack(np.divmod(codes, count), axis=1).astype(triangles.dtype)


def boundary_loops(triangles: np.ndarray) -> list[np.ndarray]:
    """Follow the edges that only one triangle has, hole by hole.

    Args:
        triangles: (M, 3) int, consistently wound.

    Returns:
        Loops of vertex indices in the triangles' direction along the border (the hole lies to its
        right), longest first, each starting at its smallest index. Two holes that touch in
        one vertex are separated by edges alone: each loop may pass that vertex.

    Raises:
        ValueError: if two triangles go along an edge in the same direction.
    """
    triangles = np.asarray(triangles)
    directed = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    present = Counter(map(tuple, directed))
    for (start, stop), count in present.items():
        if count > 1:
            raise ValueError(
                f"expected consistently wound triangles, got {count} that go from {start} to {stop}"
            )
    following: dict[int, list[int]] = {}
    for start, stop in sorted(directed, reverse=True):
        if (stop, start) not in present:
            following.setdefault(start, []).append(stop)
    loops = []
    for start in sorted(following):
        while following[start]:
            loops.append(_follow(start, following))
    return sorted(loops, key=len, reverse=True)


def vertex_colors(mesh: Mesh) -> np.ndarray | None:
    """Return a mesh's colour at each vertex: its texture's nearest texel × `colors`.

    Args:
        mesh: N vertices.

    Returns:
        (N, 3) float32 RGB; None if the mesh has neither texture nor colours.
    """
    if mesh.uv is None or mesh.texture is None:
        return mesh.colors
    sampled = nearest_texels(mesh.uv, mesh.texture)
    return sampled if mesh.colors is None else sampled * mesh.colors


def nearest_texels(uv: np.ndarray, texture: np.ndarray) -> np.ndarray:
    """Look up (N, 2) texture coordinates, v down, in (H, W, C): (N, C), of the texture's dtype."""
    size = np.array(texture.shape[1::-1])
    columns, rows = np.clip(np.floor(uv * size), 0, size - 1).astype(int).T
    return texture[rows, columns]


def submesh(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """Return the part of a mesh whose corners are all kept, without texture and colours.

    Args:
        mesh: N vertices.
        keep: (N,) bool.

    Returns:
        The kept vertices and triangles, both in their original order.
    """
    triangles = mesh.triangles[keep[mesh.triangles].all(axis=1)]
    new_index = np.cumsum(keep) - 1
    return Mesh(mesh.vertices[keep], new_index[triangles].astype(np.int32))


def _follow(start: int, following: dict[int, list[int]]) -> np.ndarray:
    loop, current = [start], following[start].pop()
    while current != start:
        loop.append(current)
        if not following.get(current):
            raise ValueError(
                f"expected consistently wound triangles, got a border ending {current}"
            )
        current = following[current].pop()
    return np.array(loop)


@kernel()
def _add_normals(vertices, triangles, sums):
    for t in range(triangles.shape[0]):
        _add_normal(vertices, triangles[t, 0], triangles[t, 1], triangles[t, 2], sums)


@kernel()
def _touch(triangles, marked, is_touched, is_near):
    """Find the triangles with a marked corner, and mark all corners of theirs in `is_near`."""
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        is_touched[t] = marked[i] or marked[j] or marked[k]
        if is_touched[t]:
            is_near[i] = is_near[j] = is_near[k] = True


@kernel(inline="always")
def _add_normal(vertices, i, j, k, sums):
    """Add twice a triangle's area times its unit normal to the sum of each of its corners."""
    ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
    bx, by, bz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
    cx, cy, cz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
    nx, ny, nz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
    for corner in (i, j, k):
        sums[corner, 0] += nx
        sums[corner, 1] += ny
        sums[corner, 2] += nz


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Return (N, 3) vectors at length 1, but 0 if they are 0."""
    lengths = np.sqrt(np.einsum("nk,nk->n", vectors, vectors))[:, None]
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def _array(name: str, array, shape: tuple[int | None, ...]) -> np.ndarray:
    array = np.ascontiguousarray(array, dtype=np.float32)
    fits = array.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"expected {name} of shape ({wanted}), got {array.shape}")
    return array
