"""Compare training runs: a table of runs, and a plot of their errors."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from facelib.files.tables import markdown
from facelib.training.runs import Run, trainings

UNKNOWN = "–"
REVISION_DIGITS = 7


def markdown_table(runs: Sequence[Run]) -> str:
    """Write runs as a Markdown table, one row per run, padded to be readable in a terminal, too."""
    rows = [_cells(run) for run in runs]
    heads = "run", "network", "size, px", "parameters", "samples", "hours", "best loss", "error, px"
    heads += "error, mm", "mean face, px", "skill", "seed", "revision", "date", "finished"
    return markdown(heads, rows, "<<>>>>>>>>>><<<")


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
        runs: one line each. Stages of one training share a colour, and each begins at the end of
            the one before. A run without a known mean-face error is drawn in mm only.
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
