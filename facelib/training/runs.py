"""Read the logs of training runs.

A log may end anywhere: the run is still going, was stopped, or its disk was full. Readable lines
are used, and unreadable ones are reported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from facelib.files.reading import MAX_BYTES, regular_file
from facelib.training.log import LOG, with_groups
from facelib.training.log_lines import parse_line

SHOWN_LINES = 10  # broken lines whose numbers are said


@dataclass(frozen=True)
class Validation:
    """The accuracy of a network on held-out people at one point of its training.

    Attributes:
        samples: samples seen until then.
        loss: validation loss, no unit.
        error_px: mean distance of predicted vertices from the true ones, crop frame at the run's
            size.
        error_mm: the same in head mm.
    """

    samples: int
    loss: float
    error_px: float
    error_mm: float


@dataclass(frozen=True)
class Run:
    """One run, from its log; None for what the log lacks.

    Attributes:
        name: the run's folder.
        log: the file.
        config: all settings, in groups, with current names also for older logs.
        data: settings of the folder of pairs.
        environment: the environment that it started in.
        n_train: number of training pairs.
        network: its name.
        size: px, side of photos and maps.
        parameters: number of the network's parameters.
        seed: of weights, order and augmentation.
        mean_face_error_px: error of always predicting the mean face.
        date: when the run began, ISO 8601.
        revisions: of the code that trained it; several if it was resumed with other code.
        finished: whether it was completed.
        encoder_samples: samples on which the encoder was trained alone, before the run itself.
        encoder_hours: duration of that training.
        samples: samples seen so far.
        steps: steps done so far.
        hours: of training so far.
        losses: training losses: samples seen until then, mean loss since the line before (no unit).
        validations: all validations, in order.
    """

    name: str
    log: str
    config: dict
    data: dict
    environment: dict
    n_train: int | None
    network: str | None
    size: int | None
    parameters: int | None
    seed: int | None
    mean_face_error_px: float | None
    date: str | None
    revisions: tuple[str, ...]
    finished: bool | None
    encoder_samples: int
    encoder_hours: float
    samples: int
    steps: int
    hours: float
    losses: tuple[tuple[int, float], ...]
    validations: tuple[Validation, ...]

    @property
    def best(self) -> Validation | None:
        """The validation with the lowest loss, whose weights the run saved."""
        finite = (v for v in self.validations if math.isfinite(v.loss))
        return min(finite, key=lambda v: v.loss, default=None)

    @property
    def skill(self) -> float | None:
        """The best validation's error over the mean face's; below 1, the photos are used."""
        return self.best and self.share_of_mean_face(self.best)

    @property
    def split_seed(self) -> int | None:
        """The seed that chose the held-out people; in older logs the run's own seed."""
        return self.config.get("data", {}).get("split_seed", self.seed)

    @property
    def ingredients(self) -> str:
        """Ingredients of its synthetic people: `all`, `none`, `all but hair`, or names."""
        return _in_words(self.data.get("ingredients", {}))

    @property
    def poses(self) -> str | None:
        """Preset of its synthetic people's poses."""
        return self.data.get("preset")

    def share_of_mean_face(self, validation: Validation) -> float | None:
        """Return a validation's error over the mean face's."""
        mean = self.mean_face_error_px
        return validation.error_px / mean if mean else None

    def to_dict(self) -> dict:
        """Return all fields, the best validation and the skill as plain values."""
        best = self.best and asdict(self.best)
        return json.loads(json.dumps({**asdict(self), "best": best, "skill": self.skill}))


@dataclass(frozen=True)
class Training:
    """A run, or several as the stages of one training, each from the weights of the one before.

    Attributes:
        name: of the run's folder, or of the log that holds all stages.
        stages: in order.
    """

    name: str
    stages: tuple[Run, ...]

    @property
    def samples(self) -> int:
        """Samples seen in all stages."""
        return sum(stage.encoder_samples + stage.samples for stage in self.stages)

    @property
    def hours(self) -> float:
        """Hours of training in all stages."""
        return sum(stage.encoder_hours + stage.hours for stage in self.stages)

    @property
    def starts(self) -> list[int]:
        """The number of samples seen before each stage."""
        starts, seen = [], 0
        for stage in self.stages:
            starts.append(seen + stage.encoder_samples)
            seen = starts[-1] + stage.samples
        return starts


@dataclass(frozen=True)
class Fault:
    """Part of a log that could not be read.

    Attributes:
        path: the log.
        lines: numbers of the lines, from 1.
    """

    path: Path
    lines: tuple[int, ...]

    def __str__(self) -> str:
        """Name file and lines."""
        word = "line" if len(self.lines) == 1 else "lines"
        numbers = ", ".join(map(str, self.lines[:SHOWN_LINES]))
        more = len(self.lines) - SHOWN_LINES
        return f"{self.path}, {word} {numbers}" + (f" and {more} more" if more > 0 else "")


