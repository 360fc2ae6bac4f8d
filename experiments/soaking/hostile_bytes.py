"""Faults that any file may have: of its bytes, of its text, and of what is found in its place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

Spoiler = Callable[[bytes, np.random.Generator], bytes]
HEAD_BYTES = 200  # sizes and offsets are written here
LONG = 100_000  # characters of a line or a name


def _places(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    """Choose two places in order; half of them lie in the first bytes."""
    end = len(content) if rng.random() < 0.5 else min(len(content), HEAD_BYTES)
    first, second = sorted(rng.integers(0, end, 2).tolist()) if end else (0, 0)
    return first, second


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    """Flip a few bits."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 6) if content else 0):
        changed[_places(content, rng)[0]] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(content: bytes, rng: np.random.Generator) -> bytes:
    """Cut the end off."""
    return content[: _places(content, rng)[1]]


def grow(content: bytes, rng: np.random.Generator) -> bytes:
    """Insert random bytes."""
    place = _places(content, rng)[0]
    return content[:place] + rng.bytes(int(rng.integers(1, 50))) + content[place:]


def swap(content: bytes, rng: np.random.Generator) -> bytes:
    """Exchange two bytes."""
    first, second = _places(content, rng)
    changed = bytearray(content)
    if content:
        changed[first], changed[second] = changed[second], changed[first]
    return bytes(changed)


def repeat(content: bytes, rng: np.random.Generator) -> bytes:
    """Repeat a piece."""
    first, second = _places(content, rng)
    return content[:second] + content[first:second] * int(rng.integers(1, 4)) + content[second:]


def drop(content: bytes, rng: np.random.Generator) -> bytes:
    """Leave a piece out."""
    first, second = _places(content, rng)
    return content[:first] + content[second:]


def blank(content: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite a piece with zeros or ones, as a failing disk does."""
    first, second = _places(content, rng)
    return (
        content[:first] + bytes([int(rng.choice([0, 255]))]) * (second - first) + content[second:]
    )


def random_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Replace everything but the first bytes."""
    kept = int(rng.integers(0, 17))
    return content[:kept] + rng.bytes(int(rng.integers(0, 2000)))


BYTES: dict[str, Spoiler] = {
    "flip": flip, "cut": cut, "grow": grow, "swap": swap, "repeat": repeat, "drop": drop,
    "blank": blank, "random": random_bytes,
}  # fmt: skip


def spoilt(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes with one to three of these faults."""
    for name in rng.choice(list(BYTES), rng.integers(1, 4)):
        content = BYTES[name](content, rng)
    return content


def _line(content: bytes, rng: np.random.Generator) -> tuple[list[bytes], int]:
    lines = content.splitlines(keepends=True) or [b""]
    return lines, int(rng.integers(len(lines)))


def _inserted(content: bytes, rng: np.random.Generator, piece: bytes) -> bytes:
    place = int(rng.integers(len(content) + 1))
    return content[:place] + piece + content[place:]


def other_encoding(content: bytes, rng: np.random.Generator) -> bytes:
    """Write the text in another encoding, or with a mark that says so."""
    text = content.decode("utf-8", "replace") + "äß€\n"
    encoding = rng.choice(["utf-16", "utf-16-be", "utf-32", "latin-1", "cp037", "utf-8-sig"])
    return text.encode(str(encoding), "replace")


def odd_characters(content: bytes, rng: np.random.Generator) -> bytes:
    """Insert characters that control a terminal, end a C string or are no Unicode."""
    pieces = (
        b"\0",
        b"\x1b[2J\x07",
        b"\r",
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\x85",
        "\u202e".encode(),
    )
    return _inserted(content, rng, pieces[rng.integers(len(pieces))])


def long_line(content: bytes, rng: np.random.Generator) -> bytes:
    """Insert a very long word or number."""
    return _inserted(content, rng, bytes(rng.choice([b"9", b"a", b" ", b"[", b"1 "])) * LONG)


def same_line_again(content: bytes, rng: np.random.Generator) -> bytes:
    """Repeat a line a thousand times."""
    lines, place = _line(content, rng)
    return b"".join([*lines[:place], lines[place] * 1000, *lines[place:]])


def no_line_ends(content: bytes, _: np.random.Generator) -> bytes:
    """Join all lines."""
    return content.replace(b"\n", b" ")


def other_number(content: bytes, rng: np.random.Generator) -> bytes:
    """Replace a number of the text by one that means trouble."""
    import re

    found = list(re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", content))
    if not found:
        return content
    match = found[rng.integers(len(found))]
    odd = (
        b"nan", b"NaN", b"inf", b"-inf", b"Infinity", b"1e999", b"-1", b"0", b"4000000000",
        b"99999999999999999999", b"-9223372036854775808", b"1e308", b"0x10", b"1_000", b"1,5", b"",
        b"true", b"null", b'"x"', b"[]", b"{}", b"9" * 5000, "٣".encode(), b"1.5",
    )  # fmt: skip
    return content[: match.start()] + odd[rng.integers(len(odd))] + content[match.end() :]


TEXT: dict[str, Spoiler] = {
    "encoding": other_encoding, "control characters": odd_characters, "long line": long_line,
    "repeated line": same_line_again, "no line ends": no_line_ends, "odd number": other_number,
}  # fmt: skip


def empty(path: Path) -> None:
    """Leave an empty file."""
    path.write_bytes(b"")


def missing(path: Path) -> None:
    """Leave nothing."""
    path.unlink()


def folder(path: Path) -> None:
    """Leave a folder of that name."""
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    """Leave a pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


def device(path: Path) -> None:
    """Leave a link to a device that never ends."""
    path.unlink()
    path.symlink_to("/dev/zero")


def link_to_itself(path: Path) -> None:
    """Leave a link that leads nowhere."""
    path.unlink()
    path.symlink_to(path.name)


PLACES: dict[str, Callable[[Path], None]] = {
    "empty": empty, "missing": missing, "folder": folder, "pipe": fifo, "device": device,
    "link to itself": link_to_itself,
}  # fmt: skip
