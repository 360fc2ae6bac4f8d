"""Faults of the structure of a file: sizes, counts, indices, nesting and paths that deceive."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from soaking.hostile_bytes import LONG, Spoiler

EXTREMES = (0, 1, 2, 3, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
BAIT = "bait"  # files of this name beside the folder of an attempt; nobody may open them
BAIT_SIZE = (7, 11)  # of the picture among them, px
PATHS = (
    f"../{BAIT}.png", f"./../{BAIT}.png", f"..\\{BAIT}.png", "/etc/passwd", "/dev/zero",
    "file:///etc/passwd", "http://localhost/x.png", "~/x.png", "a\nb.png", "a\0b.png", "", ".",
    "..", "x" * 300, "\x1b[31mred.png", "sub/../../bait.png", "CON", "link.png",
)  # fmt: skip
DEEP = 3000  # levels of nesting; Python's own limit is 1000
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3.5, 1e308, -1e308, float("nan"), float("inf"), 2**31, 2**53,
    4_000_000_000, 10**30, "", "x", "nan", "1", [], {}, [[]], [None], {"a": {}}, "\0", "\x1b[2J",
    "é\u202e", "x" * 5000, [0] * 5000, *PATHS,
)  # fmt: skip
ZEROS = 3 * 10**9  # bytes that a bomb unpacks to …
STEP = 10**7  # … in such steps


def any_of(values, rng: np.random.Generator):
    """Choose one value, whatever the types."""
    return values[int(rng.integers(len(values)))]


def extreme_number(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite what may be a size, a count or an offset with an extreme one."""
    width = int(any_of((1, 2, 4, 4, 8), rng))
    end = min(len(content), 400) if rng.random() < 0.7 else len(content)
    if end < width:
        return content
    place = int(rng.integers(end - width + 1)) // 2 * 2
    number = any_of(EXTREMES, rng) % 256**width
    order = any_of(("little", "big"), rng)
    return content[:place] + number.to_bytes(width, order) + content[place + width :]


# ---------------------------------------------------------------------------------------- pictures
def bomb(length: int = ZEROS) -> bytes:
    """Return zlib data of a few MB that unpacks to zeros."""
    count = length // STEP
    adler = (count * STEP % 65521 << 16) | 1  # of so many zeros
    return b"\x78\x9c" + _deflated_zeros() * count + b"\x03\0" + adler.to_bytes(4, "big")