def find_logs(places: Iterable[Path]) -> list[Path]:
    """List the logs in and below some folders; a log may also be given directly.

    Args:
        places: folders of runs, run folders, or logs.
    Returns:
        The logs, place by place, sorted within each, without duplicates.
    Raises:
        FileNotFoundError: if there is no such place, or no log in it.
    """
    found: dict[Path, None] = {}
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"no such folder: {place}")
        # The logs of shipped weights are named NETWORK.log.jsonl.
        logs = [place] if place.is_file() else sorted(place.rglob(f"*{LOG}"))
        logs = [log for log in logs if log.is_file()]
        if not logs:
            raise FileNotFoundError(f"no {LOG} in or below {place}")
        found.update(dict.fromkeys(logs))
    return list(found)


def read_runs(log: Path) -> tuple[list[Run], Fault | None]:
    """Read a log: one run, or the stages of a training one after the other.

    Args:
        log: a file of JSON lines; each run begins with a line that has a configuration.
    Returns:
        The runs, and the parts that could not be read.
    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is no file of a log's size.
    """
    stages: list[tuple[dict, list[_Report]]] = []
    broken = []
    content = regular_file(log, "a log", MAX_BYTES).read_bytes()
    for number, line in enumerate(content.decode(errors="replace").splitlines(), start=1):
        try:
            values = parse_line(line, log)
            if "config" in values:
                stages.append((values, []))
            else:
                stages[-1][1].append(_report(values))
        except (ValueError, LookupError):
            broken.append(number)
    runs = [_run(first, reports, log) for first, reports in stages]
    return runs, Fault(log, tuple(broken or [1])) if broken or not runs else None


def read_training(log: Path) -> Training:
    """Read a log that must be complete, such as one that ships.

    Args:
        log: as in `read_runs`.
    Returns:
        Its runs as one training.
    Raises:
        OSError: if the file cannot be read.
        ValueError: if a part of it is not a log.
    """
    runs, fault = read_runs(log)
    if fault:
        raise ValueError(f"expected the log of a training, got something else in {fault}")
    return Training(_training_name(log), tuple(runs))


def trainings(runs: Iterable[Run]) -> list[Training]:
    """Group runs by log, in their order."""
    stages: dict[str, list[Run]] = {}
    for run in runs:
        stages.setdefault(run.log, []).append(run)
    return [Training(_training_name(Path(log)), tuple(own)) for log, own in stages.items()]


@dataclass(frozen=True)
class _Report:
    """One line of a log after the first."""

    step: int
    samples: int
    hours: float
    loss: float | None
    validation: Validation | None


def _report(values: dict) -> _Report:
    loss = values["validation_loss"]
    validation = None
    if loss is not None:
        error_px, error_mm = values["validation_error_px"], values["validation_error_mm"]
        validation = Validation(values["samples"], loss, error_px, error_mm)
    hours = values["seconds"] / 3600
    return _Report(values["step"], values["samples"], hours, values.get("loss"), validation)


def _run(first: dict, reports: list[_Report], log: Path) -> Run:
    config, environment = with_groups(first)["config"], first.get("environment", {})
    model = config.get("model", {})
    last = reports[-1] if reports else _Report(0, 0, 0.0, None, None)
    encoder_start = first.get("encoder_start") or {}
    # A call after the last step had nothing to do and trained nothing.
    later = [c["environment"] for c in first.get("continued", []) if c["step"] < last.step]
    revisions = [e["revision"] for e in (environment, *later) if "revision" in e]
    return Run(
        name=_name(config, log),
        log=str(log),
        config=config,
        data=first.get("data", {}),
        environment=environment,
        n_train=first.get("n_train"),
        network=model.get("network"),
        size=model.get("size"),
        parameters=first.get("parameters"),
        seed=config.get("run", {}).get("seed"),
        mean_face_error_px=first.get("mean_face_error_px"),
        date=environment.get("date"),
        revisions=tuple(dict.fromkeys(revisions)),
        finished=first["ended"] is not None if "ended" in first else None,
        encoder_samples=encoder_start.get("samples", 0),
        encoder_hours=encoder_start.get("seconds", 0.0) / 3600,
        samples=last.samples,
        steps=last.step,
        hours=last.hours,
        losses=tuple((r.samples, r.loss) for r in reports if r.loss is not None),
        validations=tuple(r.validation for r in reports if r.validation),
    )


def _name(config: dict, log: Path) -> str:
    folder = Path(config.get("run", {}).get("run_dir", "")).name
    packed = "" if log.name == LOG else f": {folder}"
    return _training_name(log) + packed


def _training_name(log: Path) -> str:
    if log.name == LOG:
        return log.resolve().parent.name  # the folder may have been renamed since
    return log.name.removesuffix(LOG).strip(".")


def _in_words(switches: dict[str, bool]) -> str:
    """Name the switches that are on: `all`, `none`, `all but hair`, or a comma-separated list."""
    chosen = [name for name, on in switches.items() if on]
    if len(chosen) > len(switches) / 2:
        missing = ", ".join(name for name in switches if name not in chosen)
        return f"all but {missing}" if missing else "all"
    return ", ".join(chosen) or "none"
