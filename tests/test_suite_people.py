"""The people behind the errors by group: traits are recorded, and a change changes one thing."""

import json

import numpy as np
import pytest

from facelib.evaluation.suite.people import CHANGES, TONES, take
from facelib.files.paths import data_file
from facelib.synthetic.settings import SyntheticSettings

SETTINGS = SyntheticSettings(size=64, seed=5, held_out=True)


@pytest.fixture(scope="module")
def plain():
    return take(0, SETTINGS, "plain")


def test_a_change_keeps_the_head_the_camera_and_the_background(plain):
    tinted = take(0, SETTINGS, "sunglasses")
    np.testing.assert_array_equal(tinted.vertices_head, plain.vertices_head)
    np.testing.assert_array_equal(tinted.pair.vertices_image, plain.pair.vertices_image)
    differing = np.abs(tinted.pair.front.astype(int) - plain.pair.front).max(axis=2) > 8
    assert 0.01 < differing.mean() < 0.4
    assert (plain.facts["glasses"], tinted.facts["glasses"]) == ("none", "dark")


def test_paint_darkens_the_face_and_its_typology_angle(plain):
    pale, dark = (take(0, SETTINGS, f"melanin {tone:g}") for tone in (TONES[0], TONES[-1]))
    nose = np.rint(plain.pair.vertices_image[plain.pair.vertices_image[:, 2].argmax(), :2])
    x, y = nose.astype(int)
    spot = np.s_[y - 3 : y + 4, x - 3 : x + 4]
    assert dark.pair.front[spot].mean() < 0.8 * pale.pair.front[spot].mean()
    assert dark.facts["ita_deg"] < 10 < 41 < pale.facts["ita_deg"]


def test_the_record_has_every_person_once_and_every_change_for_the_same_people():
    columns = json.loads(data_file("tries", "groups.json").read_text("utf-8"))["columns"]
    rows = list(zip(columns["people"], columns["index"], columns["change"], strict=True))
    assert len(rows) == len(set(rows))
    changed = {change: {i for _, i, c in rows if c == change} for change in CHANGES}
    assert len(changed["plain"]) >= 20
    assert all(people == changed["plain"] for people in changed.values())
    errors = np.array(columns["both_shape_mm"])
    assert 0.3 < errors.min() and errors.max() < 20
