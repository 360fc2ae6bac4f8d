"""What a mesh file of unknown origin names and announces, checked before it is read.

Nothing outside the mesh's own folder is read, whatever names its files contain. Textures are
decoded only in formats that scanners write, for Pillow runs other programs for some others, and
only if they fit into memory.
"""

from __future__ import annotations

import base64
import io
import struct
from io import SEEK_CUR
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from facelib.files.letter_case import find_any_case
from facelib.files.reading import in_a_line, parse_json
from facelib.imaging.opening import decode_image

MAX_MATERIAL_BYTES = 1_000_000
MAX_TEXTURE_PX = 36_000_000  # 432 MB as float32 RGB; scanners' textures have half of it
TEXTURE_FORMATS = ("BMP", "JPEG", "PNG", "TGA", "TIFF", "WEBP")
MAX_ELEMENTS = 20_000_000  # that all accessors of a GLB announce; a head with its morphs has 1 %
GLB_HEAD = 20  # bytes before the description
SHOWN = 80  # characters of a name


def checking_resolver(path: Path):
    """Return a trimesh resolver that checks the files that a mesh names, and notes oddities.

    Args:
        path: of the mesh.

    Returns:
        A resolver with `notes`, a sentence per file that is missing or elsewhere; `damage`, a
        sentence per file that is damaged or too large; and the number of `textures_read`.
    """
    from trimesh.resolvers import FilePathResolver  # slow to import, and few need it

    class CheckingResolver(FilePathResolver):
        """Resolves files in one folder only, and checks textures before they are decoded."""

        def __init__(self) -> None:
            super().__init__(path)
            self.notes: list[str] = []
            self.damage: list[str] = []
            self.material_read = False
            self.textures_read = 0

        def get(self, name: str) -> bytes:
            shown = repr(in_a_line(name)[:SHOWN])
            try:
                place = self.absolute(name)
                place = self.absolute(str(find_any_case(place.parent, place.name)))
                is_file = place.is_file()
            except (ValueError, OSError) as error:
                self.notes.append(f"{shown} lies outside the scan's folder: not read")
                raise FileNotFoundError(name) from error
            if not is_file:
                self.notes.append(f"{shown} is missing")
                raise FileNotFoundError(name)
            # An OBJ names its material first; all files that the material names are textures.
            is_material = path.suffix.lower() == ".obj" and not self.material_read
            fault = _material_fault(place) if is_material else _texture_fault(place)
            self.textures_read += not is_material and not fault
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


def check_texture(picture: Image.Image) -> None:
    """Raise ValueError for an opened picture that must not be decoded."""
    if picture.format not in (None, *TEXTURE_FORMATS):  # None: made in memory
        raise ValueError(f"its texture is of the format {picture.format}")
    if picture.width * picture.height > MAX_TEXTURE_PX:
        raise ValueError(f"its texture has {picture.width} x {picture.height} px")


def check_glb(path: Path) -> None:
    """Raise an error for a GLB that announces more than a mesh has, or holds other pictures.

    Accessors without bytes are zeros, of which a small file can have billions. trimesh decodes
    pictures of any format, and Pillow runs another program for some.
    """
    with path.open("rb") as file:
        head = file.read(GLB_HEAD)
        length = struct.unpack("<I", head[12:16])[0] if len(head) == GLB_HEAD else 0
        scene = parse_json(file.read(length).decode("utf-8", "replace"), "its description")
        file.seek(8, SEEK_CUR)  # the head of the buffer
        buffer = file.read()
    accessors = scene.get("accessors", []) if isinstance(scene, dict) else None
    if not isinstance(accessors, list) or not all(isinstance(each, dict) for each in accessors):
        raise ValueError("its description is no scene")
    counts = [accessor.get("count") for accessor in accessors]
    if not all(type(count) is int and count >= 0 for count in counts) or sum(counts) > MAX_ELEMENTS:
        raise ValueError("its accessors announce impossible counts")
    for picture in scene.get("images", []):
        content = _embedded(picture, scene, buffer)
        if content is not None:  # else it lies in a file, which the resolver checks
            check_texture(_opened(content))


def _opened(content: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(content), formats=TEXTURE_FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError(f"its texture is none of {', '.join(TEXTURE_FORMATS)}") from error


def _embedded(picture: dict, scene: dict, buffer: bytes) -> bytes | None:
    """Return the bytes of a picture in a GLB; None if it lies in another file."""
    if "bufferView" in picture:
        view = scene["bufferViews"][picture["bufferView"]]
        if view.get("buffer", 0) != 0:
            raise ValueError("its texture lies in a second buffer")
        start = view.get("byteOffset", 0)
        return buffer[start : start + view["byteLength"]]
    _, found, text = picture.get("uri", "").partition("base64,")
    return base64.b64decode(text) if found else None
