"""The record of `benchmarks/all.py`: how long each stage takes, beside its baseline, as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facelib.files.atomic import replacing
from facelib.files.reading import in_a_line, read_json
from facelib.files.tables import markdown

RECORD_FORMAT = 1
NONE = "–"


@dataclass(frozen=True)
class Timed:
    """Processor times of repeated calls.

    Attributes:
        name: of what was called.
        low, median, high: lower quartile, median and upper quartile, in the stage's unit.
    """

    name: str
    low: float
    median: float
    high: float


@dataclass(frozen=True)
class Stage:
    """One stage of the way from photos to heads.

    Attributes:
        name: of the stage, with the sizes that it was timed at.
        unit: of its times, such as "ms", or of a speed, such as "pairs/s".
        ours: facelib's way.
        baseline: another way to the same result, or None.
    """

    name: str
    unit: str
    ours: Timed
    baseline: Timed | None = None

    @property
    def gain(self) -> float | None:
        """How many times as fast as the baseline ours is."""
        if self.baseline is None:
            return None
        ratio = self.baseline.median / self.ours.median
        return 1 / ratio if self.unit.endswith("/s") else ratio


@dataclass(frozen=True)
class Growth:
    """How the time of a stage grows.

    Attributes:
        name: of the stage.
        of: what grows, such as "side of the map, px".
        counts: its values.
        ms: the median processor time at each.
    """

    name: str
    of: str
    counts: tuple[int, ...]
    ms: tuple[float, ...]


@dataclass(frozen=True)
class SpeedRecord:
    """One run of all benchmarks.

    Attributes:
        about: command, date, revision, machine, versions, and yardstick_ms: the machine's own
            measure, see `benchmarks/machine.py`.
        stages: in the order of the way from photos to heads.
        growth: of some stages.
    """

    about: dict
    stages: tuple[Stage, ...]
    growth: tuple[Growth, ...]


def write_speed(path: Path, record: SpeedRecord) -> None:
    """Write a record as JSON, whole or not at all: a line per stage."""
    content = {
        "format": RECORD_FORMAT,
        **record.about,
        "stages": [_plain_stage(stage) for stage in record.stages],
        "growth": [vars(each) for each in record.growth],
    }
    text = ",\n".join(f"{json.dumps(key)}: {_lines(value)}" for key, value in content.items())
    with replacing(path) as temporary:
        temporary.write_text("{\n" + text + "\n}\n", encoding="utf-8")


def read_speed(path: Path) -> SpeedRecord:
    """Read a record.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no record of speeds, or of another format.
    """
    content = read_json(path, "a record of speeds")
    try:
        if content.pop("format") != RECORD_FORMAT:
            raise ValueError(f"its format is not {RECORD_FORMAT}")
        stages = tuple(map(_stage, content.pop("stages")))
        growth = tuple(
            Growth(each["name"], each["of"], tuple(each["counts"]), tuple(each["ms"]))
            for each in content.pop("growth")
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"expected a record of speeds in {path}: {in_a_line(error)}") from error
    return SpeedRecord(content, stages, growth)


def speed_table(record: SpeedRecord) -> str:
    """Write a row per stage: median (quartiles) of ours and of the baseline, and their ratio."""
    heads = ["stage", "facelib: median (quartiles)", "baseline", "times as fast"]
    rows = []
    for stage in record.stages:
        ours, other = stage.ours, stage.baseline
        named = f"{other.name}: {_spread(other, stage.unit)}" if other else NONE
        gain = f"{stage.gain:.3g}" if other else NONE
        rows.append([stage.name, _spread(ours, stage.unit), named, gain])
    return markdown(heads, rows)


def growth_table(record: SpeedRecord) -> str:
    """Write a row per stage: what grows, and the median time at each of its values."""
    rows = []
    for each in record.growth:
        times = zip(each.counts, each.ms, strict=True)
        rows.append(
            [each.name, each.of, ", ".join(f"{count:,}: {_digits(ms)}" for count, ms in times)]
        )
    return markdown(["stage", "what grows", "median, ms"], rows)


def speed_caption(record: SpeedRecord) -> str:
    """Say in a sentence or two on which machine, when and how the times were measured."""
    about = record.about
    machine, yard = about["machine"], sum(about["yardstick_ms"].values())
    return (
        f"Processor time on one thread, for training time by the clock, on {machine['processor']} "
        f"({machine['system']}), "
        f"{about['date']}, by `{about['command']}`; its yardstick takes {yard:.0f} ms."
    )


def _spread(timed: Timed, unit: str) -> str:
    low, median, high = map(_digits, (timed.low, timed.median, timed.high))
    return f"{median} ({low} to {high}) {unit}"


def _digits(value: float) -> str:
    """Write a number with three digits, without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _plain_stage(stage: Stage) -> dict:
    ours, other = stage.ours, stage.baseline
    return {
        "name": stage.name,
        "unit": stage.unit,
        "ours": vars(ours),
        "baseline": None if other is None else vars(other),
    }


def _stage(row: dict) -> Stage:
    other = row["baseline"]
    baseline = None if other is None else Timed(**other)
    return Stage(row["name"], row["unit"], Timed(**row["ours"]), baseline)


def _lines(value: object) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return json.dumps(value)
    return "[\n" + ",\n".join(json.dumps(item) for item in value) + "\n]"
