"""The structure of a MATLAB file of version 5 to 7, checked before scipy reads it.

scipy looks up the type of an element in a table without asking whether the table has it: a wrong
byte ends the program. A file is a list of elements: type, length, content. A matrix is an element
whose content is a list again, and a packed element unpacks to one.
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

HEAD_BYTES, PIECE = 128, 2**20
ORDERS = {b"IM": "<", b"MI": ">"}  # how the end of the head tells the order of bytes
VERSION_5 = 0x0100  # and 6 and 7; that of 7.3 is 0x0200
MATRIX, PACKED = 14, 15
NUMBERS, TEXTS = (1, 2, 3, 4, 5, 6, 7, 9, 12, 13), (16, 17, 18)  # types of elements
TEXT = 4  # class of matrices of text
HOLDERS = (1, 2)  # classes of matrices that hold others: cells and structs
CLASSES = range(1, 16)  # cells to 64-bit numbers …
OBJECT = 3  # … but for objects, which need MATLAB
DEEPEST = 20  # matrices in matrices


class _Bytes(Protocol):
    """What can be read: a file, or a packed element."""

    def read(self, count: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        ...


class _Unpacked:
    """The content of a packed element."""

    def __init__(self, source: _Bytes, length: int, limit: int) -> None:
        """Take the packed bytes' source and number, and how many may come out of them."""
        self._source, self._left, self._limit = source, length, limit
        self._unpacker, self._ready = zlib.decompressobj(), b""

    def read(self, count: int) -> bytes:
        """Return the next bytes; fewer at the end."""
        while len(self._ready) < count and not self._unpacker.eof:
            packed = self._unpacker.unconsumed_tail or self._source.read(min(self._left, PIECE))
            self._left -= 0 if self._unpacker.unconsumed_tail else len(packed)
            if not packed:
                break
            piece = self._unpacker.decompress(packed, PIECE)
            self._limit -= len(piece)
            if self._limit < 0:
                raise ValueError("it unpacks to too many bytes")
            self._ready += piece
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken

    def finish(self) -> None:
        """Pass over what is left of the packed bytes."""
        _skip(self._source, self._left)


def check_structure(path: Path, limit: int) -> None:
    """Check all elements of a file; files of other versions are left to scipy.

    Args:
        path: of the file.
        limit: bytes that a packed element may unpack to.

    Raises:
        ValueError: if a type, a class or a length cannot be.
        zlib.error: if a packed element is damaged.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        order = ORDERS.get(head[-2:])
        if order is not None and struct.unpack(order + "H", head[-4:-2])[0] == VERSION_5:
            _check_list(file, path.stat().st_size - HEAD_BYTES, order, (MATRIX, PACKED), limit)


def _check_list(
    source: _Bytes, length: float, order: str, allowed: tuple[int, ...], limit: int, depth: int = 0
) -> None:
    """Check a list of elements, whose length is that of its bytes or less."""
    if depth > DEEPEST:
        raise ValueError("it is nested too deeply")
    while length >= 8 and len(tag := source.read(8)) == 8:
        kind, size = struct.unpack(order + "II", tag)
        if kind >> 16:  # a short element has its content in its tag
            kind, size = kind & 0xFFFF, 0
        if kind not in NUMBERS and kind not in allowed or size > length - 8:
            raise ValueError(f"an element of type {kind} and {size} bytes cannot be")
        padding = 0 if kind == PACKED else -size % 8
        if kind == PACKED:
            unpacked = _Unpacked(source, size, limit)
            _check_list(unpacked, math.inf, order, (MATRIX,), limit, depth + 1)
            unpacked.finish()
        elif kind == MATRIX and size:
            _check_matrix(source, size, order, limit, depth)
            _skip(source, padding)
        else:
            _skip(source, size + padding)
        length -= 8 + size + padding


def _check_matrix(source: _Bytes, size: int, order: str, limit: int, depth: int) -> None:
    head = source.read(16)  # an element with the class of the matrix
    if len(head) < 16 or size < 16:
        raise ValueError("a matrix is cut short")
    kind, length, flags = struct.unpack(order + "III", head[:12])
    its_class = flags & 0xFF
    if (kind, length) != (6, 8) or its_class not in CLASSES or its_class == OBJECT:
        raise ValueError(f"a matrix of class {its_class} cannot be read")
    allowed = (MATRIX,) if its_class in HOLDERS else TEXTS if its_class == TEXT else ()
    _check_list(source, size - 16, order, allowed, limit, depth + 1)


def _skip(source: _Bytes, count: int) -> None:
    while count > 0 and (passed := len(source.read(min(count, PIECE)))):
        count -= passed
