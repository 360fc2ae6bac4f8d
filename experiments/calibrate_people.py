"""Calibrate the population from MakeHuman's heads to the measures of real faces.

Each group's mean coefficients μ (one origin, one sex) are conditioned on the published means t of
its measures m, as a Gaussian with the covariance Σ of people within a group and with the
uncertainty N of the means (J = ∂m/∂μ, iterated because distances are not linear):

    μ' = μ + K (t − m(μ)),    K = Σ Jᵀ (J Σ Jᵀ + N)⁻¹.

People's deviations δ from their group's mean are stretched along the measured directions alone:

    δ' = δ + K₀ (A − I) J δ,    K₀ = Σ Jᵀ (J Σ Jᵀ)⁻¹,    A = diag(published sd / ours),

so that every measure gets its published standard deviation, correlations between measures stay,
and what no measure sees stays as it was.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from build_people import hold_out

from facelib.face.headmodel import MorphableModel
from facelib.face.measures import MEASURES, measures_and_slopes
from facelib.synthetic.people.population import ORIGINS, Population, Traits

SEXES = ("female", "male")
# The sources whose means the calibration uses, best first; the others are only for comparison.
MEANS_FROM = ("zhuang2005", "weinberg2016", "kesterke2016", "du2008")
# Tolerance, in mm, of a mean on our vertices against a published one. Two sources for one group
# differ by 14 mm at the jaw; three agree on the pupils to 0.7 mm.
UNCERTAINTY_MM = {"bigonial_breadth": 5.0, "interpupillary_breadth": 0.5}
OTHER_UNCERTAINTY_MM = 1.0
MEAN_AGE_YEARS = 35.0  # of the people measured by the sources, roughly
STEPS = 5


@dataclass(frozen=True)
class Published:
    """One line of measures.csv; `n` and `sd_mm` are None where the source has none."""

    measure: str
    sex: str
    origin: str
    n: int | None
    mean_mm: float
    sd_mm: float | None
    source: str


def read_published(path: Path) -> list[Published]:
    """Read measures.csv."""
    with path.open(newline="") as file:
        return [
            Published(
                measure=row["measure"],
                sex=row["sex"],
                origin=row["origin"],
                n=int(row["n"]) if row["n"] else None,
                mean_mm=float(row["mean_mm"]),
                sd_mm=float(row["sd_mm"]) if row["sd_mm"] else None,
                source=row["source"],
            )
            for row in csv.DictReader(file)
        ]


def calibrate(
    model: MorphableModel, population: Population, published: Sequence[Published]
) -> Population:
    """Move the means of all groups and widen the spread; choose new held-out people."""
    means = population.corner_means.copy()
    for o, origin in enumerate(ORIGINS):
        for s, sex in enumerate(SEXES):
            before = population.mean_shape(pure_traits(origin, sex, MEAN_AGE_YEARS))
            targets = target_means(published, sex, origin)
            means[o, s] += condition_mean(model, before, population.spread, targets) - before
    middle = means.mean((0, 1, 2))
    slopes = measures_and_slopes(model, middle)[1]
    spread = widen(population.spread, slopes, target_sds(published))
    face = model.regions["face"] & ~model.regions["ears"]
    face_basis = model.shape_basis[:, face].reshape(len(model.shape_basis), -1).astype(float)
    held_out = hold_out(means.reshape(-1, means.shape[-1]), spread, face_basis)
    return replace(population, corner_means=means, spread=spread, **held_out)


def pure_traits(origin: str, sex: str, age_years: float) -> Traits:
    """Return the traits of people of one origin and one sex."""
    return Traits(age_years, float(sex == "male"), np.eye(len(ORIGINS))[ORIGINS.index(origin)])


def target_means(published: Sequence[Published], sex: str, origin: str) -> np.ndarray:
    """Return a group's mean of each measure, mm, from the best source with one: (M,), or nan."""
    targets = np.full(len(MEASURES), np.nan)
    for m, measure in enumerate(MEASURES):
        lines = {
            line.source: line.mean_mm
            for line in published
            if (line.measure, line.sex, line.origin) == (measure, sex, origin)
        }
        targets[m] = next((lines[source] for source in MEANS_FROM if source in lines), np.nan)
    return targets


def target_sds(published: Sequence[Published]) -> np.ndarray:
    """Return the standard deviation of each measure within one sex, mm: (M,), or nan.

    Of the two large sources' figures for Europeans the smaller one is used, and the mean of both
    sexes: a smaller spread also has less of callipers' errors in it.
    """
    sds = np.full(len(MEASURES), np.nan)
    for m, measure in enumerate(MEASURES):
        smallest = []
        for sex in SEXES:
            lines = [
                line.sd_mm
                for line in published
                if (line.measure, line.sex, line.origin) == (measure, sex, "european")
                and line.sd_mm is not None
            ]
            smallest += [min(lines)] if lines else []
        if smallest:
            sds[m] = np.mean(smallest)
    return sds


def condition_mean(
    model: MorphableModel, mean: np.ndarray, spread: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """Condition a Gaussian of coefficients on its mean measures.

    Args:
        model: the head model.
        mean: (K,), the mean coefficients.
        spread: (K, K), a square root of their covariance.
        targets: (M,), mm, the measures that the mean head should have; nan where it is free.

    Returns:
        (K,), the new mean.
    """
    known = np.isfinite(targets)
    uncertainty = np.array([UNCERTAINTY_MM.get(m, OTHER_UNCERTAINTY_MM) for m in MEASURES])[known]
    covariance, moved = spread @ spread.T, mean
    for _ in range(STEPS):
        values, slopes = measures_and_slopes(model, moved)
        slopes = slopes[known]
        innovation = targets[known] - values[known] + slopes @ (moved - mean)
        seen = slopes @ covariance @ slopes.T + np.diag(uncertainty**2)
        moved = mean + covariance @ slopes.T @ np.linalg.solve(seen, innovation)
    return moved


def widen(spread: np.ndarray, slopes: np.ndarray, sds: np.ndarray) -> np.ndarray:
    """Give each measure its standard deviation.

    Args:
        spread: (K, K), a square root of the covariance of coefficients.
        slopes: (M, K), mm per unit of each coefficient.
        sds: (M,), mm; nan where a measure keeps its own.

    Returns:
        (K, K), a square root of the new covariance.
    """
    covariance = spread @ spread.T
    seen = slopes @ covariance @ slopes.T
    stretch = sds / np.sqrt(np.diag(seen))
    stretch[np.isnan(stretch)] = 1.0
    gain = covariance @ slopes.T @ np.linalg.inv(seen)
    return spread + gain @ np.diag(stretch - 1) @ slopes @ spread
