"""An outfit behind its switches: it changes photos and not the ground truth."""

from dataclasses import replace

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.samples import make_outfit, make_pair, make_person
from facelib.synthetic.session import hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio
from facelib.synthetic.worn.facial_hair import beard_share
from facelib.synthetic.worn.glasses import Glasses
from facelib.synthetic.worn.hair_style import HairStyle
from facelib.synthetic.worn.hats import Hat
from facelib.synthetic.worn.outfit import Outfit, natural_color, random_outfit, wear
from facelib.synthetic.worn.scalp import mean_scalp
from facelib.synthetic.worn.sunglasses import Tint

LONG = HairStyle(kind="long", top_mm=360.0, side_mm=300.0, back_mm=300.0, half_width_mm=3.6)
WEARING = Ingredients(hair=True, glasses=True, clothes=True)


@pytest.mark.parametrize("switch", ["hair", "glasses", "clothes"])
def test_an_outfit_changes_photos_but_never_the_truth(switch):
    plain = SyntheticSettings(size=96, seed=5, ingredients=Ingredients())
    worn = SyntheticSettings(size=96, seed=5, ingredients=Ingredients(**{switch: True}))
    changed = 0
    for index in range(8):
        before, after = make_pair(index, plain), make_pair(index, worn)
        np.testing.assert_array_equal(before.vertices_image, after.vertices_image)
        changed += not np.array_equal(before.front, after.front)
    assert changed >= (1 if switch == "glasses" else 8)


@pytest.mark.parametrize(
    ("outfit", "hidden"),
    [
        (Outfit(glasses=Glasses(tint=Tint((0.08,) * 3, (0.08,) * 3, (0.03,) * 3))), range(36, 48)),
        (Outfit(hair=replace(LONG, curtain_mm=200.0, part_mm=12.0)), range(36, 42)),
        (Outfit(hair=replace(LONG, curtain_mm=200.0, part_mm=-12.0)), range(42, 48)),
    ],
    ids=["sunglasses", "curtain on the left of the photo", "curtain on its right"],
)
def test_hidden_eyes_count_as_unseen_and_uncovered_ones_as_seen(outfit, hidden):
    settings = SyntheticSettings(size=128, seed=5, ingredients=WEARING)
    studio = replace(Studio.of(WEARING), draw_outfit=lambda rng, person: outfit)
    eyes = set(range(36, 48))
    seen, expected = 0, 0
    for index in range(4):
        session = hold_session(studio, Streams(settings, index), settings)
        front, _ = session.view_truths(session.dressed.vertices_head)
        assert front.visible[list(hidden)].sum() <= 1
        seen += front.visible[list(eyes - set(hidden))].sum()
        expected += len(eyes - set(hidden))
    assert seen >= 0.85 * expected


def test_a_pair_is_the_same_whenever_it_is_made():
    settings = SyntheticSettings(size=96, seed=7, ingredients=WEARING)
    first = make_pair(3, settings)
    make_pair(1, settings)
    np.testing.assert_array_equal(first.front, make_pair(3, settings).front)


def test_what_is_left_off_changes_nothing_else():
    person = make_person(4, SyntheticSettings())
    outfit = random_outfit(np.random.default_rng(1), person.appearance)
    alone = outfit.only(frozenset({"clothes"}))
    assert alone.clothes == outfit.clothes
    assert alone.hair is None and outfit.hair is not None
    assert outfit.only(frozenset()) == Outfit()


def test_one_person_wears_one_outfit_in_all_their_pairs():
    settings = SyntheticSettings(pairs_per_person=2, ingredients=WEARING)
    assert make_outfit(6, settings) == make_outfit(7, settings)


def test_every_kind_of_ribbon_has_a_label_and_hair_follows_the_person():
    model, rng = load_head(), np.random.default_rng(2)
    looks = make_person(0, SyntheticSettings()).appearance
    outfit = random_outfit(rng, looks).only(frozenset({"hair"}))
    person = model.vertices(rng.standard_normal(60))
    mean, other = (
        wear(outfit, looks, model, mean_scalp(), vertices).ribbons
        for vertices in (model.mean_head, person)
    )
    assert mean.label.all()
    movement = np.abs(person - model.mean_head).max()
    assert 0 < np.abs(mean.points_head - other.points_head).max() < 3 * movement


def test_beards_grow_on_jaw_and_lip_only():
    #  chin, upper lip's skin, cheekbone, forehead
    points = np.array([[0, -85, 78.0], [8, -40, 92], [45, -10, 62], [0, 60, 88]])
    assert (beard_share(points, "full") > 0.5).tolist() == [True, True, False, False]
    assert (beard_share(points, "moustache") > 0.5).tolist() == [False, True, False, False]
    assert not beard_share(points, "none").any()


def test_hair_is_never_green_or_blue():
    for color in np.random.default_rng(3).random((200, 3)):
        red, green, blue = natural_color(color)
        assert red >= green >= blue


def test_a_hat_without_clothes_is_refused():
    with pytest.raises(ValueError, match="clothes with a hat"):
        Outfit(hat=Hat())