@lru_cache(maxsize=1)
def _deflated_zeros() -> bytes:
    """Return `STEP` zeros as raw deflate blocks, which can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(bytes(STEP)) + packer.flush(zlib.Z_FULL_FLUSH)


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(content: bytes, rng: np.random.Generator) -> bytes:
    """State another size, depth, colour type or interlacing, with a right checksum."""
    size = [int(any_of((0, 1, 7, 30, 40, 9000, 20000, 2**31 - 1, 2**32 - 1), rng)) for _ in "wh"]
    rest = [
        int(any_of(each, rng)) for each in ((1, 2, 4, 8, 16, 3), (0, 2, 3, 4, 6, 5), (0,), (0,))
    ]
    body = struct.pack(">IIBBBBB", *size, *rest, int(rng.integers(3)))
    return content[:8] + _png_chunk(b"IHDR", body) + content[33:]


def png_text_bomb(content: bytes, rng: np.random.Generator) -> bytes:
    """Add a comment or a colour profile that unpacks to a gigabyte."""
    packed = bomb(10**9)
    kinds = {b"zTXt": b"a\0\0", b"iCCP": b"a\0\0", b"iTXt": b"a\0\1\0\0\0"}
    kind = any_of(tuple(kinds), rng)
    return content[:33] + _png_chunk(kind, kinds[kind] + packed) + content[33:]


def png_pixel_bomb(content: bytes, rng: np.random.Generator) -> bytes:
    """Store many pixels in a small file."""
    side = int(any_of((5000, 9000, 13_000, 30_000, 60_000), rng))
    depth, color = any_of(((1, 0), (8, 0), (8, 3), (8, 6), (16, 2)), rng)
    channels = {0: 1, 2: 3, 3: 1, 6: 4}[color]
    packed = bomb(min(ZEROS, side * (side * depth * channels // 8 + 1)))
    head = _png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, 0))
    palette = _png_chunk(b"PLTE", bytes(6)) if color == 3 else b""
    return content[:8] + head + palette + _png_chunk(b"IDAT", packed) + _png_chunk(b"IEND", b"")


def jpeg_header(content: bytes, rng: np.random.Generator) -> bytes:
    """State another size, another number of components or another length of a segment."""
    marks = [m.start() for m in re.finditer(rb"\xff[\xc0\xc2\xc4\xda\xdb\xe1]", content)]
    if not marks:
        return content
    place = any_of(marks, rng) + 2 + int(rng.integers(0, 9))
    return content[:place] + struct.pack(">H", any_of(EXTREMES, rng) % 65536) + content[place + 2 :]


def exif(content: bytes, rng: np.random.Generator) -> bytes:
    """Give a photo impossible EXIF: turns, focal lengths, loops."""
    found = content.find(b"Exif\0\0")
    if found < 0:
        return extreme_number(content, rng)
    place = found + 6 + int(rng.integers(0, 60))
    width = int(any_of((1, 2, 4), rng))
    return content[:place] + rng.bytes(width) + content[place + width :]


def tiff_tag(content: bytes, rng: np.random.Generator) -> bytes:
    """Change type, count or value of a tag, or let the list of tags lead to itself."""
    order = "<" if content[:2] == b"II" else ">"
    start = struct.unpack(order + "I", content[4:8])[0]
    count = struct.unpack(order + "H", content[start : start + 2])[0]
    changed = bytearray(content)
    for _ in range(rng.integers(1, 3)):
        place = start + 2 + 12 * int(rng.integers(count))
        part, form = any_of(((0, "H"), (2, "H"), (4, "I"), (8, "I")), rng)
        number = any_of((*EXTREMES, start, place), rng) % 256 ** struct.calcsize(form)
        struct.pack_into(order + form, changed, place + part, number)
    if rng.random() < 0.1:
        struct.pack_into(order + "I", changed, start + 2 + 12 * count, start)
    return bytes(changed)


def icon_bomb(_: bytes, rng: np.random.Generator) -> bytes:
    """An icon of 16 px that holds a picture of many more."""
    picture = io.BytesIO()
    Image.new("RGB", (16, 16)).save(picture, "PNG")
    png = png_pixel_bomb(picture.getvalue(), rng)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png


# --------------------------------------------------------------------------------------------- JSON
def _nodes(value: Any, path: tuple = ()) -> list[tuple]:
    paths = [path]
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in list(items)[:300]:
            paths += _nodes(inner, (*path, key))
    return paths


def changed_value(value: Any, rng: np.random.Generator, odd: tuple = ODD_VALUES) -> Any:
    """Replace, remove, rename or double one part of plain nested values."""
    value = json.loads(json.dumps(value))
    path = any_of(_nodes(value), rng)
    if not path:
        return any_of(odd, rng)
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    kind = rng.integers(8)
    if kind == 0:
        del parent[path[-1]]
    elif kind == 1 and isinstance(parent, dict):
        parent[str(any_of((*PATHS, "nonsense", "__class__"), rng))] = parent.pop(path[-1])
    elif kind == 2 and isinstance(parent, list):
        parent += parent
    elif kind == 3 and isinstance(parent[path[-1]], int | float):
        parent[path[-1]] = -parent[path[-1]] if rng.random() < 0.5 else parent[path[-1]] * 10**6
    else:
        parent[path[-1]] = any_of(odd, rng)
    return value


def json_value(content: bytes, rng: np.random.Generator) -> bytes:
    """Change one value of a JSON file."""
    return json.dumps(changed_value(json.loads(content), rng)).encode()


def json_key_twice(content: bytes, rng: np.random.Generator) -> bytes:
    """Name a key twice, with another value."""
    value = json.loads(content)
    key = any_of(list(value), rng) if isinstance(value, dict) and value else "a"
    other = json.dumps(any_of(ODD_VALUES, rng))
    return content.replace(b"{", f"{{{json.dumps(key)}: {other},".encode(), 1)


def nested(content: bytes, rng: np.random.Generator) -> bytes:
    """Nest brackets deeper than a parser's stack."""
    depth = int(any_of((DEEP, LONG), rng))
    opened, closed = any_of(((b"[", b"]"), (b'{"a":', b"}")), rng)
    tower = opened * depth + b"1" + closed * depth
    place = content.find(b":") + 1
    if rng.random() < 0.3 or not place:
        return tower
    end = re.compile(rb"[,}\n]").search(content, place)
    return content[:place] + tower + content[end.start() if end else len(content) :]


JSON: dict[str, Spoiler] = {"value": json_value, "key twice": json_key_twice, "nesting": nested}


def json_line(content: bytes, rng: np.random.Generator) -> bytes:
    """Change one line of a file of JSON lines: its value, its place, or what it is."""
    lines = content.splitlines()
    place = int(rng.integers(len(lines)))
    spoil = any_of((json_value, json_key_twice, nested), rng)
    if rng.random() < 0.2:
        lines.insert(place, lines[int(rng.integers(len(lines)))])
    else:
        lines[place] = spoil(lines[place], rng)
    return b"\n".join(lines) + b"\n"


