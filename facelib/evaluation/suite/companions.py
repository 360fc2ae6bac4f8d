"""Tables and a figure of two records beside the suite's: other people's programs, and agreement.

`experiments/measure_peers.py` and `experiments/measure_agreement.py` make them, on the suite's
people.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from facelib.evaluation.intervals import Estimate, estimate
from facelib.evaluation.suite.record import Rows
from facelib.files.tables import markdown

PEER_COLUMNS = {
    "points": ("points in the photo, % of eyes", 2, 100.0),
    "inner_mm": ("points in 3D, mm", 2, 1.0),
    "centre_mm": ("centre of the face, mm", 2, 1.0),
    "shape_mm": ("whole face, mm", 2, 1.0),
}
RENDERED = "rendered"
CHANGES = {
    "mirrored_mm": "mirrored",
    "another_crop_mm": "another crop",
    "JPEG_mm": "poor JPEG",
    "front_alone_mm": "front alone against both",
    "expected_mm": "expected error",
    "error_mm": "true error",
}


def peer_table(rows: Rows) -> str:
    """Compare methods that know nothing of each other; a dash where one has no such answer."""
    lines = []
    for method, given in rows.different("method", "given"):
        found = rows.where(method=method, given=given)
        cells = [_words(found[name], *form) for name, (_, *form) in PEER_COLUMNS.items()]
        lines.append([method, given, *cells])
    return markdown(["method", "knows", *(head for head, *_ in PEER_COLUMNS.values())], lines)


def agreement_table(rows: Rows) -> str:
    """Show how far changes that change no face move the head, mm: rendered people, then photos."""
    lines = []
    for who, photos in rows.different("who", "photos"):
        found = rows.where(who=who, photos=photos)
        name = f"{len(found)} rendered people" if who == RENDERED else who
        cells = [_words(found[column]) for column in CHANGES]
        lines.append([name, "front" if photos == 1 else "both", *cells])
    return markdown(["photos of", "given", *CHANGES.values()], lines)


def profiles(rows: Rows) -> dict[str, Estimate]:
    """Return how far profiles drawn into the side photo lie from the true one, mm, by method."""
    alone, both = (rows.where(who=RENDERED, photos=photos) for photos in (1, 2))
    return {
        "mean head": estimate(both["mean_head_profile_mm"]),
        "front alone": estimate(alone["profile_mm"]),
        "both photos": estimate(both["profile_mm"]),
    }


def draw_agreement(rows: Rows) -> Figure:
    """Draw what moves a head without a reason, of rendered and real photos, and the profiles."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    places = np.arange(len(CHANGES))[::-1]
    real = Rows({name: column[rows["who"] != RENDERED] for name, column in rows.columns.items()})
    for place, column in zip(places, CHANGES, strict=True):
        for photos, style, shift in ((1, "s", 0.15), (2, "o", -0.15)):
            color = "C0" if photos == 1 else "C1"
            values = rows.where(who=RENDERED, photos=photos)[column]
            if np.isfinite(values).any():
                _draw_estimate(left, estimate(values), place + shift, style, color)
            known = real.where(photos=photos)[column]
            left.plot(known, np.full(len(known), place + shift), style, mfc="none", color=color)
    left.set(xlabel="the face moves by [mm]", yticks=places, yticklabels=CHANGES.values())
    left.set_xlim(0, None)
    for photos, style, color in (("front", "s", "C0"), ("both photos", "o", "C1")):
        left.plot([], [], style, color=color, label=photos)
    left.plot([], [], "o", mfc="none", color="0.3", label="photos of people")
    left.legend(fontsize=7)
    found = profiles(rows)
    for place, each in enumerate(reversed(found.values())):
        _draw_estimate(right, each, place, "o", "C2")
    right.set(xlabel="distance of profiles [mm]", yticks=range(len(found)), xlim=(0, None))
    right.set_yticklabels(reversed(found))
    return figure


def _draw_estimate(axis, found: Estimate, place: float, style: str, color: str) -> None:  # noqa: ANN001
    reach = [[found.value - found.low], [found.high - found.value]]
    axis.errorbar(found.value, place, xerr=reach, fmt=style, ms=5, capsize=2, color=color)


def _words(values: Sequence[float], digits: int = 2, factor: float = 1.0) -> str:
    values = np.asarray(values, np.float64)
    known = values[np.isfinite(values)]
    return estimate(known).words(digits, factor) if len(known) else "–"
