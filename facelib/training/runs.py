"""Training runs side by side: read their logs, tabulate them, plot their errors.

A run's log may stop anywhere: the run goes on, was stopped, or its disk was full. What can be read
counts, and what cannot is named.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matplotlib.figure import Figure

from facelib.training.log import LOG

UNKNOWN = "–"
REVISION_DIGITS = 7
# Each with the side that its cells keep to.
COLUMNS = (
    ("run", "<"), ("network", "<"), ("size, px", ">"), ("parameters", ">"), ("samples", ">"),
    ("hours", ">"), ("best loss", ">"), ("error, px", ">"), ("error, mm", ">"),
    ("mean face, px", ">"), ("skill", ">"), ("seed", ">"), ("revision", "<"), ("date", "<"),
    ("finished", "<"),
)  # fmt: skip


@dataclass(frozen=True)
class Validation:
    """How good a network was on held-out people at one time of its training.

    Attributes:
        samples: seen until then.
        loss: no unit.
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
    """What a log tells of one run; None is what it does not tell.

    Attributes:
        name: the run's folder.
        log: the file.
        config: all settings, as the log has them.
        data: what the folder of pairs says of itself.
        environment: what it ran on at first.
        n_train: pairs to learn from.
        network: its kind.
        size: px, side of photos and maps.
        parameters: how many the network has.
        seed: of weights, split, order and augmentation.
        mean_face_error_px: error of always answering with the mean face.
        date: when it began, ISO 8601.
        revisions: of the code that trained it; several if it was continued with other code.
        finished: whether it came to its own end.
        encoder_samples: seen by the encoder alone before the run's own.
        encoder_hours: that this took.
        samples: seen so far.
        steps: done so far.
        hours: of training so far.
        losses: of training: samples seen until then, mean loss since the line before (no unit).
        validations: in order.
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
        """The validation of lowest loss, whose weights the run kept."""
        finite = (v for v in self.validations if math.isfinite(v.loss))
        return min(finite, key=lambda v: v.loss, default=None)

    @property
    def skill(self) -> float | None:
        """The best validation's error over the mean face's; below 1 the photos help."""
        return self.best and self.share_of_mean_face(self.best)

    @property
    def split_seed(self) -> int | None:
        """The seed of who was held out; once that was the run's own."""
        return self.config.get("split_seed", self.seed)

    @property
    def ingredients(self) -> str:
        """What the synthetic people of its pairs have: `all`, `none`, `all but hair`, or names."""
        return _in_words(self.data.get("ingredients", {}))

    @property
    def poses(self) -> str | None:
        """The preset that its synthetic people's poses are of."""
        return self.data.get("preset")

    def share_of_mean_face(self, validation: Validation) -> float | None:
        """Return a validation's error over the mean face's."""
        mean = self.mean_face_error_px
        return validation.error_px / mean if mean else None

    def to_dict(self) -> dict:
        """Return all of it, the best validation and the skill too, as plain values."""
        best = self.best and asdict(self.best)
        return json.loads(json.dumps({**asdict(self), "best": best, "skill": self.skill}))