# -------------------------------------------------------------------------------------------- numpy
def npy_header(content: bytes, rng: np.random.Generator) -> bytes:
    """Announce another shape, type or order of an array."""
    length = struct.unpack("<H", content[8:10])[0]
    header = content[10 : 10 + length].decode("latin-1")
    shapes = (
        "()", "(0,)", "(4000000000,)", "(2, 4000000000, 3)", "(-1,)", "(1,)", "(1, 2, 3, 4, 5)",
        "(9223372036854775807, 9223372036854775807)", "'x'", "(1.5,)", "(True,)",
        "(" * 200 + ")" * 200,
    )  # fmt: skip
    kinds = ("'|O'", "'<f8'", "'|u1'", "'<U9'", "'|V4000000000'", "'<m8'", "'x'", "[('a', '<f4')]")
    what = rng.integers(4)
    if what == 0:
        header = re.sub(r"'shape': \([^)]*\)", f"'shape': {any_of(shapes, rng)}", header)
    elif what == 1:
        header = re.sub(r"'descr': ('[^']*'|\[.*\])", f"'descr': {any_of(kinds, rng)}", header)
    elif what == 2:
        header = header.replace("False", any_of(("True", "None", "1"), rng))
    else:
        header = any_of(("{}", "1", "{'a': ", "__import__('os').system('true')", "\0"), rng)
    body = header.rstrip().encode("latin-1") + b" \n"
    return content[:8] + struct.pack("<H", len(body)) + body + content[10 + length :]


def npy_values(content: bytes, rng: np.random.Generator) -> bytes:
    """Store other values: NaN, infinity, huge, negative."""
    array = np.load(io.BytesIO(content))
    if array.dtype.kind in "fiu" and array.size:
        flat = array.reshape(-1)
        odd = (np.nan, np.inf, -np.inf, 1e30) if array.dtype.kind == "f" else (-1, 2**31 - 1, 0)
        with np.errstate(all="ignore"):
            flat[rng.integers(array.size, size=3)] = np.array(any_of(odd, rng)).astype(array.dtype)
    elif array.size:
        array = array[: rng.integers(array.size)]
    return _npy(array)


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=array.dtype.hasobject)
    return stream.getvalue()


NPY: dict[str, Spoiler] = {"header": npy_header, "values": npy_values}


def zip_member(content: bytes, rng: np.random.Generator) -> bytes:
    """Spoil one array of an `.npz`, or leave it out, or store it in a way that few readers know."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name, how = any_of(list(members), rng), zipfile.ZIP_DEFLATED
    what = rng.integers(8)
    if what == 0:
        del members[name]
    elif what == 1:
        members[name] = _npy(np.array([{"a": 1}], dtype=object))
    elif what == 2:
        members[name] = rng.bytes(100)
    elif what == 3:
        members[str(any_of(PATHS, rng)) or "x"] = members.pop(name)
    elif what == 4:
        how = any_of((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA), rng)
    else:
        members[name] = any_of((npy_header, npy_values), rng)(members[name], rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", how) as new:
        for member, body in members.items():
            new.writestr(member, body)
    packed = bytearray(stream.getvalue())
    if what == 7:  # say that it is encrypted, or packed in an unknown way
        field = packed.find(b"PK\1\2") + int(any_of((8, 10), rng))
        packed[field] ^= int(any_of((1, 97), rng))
    return bytes(packed)


def zip_bomb(content: bytes, rng: np.random.Generator) -> bytes:
    """Replace an array of an `.npz` by gigabytes of zeros that a small file holds."""
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    name = any_of(list(members), rng)
    count = ZEROS // STEP * STEP
    plain = _npy(np.zeros(0))
    shape = f"({count // 8},), }}".encode()
    head = plain.replace(b"(0,), }".ljust(len(shape)), shape)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    packed += _deflated_zeros() * (count // STEP) + b"\x03\0"
    parts = {each: (0, body, len(body), zlib.crc32(body)) for each, body in members.items()}
    return _zip({**parts, name: (zipfile.ZIP_DEFLATED, packed, len(head) + count, 0)})


def _zip(members: dict[str, tuple[int, bytes, int, int]]) -> bytes:
    """Write a zip file of packed members: method, packed bytes, unpacked size and checksum."""
    body, index = b"", b""
    for name, (method, packed, size, checksum) in members.items():
        about = struct.pack(
            "<HHHHIIIHH", 0, method, 0, 33, checksum, len(packed), size, len(name), 0
        )
        index += b"PK\1\2" + struct.pack("<HH", 20, 20) + about
        index += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name.encode()
        body += b"PK\3\4" + struct.pack("<H", 20) + about + name.encode() + packed
    count = len(members)
    end = struct.pack("<HHHHIIH", 0, 0, count, count, len(index), len(body), 0)
    return body + index + b"PK\5\6" + end


NPZ: dict[str, Spoiler] = {"array": zip_member, "bomb": zip_bomb}
