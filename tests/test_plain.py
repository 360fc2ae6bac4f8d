"""The plain steps, each on its own."""

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.synthetic.plain import (
    RECIPE_SHARES,
    RECIPES,
    random_distance_mm,
    random_lights,
    random_plain_strengths,
)

MODEL = load_head()


def test_distances_keep_the_range():
    rng = np.random.default_rng(1)
    distances = [random_distance_mm(rng) for _ in range(400)]
    assert 400 <= min(distances) < 450 and 2200 < max(distances) <= 2500


def test_expressions_use_actions_that_exist():
    rng = np.random.default_rng(2)
    drawn = np.array([random_plain_strengths(rng, MODEL.expression_names) for _ in range(300)])
    assert drawn.min() >= 0 and drawn.max() <= 1
    jaw, blink = (MODEL.expression_names.index(name) for name in ("jawOpen", "eyeBlinkLeft"))
    assert (drawn[:, jaw] > 0.1).any() and (drawn[:, blink] > 0.8).any()
    assert sum(RECIPE_SHARES) == pytest.approx(1)
    for recipe in RECIPES.values():
        for action in recipe:
            assert action in MODEL.expression_names or f"{action}Left" in MODEL.expression_names


def test_lights_come_from_before_the_face():
    rng = np.random.default_rng(3)
    for _ in range(50):
        lights, ambient = random_lights(rng)
        assert 1 <= len(lights) <= 3 and min(ambient) > 0
        assert all(np.all(light.color > 0) for light in lights)