@dataclass(frozen=True)
class Training:
    """A run, or several as the stages of one training, each from the weights of the one before.

    Attributes:
        name: of the run's folder, or of the log that the stages are packed in.
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
        """How many samples had been seen when each stage began to count its own."""
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
        """Say it in one phrase."""
        word, numbers = "line" if len(self.lines) == 1 else "lines", ", ".join(map(str, self.lines))
        return f"{self.path}, {word} {numbers}"


def find_logs(places: Iterable[Path]) -> list[Path]:
    """List the logs in and below some folders; a log may also be named itself.

    Args:
        places: folders of runs, run folders, or logs.
    Returns:
        The logs, place after place, sorted within each, none twice.
    Raises:
        FileNotFoundError: if there is no such place, or no log in it.
    """
    found: dict[Path, None] = {}
    for place in places:
        if not place.exists():
            raise FileNotFoundError(f"no such folder: {place}")
        # The logs of shipped weights have their network's name before `log.jsonl`.
        logs = [place] if place.is_file() else sorted(place.rglob(f"*{LOG}"))
        if not logs:
            raise FileNotFoundError(f"no {LOG} in or below {place}")
        found.update(dict.fromkeys(logs))
    return list(found)


def read_runs(log: Path) -> tuple[list[Run], Fault | None]:
    """Read a log: one run, or the stages of a training one after the other.

    Args:
        log: a file of JSON lines; each run begins with a line that has a configuration.
    Returns:
        The runs, and what could not be read.
    Raises:
        OSError: if the file cannot be read.
    """
    stages: list[tuple[dict, list[_Report]]] = []
    broken = []
    text = log.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            values = json.loads(line)
            if isinstance(values.get("config"), dict):
                stages.append((values, []))
            else:
                stages[-1][1].append(_report(values))
        except (ValueError, TypeError, AttributeError, LookupError):
            broken.append(number)
    runs = [_run(first, reports, log) for first, reports in stages]
    return runs, Fault(log, tuple(broken or [1])) if broken or not runs else None


def read_training(log: Path) -> Training:
    """Read a log that must be whole, such as one that ships.

    Args:
        log: as in `read_runs`.
    Returns:
        Its runs as one training.
    Raises:
        OSError: if the file cannot be read.
        ValueError: if a part of it is no log.
    """
    runs, fault = read_runs(log)
    if fault:
        raise ValueError(f"expected the log of a training, got something else in {fault}")
    return Training(_training_name(log), tuple(runs))


def trainings(runs: Iterable[Run]) -> list[Training]:
    """Put runs that stand in one log together, each log's in their order."""
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
    config, environment = first["config"], first.get("environment", {})
    last = reports[-1] if reports else _Report(0, 0, 0.0, None, None)
    encoder_start = first.get("encoder_start") or {}
    # Code that was only asked, after the last step, whether anything is left to do, trained none.
    later = [c["environment"] for c in first.get("continued", []) if c["step"] < last.step]
    revisions = [e["revision"] for e in (environment, *later) if "revision" in e]
    return Run(
        name=_name(config, log),
        log=str(log),
        config=config,
        data=first.get("data", {}),
        environment=environment,
        n_train=first.get("n_train"),
        network=config.get("network"),
        size=config.get("size"),
        parameters=first.get("parameters"),
        seed=config.get("seed"),
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
    packed = "" if log.name == LOG else f": {Path(config.get('run_dir', '')).name}"
    return _training_name(log) + packed


def _training_name(log: Path) -> str:
    if log.name == LOG:
        return log.resolve().parent.name  # the folder may have been renamed since
    return log.name.removesuffix(LOG).strip(".")


def markdown_table(runs: Sequence[Run]) -> str:
    """Write runs as a Markdown table, padded so that it reads well in a terminal too.

    Args:
        runs: one row each.
    """
    rows = [[name for name, _ in COLUMNS], *(_cells(run) for run in runs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [side for _, side in COLUMNS]
    ends = {"<": "-", ">": ":"}
    rule = ["-" * (w - 1) + ends[side] for w, side in zip(widths, sides, strict=True)]
    return "\n".join(
        "| " + " | ".join(map("{:{}{}}".format, row, sides, widths)) + " |"
        for row in (rows[0], rule, *rows[1:])
    )


def _in_words(switches: dict[str, bool]) -> str:
    """Name what is switched on: `all`, `none`, `all but hair`, or names with commas."""
    chosen = [name for name, on in switches.items() if on]
    if len(chosen) > len(switches) / 2:
        missing = ", ".join(name for name in switches if name not in chosen)
        return f"all but {missing}" if missing else "all"
    return ", ".join(chosen) or "none"


def _cells(run: Run) -> list[str]:
    best = run.best
    return [
        run.name,
        _shown(run.network),
        _shown(run.size),
        _shown(run.parameters, ","),
        _shown(run.samples, ","),
        _shown(run.hours, ".2f"),
        _shown(best and best.loss, ".3g"),
        _shown(best and best.error_px, ".3f"),
        _shown(best and best.error_mm, ".2f"),
        _shown(run.mean_face_error_px, ".3f"),
        _shown(run.skill, ".3f"),
        _shown(run.seed),
        " ".join(map(_short, run.revisions)) or UNKNOWN,
        _shown(run.date and run.date[:10]),
        _shown({True: "yes", False: "no"}.get(run.finished)),
    ]


def _shown(value: object, form: str = "") -> str:
    return UNKNOWN if value is None else format(value, form)


def _short(revision: str) -> str:
    digits, *dirty = revision.split("-")
    return "-".join([digits[:REVISION_DIGITS], *dirty])


def draw_errors(runs: Sequence[Run]) -> Figure:
    """Draw validation error over samples seen, in mm and as a share of the mean face's error.

    Args:
        runs: one line each, stages of one training in one colour and each where the one before
            ends; where the mean face's error is unknown, in mm alone.
    """
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    in_mm, of_mean_face = figure.subplots(1, 2)
    for number, training in enumerate(trainings(runs)):
        look = {"marker": "o", "markersize": 3, "color": f"C{number}"}
        label = training.name
        for start, run in zip(training.starts, training.stages, strict=True):
            seen = [start + v.samples for v in run.validations]
            in_mm.plot(seen, [v.error_mm for v in run.validations], label=label, **look)
            if run.mean_face_error_px:
                shares = [run.share_of_mean_face(v) for v in run.validations]
                of_mean_face.plot(seen, shares, **look)
            label = None
    of_mean_face.axhline(1, color="0.4", linestyle="--", label="mean face")
    in_mm.set(xlabel="pairs seen", ylabel="error of held-out vertices [mm]", ylim=(0, None))
    of_mean_face.set(xlabel="pairs seen", ylabel="error / mean face's error", ylim=(0, None))
    in_mm.legend(fontsize="small")
    of_mean_face.legend(fontsize="small")
    return figure
