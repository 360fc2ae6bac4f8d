"""Both photos of one sitting: the head turns, and everything else stays."""

from dataclasses import replace

import numpy as np
import pytest

from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.photo import Shot
from facelib.synthetic.samples import make_pair, make_session
from facelib.synthetic.session import SWAY, hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio

APART = SyntheticSettings(size=32, seed=3)
TOGETHER = replace(APART, sitting=True)


@pytest.fixture(scope="module")
def sessions():
    return [make_session(i, TOGETHER) for i in range(12)]


def turns(sessions):
    return np.array([np.subtract(*(view.pose_deg for view in s.views[::-1])) for s in sessions])


def test_light_and_film_are_the_same_in_both_photos(sessions):
    for session in sessions:
        front, side = (dict(photo.drawn) for photo in session.photos)
        for drawn in (front, side):
            drawn.pop("thing", None)  # hands may move
        assert repr(front) == repr(side)


def test_the_camera_keeps_its_distance(sessions):
    ratios = [s.views[1].distance_mm / s.views[0].distance_mm for s in sessions]
    assert np.ptp(ratios) > SWAY / 2
    assert np.abs(np.log(ratios)).max() <= -np.log(1 - SWAY)
    assert np.ptp(np.log([s.views[0].distance_mm for s in sessions])) > 0.5


def test_the_head_turns_and_tilts_little(sessions):
    pitch, yaw, roll = np.abs(turns(sessions)).T
    assert yaw.min() > 67.5 - 14
    assert 1 < np.sqrt(np.mean([pitch**2, roll**2])) < 5


def test_photos_taken_apart_share_neither_camera_nor_light(sessions):
    for session in (make_session(i, APART) for i in range(4)):
        front, side = session.photos
        assert front.drawn["film"].exposure != side.drawn["film"].exposure
        assert abs(np.log(session.views[0].distance_mm / session.views[1].distance_mm)) > SWAY


def test_person_and_front_pose_are_those_of_photos_taken_apart(sessions):
    for index, session in enumerate(sessions[:4]):
        apart = make_session(index, APART)
        np.testing.assert_array_equal(session.person.shape, apart.person.shape)
        np.testing.assert_array_equal(session.strengths, apart.strengths)
        np.testing.assert_array_equal(session.views[0].pose_deg, apart.views[0].pose_deg)


def test_photos_taken_apart_use_no_stream_of_a_sitting(monkeypatch):
    """So their pairs are the same to the byte as before there were sittings."""
    before = make_pair(0, APART)
    for name in ("sitting_camera", "sitting_light", "sitting_film"):
        monkeypatch.delattr(Streams, name)
    np.testing.assert_array_equal(make_pair(0, APART).front, before.front)
    np.testing.assert_array_equal(make_pair(0, APART).side, before.side)


@pytest.mark.parametrize("ingredients", [Ingredients(), Ingredients(light=True)])
def test_plain_photos_can_share_a_sitting(ingredients):
    settings = replace(TOGETHER, ingredients=ingredients)
    front, side = (photo.drawn for photo in make_session(0, settings).photos)
    assert repr(front) == repr(side)


def test_background_is_the_same_and_noise_is_not():
    settings = replace(TOGETHER, size=64)
    studio = replace(Studio.of(settings.ingredients), shade=_nobody)
    sessions = [hold_session(studio, Streams(settings, i), settings) for i in range(8)]
    differences = [s.photos[0].image.astype(int) - s.photos[1].image.astype(int) for s in sessions]
    assert all(np.abs(d).mean() < 8 for d in differences)
    assert np.mean([d.any() for d in differences]) > 0.5


def _nobody(dressed, camera, light):
    nothing = np.zeros((camera.height, camera.width), np.float32)
    return Shot(np.repeat(nothing[..., None], 3, 2), nothing, None, None, {})
