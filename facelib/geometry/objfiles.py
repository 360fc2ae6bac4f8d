"""OBJ with its MTL and picture, and PLY: the contents of their files."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from facelib.geometry.asset import MeshAsset, MeshPart, welded
from facelib.geometry.mesh_names import companion_stem, owner_line

PNG_EFFORT = 1  # of 9: more makes a photo's texture a tenth smaller in three times the time


def obj_files(asset: MeshAsset, name: str) -> dict[str, bytes]:
    """Return the content of an OBJ and of the files that it needs, by name: OBJ, PNG, MTL.

    A place has one position, even at a seam, where it has several texture coordinates. So the
    surface is connected, and programs can smooth or print it.
    """
    first, place_of = welded(asset)
    textured = asset.uv is not None and asset.texture is not None
    places, corners = place_of[asset.triangles] + 1, asset.triangles + 1  # OBJ counts from 1
    picture = _png(asset.texture) if textured else b""
    stem = companion_stem(name, owner_line(name) + _materials(asset) + picture)
    lines = [f"mtllib {stem}.mtl\n"]
    lines.append(_lines("v %.6f %.6f %.6f\n", asset.vertices[first]))
    if textured:
        lines.append(_lines("vt %.6f %.6f\n", asset.uv * [1, -1] + [0, 1]))
    lines.append(_lines("vn %.4f %.4f %.4f\n", asset.normals))
    for part in asset.parts:
        place, own = places[part.triangles], corners[part.triangles]
        numbers = np.stack([place, own, own] if textured else [place, own], axis=2)
        corner = " %d/%d/%d" if textured else " %d//%d"
        lines += [f"usemtl {part.name}\n", _lines("f" + 3 * corner + "\n", numbers)]
    files = {name: "".join(lines).encode()} | ({f"{stem}.png": picture} if textured else {})
    materials = _materials(asset, f"{stem}.png" if textured else None)
    return files | {f"{stem}.mtl": owner_line(name) + materials}


def ply_bytes(asset: MeshAsset) -> bytes:
    """Return a PLY with normals and, as it has no common way to store textures, vertex colours."""
    first, place_of = welded(asset)
    columns = [(axis, "<f4", "float") for axis in ("x", "y", "z", "nx", "ny", "nz")]
    values = [*asset.vertices[first].T, *asset.normals[first].T]
    colors = asset.vertex_colors()
    if colors is not None:
        columns += [(channel, "u1", "uchar") for channel in ("red", "green", "blue")]
        values += [*colors[first].T]
    vertices = np.empty(len(first), [(name, kind) for name, kind, _ in columns])
    for (name, _, _), column in zip(columns, values, strict=True):
        vertices[name] = column
    faces = np.empty(len(asset.triangles), [("n", "u1"), ("corners", "<i4", 3)])
    faces["n"], faces["corners"] = 3, place_of[asset.triangles]
    header = "\n".join(
        [
            "ply",
            "format binary_little_endian 1.0",
            f"element vertex {len(first)}",
            *(f"property {kind} {name}" for name, _, kind in columns),
            f"element face {len(faces)}",
            "property list uchar int vertex_indices",
            "end_header\n",
        ]
    )
    return header.encode() + vertices.tobytes() + faces.tobytes()


def _lines(form: str, numbers: np.ndarray) -> str:
    return form * len(numbers) % tuple(numbers.ravel().tolist())


def _materials(asset: MeshAsset, picture: str | None = None) -> bytes:
    return "\n".join(_mtl(part, picture) for part in asset.parts).encode()


def _mtl(part: MeshPart, picture: str | None) -> str:
    shininess = min(2 / max(part.roughness, 0.05) ** 4 - 2, 1000)  # Blinn's exponent for it
    shine = 0.04 * (1 - part.roughness)
    lines = [
        f"newmtl {part.name}",
        "Ka 0.0 0.0 0.0",
        "Kd 1.0 1.0 1.0",
        f"Ks {shine:.3f} {shine:.3f} {shine:.3f}",
        f"Ns {shininess:.1f}",
        "illum 2",
        f"Pr {part.roughness}",
        "Pm 0.0",
        *([f"map_Kd {picture}"] if picture else []),
    ]
    return "\n".join(lines) + "\n"


def _png(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", compress_level=PNG_EFFORT)
    return stream.getvalue()
