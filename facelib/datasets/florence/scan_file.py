"""Read a textured scan from a file of unknown origin, safely.

Chapter 11. Quads, other polygons and missing materials are tolerated and noted. Nothing outside the
scan's own folder is read, whatever names its files contain; a damaged or oversized texture is an
error that names the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from facelib.geometry.companions import checking_resolver
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import read_mesh

MAX_OBJ_BYTES = 400_000_000


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
    resolver = checking_resolver(path)
    mesh_scan = read_mesh(path, resolver=resolver, split_seams=True)
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
