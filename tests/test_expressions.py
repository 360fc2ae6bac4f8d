"""Drawn expressions: in range, plausible, of every kind."""

from dataclasses import replace

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.pairs.labels import NUMBER_OF
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.people.acting import settle_lips
from facelib.synthetic.people.expressions import (
    BROWS,
    EMOTIONS,
    EYES,
    MOUTHS,
    raise_action,
    random_strengths,
)
from facelib.synthetic.session import hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio

NAMES = load_head().expression_names
RNG = np.random.default_rng(2)
DRAWN = np.array([random_strengths(RNG, NAMES) for _ in range(2000)])


def column(name):
    return DRAWN[:, NAMES.index(name)]


def test_strengths_are_strengths():
    assert DRAWN.shape == (2000, len(NAMES)) and DRAWN.min() >= 0 and DRAWN.max() <= 1


@pytest.mark.parametrize("table", [MOUTHS, EYES, BROWS, EMOTIONS])
def test_recipes_name_actions_of_the_model_and_their_shares_sum_to_one(table):
    known = set(NAMES) | {name.removesuffix("Left") for name in NAMES}
    assert {action for _, recipe in table.values() for action in recipe} <= known
    assert sum(share for share, _ in table.values()) == pytest.approx(1)


def test_all_kinds_of_faces_come_up():
    left, right = column("eyeBlinkLeft"), column("eyeBlinkRight")
    both = (left > 0.95) & (right > 0.95)
    assert 0.05 < both.mean() < 0.2  # closed eyes
    assert 0.005 < ((left > 0.9) ^ (right > 0.9)).mean() < 0.06  # winks
    assert 0.05 < (column("jawOpen") > 0.4).mean() < 0.35  # open mouths
    assert 0.15 < (column("mouthSmileLeft") > 0.3).mean() < 0.6
    assert 0.05 < (column("browDownLeft") > 0.4).mean() < 0.4
    assert 0.05 < (column("browInnerUp") > 0.4).mean() < 0.4


def test_eyes_look_the_same_way():
    np.testing.assert_allclose(column("eyeLookOutLeft"), column("eyeLookInRight"))
    np.testing.assert_allclose(column("eyeLookUpLeft"), column("eyeLookUpRight"))
    assert (column("eyeLookUpLeft") * column("eyeLookDownLeft") == 0).all()


def test_no_face_does_what_excludes_itself():
    assert (np.minimum(column("eyeWideLeft"), column("eyeBlinkLeft")) < 0.6).all()
    assert column("mouthClose").max() == 0


def test_the_same_generator_state_gives_the_same_face():
    one, other = (random_strengths(np.random.default_rng(4), NAMES) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_half_of_all_faces_smile_and_most_smiles_are_broad():
    smile = (column("mouthSmileLeft") + column("mouthSmileRight")) / 2
    teeth = smile[column("mouthUpperUpLeft") + column("mouthUpperUpRight") > 0.4]
    assert 0.4 < (smile > 0.25).mean() < 0.52
    assert 0.3 < (teeth > 0.4).sum() / len(smile) < 0.42


@pytest.mark.parametrize("recipe", [MOUTHS["grin"][1], EMOTIONS["joy"][1]])
def test_a_posed_smile_shows_teeth_and_little_else_of_the_mouth(recipe):
    strengths = dict.fromkeys(NAMES, 0.0)
    for action, full in recipe.items():
        raise_action(strengths, action, 0.8 * full, RNG, {"Left": 1, "Right": 1}, (1, 1))
    acted = np.array([strengths[name] for name in NAMES])
    settings = SyntheticSettings(size=128, seed=5)
    studio = Studio.of(Ingredients(expressions=True, origins=True))
    studio = replace(
        studio, draw_expression=lambda rng, head, shape: settle_lips(head, shape, acted)
    )
    for index in range(4):
        front, _ = hold_session(studio, Streams(settings, index), settings).pixel_truths()
        counts = {
            name: (front.segmentation == NUMBER_OF[name]).sum()
            for name in ("teeth", "mouth", "tongue", "lips")
        }
        assert counts["teeth"] > max(0.1 * counts["lips"], 20)
        assert counts["teeth"] > counts["mouth"] + counts["tongue"]
