"""What seems wrong with photos: one sentence each, with its number, and no word about good ones."""

from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data

from facelib.detect.centerface import Detection
from facelib.detect.faces import find_faces
from facelib.imaging.contrast import contrast, with_contrast
from facelib.imaging.effects import blurred
from facelib.imaging.imagefiles import Photo, to_float, to_uint8
from facelib.imaging.resample import resize_image
from facelib.reconstruction.doubts import (
    best_side,
    doubt_about,
    doubt_about_photo,
    is_swapped,
    other_face,
    swapped,
)


@pytest.fixture(scope="module")
def astronaut():
    photo = Photo.of_pixels(skimage.data.astronaut())
    return photo, find_faces(photo.pixels).faces


def keypoints_in(face):
    """68 points spread over a face's box."""
    return np.random.default_rng(0).uniform(face.box[:2], face.box[2:], (68, 2))


def doubts_of(photo, faces, face=None, **options):
    face = faces[0] if face is None else face
    points = options.pop("points", keypoints_in(face))
    return doubt_about_photo("front.jpg", photo, faces, face, points, **options)


def only(doubts, kind):
    """The sentence of the only doubt, which must be of this kind."""
    (doubt,) = doubts
    assert doubt.kind == kind
    return doubt.sentence


def test_a_good_photo_gives_no_doubt(astronaut):
    assert doubts_of(*astronaut) == []


@pytest.mark.parametrize("dtype", ["uint8", "float"])
def test_a_dark_photo_is_said_to_lack_contrast(astronaut, dtype):
    photo, faces = astronaut
    dark = (photo.pixels * 0.1).astype(np.uint8)
    dark = Photo.of_pixels(dark if dtype == "uint8" else to_float(dark))
    assert "hardly any contrast: it uses 8% of" in only(doubts_of(dark, faces), "faint")


def enlarged(photo, face, zoom):
    """A photo and its face, larger by a factor."""
    side = round(len(photo.pixels) * zoom)
    pixels = to_uint8(resize_image(photo.pixels, side) / 255)
    return Photo.of_pixels(pixels), Detection(face.box * zoom, 1.0, face.landmarks * zoom)


@pytest.mark.parametrize(("sigma_share", "kinds"), [(0.0, []), (1 / 20, ["blurred"])])
def test_a_blurred_face_is_distinguished_from_a_sharp_one(astronaut, sigma_share, kinds):
    photo, face = enlarged(astronaut[0], astronaut[1][0], 2)
    sigma = sigma_share * (face.box[2] - face.box[0])
    soft = Photo.of_pixels(to_uint8(blurred(to_float(photo.pixels), sigma)))
    assert [doubt.kind for doubt in doubts_of(soft, [face])] == kinds


def test_a_small_face_is_said_with_its_width(astronaut):
    photo, face = enlarged(astronaut[0], astronaut[1][0], 0.5)
    width = round(face.box[2] - face.box[0])
    assert f"is {width} px wide" in only(doubts_of(photo, [face]), "small")


def test_a_face_half_outside_is_said_with_the_number_of_its_points(astronaut):
    photo, faces = astronaut
    points = keypoints_in(faces[0])
    points[:34, 0] = -5
    sentence = only(doubts_of(photo, faces, points=points), "outside")
    assert "34 of 68 keypoints" in sentence and "outside front.jpg" in sentence


def box(left, top, right, bottom):
    return Detection(np.array([left, top, right, bottom], float), 0.9, np.zeros((5, 2)))


def test_several_faces_are_said_with_the_place_of_the_one_taken_in_px_of_the_file():
    pixels = np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)
    photo = Photo(pixels, (800, 400), 0.5)
    faces = [box(9.5, 9.5, 109.5, 149.5), box(119.5, 9.5, 199.5, 119.5), box(220, 10, 235, 30)]
    assert only(doubts_of(photo, faces), "several faces") == (
        "2 faces in front.jpg; took the largest, at (20, 20)-(220, 300); "
        "choose another with --face N."
    )
    assert "--side-face N" in only(doubts_of(photo, faces, option="--side-face"), "several faces")
    assert doubts_of(photo, faces, faces[1]) == [], "somebody chose it"
    assert doubts_of(photo, [box(0, 0, 100, 140)]) == []


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_is_said(astronaut, turns):
    assert "turned by" in only(doubts_of(*astronaut, quarter_turns=turns), "turned")


def test_photos_in_the_wrong_order_are_known_by_their_yaws():
    assert is_swapped(-80, 5) and is_swapped(70, -40)
    assert not is_swapped(5, -80) and not is_swapped(40, 10) and not is_swapped(80, 75)
    assert "(yaw -80°), the second from the front (5°)" in swapped(-80.2, 5.1).sentence


def pair(agreement, front=0.0, side=80.0):
    """What `doubt_about` looks at in a fitted pair."""
    yaws = [SimpleNamespace(yaws_deg=[yaw]) for yaw in (front, side)]
    return SimpleNamespace(
        front=yaws[0], side=yaws[1], agreement=agreement, agree_above=-10.0, agrees=agreement > -10
    )


def test_pairs_that_disagree_or_show_one_direction_are_said_with_their_numbers():
    assert doubt_about(pair(5)) == []
    assert "odds is -40, and above -10" in only(doubt_about(pair(-40)), "disagreement")
    assert "yaw 3° and 15°" in only(doubt_about(pair(5, 3, 15)), "one direction")
    assert [doubt.kind for doubt in doubt_about(pair(-40, 3, 15))] == [
        "disagreement",
        "one direction",
    ]


class AgreementOfSides:
    """A fit whose side points are nothing but the agreement."""

    calls = 0

    def fit_pair(self, front, side):
        self.calls += 1
        return pair(side)


@pytest.mark.parametrize(
    ("agreements", "chosen", "n_fits"),
    [([5, 9], 0, 1), ([-40, 9, 3], 1, 2), ([-40, -20, -30], 1, 3)],
)
def test_the_face_that_agrees_with_the_front_is_preferred_to_the_largest(
    agreements, chosen, n_fits
):
    fit = AgreementOfSides()
    number, best = best_side(fit, None, agreements)
    assert (number, best.agreement, fit.calls) == (chosen, agreements[chosen], n_fits)
    with pytest.raises(ValueError, match="a face or more"):
        best_side(fit, None, [])


def test_another_face_than_the_largest_is_said_with_its_place():
    halved = Photo(np.zeros((40, 30, 3), np.uint8), (60, 80), scale=0.5)
    doubt = other_face("side.jpg", halved, box(9.5, 9.5, 19.5, 29.5))
    assert "took the one at (20, 20)-(40, 60)" in doubt.sentence


@pytest.mark.parametrize("brightness", [0.02, 0.05, 0.2])
def test_stretching_gives_a_dark_picture_the_contrast_of_others(astronaut, brightness):
    picture = to_float(astronaut[0].pixels)
    dark = (picture * brightness).astype(np.float32)
    assert contrast(dark) == pytest.approx(brightness * contrast(picture), rel=0.01)
    assert contrast(with_contrast(dark)) == pytest.approx(0.9, abs=0.01)
    order = np.corrcoef(with_contrast(dark).ravel(), picture.ravel())[0, 1]
    assert order > 0.99


def test_pictures_with_contrast_and_without_any_stay_as_they_are(astronaut):
    picture = to_float(astronaut[0].pixels)
    np.testing.assert_array_equal(with_contrast(picture), picture)
    np.testing.assert_array_equal(
        with_contrast(np.full((9, 9, 3), 0.2, np.float32)), np.float32(0.2)
    )
