"""Which way up a face is, by the network of dense points."""

from pathlib import Path

import numpy as np
import pytest

from facelib.detect.faces import detection_from_box, find_face, turned_face
from facelib.imaging.imagefiles import Photo, read_photo
from facelib.reconstruction.crops import FRONT_BOX
from facelib.reconstruction.doubts import doubt_about_photo
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.looking import deviation_share, is_unsure, look_upright

FRONT = Path(__file__).parent / "pictures" / "front.jpg"


@pytest.fixture(scope="module")
def network():
    return load_predictor(None, prefer_onnx=True)


def look_at(network, photo, face, calls=None):
    def look(pixels, crop):
        if calls is not None:
            calls.append(pixels.shape)
        return network.look(pixels, crop, 1)

    return look_upright(look, photo, face, FRONT_BOX, network.size)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_face_that_the_detector_took_for_upright_is_turned_by_the_surest_look(network, turns):
    upright = read_photo(FRONT)
    face = find_face(upright.pixels)
    lying = turned_face(face, upright.pixels.shape, turns)
    calls = []
    found = look_at(network, upright.turned(turns), lying, calls)
    assert (found.quarter_turns + turns) % 4 == 0 and len(calls) == (4 if turns else 1)
    np.testing.assert_allclose(found.face.box, face.box)
    np.testing.assert_array_equal(found.photo.pixels, upright.pixels)
    assert 0.003 < deviation_share(found.seen) < 0.02


def test_where_there_is_no_face_the_points_are_unsure_and_it_is_said(network):
    noise = Photo.of_pixels(np.random.default_rng(0).random((200, 200, 3), np.float32))
    face = detection_from_box((40, 40, 160, 160))
    found = look_at(network, noise, face)
    assert is_unsure(found.seen)
    points = found.crop.crop_to_image(found.seen.places_image[:68])
    doubts = doubt_about_photo("front.jpg", noise, [face], face, points, seen=found.seen)
    assert doubts[0].kind == "unsure" and "% of the picture" in doubts[0].sentence


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_face_covers_the_same_pixels(turns):
    pixels = np.zeros((30, 50, 3), np.uint8)
    pixels[4:10, 20:28] = 1
    face = turned_face(detection_from_box((19.5, 3.5, 27.5, 9.5)), pixels.shape, turns)
    low, high = (face.box + 0.5).reshape(2, 2).round().astype(int)
    turned = np.rot90(pixels, turns)
    assert turned[low[1] : high[1], low[0] : high[0]].all() and turned.sum() == 3 * 6 * 8
