"""Mesh files: OBJ with MTL and PNG, GLB and PLY.

They are read through trimesh, where v points up; in a `Mesh` it points down.
"""

import logging
import warnings
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from facelib.files.atomic import replacing
from facelib.files.reading import in_a_line, regular_file
from facelib.geometry.asset import MeshAsset, asset_of
from facelib.geometry.companions import check_glb, check_texture, checking_resolver
from facelib.geometry.gltf import glb_bytes
from facelib.geometry.mesh import Mesh
from facelib.geometry.mesh_names import MESH_ENDINGS, companions, file_stem
from facelib.geometry.objfiles import obj_files, ply_bytes
from facelib.imaging.imagefiles import to_float

MAX_BYTES = 400_000_000  # of a mesh file


def read_mesh(path: str | Path, resolver=None, split_seams: bool = False) -> Mesh:
    """Read a mesh with its texture coordinates, texture and colours, if the file has them.

    An OBJ's vertices keep their order and number, with one texture coordinate each, unless split
    or of several materials. Parts whose materials share one texture become one mesh.

    Args:
        path: ends in .obj, .glb or .ply.
        resolver: a `checking_resolver` of the files that the mesh names, for its notes.
        split_seams: split vertices that have several texture coordinates, as at a seam. An OBJ
            with several materials is always split.

    Returns:
        Mesh in the file's own frame and unit, without unused vertices.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the ending is another one, the file holds no triangles, or it or a texture is
            damaged or too large.
    """
    path = regular_file(_checked_ending(path), "a mesh file", MAX_BYTES)
    resolver = resolver or checking_resolver(path)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            mesh = _load(path, resolver, split_seams)
    except Exception as error:  # trimesh passes on any exception of its parsers
        reason = in_a_line(error) or type(error).__name__
        raise ValueError(f"expected a mesh, but {path} cannot be read: {reason}") from error
    if resolver.damage:
        raise ValueError(resolver.damage[0])
    if not len(mesh.triangles):
        raise ValueError(f"expected a mesh with triangles, found none in {path}")
    is_grey = path.suffix.lower() == ".obj" and not resolver.textures_read  # by trimesh itself
    return replace(mesh, texture=None) if is_grey else mesh


def _load(path: Path, resolver, split_seams: bool) -> Mesh:
    import trimesh  # takes half a second, so only when a file is read

    logging.getLogger("trimesh").addHandler(logging.NullHandler())
    ending = path.suffix.lower()
    if ending == ".glb":
        check_glb(path)
    is_obj = ending == ".obj"
    order = {"maintain_order": not split_seams and _n_materials(path) < 2} if is_obj else {}
    scene = trimesh.load_scene(path, process=False, resolver=resolver, **order)
    parts = [_to_mesh(part) for part in scene.dump()]
    return _joined(parts) or _to_mesh(scene.to_mesh())


def write_mesh(path: str | Path, mesh: Mesh | MeshAsset) -> None:
    """Write a mesh in the format that the file's ending names, with normals.

    NAME.obj is written with NAME-DIGEST.mtl and, for a texture, NAME-DIGEST.png in its folder and
    refers to them by name alone; those of an OBJ that was there before are removed. GLB is a single
    file, and the only one with morph targets. PLY has no common way to store a texture, so it gets
    a colour per vertex. Whenever the program is killed, the mesh that was there before or the new
    one is there, with its own files. Other pictures and materials are never overwritten.

    Args:
        path: ends in .obj, .glb or .ply; the folder must exist.
        mesh: in a right-handed frame with y up, as every viewer expects.

    Raises:
        ValueError: if the ending is another one.
        FileExistsError: if the texture or the material was changed since it was written.
        OSError: if a file cannot be written.
    """
    path = _checked_ending(path)
    stem, ending = file_stem(path.name), path.suffix.lower()
    asset = mesh if isinstance(mesh, MeshAsset) else asset_of(mesh, stem)
    if ending == ".obj":
        files = obj_files(asset, path.name)
    else:
        files = {path.name: glb_bytes(asset, stem) if ending == ".glb" else ply_bytes(asset)}
    for other in (path.with_name(name) for name in files if name != path.name):
        if other.exists() and other.read_bytes() != files[other.name]:
            raise FileExistsError(f"cannot write {path}: {other} was changed; move it away first")
    _write_all(path, files)
    for old in companions(path):
        if old.name not in files:
            old.unlink(missing_ok=True)


def _n_materials(path: Path) -> int:
    with path.open("rb") as file:
        return len({line for line in file if line.startswith(b"usemtl")})


def _joined(parts: list[Mesh]) -> Mesh | None:
    """Join parts of one texture, or of none; None for other parts, which trimesh can repack."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    plain = all(part.texture is None and part.colors is None for part in parts)
    alike = all(
        part.colors is None
        and part.uv is not None
        and part.texture is not None
        and np.array_equal(part.texture, first.texture)
        for part in parts
    )
    if not (plain or alike):
        return None
    starts = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    return Mesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.triangles + at for part, at in zip(parts, starts, strict=True)]),
        np.concatenate([part.uv for part in parts]) if alike else None,
        first.texture if alike else None,
    )


def _to_mesh(loaded) -> Mesh:
    uv, texture = _uv_and_texture(loaded)
    return Mesh(loaded.vertices, loaded.faces, uv, texture, _colors(loaded))


def _uv_and_texture(loaded) -> tuple[np.ndarray | None, np.ndarray | None]:
    uv = getattr(loaded.visual, "uv", None)
    if uv is None or len(uv) != len(loaded.vertices):
        return None, None
    material = loaded.visual.material
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if picture is None:
        return _flip_v(uv), None
    check_texture(picture)
    return _flip_v(uv), to_float(np.asarray(picture.convert("RGB")))


def _colors(loaded) -> np.ndarray | None:
    if loaded.visual.kind != "vertex":
        return None
    return np.asarray(loaded.visual.vertex_colors, dtype=np.float32)[:, :3] / 255.0


def _flip_v(uv: np.ndarray) -> np.ndarray:
    """Convert v from down to up, or back."""
    return np.column_stack([uv[:, 0], 1.0 - uv[:, 1]])


def _checked_ending(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix.lower() not in MESH_ENDINGS:
        raise ValueError(f"expected a name ending in {', '.join(MESH_ENDINGS)}, got {path.name!r}")
    return path


def _write_all(path: Path, files: dict[str, bytes]) -> None:
    """Write files next to each other, each whole or not at all, in reverse order."""
    try:
        with ExitStack() as unfinished:
            for name, content in files.items():
                temporary = unfinished.enter_context(replacing(path.with_name(name)))
                temporary.write_bytes(content)
    except OSError as error:
        raise OSError(f"cannot write {path}: {error.strerror or error}") from error
