"""Many people at once: which photos belong together, and a table of what became of them.

A pair is NAME_front.* with NAME_side.*, or a subfolder NAME with front.* and side.*. For photos
with other names, a CSV file has the columns name, front and side. The side photo may be missing.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from facelib.files.atomic import replacing, sha256
from facelib.files.reading import in_a_line, read_text

PHOTO_ENDINGS = frozenset(
    (".avif", ".bmp", ".gif", ".heic", ".heif", ".jp2", ".jpeg", ".jpg", ".png", ".ppm", ".tga")
    + (".tif", ".tiff", ".webp")
)
IN_NAME = re.compile(r"(?P<name>.+)[_-](?P<view>front|side)", re.IGNORECASE)
IN_FOLDER = re.compile(r"(?P<view>front|side)", re.IGNORECASE)
CSV_COLUMNS = ("name", "front", "side")
LONGEST_NAME, LONGEST_PATH = 200, 4000  # bytes; names get endings
PLAIN_NAME = re.compile(r"[^./\\\0][^/\\\0]*")  # can name a file, and is no hidden one


@dataclass(frozen=True)
class PhotoPair:
    """The photos of one person.

    Attributes:
        name: of the person, and of the files that are written.
        front: None if only a side photo was found.
        side: None without a side photo.
        problem: why the pair cannot be used; empty if it can.
    """

    name: str
    front: Path | None
    side: Path | None = None
    problem: str = ""

    @property
    def photos(self) -> tuple[Path, ...]:
        """The photos that there are, the front photo first."""
        return tuple(path for path in (self.front, self.side) if path is not None)


@dataclass(frozen=True)
class PairResult:
    """What became of a pair: a line of the table.

    Attributes:
        name: of the pair.
        status: "done", "doubtful" or "failed".
        sentence: what seems wrong with the photos, or why it failed; empty if nothing.
        yaw_front_deg, yaw_side_deg: empty where they are not known.
        agreement: log of the odds that both photos show one person.
        estimated_error_mm: mean standard deviation of a vertex.
        files: names of the files written, with "|" between them.
        seconds: that it took.
        fingerprint: of the photos and of the settings, to see whether they have changed.
    """

    name: str
    status: str
    sentence: str = ""
    yaw_front_deg: str = ""
    yaw_side_deg: str = ""
    agreement: str = ""
    estimated_error_mm: str = ""
    files: str = ""
    seconds: str = ""
    fingerprint: str = ""


DONE, DOUBTFUL, FAILED = "done", "doubtful", "failed"
COLUMNS = tuple(field.name for field in fields(PairResult))


def find_pairs(source: Path) -> list[PhotoPair]:
    """Find the pairs in a folder, or read them from a CSV file; sorted by name.

    Raises:
        ValueError: if there are none, two have one name, or the CSV file is not as it should be.
    """
    pairs = _in_folder(source) if source.is_dir() else _in_csv(source)
    if not pairs:
        rule = "NAME_front.jpg and NAME_side.jpg, or folders NAME with front.jpg and side.jpg"
        raise ValueError(f"expected photos in {source} called {rule}, found none")
    # Names that differ in case alone would be one file on some disks.
    names = Counter(pair.name.lower() for pair in pairs)
    twice = sorted(name for name, count in names.items() if count > 1)
    if twice:
        raise ValueError(f"expected one pair per name in {source}, got several of {twice[0]}")
    return sorted(pairs, key=lambda pair: pair.name)


def fingerprint(pair: PhotoPair, settings: str) -> str:
    """Return a checksum of a pair's photos and of a text that describes all settings."""
    for path in pair.photos:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise OSError(errno.EINVAL, "no regular file", str(path))
    words = [settings, *(sha256(path) for path in pair.photos)]
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def read_results(path: Path) -> dict[str, PairResult]:
    """Read a table of `write_results` by name; empty if there is none, or it is another file.

    Raises:
        ValueError: if the file is something else, which `write_results` would spoil.
    """
    if not path.exists():
        return {}
    columns, rows = _read_table(path)
    if columns != COLUMNS:
        raise ValueError(f"expected a table of results in {path}, found another file")
    results = [PairResult(**{name: row[name] or "" for name in COLUMNS}) for row in rows]
    return {result.name: result for result in results}


def write_results(path: Path, results: Iterable[PairResult]) -> None:
    """Write the table, whole or not at all, sorted by name."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(asdict(result) for result in sorted(results, key=lambda each: each.name))
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def is_finished(result: PairResult | None, mark: str, folder: Path) -> bool:
    """Whether a pair was done with these photos and settings, and its files are still there."""
    if result is None or result.status == FAILED or result.fingerprint != mark:
        return False
    return all((folder / name).is_file() for name in result.files.split("|"))


def _in_folder(folder: Path) -> list[PhotoPair]:
    found: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.iterdir()):
        inside, rule = (sorted(path.iterdir()), IN_FOLDER) if path.is_dir() else ([path], IN_NAME)
        for photo in inside:
            match = rule.fullmatch(photo.stem)
            if match and photo.suffix.lower() in PHOTO_ENDINGS and not photo.name.startswith("."):
                name = path.name if path.is_dir() else match["name"]
                views = found.setdefault(name, {"front": [], "side": []})
                views[match["view"].lower()].append(photo)
    return [_one_of_each(name, **views) for name, views in found.items()]


def _one_of_each(name: str, front: Sequence[Path], side: Sequence[Path]) -> PhotoPair:
    problem = "" if front else "there is no front photo"
    for photos in (front, side):
        if len(photos) > 1:
            problem = f"there are two photos of one view, {photos[0].name} and {photos[1].name}"
    return PhotoPair(name, *((*photos, None)[0] for photos in (front, side)), problem)


def _in_csv(path: Path) -> list[PhotoPair]:
    columns, rows = _read_table(path)
    if not set(CSV_COLUMNS[:2]) <= set(columns):
        raise ValueError(f"expected the columns name, front and side in {path}")
    return [_row(path, row) for row in rows]


def _read_table(path: Path) -> tuple[tuple[str, ...], list[dict[str, str | None]]]:
    """Read the columns' names and the rows of a CSV file."""
    text = read_text(path, "a CSV file")
    try:
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return tuple(rows.fieldnames or ()), list(rows)
    except csv.Error as error:
        raise ValueError(f"expected a CSV file at {path}: {in_a_line(error)}") from error


def _can_be_written(name: str, longest: int) -> bool:
    return name.isprintable() and len(name.encode(errors="replace")) <= longest


def _row(table: Path, row: dict[str, str | None]) -> PhotoPair:
    name, front, side = ((row.get(column) or "").strip() for column in CSV_COLUMNS)
    if not (PLAIN_NAME.fullmatch(name) and _can_be_written(name, LONGEST_NAME)):
        raise ValueError(f"expected a name that a file can have in {table}, got {in_a_line(name)}")
    for photo in (front, side):
        if not _can_be_written(photo, LONGEST_PATH):
            raise ValueError(f"expected names of photos in {table}, got {in_a_line(photo)}")
    front, side = (table.parent / photo if photo else None for photo in (front, side))
    return PhotoPair(name, front, side)
