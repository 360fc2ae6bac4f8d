"""The suite's figures: a record in, Matplotlib figures out."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from facelib.evaluation.intervals import Estimate, estimate
from facelib.evaluation.metrics import ced
from facelib.evaluation.suite.curves import CURVES, SECOND_PHOTO
from facelib.evaluation.suite.record import SuiteRecord
from facelib.evaluation.suite.tables import BASELINE, METRICS, rejection

SHOWN = (BASELINE, ("two_view", "front, side"), ("compact", "front, side"))
SHOWN += (("dense and its fit", "front"), ("dense and its fit", "front, side"))
SHARES = tuple(np.linspace(0, 0.5, 11))
UNITS = {curve.name: curve.unit for curve in CURVES}


def draw_distributions(record: SuiteRecord) -> Figure:
    """Draw the cumulative error distributions of some methods, a panel per metric."""
    figure = Figure(figsize=(10, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharey=True)
    for axis, metric in zip(panels.flat, METRICS, strict=True):
        grid = np.linspace(0, metric.largest, 300)
        for number, (method, given) in enumerate(SHOWN):
            errors = record.methods.where(method=method, given=given)[metric.column]
            style = ("-", "--", "-.", ":", "-")[number]
            axis.plot(grid, ced(errors, grid), style, label=f"{method}: {given}")
        axis.set(xlabel=metric.heading, ylabel="share of people", ylim=(0, 1.02))
    panels[0, 0].legend(fontsize=7)
    return figure


def draw_curves(record: SuiteRecord) -> Figure:
    """Draw the shape error over everything that is varied by numbers: both photos, front alone."""
    names = [name for (name,) in record.curves.different("curve")]
    names = [name for name in names if not _words(record, name)]
    n_rows = -(-len(names) // 3)
    figure = Figure(figsize=(10, 2.6 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, 3, squeeze=False)
    for axis, name in zip(panels.flat, names, strict=False):
        levels = [level for (level,) in record.curves.where(curve=name).different("level")]
        for column, label in (("shape_mm", "both photos"), ("front_alone_shape_mm", "front alone")):
            found = [_at(record, name, level, column) for level in levels]
            low, value, high = np.array([[e.low, e.value, e.high] for e in found]).T
            axis.fill_between(levels, low, high, alpha=0.2)
            axis.plot(levels, value, "o-", ms=3, label=label)
        axis.set(xlabel=f"{name} [{UNITS[name]}]" if UNITS[name] else name, ylim=(0, None))
        axis.set_ylabel("shape error [mm]")
    for axis in panels.flat[len(names) :]:
        axis.set_visible(False)
    panels[0, 0].legend(fontsize=7)
    return figure


def draw_second_photo(record: SuiteRecord) -> Figure:
    """Draw shape and depth error against what the second photo is."""
    name = SECOND_PHOTO.name
    levels = [level for (level,) in record.curves.where(curve=name).different("level")]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    rows = np.arange(len(levels))[::-1]
    columns = (("shape_mm", "shape error [mm]"), ("vertex_depth_mm", "depth error [mm]"))
    for axis, (column, heading) in zip(panels, columns, strict=True):
        found = [_at(record, name, level, column) for level in levels]
        value = np.array([each.value for each in found])
        reach = np.array([[e.value - e.low, e.high - e.value] for e in found]).T
        axis.errorbar(value, rows, xerr=reach, fmt="o", ms=4, capsize=2)
        axis.axvline(value[0], color="0.6", lw=1)
        axis.set(xlabel=heading, yticks=rows, yticklabels=levels, xlim=(0, None))
    return figure


def draw_sureness(record: SuiteRecord) -> Figure:
    """Draw each person's error over the expected one, and the error without the least sure."""
    found = record.curves.where(curve="as drawn")
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(found["face_expected_rms_mm"], found["face_rms_mm"], "o", ms=3)
    end = max(found["face_expected_rms_mm"].max(), found["face_rms_mm"].max())
    left.plot([0, end], [0, end], "k:", lw=1)
    left.set(xlabel="expected error, r.m.s. [mm]", ylabel="true error, r.m.s. [mm]")
    kept = rejection(record, SHARES)
    low, value, high = np.array([[e.low, e.value, e.high] for e in kept]).T
    right.fill_between(100 * np.array(SHARES), low, high, alpha=0.2)
    right.plot(100 * np.array(SHARES), value, "o-", ms=3)
    right.set(xlabel="people left out, the least sure first [%]", ylabel="shape error [mm]")
    right.set_ylim(0, None)
    return figure


def _at(record: SuiteRecord, curve: str, level: str | float, column: str) -> Estimate:
    return estimate(record.curves.where(curve=curve, level=level)[column])


def _words(record: SuiteRecord, curve: str) -> bool:
    return any(isinstance(v, str) for v in record.curves.where(curve=curve)["level"])
