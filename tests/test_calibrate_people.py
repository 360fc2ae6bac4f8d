"""Calibrating a population: what is measured changes as asked, and what is not stays."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.face.measures import MEASURES, measure_shapes, measures_and_slopes
from facelib.files.paths import data_dir
from facelib.synthetic.people.population import load_population

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
MODEL = load_head()
POPULATION = load_population(data_dir() / "people" / "makehuman.npz")


@pytest.fixture(scope="module")
def calibrate_people():
    """The module in the scripts' own folder."""
    sys.path.insert(0, str(EXPERIMENTS))
    yield importlib.import_module("calibrate_people")
    sys.path.remove(str(EXPERIMENTS))


@pytest.fixture(scope="module")
def slopes():
    return measures_and_slopes(MODEL, POPULATION.corner_means.mean((0, 1, 2)))[1]


def covariance(spread, slopes):
    return slopes @ spread @ spread.T @ slopes.T


def test_every_measure_gets_its_deviation_and_keeps_its_correlations(calibrate_people, slopes):
    sds = np.linspace(2, 8, len(MEASURES))
    spread = calibrate_people.widen(POPULATION.spread, slopes, sds)
    before, after = covariance(POPULATION.spread, slopes), covariance(spread, slopes)
    np.testing.assert_allclose(np.sqrt(np.diag(after)), sds)
    scale = sds / np.sqrt(np.diag(before))
    np.testing.assert_allclose(after, before * np.outer(scale, scale), atol=1e-8)


def test_a_measure_without_a_figure_keeps_its_deviation(calibrate_people, slopes):
    sds = np.full(len(MEASURES), np.nan)
    spread = calibrate_people.widen(POPULATION.spread, slopes, sds)
    np.testing.assert_allclose(spread, POPULATION.spread, atol=1e-12)


def test_directions_that_no_measure_sees_keep_their_spread(calibrate_people, slopes):
    sds = np.full(len(MEASURES), 5.0)
    spread = calibrate_people.widen(POPULATION.spread, slopes, sds)
    # numbers z that change no measure: people who differ in them alone
    unseen = np.linalg.svd(slopes @ POPULATION.spread)[2][len(MEASURES) :].T
    np.testing.assert_allclose(spread @ unseen, POPULATION.spread @ unseen, atol=1e-9)


def test_a_mean_moves_toward_its_targets_and_not_past_them(calibrate_people):
    mean = POPULATION.corner_means[2, 1, 0]
    before = measure_shapes(MODEL, mean)
    targets = np.full(len(MEASURES), np.nan)
    length = list(MEASURES).index("menton_sellion_length")
    targets[length] = before[length] + 6
    moved = calibrate_people.condition_mean(MODEL, mean, POPULATION.spread, targets)
    assert 5 < measure_shapes(MODEL, moved)[length] - before[length] < 6


def test_a_mean_that_measures_right_stays(calibrate_people):
    mean = POPULATION.corner_means[0, 0, 0]
    moved = calibrate_people.condition_mean(
        MODEL, mean, POPULATION.spread, measure_shapes(MODEL, mean)
    )
    np.testing.assert_allclose(moved, mean, atol=1e-9)


def test_the_shipped_population_is_the_one_that_the_figures_give(calibrate_people):
    published = calibrate_people.read_published(data_dir() / "people" / "measures.csv")
    made = calibrate_people.calibrate(MODEL, POPULATION, published)
    stored = load_population()
    # mm and standard deviations; rounding in linear algebra differs between processors
    np.testing.assert_allclose(made.corner_means, stored.corner_means, atol=1e-6)
    np.testing.assert_allclose(made.spread, stored.spread, atol=1e-6)
    differences = stored.corner_means.reshape(12, -1) @ stored.held_out_functional
    np.testing.assert_allclose(differences, stored.held_out_offset, atol=1e-6)
    assert np.linalg.norm(stored.held_out_axis) == pytest.approx(1)
