"""The suite's numbers in a file: one column per quantity, and how they were made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facelib.files.atomic import replacing
from facelib.files.reading import read_json

Row = dict[str, str | float | int | bool]
RECORD_FORMAT = 2
PARTS = ("methods", "curves", "scans", "causes")


@dataclass(frozen=True)
class Rows:
    """Rows by column, to be chosen from.

    Attributes:
        columns: name → (N,) array; of floats, what a row lacks is NaN.
    """

    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        """Count the rows."""
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        """Return one column."""
        return self.columns[name]

    def where(self, **values: str | float | bool) -> Rows:
        """Return the rows whose columns have these values."""
        chosen = np.ones(len(self), bool)
        for name, value in values.items():
            chosen &= self.columns[name] == value
        return Rows({name: column[chosen] for name, column in self.columns.items()})

    def different(self, *names: str) -> list[tuple]:
        """Return the combinations of values that these columns have, in order of appearance."""
        return list(dict.fromkeys(zip(*(self.columns[n].tolist() for n in names), strict=True)))


@dataclass(frozen=True)
class SuiteRecord:
    """What the suite found.

    Attributes:
        about: command, date, revision, weights by file and SHA-256, settings of the people.
        methods: a row per person and method.
        curves: a row per person and point of a curve.
        scans: a row per scan and method.
        causes: a row per person of the worst and thing that is taken away.
    """

    about: dict
    methods: Rows
    curves: Rows
    scans: Rows
    causes: Rows


def write_suite(path: Path, about: dict, *parts_rows: Sequence[Row]) -> None:
    """Write a record as JSON, whole or not at all: a line per column.

    Args:
        path: file to write; the folder must exist.
        about: JSON-able facts.
        parts_rows: the rows of each of `PARTS`.
    """
    parts = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in about.items()]
    parts = [f'"format": {RECORD_FORMAT}', *parts]
    for name, rows in zip(PARTS, parts_rows, strict=True):
        lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in in_columns(rows).items())
        parts.append(f'"{name}": {{\n ' + ",\n ".join(lines) + "\n}")
    with replacing(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def read_suite(path: Path) -> SuiteRecord:
    """Read a record.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no record of the suite, or of another format.
    """
    try:
        content = read_json(path, "a record of the suite")
        if content.pop("format") != RECORD_FORMAT:
            raise ValueError(f"its format is not {RECORD_FORMAT}")
        rows = [
            Rows({name: _array(column) for name, column in content.pop(part).items()})
            for part in PARTS
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a record of the suite in {path}: {error}") from error
    return SuiteRecord(content, *rows)


def write_columns(path: Path, about: dict, rows: Sequence[Row]) -> None:
    """Write one table with its facts as JSON, whole or not at all: a line per column."""
    parts = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in about.items()]
    lines = (f"{json.dumps(k)}: {json.dumps(v)}" for k, v in in_columns(rows).items())
    text = "{\n" + ",\n".join([*parts, '"columns": {\n ' + ",\n ".join(lines) + "\n}"]) + "\n}\n"
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_columns(path: Path) -> tuple[dict, Rows]:
    """Read the facts and the table that `write_columns` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no such table.
    """
    try:
        content = read_json(path, "a table of results")
        columns = content.pop("columns")
        return content, Rows({name: _array(column) for name, column in columns.items()})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a table of results in {path}: {error}") from error


def in_columns(rows: Iterable[Row]) -> dict[str, list]:
    """Turn rows into one list per column; what a row lacks is null."""
    rows = list(rows)
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _array(column: list) -> np.ndarray:
    """Make an array of floats where there are only numbers and gaps, else of what there is."""
    if all(v is None or (isinstance(v, int | float) and not isinstance(v, bool)) for v in column):
        return np.array([np.nan if v is None else v for v in column], np.float64)
    return np.array(column, object)
