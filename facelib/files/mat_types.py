"""The types that the parts of a MATLAB file state, checked before scipy reads the file.

scipy looks the reader of a type up in a table without asking whether the table is so long: a single
flipped bit then ends the program. The file's parts are described in MathWorks' "MAT-File Format",
version 5: each begins with its type and its number of bytes.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

HEADER = 128  # bytes; the last four are version and byte order
VERSION = 0x0100  # of versions 5 to 7; 7.3 is another format
ORDERS = {b"IM": "<", b"MI": ">"}
MATRIX, COMPRESSED = 14, 15
TYPES = frozenset({*range(1, 8), 9, 12, 13, MATRIX, COMPRESSED, 16, 17, 18})
UNPACKED = 2**16  # bytes of a compressed part that are looked at: they hold the types of an array
DEEPEST = 32  # structs in structs


def check_types(path: Path) -> None:
    """Raise ValueError for a file of version 5 to 7 in which a part states an unknown type."""
    content = memoryview(path.read_bytes())
    order = ORDERS.get(bytes(content[HEADER - 2 : HEADER]))
    if order and struct.unpack(f"{order}H", content[HEADER - 4 : HEADER - 2])[0] == VERSION:
        _check(content[HEADER:], order, 0)


def _check(parts: memoryview, order: str, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("its structs are nested too deeply")
    at = 0
    while at + 8 <= len(parts):
        kind, size = struct.unpack_from(f"{order}II", parts, at)
        if kind >> 16:  # a small part: its bytes lie where others state their number
            kind, size = kind & 0xFFFF, 0
        elif kind == size == 0:  # padding
            return
        if kind not in TYPES:
            raise ValueError(f"a part of it states the type {kind}, which does not exist")
        inside = parts[at + 8 : at + 8 + size]
        if kind == MATRIX:
            _check(inside, order, depth + 1)
        elif kind == COMPRESSED:
            unpacked = zlib.decompressobj().decompress(inside, UNPACKED)
            _check(memoryview(unpacked), order, depth + 1)
        at += 8 + (size if kind == COMPRESSED else -(-size // 8) * 8)  # others end at eight bytes
