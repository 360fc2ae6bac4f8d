"""Which way up a face is, by the network of dense points."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import skimage.data

import facelib
from facelib.detect.faces import (
    MIN_SCORE,
    SURE_SCORE,
    FoundFaces,
    detection_from_box,
    find_face,
    find_faces,
    turned_face,
)
from facelib.imaging.imagefiles import Photo, read_photo
from facelib.reconstruction import found
from facelib.reconstruction.crops import FRONT_BOX, SIDE_BOX, crop_from_detection
from facelib.reconstruction.doubts import best_side, doubt_about_photo, is_swapped
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.looking import deviation_share, is_unsure, look_upright

PICTURES = Path(__file__).parent / "pictures"
FRONT = PICTURES / "front.jpg"
UPRIGHT = np.array([[10, 10], [20, 10], [15, 20], [10, 30], [20, 30]], float)  # eyes, nose, mouth


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


def test_a_turned_photo_in_which_the_detector_took_something_else_is_put_right(monkeypatch):
    lying = read_photo(FRONT).turned(1)
    wall = replace(detection_from_box((0, 0, 30, 40)), score=0.6, landmarks=UPRIGHT)
    asked = []

    def mistaken(pixels, sure_score):
        asked.append(sure_score)
        return FoundFaces(0, (wall,)) if sure_score < SURE_SCORE else find_faces(pixels)

    monkeypatch.setattr(found, "find_faces", mistaken)
    (photo,) = facelib.reconstruct(lying).photos
    assert asked == [MIN_SCORE, SURE_SCORE]
    np.testing.assert_array_equal(photo.photo.pixels, read_photo(FRONT).pixels)
    np.testing.assert_allclose(photo.face.box, find_face(photo.photo.pixels).box, atol=5)


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


def test_a_larger_bystander_in_the_side_photo_is_passed_over(network):
    side = np.repeat(np.repeat(read_photo(PICTURES / "side.jpg").pixels, 2, axis=0), 2, axis=1)
    bystander = np.repeat(
        np.repeat(skimage.data.astronaut()[20:220, 120:320], 5, axis=0), 5, axis=1
    )
    picture = np.zeros((1000, 1600, 3), np.uint8)
    picture[:, :1000], picture[200:712, 1050:1562] = bystander, side
    faces = find_faces(picture).faces
    assert len(faces) == 2 and faces[0].box[2] < 1000 < faces[1].box[0]

    def points_of(pixels, face, box):
        return network.look(pixels, crop_from_detection(face, network.size, box), 2)[1]

    upright = read_photo(FRONT).pixels
    front = points_of(upright, find_face(upright), FRONT_BOX)
    number, pair = best_side(network, front, (points_of(picture, f, SIDE_BOX) for f in faces))
    assert number == 1 and pair.agrees
    yaws = pair.front.yaws_deg[0], pair.side.yaws_deg[0]
    assert not is_swapped(*yaws) and is_swapped(*yaws[::-1])
