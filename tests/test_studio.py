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
    "light": {"develop"} | SURFACE,
    "film": {"draw_distance_mm", "develop"} | SURFACE,
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
    "only light": (136.9, 115.8, 119.9, 155.0, 106.6, 84.1),
    "only film": (135.4, 135.4, 135.4, 194.2, 138.3, 123.6),
    "without origins": (123.4, 123.4, 123.4, 173.1, 155.2, 131.2),
    "without expressions": (129.7, 129.7, 129.7, 181.0, 164.9, 138.9),
    "without skin": (127.6, 127.6, 127.6, 184.4, 163.4, 141.1),
    "without hair": (128.9, 128.9, 128.9, 189.3, 170.9, 142.6),
    "without glasses": (128.0, 128.0, 128.0, 181.5, 164.1, 137.4),
    "without clothes": (124.1, 124.1, 124.1, 181.3, 164.0, 136.6),
    "without light": (127.1, 127.1, 127.1, 182.0, 131.8, 110.0),
    "without film": (130.1, 113.3, 116.2, 146.8, 100.1, 74.4),
    "everything": (127.8, 127.8, 127.8, 181.1, 164.3, 137.6),
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
    steps += (studio.draw_thing, studio.draw_light, studio.shade, studio.develop)
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
