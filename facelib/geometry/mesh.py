"""Triangles in space: normals, edges, holes, subdivision as a sparse matrix, files.

Files (OBJ with MTL and PNG, GLB, PLY) go through trimesh. `uv` points down here and up in OBJ and
in trimesh; `_flipped` is the one place that turns it.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from PIL import Image
from scipy import sparse

from facelib.imaging.images import to_uint8

MESH_ENDINGS = (".obj", ".glb", ".ply")
MIN_LENGTH = 1e-20  # keeps a triangle without area from dividing by 0; its normal stays 0


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
        """Bring every array to its dtype and check that they fit together."""
        for name, dtype in (("vertices", np.float32), ("triangles", np.int32)):
            object.__setattr__(self, name, _array(name, getattr(self, name), dtype, (None, 3)))
        n = len(self.vertices)
        shapes = (("uv", (n, 2)), ("texture", (None, None, 3)), ("colors", (n, 3)))
        for name, shape in shapes:
            if getattr(self, name) is not None:
                array = _array(name, getattr(self, name), np.float32, shape)
                object.__setattr__(self, name, array)
        if self.triangles.size and not 0 <= self.triangles.min() <= self.triangles.max() < n:
            raise ValueError(
                f"expected vertex indices 0..{n - 1} in triangles, "
                f"got {self.triangles.min()}..{self.triangles.max()}"
            )


def triangle_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return each triangle's unit normal, by the right-hand rule.

    Args:
        vertices: (N, 3) float, a right-handed frame.
        triangles: (M, 3) int.

    Returns:
        (M, 3) float64, same frame; 0 for a triangle without area.
    """
    a, b, c = np.moveaxis(np.asarray(vertices, dtype=np.float64)[triangles], 1, 0)
    crossed = np.cross(b - a, c - a)
    return crossed / np.maximum(np.linalg.norm(crossed, axis=1, keepdims=True), MIN_LENGTH)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return each vertex's unit normal: the mean over its triangles, weighted by their area.

    Args:
        vertices: (N, 3) float, a right-handed frame.
        triangles: (M, 3) int.

    Returns:
        (N, 3) float32, same frame; 0 for a vertex that no triangle uses.
    """
    triangles = np.ascontiguousarray(triangles, dtype=np.int32)
    if triangles.size and (triangles.min() < 0 or triangles.max() >= len(vertices)):
        raise ValueError(f"expected vertex indices 0..{len(vertices) - 1}, got others in triangles")
    sums = np.zeros((len(vertices), 3))
    _add_normals(np.ascontiguousarray(vertices, dtype=np.float64), triangles, sums)
    lengths = np.sqrt(np.einsum("nk,nk->n", sums, sums))
    return (sums / np.maximum(lengths, MIN_LENGTH)[:, None]).astype(np.float32)


def edges(triangles: np.ndarray) -> np.ndarray:
    """Return every edge once: (E, 2) int, the smaller vertex first, sorted."""
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
        right), longest first, each starting at its smallest index. Where two holes touch in one
        vertex, they are told apart only by edges, so a loop may pass that vertex once each.
    """
    triangles = np.asarray(triangles)
    directed = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    present = set(map(tuple, directed))
    following: dict[int, list[int]] = {}
    for start, stop in sorted(directed, reverse=True):
        if (stop, start) not in present:
            following.setdefault(start, []).append(stop)
    loops = []
    for start in sorted(following):
        while following[start]:
            loops.append(_follow(start, following))
    return sorted(loops, key=len, reverse=True)


