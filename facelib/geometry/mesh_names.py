"""Names of mesh files: which files belong to a mesh, and whose they are.

It loads nothing, so that a program can refuse a name before it loads what makes meshes.
"""

import re
from pathlib import Path

MESH_ENDINGS = (".obj", ".glb", ".ply")


def files_of(path: str | Path) -> list[Path]:
    """Return the files that `write_mesh` writes for a path: itself, and an OBJ's MTL and PNG.

    In the names of the latter, characters that MTL readers stop at, such as spaces, are replaced.
    """
    path = Path(path)
    endings = (".mtl", ".png") if path.suffix.lower() == ".obj" else ()
    return [path, *(path.with_name(file_stem(path) + ending) for ending in endings)]


def foreign_file(path: str | Path) -> Path | None:
    """Return a file that writing a mesh would spoil: a picture, or another mesh; None without.

    Two OBJs whose names differ only in replaced characters would share MTL and PNG. A PNG without
    MTL and OBJ is no texture of ours, for the MTL appears first.
    """
    mesh, *companions = files_of(path)
    if not companions:
        return None
    twins = (
        other
        for other in mesh.parent.glob("*")
        if other.suffix.lower() == ".obj"
        and other.name != mesh.name
        and file_stem(other) == file_stem(mesh)
    )
    material, texture = companions
    is_picture = texture.exists() and not material.exists() and not mesh.exists()
    return next(twins, texture if is_picture else None)


def file_stem(path: Path) -> str:
    """Return the stem of a mesh's companions, without characters that MTL readers stop at."""
    return re.sub(r"[^\w.-]", "_", path.stem)
