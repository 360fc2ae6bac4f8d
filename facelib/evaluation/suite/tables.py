"""The suite's tables: a record in, Markdown out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from facelib.evaluation.group_errors import SMALLEST, GroupError, group_errors
from facelib.evaluation.intervals import Estimate, area_under_ced, estimate
from facelib.evaluation.suite.errors import AXES, REGIONS
from facelib.evaluation.suite.record import Rows, SuiteRecord
from facelib.files.tables import markdown

BASELINE = "mean face", "no photo"
DEFAULT = "dense and its fit", "front, side"
WORTH = 0.2  # of a person's error; what takes less off is no cause of it


@dataclass(frozen=True)
class Metric:
    """An error, how it is printed, and up to where the area under its distribution is taken."""

    column: str
    heading: str
    meaning: str
    largest: float
    digits: int = 2


METRICS = (
    Metric(
        "vertex_mm",
        "vertex error, mm",
        "mean distance of corresponding vertices, nothing is aligned",
        20.0,
    ),
    Metric("shape_mm", "shape error, mm", "the same after the similarity that fits best", 6.0),
    Metric(
        "surface_mm",
        "surface distance, mm",
        "mean distance of each surface's visible vertices from the other surface, after ICP with "
        "scale",
        3.0,
    ),
    Metric(
        "thesis_nme",
        "thesis NME",
        "mean distance to the nearest true vertex after rigid ICP / diagonal of the true box",
        0.02,
        4,
    ),
)
# Of age in years, and of the skin's individual typology angle (Chardon's classes, dark to light).
TRAIT_EDGES = {"age_years": (18, 30, 45, 60, 100), "ita_deg": (-90, -30, 10, 28, 41, 55, 90)}
TRAIT_HEADS = {"age_years": "age, years", "ita_deg": "ITA, °"}
GROUPS = {
    "women": lambda rows: rows["sex"] == "female",
    "men": lambda rows: rows["sex"] == "male",
    **{
        f"{origin.title()} origin": lambda rows, origin=origin: rows["origin"] == origin
        for origin in ("african", "asian", "european")
    },
    "under 30 years": lambda rows: rows["age_years"] < 30,
    "60 years and more": lambda rows: rows["age_years"] >= 60,
    "skin of ITA below −30° (dark)": lambda rows: rows["ita_deg"] < -30,
    "skin of ITA above 41° (light)": lambda rows: rows["ita_deg"] > 41,
    "glasses": lambda rows: rows["glasses"] != "none",
    "beard": lambda rows: rows["beard"] != "none",
    "hair over the face": lambda rows: rows["hair_over_face"] == True,  # noqa: E712
}


def method_table(record: SuiteRecord, metric: Metric) -> str:
    """Compare all methods by one metric: mean and median, and the skill, with their intervals.

    The skill of a person is the error / the mean face's on the same person; the table has the
    median over people.
    """
    baseline = _of(record.methods, BASELINE)[metric.column]
    area = partial(area_under_ced, largest=metric.largest)
    rows = []
    for method, given in record.methods.different("method", "given"):
        errors = _of(record.methods, (method, given))[metric.column]
        rows.append([
            method,
            given,
            estimate(errors).words(metric.digits),
            estimate(errors, np.median).words(metric.digits),
            estimate(errors / baseline, np.median).words(2),
            f"{area(errors):.2f}",
        ])  # fmt: skip
    heads = ["method", "knows", f"{metric.heading}: mean", "median", "median skill"]
    return markdown([*heads, f"area under CED to {metric.largest:g}"], rows)


def part_table(record: SuiteRecord) -> str:
    """Show the mean vertex and shape error along each axis, and the shape error by region, mm."""
    names = [f"vertex_{axis}_mm" for axis in AXES] + [f"shape_{axis}_mm" for axis in AXES]
    names += [f"{region}_mm" for region in REGIONS]
    heads = [f"vertex, {axis}" for axis in AXES] + [f"shape, {axis}" for axis in AXES]
    rows = []
    for method, given in record.methods.different("method", "given"):
        found = _of(record.methods, (method, given))
        rows.append([method, given, *(f"{found[name].mean():.2f}" for name in names)])
    return markdown(["method", "knows", *heads, *REGIONS], rows)


def scan_table(record: SuiteRecord) -> str:
    """Compare methods on scans: surface distance, along each axis, and the thesis's NME."""
    rows = []
    for method, given in record.scans.different("method", "given"):
        found = _of(record.scans, (method, given))
        parts = [f"{found[f'surface_{axis}_mm'].mean():.2f}" for axis in AXES]
        nme = estimate(found["thesis_nme"]).words(4)
        rows.append([method, given, estimate(found["surface_mm"]).words(), *parts, nme])
    return markdown(["method", "knows", "surface distance, mm", *AXES, "thesis NME"], rows)


def trait_table(record: SuiteRecord, trait: str, edges: Sequence[float]) -> str:
    """Show the default's shape error by a trait that is a number: people from edge to edge."""
    found = _of(record.methods, DEFAULT)
    rows = []
    for low, high in pairwise(edges):
        errors = found["shape_mm"][(low <= found[trait]) & (found[trait] < high)]
        if len(errors):
            rows.append([f"{low:g} to {high:g}", str(len(errors)), estimate(errors).words()])
    return markdown([TRAIT_HEADS[trait], "people", "shape error, mm"], rows)