def subdivision_matrix(
    triangles: np.ndarray, n_vertices: int
) -> tuple[sparse.csr_array, np.ndarray]:
    """Split every triangle into four at its edges' midpoints, as one sparse matrix.

    New vertices = S @ old vertices: the old ones first, then one a row of `edges(triangles)`. S
    applies to anything linear along an edge: positions, texture coordinates, shape bases.

    Args:
        triangles: (M, 3) int.
        n_vertices: N.

    Returns:
        S: (N + E, N) float64 CSR; the new triangles: (4M, 3) int32, wound as their parents.
    """
    triangles = np.asarray(triangles)
    pairs = edges(triangles)
    codes = pairs[:, 0].astype(np.int64) * n_vertices + pairs[:, 1]
    corners = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]], axis=2).astype(np.int64)
    middle = n_vertices + np.searchsorted(codes, corners[..., 0] * n_vertices + corners[..., 1])
    (a, b, c), (ab, bc, ca) = triangles.T, middle.T
    new = np.stack([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]], axis=0)
    rows = np.repeat(np.arange(len(pairs)), 2)
    halves = sparse.coo_array(
        (np.full(pairs.size, 0.5), (rows, pairs.ravel())), shape=(len(pairs), n_vertices)
    )
    matrix = sparse.vstack([sparse.eye_array(n_vertices), halves], format="csr")
    return matrix, new.transpose(2, 0, 1).reshape(-1, 3).astype(np.int32)


def submesh(mesh: Mesh, keep: np.ndarray) -> Mesh:
    """Return the triangles whose corners are all kept, without texture and colours.

    Args:
        mesh: N vertices.
        keep: (N,) bool.

    Returns:
        The kept vertices, in their order, and those triangles, in theirs.
    """
    triangles = mesh.triangles[keep[mesh.triangles].all(axis=1)]
    new_index = np.cumsum(keep) - 1
    return Mesh(mesh.vertices[keep], new_index[triangles].astype(np.int32))


def read_mesh(path: str | Path, resolver=None, split_seams: bool = False) -> Mesh:
    """Read a mesh with its texture coordinates, texture and colours, where the file has them.

    An OBJ's vertices keep their order and number, with one texture coordinate each, or are split.

    Args:
        path: ends in .obj, .glb or .ply.
        resolver: trimesh's finder of the files that an OBJ names; None looks in its folder.
        split_seams: split vertices that have several texture coordinates, as at a seam.

    Returns:
        Mesh in the file's own frame and unit; without its unused vertices.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the ending is another one or the file holds no triangles.
    """
    import trimesh  # half a second, which only readers of files should wait for

    path = _checked_ending(path)
    if not path.is_file():
        raise FileNotFoundError(f"expected a mesh file, found none at {path}")
    order = {"maintain_order": not split_seams} if path.suffix.lower() == ".obj" else {}
    try:
        loaded = trimesh.load_mesh(path, process=False, resolver=resolver, **order)
        if len(loaded.faces):
            uv, texture = _uv_and_texture(loaded)
            return Mesh(loaded.vertices, loaded.faces, uv, texture, _colors(loaded))
    except Exception as error:  # trimesh lets whatever its parsers meet through
        raise ValueError(f"expected a mesh, but {path} cannot be read: {error}") from error
    raise ValueError(f"expected a mesh with triangles, found none in {path}")


def write_mesh(path: str | Path, mesh: Mesh) -> None:
    """Write a mesh in the format that the file's ending names.

    OBJ puts NAME.mtl and NAME.png beside NAME.obj and refers to them by name alone; GLB holds all
    in one file; PLY, which has no common way to hold a texture, gets its colour at every vertex.
    Files are written under temporary names and then renamed, the mesh itself last.

    Args:
        path: ends in .obj, .glb or .ply; the folder must exist.
        mesh: in a right-handed frame with y up, as every viewer expects.

    Raises:
        ValueError: if the ending is another one.
        OSError: if a file cannot be written.
    """
    path = _checked_ending(path)
    stem = re.sub(r"[^\w.-]", "_", path.stem)  # MTL readers stop at the first space
    ending = path.suffix.lower()
    if ending == ".obj":
        files = _obj_files(mesh, stem, path.name)
    elif ending == ".glb":
        files = {path.name: _to_trimesh(mesh, stem, pbr=True).export(file_type="glb")}
    else:
        colored = Mesh(mesh.vertices, mesh.triangles, colors=_vertex_colors(mesh))
        files = {path.name: _to_trimesh(colored, stem).export(file_type="ply")}
    _write_all(path, files)


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


