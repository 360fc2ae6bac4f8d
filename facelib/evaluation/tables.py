"""Tables of scores: evaluations of methods in, Markdown out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facelib.evaluation.metrics import ced
from facelib.evaluation.scores import Evaluation, values
from facelib.files.tables import markdown

NME_THRESHOLD = 0.01
"""Tables 5.1 and 5.2 of the thesis give the share of faces whose NME is below this."""
CED_THRESHOLDS = (0.004, 0.006, 0.008, 0.01, 0.012, 0.015, 0.02)
UNKNOWN = "–"
SOURCES = {"synthetic": "synthetic people", "facegen": "FaceGen's people", "300W-LP": "300W-LP"}


@dataclass(frozen=True)
class _Column:
    """A table's column for one of `METRICS`: heading, digits, and a factor for the unit."""

    metric: str
    heading: str
    digits: int = 2
    factor: int = 1


_COLUMNS = (
    _Column("vertex_error_mm", "vertex error, mm"),
    _Column("vertex_error_share", "vertex error, % of face box", factor=100),
    _Column("depth_error_mm", "depth error, mm"),
    _Column("shape_error_mm", "shape error, mm"),
    _Column("surface_distance_mm", "surface distance, mm"),
    _Column("thesis_nme", "thesis NME", digits=4),
)


def score_table(methods: Mapping[str, Evaluation]) -> str:
    """Write a row per method, and the mean-face baseline last: mean error (median skill).

    A metric that no method has gets no column, such as vertex error on scans. A dash stands for the
    skill where the mean face is a face itself.

    Args:
        methods: name → evaluation; all on the same faces.

    Raises:
        ValueError: if there is none, or they were scored on different faces.
    """
    evaluations = list(methods.values())
    faces = {tuple(score.face for score in evaluation.scores) for evaluation in evaluations}
    if len(faces) != 1:
        raise ValueError(f"expected methods scored on the same faces, got {len(faces)} sets")
    mean_face = Evaluation(evaluations[0].mean_face, evaluations[0].mean_face)
    rows = {**methods, "mean face (looks at no photo)": mean_face}
    columns = [c for c in _COLUMNS if any(_is_known(each, c.metric) for each in rows.values())]
    heads = [
        f"{len(mean_face.scores)} faces: mean (skill)",
        *(column.heading for column in columns),
        f"NME ≤ {NME_THRESHOLD:g}",
    ]
    return markdown(heads, [_cells(name, each, columns) for name, each in rows.items()])


def ced_table(method: str, evaluation: Evaluation) -> str:
    """Write the thesis NME's cumulative error distribution (figures 5.1, 5.4) as a table."""
    heads = [f"**{t:g}**" if t == NME_THRESHOLD else f"{t:g}" for t in CED_THRESHOLDS]
    rows = []
    for name, scores in ((method, evaluation.scores), ("mean face", evaluation.mean_face)):
        shares = ced(values(scores, "thesis_nme"), np.array(CED_THRESHOLDS))
        rows.append([name, *(f"{share:.0%}" for share in shares)])
    return markdown(["share of scans with NME ≤", *heads], rows)


def title_of(settings: Mapping[str, object]) -> str:
    """Name the source of a set of pairs, and mark stand-ins.

    Args:
        settings: of the set, from its manifest.
    """
    source = SOURCES.get(str(settings.get("source")), "faces of unknown origin")
    return f"STAND-IN for {source}" if settings.get("stand_in") else source


def _is_known(evaluation: Evaluation, metric: str) -> bool:
    return not np.isnan(values(evaluation.scores, metric).mean())


def _cells(name: str, evaluation: Evaluation, columns: Sequence[_Column]) -> list[str]:
    cells = [name]
    for column in columns:
        if not _is_known(evaluation, column.metric):
            cells.append("unknown")
            continue
        mean = column.factor * values(evaluation.scores, column.metric).mean()
        skill = np.median(evaluation.skill(column.metric))
        in_words = UNKNOWN if np.isnan(skill) else f"{skill:.2f}"
        cells.append(f"{mean:.{column.digits}f} ({in_words})")
    under = ced(values(evaluation.scores, "thesis_nme"), np.array([NME_THRESHOLD]))[0]
    return [*cells, f"{under:.0%}"]