def tone_table(record: SuiteRecord) -> str:
    """Show the default's errors on the same people with other skin, with its typology angle."""
    rows = []
    for (level,) in record.curves.where(curve="melanin").different("level"):
        found = record.curves.where(curve="melanin", level=level)
        angle = f"{np.mean(found['ita_deg']):.0f}°"
        errors = estimate(found["shape_mm"]).words()
        rows.append([f"{level:g}", angle, str(len(found)), errors])
    return markdown(["melanin", "mean ITA", "people", "shape error, mm"], rows)


def causes(record: SuiteRecord) -> dict[int, tuple[str, float]]:
    """Return by person what was taken away with the largest gain, and the gain, mm.

    If no gain is at least `WORTH` of the error, it is the head itself that is hard.
    """
    found = {}
    for (index,) in record.causes.different("index"):
        rows = record.causes.where(index=index)
        errors = dict(zip(rows["without"], rows["shape_mm"].astype(float), strict=True))
        drawn = errors.pop("as drawn")
        name = min(errors, key=errors.__getitem__)
        gain = drawn - errors[name]
        found[int(index)] = (name, gain) if gain >= WORTH * drawn else ("the head itself", 0.0)
    return found


def curve_table(record: SuiteRecord, curve: str) -> str:
    """Show what one thing does to the default's errors: a row per point, with intervals."""
    rows = []
    for (level,) in record.curves.where(curve=curve).different("level"):
        found = record.curves.where(curve=curve, level=level)
        gain = found["front_alone_shape_mm"] - found["shape_mm"]
        rows.append([
            f"{level:g}" if isinstance(level, float | int) else level,
            str(len(found)),
            estimate(found["shape_mm"]).words(),
            estimate(found["vertex_mm"]).words(),
            f"{found['vertex_depth_mm'].mean():.2f}",
            estimate(gain).words(),
            f"{sureness(found):.2f}",
            f"{found['agrees'].astype(float).mean():.0%}",
        ])  # fmt: skip
    heads = ["shape error, mm", "vertex error, mm", "depth error, mm", "side photo takes off, mm"]
    return markdown([curve, "people", *heads, "expected / true", "agree"], rows)


def sureness(found: Rows, region: str = "face") -> float:
    """Return the root mean square error that the fit expects / the true one, over people."""
    squares = [
        np.mean(np.asarray(found[f"{region}_{name}_mm"], float) ** 2)
        for name in ("expected_rms", "rms")
    ]
    return float(np.sqrt(squares[0] / squares[1]))


def sureness_table(record: SuiteRecord, points: Sequence[tuple[str, str | float]]) -> str:
    """Show by region what error the fit expects / what it makes, at some points of curves."""
    rows = []
    for curve, level in points:
        found = record.curves.where(curve=curve, level=level)
        ratios = [f"{sureness(found, name):.2f}" for name in ("face", *REGIONS)]
        expected = np.mean(found["face_expected_rms_mm"])
        rows.append([curve if curve == level else f"{curve}: {level}", f"{expected:.2f}", *ratios])
    return markdown(["expected / true", "expected, mm", "face", *REGIONS], rows)


def rejection(record: SuiteRecord, shares: Sequence[float]) -> list[Estimate]:
    """Return the mean shape error when a share of the people is left out, the least sure first."""
    found = record.curves.where(curve="as drawn")
    order = np.argsort(found["face_expected_rms_mm"], kind="stable")
    errors = found["shape_mm"][order]
    return [estimate(errors[: round(len(errors) * (1 - share))]) for share in shares]


def groups_of(record: SuiteRecord) -> dict[str, GroupError]:
    """Compare the default's shape error of each group of people with that of all others."""
    found = _of(record.methods, DEFAULT)
    chosen = {name: np.asarray(choose(found), bool) for name, choose in GROUPS.items()}
    groups = {
        name: (members, ~members)
        for name, members in chosen.items()
        if SMALLEST <= members.sum() <= len(found) - SMALLEST
    }
    errors, rng = found["shape_mm"], np.random.default_rng(0)
    return group_errors(errors, groups, rng) if groups else {}


def group_table(found: dict[str, GroupError]) -> str:
    """Show the errors by group; `at once` holds for all groups together with 95 %."""
    rows = [
        [
            name,
            str(group.n),
            f"{group.mean:.2f}",
            f"{group.others_mean:.2f}",
            "{:+.2f} to {:+.2f}".format(*group.interval),
            "{:+.2f} to {:+.2f}".format(*group.wide),
        ]
        for name, group in found.items()
    ]
    heads = ["people", "shape error, mm", "of all others", "difference, 95 %", "all at once, 95 %"]
    return markdown(["group", *heads], rows)


def served_worse(found: dict[str, GroupError]) -> str:
    """Answer in a sentence whether a group is served worse beyond chance."""
    if not found:
        return "Too few people to compare groups."
    worse = {name: group for name, group in found.items() if group.wide[0] > 0}
    if not worse:
        widest = max(group.wide[1] for group in found.values())
        return (
            f"No group's shape error is larger than the others' beyond chance, of {len(found)} "
            f"groups at once; what may be hidden by chance is at most {widest:.2f} mm."
        )
    parts = [
        f"{name} ({group.difference:+.2f} mm, {group.wide[0]:+.2f} to {group.wide[1]:+.2f})"
        for name, group in worse.items()
    ]
    return "Served worse beyond chance, all groups at once: " + "; ".join(parts) + "."


def worst(record: SuiteRecord, count: int) -> Rows:
    """Return the people with the largest shape errors of the default, the worst first."""
    found = _of(record.methods, DEFAULT)
    order = np.argsort(-found["shape_mm"], kind="stable")[:count]
    return Rows({name: column[order] for name, column in found.columns.items()})


def _of(rows: Rows, method: tuple[str, str]) -> Rows:
    return rows.where(method=method[0], given=method[1])