@njit(cache=True)
def _add_normals(vertices, triangles, sums):
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        bx, by, bz = vertices[j, 0] - ax, vertices[j, 1] - ay, vertices[j, 2] - az
        cx, cy, cz = vertices[k, 0] - ax, vertices[k, 1] - ay, vertices[k, 2] - az
        nx, ny, nz = by * cz - bz * cy, bz * cx - bx * cz, bx * cy - by * cx
        for corner in (i, j, k):
            sums[corner, 0] += nx
            sums[corner, 1] += ny
            sums[corner, 2] += nz


def _array(name: str, array, dtype, shape: tuple[int | None, ...]) -> np.ndarray:
    array = np.ascontiguousarray(array, dtype=dtype)
    fits = array.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"expected {name} of shape ({wanted}), got {array.shape}")
    return array


def _obj_files(mesh: Mesh, stem: str, obj_name: str) -> dict[str, bytes]:
    from trimesh.exchange.obj import export_obj

    text, beside = export_obj(
        _to_trimesh(mesh, stem),
        include_normals=True,
        return_texture=True,
        write_texture=False,
        mtl_name=f"{stem}.mtl",
        header=None,
    )
    return {**beside, obj_name: text.encode()}


def _to_trimesh(mesh: Mesh, name: str, pbr: bool = False):
    import trimesh
    from trimesh.visual import ColorVisuals, TextureVisuals
    from trimesh.visual.material import PBRMaterial, SimpleMaterial

    visual = None
    if mesh.uv is not None and mesh.texture is not None:
        picture, white = Image.fromarray(to_uint8(mesh.texture)), [255, 255, 255, 255]
        if pbr:
            material = PBRMaterial(
                name=name, baseColorTexture=picture, metallicFactor=0.0, roughnessFactor=1.0
            )
        else:
            # trimesh's default diffuse colour is grey and would darken the texture.
            black = [0, 0, 0, 255]
            material = SimpleMaterial(
                image=picture, diffuse=white, ambient=white, specular=black, name=name
            )
            material.name = name
        visual = TextureVisuals(uv=_flipped(mesh.uv), material=material)
    elif mesh.colors is not None:
        visual = ColorVisuals(vertex_colors=to_uint8(mesh.colors))
    return trimesh.Trimesh(mesh.vertices, mesh.triangles, visual=visual, process=False)


def _uv_and_texture(loaded) -> tuple[np.ndarray | None, np.ndarray | None]:
    uv = getattr(loaded.visual, "uv", None)
    if uv is None or len(uv) != len(loaded.vertices):
        return None, None
    material = loaded.visual.material
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if picture is None:
        return _flipped(uv), None
    return _flipped(uv), np.asarray(picture.convert("RGB"), dtype=np.float32) / 255.0


def _colors(loaded) -> np.ndarray | None:
    if loaded.visual.kind != "vertex":
        return None
    return np.asarray(loaded.visual.vertex_colors, dtype=np.float32)[:, :3] / 255.0


def _vertex_colors(mesh: Mesh) -> np.ndarray | None:
    if mesh.uv is None or mesh.texture is None:
        return mesh.colors
    height, width = mesh.texture.shape[:2]
    columns = np.clip(np.floor(mesh.uv[:, 0] * width), 0, width - 1).astype(int)
    rows = np.clip(np.floor(mesh.uv[:, 1] * height), 0, height - 1).astype(int)
    sampled = mesh.texture[rows, columns]
    return sampled if mesh.colors is None else sampled * mesh.colors


def _flipped(uv: np.ndarray) -> np.ndarray:
    """Turn v from down to up or from up to down."""
    return np.column_stack([uv[:, 0], 1.0 - uv[:, 1]])


def _checked_ending(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in MESH_ENDINGS:
        raise ValueError(f"expected a name ending in {', '.join(MESH_ENDINGS)}, got {path.name!r}")
    return path


def _write_all(path: Path, files: dict[str, bytes]) -> None:
    """Write every file under a temporary name, then rename them; the mesh is the last one."""
    temporary = {path.with_name(f".{name}.{os.getpid()}"): name for name in files}
    try:
        for place, name in temporary.items():
            place.write_bytes(files[name])
        for place, name in temporary.items():
            os.replace(place, path.with_name(name))
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        for place in temporary:
            place.unlink(missing_ok=True)
