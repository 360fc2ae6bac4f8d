"""A studio is chosen once: each ingredient changes its steps, and photos have not changed."""

from dataclasses import fields, replace
from functools import partial

import numpy as np
import pytest

from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.studio import Studio

NAMES = tuple(field.name for field in fields(Ingredients))
SURFACE = {"finishes", "draw_light", "shade"}
# Steps that change when one ingredient is switched on alone, or off alone.
ON_ALONE = {
    "origins": {"draw_person"},
    "expressions": {"draw_expression", "act", "finishes"},
    "skin": {"paint"} | SURFACE,
    "hair": {"draw_outfit"},
    "glasses": {"draw_outfit"},
    "clothes": {"draw_outfit"},
    "things": {"draw_thing"} | SURFACE,
    "light": {"meter"} | SURFACE,
    "film": {"draw_distance_mm", "meter", "develop"} | SURFACE,
}
OFF_ALONE = ON_ALONE | {
    "skin": {"paint"},
    "things": {"draw_thing"},
    "light": {"draw_light"},
    "film": {"draw_distance_mm", "develop"},
}
# Mean RGB of front and side photo of sample 6, who wears glasses, recorded before the
# studio was built from callables. Another processor changes single pixels by a step or two of 255,
# another draw moves a mean by far more.
MEANS = {
    "none": (118.7, 149.4, 107.0, 153.5, 111.8, 92.4),
    "only origins": (102.6, 140.8, 95.0, 132.1, 91.1, 71.5),
    "only expressions": (121.1, 148.1, 107.8, 153.7, 112.8, 93.5),
    "only skin": (127.3, 155.2, 108.7, 160.1, 115.8, 92.5),
    "only hair": (111.3, 134.7, 98.5, 138.0, 99.0, 81.0),
    "only glasses": (117.5, 148.4, 106.1, 152.1, 110.9, 91.7),
    "only clothes": (119.0, 149.2, 107.7, 153.5, 111.8, 92.4),
    "only things": (120.7, 147.5, 104.3, 160.4, 115.6, 95.2),
    "only light": (136.9, 115.8, 119.9, 155.0, 106.6, 84.1),
    "only film": (166.6, 132.6, 120.8, 172.3, 131.4, 121.4),
    "without origins": (158.7, 124.1, 107.6, 158.2, 143.2, 126.7),
    "without expressions": (158.3, 127.2, 110.0, 161.9, 151.5, 134.8),
    "without skin": (157.3, 124.8, 110.8, 164.7, 150.4, 136.3),
    "without hair": (161.1, 127.6, 109.5, 167.9, 155.5, 137.2),
    "without glasses": (158.4, 126.9, 109.2, 162.1, 150.9, 133.9),
    "without clothes": (155.5, 124.1, 105.5, 162.1, 150.7, 133.2),
    "without things": (157.9, 127.8, 110.6, 162.0, 151.0, 133.9),
    "without light": (152.1, 123.5, 107.8, 162.4, 126.9, 112.6),
    "without film": (127.0, 109.2, 111.1, 146.8, 100.1, 74.4),
    "everything": (158.3, 126.7, 109.3, 162.0, 151.0, 133.9),
}
TOLERANCE = 0.5  # of 255


def only(name):
    return Ingredients(**{name: True})


def without(name):
    return replace(Ingredients.all(), **{name: False})


CHOICES = {
    "none": Ingredients(),
    **{f"only {name}": only(name) for name in NAMES},
    **{f"without {name}": without(name) for name in NAMES},
    "everything": Ingredients.all(),
}


def steps_that_differ(one, other):
    return {f.name for f in fields(Studio) if parts(one, f.name) != parts(other, f.name)}


def parts(studio, name):
    step = getattr(studio, name)
    return (step.func, step.keywords) if isinstance(step, partial) else step


@pytest.mark.parametrize("name", NAMES)
def test_a_switch_alone_changes_its_own_steps(name):
    plain = Studio.of(Ingredients())
    assert steps_that_differ(Studio.of(only(name)), plain) == ON_ALONE[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_switch_takes_its_own_steps_back(name):
    everything = Studio.of(Ingredients.all())
    assert steps_that_differ(Studio.of(without(name)), everything) == OFF_ALONE[name]


def test_without_ingredients_every_step_is_the_plain_one():
    studio = Studio.of(Ingredients())
    steps = (studio.draw_person, studio.draw_expression, studio.paint, studio.draw_distance_mm)
    steps += (studio.draw_thing, studio.draw_light, studio.shade, studio.meter, studio.develop)
    assert {step.__module__ for step in steps} == {"facelib.synthetic.plain"}
    assert studio.finishes == ()


@pytest.mark.parametrize("name", MEANS)
def test_photos_are_what_they_were(name):
    settings = SyntheticSettings(size=64, seed=3, ingredients=CHOICES[name])
    pair = make_pair(6, settings)
    means = [*pair.front.mean((0, 1)), *pair.side.mean((0, 1))]
    np.testing.assert_allclose(means, MEANS[name], atol=TOLERANCE)


@pytest.mark.parametrize("name", ["skin", "light", "film"])
def test_skin_light_and_film_leave_pose_and_person_alone(name):
    plain, changed = (
        make_pair(0, SyntheticSettings(size=64, seed=3, ingredients=ingredients))
        for ingredients in (Ingredients(), only(name))
    )
    assert not np.array_equal(changed.front, plain.front)
    assert changed.front.shape == (64, 64, 3) and changed.front.dtype == np.uint8
    np.testing.assert_array_equal(changed.front_pose_deg, plain.front_pose_deg)
    if name != "film":  # its lens moves the camera
        np.testing.assert_array_equal(changed.vertices_image, plain.vertices_image)


def test_a_sample_does_not_depend_on_the_one_before():
    settings = SyntheticSettings(size=64, seed=3)
    first = make_pair(5, settings)
    make_pair(6, settings)
    again = make_pair(5, settings)
    np.testing.assert_array_equal(first.front, again.front)
    np.testing.assert_array_equal(first.side, again.side)
