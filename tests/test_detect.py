"""The detector on a photo with one known face, and its decoding on an answer written by hand."""

import subprocess
import sys

import numpy as np
import pytest
import skimage.data

from facelib.detect import faces as detect
from facelib.detect.centerface import Detection, decode, keep_best
from facelib.imaging.resample import resize_image

EYES_NOSE_MOUTH = np.array([[203, 101], [247, 104], [223, 125], [203, 142], [241, 144]])
"""The astronaut's, read off the picture, px."""


@pytest.fixture(scope="module")
def astronaut():
    return (skimage.data.astronaut() / 255).astype(np.float32)


def test_finds_the_one_face_and_its_five_points(astronaut):
    faces = detect.detect_faces(astronaut)
    assert len(faces) == 1
    assert faces[0].score > 0.8
    np.testing.assert_allclose(faces[0].landmarks, EYES_NOSE_MOUTH, atol=5)
    assert (faces[0].landmarks > faces[0].box[:2]).all()
    assert (faces[0].landmarks < faces[0].box[2:]).all()


@pytest.mark.parametrize("zoom", [0.6, 3.0])
def test_answer_follows_the_picture_size(astronaut, zoom):
    side = round(512 * zoom)
    face = detect.find_face(resize_image(astronaut, side))
    np.testing.assert_allclose((face.landmarks + 0.5) / zoom - 0.5, EYES_NOSE_MOUTH, atol=5)


def test_answer_follows_a_shift_and_odd_sizes(astronaut):
    face = detect.find_face(astronaut[20:331, 100:377])
    np.testing.assert_allclose(face.landmarks + [100, 20], EYES_NOSE_MOUTH, atol=5)


def test_face_that_fills_the_picture_is_found_inside_it(astronaut):
    face = detect.find_face(astronaut[85:165, 185:260])
    assert (face.box >= -0.5).all()
    assert (face.box <= [74.5, 79.5, 74.5, 79.5]).all()
    np.testing.assert_allclose(face.landmarks + [185, 85], EYES_NOSE_MOUTH, atol=8)


def test_two_people_come_largest_first(astronaut):
    half = resize_image(astronaut, 256)
    both = np.zeros((512, 800, 3), dtype=np.float32)
    both[:256, :256], both[:, 288:] = half, astronaut
    faces = detect.detect_faces(both)
    assert len(faces) == 2
    assert faces[0].box[0] > 288 > faces[1].box[2]


def test_no_face_is_an_error_that_names_the_photo():
    noise = np.random.default_rng(0).random((150, 200, 3), dtype=np.float32)
    assert detect.detect_faces(noise) == []
    with pytest.raises(detect.NoFaceError, match=r"no face found in holiday\.jpg"):
        detect.find_face(noise, "holiday.jpg")


def test_decoding_an_answer_written_by_hand():
    heat, size = np.zeros((6, 8), np.float32), np.zeros((2, 6, 8), np.float32)
    offset, points = np.zeros((2, 6, 8), np.float32), np.zeros((10, 6, 8), np.float32)
    heat[2, 3] = 0.9
    size[:, 2, 3] = np.log([5, 3])  # 20 px high, 12 px wide
    offset[:, 2, 3] = [0.25, -0.5]
    points[:2, 2, 3] = [0.5, 0.25]  # half way down, a quarter across
    (face,) = decode(heat, size, offset, points, 0.5)
    x, y = (3 - 0.5 + 0.5) * 4 - 0.5, (2 + 0.25 + 0.5) * 4 - 0.5
    np.testing.assert_allclose(face.box, [x - 6, y - 10, x + 6, y + 10], atol=1e-5)
    np.testing.assert_allclose(face.landmarks[0], [x - 3, y], atol=1e-5)


def test_overlapping_and_nested_boxes_are_one_face():
    def face(box, score):
        return Detection(np.array(box, dtype=float), score, np.zeros((5, 2)))

    best, shifted = face([0, 0, 10, 10], 0.9), face([2, 0, 12, 10], 0.8)
    nested, other = face([1, 1, 5, 5], 0.7), face([9, 9, 20, 20], 0.6)
    assert keep_best([nested, shifted, other, best]) == [best, other]


def test_a_drawn_box_becomes_a_detection():
    assert detect.detection_from_box((1, 2, 5, 9)).area_px == 28
    with pytest.raises(ValueError, match="x0 < x1"):
        detect.detection_from_box((5, 2, 1, 9))


def test_shape_that_is_no_photo_is_named():
    with pytest.raises(ValueError, match=r"image must be \(H, W, 3\), got \(4, 4\)"):
        detect.detect_faces(np.zeros((4, 4)))


def test_opencv_is_never_imported():
    code = (
        "import sys, numpy; from facelib.detect import faces as detect; "
        "detect.detect_faces(numpy.zeros((64, 64, 3), 'f')); sys.exit('cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_detection_leaves_the_processor_as_it_was():
    detect.detect_faces(np.zeros((64, 64, 3), np.float32))
    assert np.float64(5e-324) * np.float64(1) > 0  # smaller than any number but denormal ones
