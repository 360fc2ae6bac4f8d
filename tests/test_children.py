"""Children, the stress set: they measure like children and never get into a training set."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.face.measures import MEASURES, measure_shapes
from facelib.files.paths import data_dir
from facelib.synthetic.people.population import (
    CHILD_AGE_YEARS,
    Traits,
    load_children,
    load_population,
    random_child_traits,
    random_shape,
)
from facelib.synthetic.samples import make_outfit, make_pair, make_person, make_session
from facelib.synthetic.settings import SyntheticSettings

MODEL, ADULTS, CHILDREN = load_head(), load_population(), load_children()
SETTINGS = SyntheticSettings(size=64, seed=3, held_out=True, people="children")
# Measures that conditioning meets, and those that the head model cannot shrink as far; mm.
WITHIN_MM = dict.fromkeys(MEASURES, 0.7) | {"bigonial_breadth": 2.0, "nose_protrusion": 2.0}


def published() -> dict[tuple[str, str, float], float]:
    with (data_dir() / "people" / "growth.csv").open(newline="") as file:
        return {
            (row["measure"], row["sex"], float(row["age_years"])): float(row["mean_mm"])
            for row in csv.DictReader(file)
        }


@pytest.mark.parametrize("age_years", CHILD_AGE_YEARS)
@pytest.mark.parametrize("sex", ["female", "male"])
@pytest.mark.parametrize("origin", range(3))
def test_mean_children_are_smaller_than_women_as_published(origin, sex, age_years):
    growth = published()
    woman, child = (
        measure_shapes(MODEL, population.mean_shape(Traits(years, male, np.eye(3)[origin])))
        for population, years, male in (
            (ADULTS, 25.0, 0.0),
            (CHILDREN, age_years, float(sex == "male")),
        )
    )
    compared = 0
    for name, adult_mm, child_mm in zip(MEASURES, woman, child, strict=True):
        if (name, sex, age_years) in growth:
            share = growth[name, sex, age_years] / growth[name, "female", 25.0]
            assert child_mm == pytest.approx(share * adult_mm, abs=WITHIN_MM[name])
            compared += 1
    assert compared == 11


def test_drawn_children_are_of_all_ages_and_no_head_breaks():
    rng = np.random.default_rng(2)
    traits = [random_child_traits(rng) for _ in range(300)]
    ages = [each.age_years for each in traits]
    assert CHILD_AGE_YEARS[0] <= min(ages) < 5 and 11 < max(ages) <= CHILD_AGE_YEARS[1]
    shapes = np.array([random_shape(rng, each, CHILDREN, held_out=True) for each in traits])
    measured = measure_shapes(MODEL, shapes)
    assert (measured > 0.45 * measured.mean(axis=0)).all()
    assert (measured < 1.8 * measured.mean(axis=0)).all()


def test_children_have_neither_beard_nor_grey_hair_nor_wrinkles():
    adults = replace(SETTINGS, people="adults")
    for index in range(12):
        person, outfit = make_person(index, SETTINGS), make_outfit(index, SETTINGS)
        assert not person.adult and person.appearance.beard == 0
        assert person.appearance.lipstick[3] == 0 == person.appearance.eye_shadow[3]
        assert outfit.hair.kind != "bald" and outfit.facial.beard == "none"
        assert make_person(index, adults).adult
    child, adult = (make_session(1, settings).dressed.skin for settings in (SETTINGS, adults))
    assert child.complexion.beard_shadow == 0
    assert child.complexion.creases.max() < adult.complexion.creases.max()


def test_adults_are_drawn_as_if_there_were_no_children():
    adults = SyntheticSettings(size=64, seed=3)
    ages = [make_person(index, adults).age_years for index in range(200)]
    assert min(ages) >= 18
    assert adults.people == "adults"


def test_children_cannot_be_drawn_for_training():
    with pytest.raises(ValueError, match="stress set"):
        SyntheticSettings(people="children")
    with pytest.raises(ValueError, match="expected people of"):
        SyntheticSettings(people="giants")


def test_a_pair_of_a_child_says_so():
    assert make_pair(0, SETTINGS).name.startswith("children-")
