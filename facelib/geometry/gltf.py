"""GLB: a mesh with parts, one texture and morph targets in a single binary file (glTF 2.0).

The file is a JSON description and one buffer. The description names slices of the buffer ("views")
and what they hold ("accessors"). Parts share the buffers of vertices, each in its own slice, so a
viewer uploads every vertex once. Morph targets are stored sparsely: most move few vertices.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from facelib.geometry.asset import MeshAsset, MeshPart, Morph

FLOAT, UINT8, UINT16, UINT32 = 5126, 5121, 5123, 5125  # the specification's numbers
VERTEX_BUFFER, INDEX_BUFFER = 34962, 34963
LINEAR, MIPMAPS, CLAMP = 9729, 9987, 33071
JSON_CHUNK, BINARY_CHUNK = b"JSON", b"BIN\0"
JPEG_QUALITY = 92
GENERATOR = "facelib"


def glb_bytes(asset: MeshAsset, name: str) -> bytes:
    """Return the GLB file of a mesh.

    Args:
        asset: in metres for viewers that keep to the specification.
        name: of the mesh.
    """
    buffer, kind = _Buffer(), "JPEG" if asset.is_photo else "PNG"
    with ThreadPoolExecutor(1) as thread:
        if asset.texture is not None:
            picture = thread.submit(_encoded, asset.texture, kind)
        mesh: dict = {"name": name, "primitives": _primitives(asset, buffer)}
    if asset.morphs:
        mesh["weights"] = [float(s) for s in asset.strengths] or [0.0] * len(asset.morphs)
        mesh["extras"] = {"targetNames": [morph.name for morph in asset.morphs]}
    scene = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0}],
        "meshes": [mesh],
        "materials": [_material(part, asset.texture is not None) for part in asset.parts],
    }
    if asset.texture is not None:
        view = buffer.view(picture.result())
        scene["images"] = [{"name": name, "bufferView": view, "mimeType": f"image/{kind.lower()}"}]
        scene["samplers"] = [
            {"magFilter": LINEAR, "minFilter": MIPMAPS, "wrapS": CLAMP, "wrapT": CLAMP}
        ]
        scene["textures"] = [{"sampler": 0, "source": 0}]
    scene |= {"accessors": buffer.accessors, "bufferViews": buffer.views}
    scene["buffers"] = [{"byteLength": buffer.length}]
    return _file(scene, buffer.pieces)


class _Buffer:
    """The buffer as it grows, with its views and accessors."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.length = 0
        self.views: list[dict] = []
        self.accessors: list[dict] = []

    def view(self, content: bytes, **more) -> int:
        """Append bytes, padded to a multiple of 4; return the number of their view."""
        padding = -len(content) % 4
        self.views.append(
            {"buffer": 0, "byteOffset": self.length, "byteLength": len(content), **more}
        )
        self.pieces += [content, bytes(padding)]
        self.length += len(content) + padding
        return len(self.views) - 1

    def vertex_view(self, values: np.ndarray) -> int:
        """Append a value per vertex, of which accessors take slices."""
        return self.view(values.tobytes(), byteStride=values[0].nbytes, target=VERTEX_BUFFER)

    def accessor(self, **fields) -> int:
        """Add an accessor; return its number."""
        self.accessors.append(fields)
        return len(self.accessors) - 1


def _primitives(asset: MeshAsset, buffer: _Buffer) -> list[dict]:
    """Describe the parts: slices of shared vertex buffers, each with its own triangles."""
    values = {
        "POSITION": np.asarray(asset.vertices, np.float32),
        "NORMAL": np.asarray(asset.normals, np.float32),
    }
    if asset.uv is not None:
        values["TEXCOORD_0"] = np.asarray(asset.uv, np.float32)
    if asset.colors is not None:
        values["COLOR_0"] = _linear_rgba(asset.colors)
    views = {key: buffer.vertex_view(array) for key, array in values.items()}
    corners = [asset.triangles[part.triangles] for part in asset.parts]
    slices = [slice(int(part.min()), int(part.max()) + 1) for part in corners]
    targets = _targets(asset.morphs, slices, buffer) if asset.morphs else []
    primitives = []
    for number, (part, triangles) in enumerate(zip(slices, corners, strict=True)):
        attributes = {
            key: _vertex_accessor(buffer, views[key], array, part) for key, array in values.items()
        }
        indices = _index_accessor(buffer, triangles - part.start)
        primitive = {"attributes": attributes, "indices": indices, "material": number}
        if targets:
            primitive["targets"] = targets[number]
        primitives.append(primitive)
    return primitives


def _vertex_accessor(buffer: _Buffer, view: int, array: np.ndarray, part: slice) -> int:
    values = array[part]
    return buffer.accessor(
        bufferView=view,
        byteOffset=part.start * array[0].nbytes,
        componentType=UINT16 if array.dtype == np.uint16 else FLOAT,
        normalized=array.dtype == np.uint16,
        count=len(values),
        type=f"VEC{array.shape[1]}",
        min=values.min(axis=0).tolist(),
        max=values.max(axis=0).tolist(),
    )


