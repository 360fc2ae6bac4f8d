"""Read a textured scan from a file of unknown origin, safely.

Chapter 09. Quads, other polygons and missing materials are tolerated and noted. Nothing outside the
scan's own folder is read, whatever names its files contain; a damaged or oversized texture is an
error that names the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facelib.files.letter_case import find_any_case
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import read_mesh
from facelib.imaging.opening import decode_image

MAX_OBJ_BYTES = 400_000_000
MAX_TEXTURE_PX = 64_000_000  # 768 MB as float32 RGB; scanners' textures have a quarter of it
MAX_MATERIAL_BYTES = 1_000_000
# Image formats that scanners write.
TEXTURE_FORMATS = ("BMP", "JPEG", "PNG", "TGA", "TIFF", "WEBP")


@dataclass(frozen=True)
class Scan:
    """A scan as stored in its file.

    Attributes:
        mesh_scan: vertices in the scanner's frame and unit; texture in display colours, or None.
        notes: one sentence per oddity or missing file.
    """

    mesh_scan: Mesh
    notes: tuple[str, ...]


def read_scan(path: Path | str) -> Scan:
    """Read a scan from an OBJ file, its material and its texture.

    Args:
        path: ends in .obj; the material and the texture are in the same folder or below it.

    Returns:
        Scan; triangles only, all vertices finite.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file, its material or its texture is damaged or too large.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > MAX_OBJ_BYTES:
        raise ValueError(
            f"expected a scan of at most {MAX_OBJ_BYTES // 10**6} MB, "
            f"got {path.stat().st_size // 10**6} MB in {path}"
        )
    resolver = _checking_resolver(path)
    mesh_scan = read_mesh(path, resolver=resolver, split_seams=True)
    if resolver.damage:
        raise ValueError(resolver.damage[0])
    if not resolver.textures_read:  # trimesh substitutes a small grey picture
        mesh_scan = replace(mesh_scan, texture=None)
    mesh_scan, n_dropped = _finite(mesh_scan, path)
    notes = list(dict.fromkeys(resolver.notes))
    if n_dropped:
        notes.append(f"{n_dropped} triangles with impossible coordinates left out")
    if mesh_scan.texture is None or mesh_scan.uv is None:
        notes.append("no texture: drawn in plain grey")
    return Scan(mesh_scan, tuple(notes))


def _finite(mesh: Mesh, path: Path) -> tuple[Mesh, int]:
    """Leave out the triangles with a corner that is not finite, and count them."""
    sound = np.isfinite(mesh.vertices).all(axis=1)
    kept = sound[mesh.triangles].all(axis=1)
    if not kept.any():
        raise ValueError(f"expected triangles with finite corners, found none in {path}")
    vertices = np.where(sound[:, None], mesh.vertices, 0)
    uv = None if mesh.uv is None else np.nan_to_num(mesh.uv, posinf=0.0, neginf=0.0)
    return replace(mesh, vertices=vertices, triangles=mesh.triangles[kept], uv=uv), int(
        (~kept).sum()
    )


def _checking_resolver(path: Path):
    """Return a trimesh resolver that checks a scan's other files and notes oddities."""
    from trimesh.resolvers import FilePathResolver

    class CheckingResolver(FilePathResolver):
        """Resolves files in one folder only, and checks textures before they are decoded."""

        def __init__(self) -> None:
            super().__init__(path)
            self.notes: list[str] = []
            self.damage: list[str] = []
            self.material_read = False
            self.textures_read = 0

        def get(self, name: str) -> bytes:
            try:
                place = self.absolute(name)
                place = self.absolute(str(find_any_case(place.parent, place.name)))
            except (ValueError, OSError) as error:
                self.notes.append(f"{name[:80]!r} lies outside the scan's folder: not read")
                raise FileNotFoundError(name) from error
            if not place.is_file():
                self.notes.append(f"{name[:80]!r} is missing")
                raise FileNotFoundError(name)
            # An OBJ names its material first; all files that the material names are textures.
            fault = _texture_fault(place) if self.material_read else _material_fault(place)
            self.textures_read += self.material_read and not fault
            self.material_read = True
            if fault:
                self.damage.append(fault)
                raise ValueError(fault)
            return place.read_bytes()

    return CheckingResolver()


def _material_fault(place: Path) -> str | None:
    size = place.stat().st_size
    if size > MAX_MATERIAL_BYTES:
        return f"expected a material of at most {MAX_MATERIAL_BYTES} bytes, got {size} in {place}"
    return None


def _texture_fault(place: Path) -> str | None:
    try:
        decode_image(place, lambda picture: picture.load(), MAX_TEXTURE_PX, TEXTURE_FORMATS)
    except (ValueError, OSError) as error:
        return str(error)
    return None
