"""Names of mesh files: which files belong to a mesh, and whose they are.

An OBJ names an MTL, and that a PNG. Three files cannot be replaced at one moment, so the names of
MTL and PNG hold a digest of their content: a new OBJ appears when its own MTL and PNG are there,
and until then the old one keeps its own.

It loads nothing, so that a program can refuse a name before it loads what makes meshes.
"""

import re
from glob import escape
from hashlib import sha256
from pathlib import Path

MESH_ENDINGS = (".obj", ".glb", ".ply")
DIGITS = 8  # of a digest


def files_of(path: str | Path) -> list[Path]:
    """Return the files of a mesh: itself, and the PNG and MTL of an OBJ that are there."""
    return [Path(path), *companions(path)]


def companions(path: str | Path) -> list[Path]:
    """Return the PNGs and MTLs that were written for an OBJ, each PNG before its MTL.

    After a program was killed, those of the OBJ before or after may be among them.
    """
    path = Path(path)
    if path.suffix.lower() != ".obj":
        return []
    materials = sorted(path.parent.glob(f"{companion_pattern(path)}.mtl"))
    own = [material for material in materials if _first_line(material) == owner_line(path.name)]
    both = [each for material in own for each in (material.with_suffix(".png"), material)]
    return [each for each in both if each.is_file()]


def companion_pattern(path: Path) -> str:
    """Return a glob pattern of the stems of an OBJ's MTLs and PNGs; see `companion_stem`."""
    return f"{escape(file_stem(path.name))}-{'[0-9a-f]' * DIGITS}"


def companion_stem(name: str, content: bytes) -> str:
    """Return the common stem of an OBJ's MTL and PNG, from the OBJ's name and their content."""
    return f"{file_stem(name)}-{sha256(content).hexdigest()[:DIGITS]}"


def owner_line(name: str) -> bytes:
    """Return the first line of the MTL of an OBJ of this name."""
    return f"# material of {ascii(name)}\n".encode()


def file_stem(name: str) -> str:
    """Return a file's stem, without characters that MTL readers stop at, such as spaces."""
    return re.sub(r"[^\w.-]", "_", Path(name).stem)


def _first_line(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.readline(1000)
    except OSError:  # a folder, or somebody else's
        return b""