def _index_accessor(buffer: _Buffer, triangles: np.ndarray) -> int:
    dtype, kind = _index_type(int(triangles.max()))
    view = buffer.view(triangles.astype(dtype).tobytes(), target=INDEX_BUFFER)
    return buffer.accessor(bufferView=view, componentType=kind, count=triangles.size, type="SCALAR")


def _index_type(largest: int) -> tuple[type, int]:
    """Return the smallest type for indices; the largest number of each is reserved."""
    return (np.uint16, UINT16) if largest < 0xFFFF else (np.uint32, UINT32)


def _targets(morphs: Sequence[Morph], parts: list[slice], buffer: _Buffer) -> list[list[dict]]:
    """Describe how each part's vertices move: per part and morph, an accessor of each kind."""
    kinds = {
        "POSITION": [(morph.places, morph.moves) for morph in morphs],
        "NORMAL": [(morph.bent_places, morph.bends) for morph in morphs],
    }
    found = {kind: _sparse_accessors(changes, parts, buffer) for kind, changes in kinds.items()}
    return [
        [{kind: found[kind][part][morph] for kind in kinds} for morph in range(len(morphs))]
        for part in range(len(parts))
    ]


def _sparse_accessors(
    changes: list[tuple[np.ndarray, np.ndarray]], parts: list[slice], buffer: _Buffer
) -> list[list[int]]:
    """Store changes, (Q,) places and (Q, 3) values each: per part, the number of each's accessor.

    Such an accessor is all zeros but for the places that it lists. One that changes nothing lists a
    place all the same, since some readers refuse an accessor without any data.
    """
    dtype, kind = _index_type(max(part.stop - part.start for part in parts))
    every = [_within(part, *change) for part in parts for change in changes]
    counts = np.array([len(places) for places, _ in every])
    starts = np.cumsum(counts) - counts
    places = np.concatenate([places for places, _ in every]).astype(dtype)
    values = np.concatenate([values for _, values in every]).astype(np.float32)
    place_view, value_view = buffer.view(places.tobytes()), buffer.view(values.tobytes())
    sizes = np.repeat([part.stop - part.start for part in parts], len(changes))
    rest = (counts < sizes)[:, None]  # there are places that are not listed, with zeros
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    low, high = np.where(rest, np.minimum(low, 0), low), np.where(rest, np.maximum(high, 0), high)
    numbers = [
        buffer.accessor(
            componentType=FLOAT,
            count=size,
            type="VEC3",
            min=least,
            max=most,
            sparse={
                "count": count,
                "indices": {
                    "bufferView": place_view,
                    "byteOffset": start * places.itemsize,
                    "componentType": kind,
                },
                "values": {"bufferView": value_view, "byteOffset": start * values[0].nbytes},
            },
        )
        for size, count, start, least, most in zip(
            *(array.tolist() for array in (sizes, counts, starts, low, high)), strict=True
        )
    ]
    return [numbers[k : k + len(changes)] for k in range(0, len(numbers), len(changes))]


def _within(part: slice, places: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places, counted from the part's first vertex, and values; at least one of each."""
    first, last = np.searchsorted(places, [part.start, part.stop])
    if first == last:
        return np.zeros(1, int), np.zeros((1, 3), np.float32)
    return places[first:last] - part.start, values[first:last]


def _linear_rgba(colors: np.ndarray) -> np.ndarray:
    """Convert sRGB, (V, 3) uint8, to the linear light of vertex colours: (V, 4) uint16."""
    share = colors / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    opaque = np.ones((len(colors), 1))
    return np.round(np.hstack([linear, opaque]) * 65535).astype(np.uint16)


def _material(part: MeshPart, textured: bool) -> dict:
    surface = {"metallicFactor": 0.0, "roughnessFactor": part.roughness}
    if textured:
        surface["baseColorTexture"] = {"index": 0}
    sides = {"doubleSided": True} if part.two_sided else {}
    return {"name": part.name, "pbrMetallicRoughness": surface, "alphaMode": "OPAQUE", **sides}


def _encoded(texture: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": JPEG_QUALITY, "subsampling": 0} if kind == "JPEG" else {}
    Image.fromarray(texture).save(stream, kind, **options)
    return stream.getvalue()


def _file(scene: dict, pieces: Sequence[bytes]) -> bytes:
    """Join description and pieces of the buffer: a header of 12 bytes, then two chunks."""
    text = json.dumps(scene, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    chunks = []
    for kind, content in ((JSON_CHUNK, [text]), (BINARY_CHUNK, pieces)):
        chunks += [struct.pack("<I4s", sum(map(len, content)), kind), *content]
    return b"".join([struct.pack("<4sII", b"glTF", 2, 12 + sum(map(len, chunks))), *chunks])
