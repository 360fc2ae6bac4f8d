"""The detector on a photo with one known face, and its decoding on an answer written by hand."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import skimage.data

from facelib.detect import centerface, views
from facelib.detect import faces as detect
from facelib.detect.centerface import Detection, decode, keep_best, run_centerface
from facelib.detect.drawing import draw_faces
from facelib.imaging.imagefiles import read_photo
from facelib.imaging.resample import resize_image

PICTURES = Path(__file__).parent / "pictures"  # two photos of a person that the generator made
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


def test_neither_opencv_nor_the_package_onnx_is_ever_imported():
    code = (
        "import sys, numpy; from facelib.detect.faces import find_faces; "
        "find_faces(numpy.zeros((64, 64, 3), 'f')); "
        "sys.exit(bool({'cv2', 'onnx'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_two_threads_load_the_detector_once(monkeypatch):
    opened = []

    def open_slowly(model: bytes) -> object:
        opened.append(model)
        time.sleep(0.05)
        return object()

    monkeypatch.setattr("facelib.files.onnx.open_session", open_slowly)
    centerface._session.cache_clear()
    with ThreadPoolExecutor(2) as threads:
        one, other = [threads.submit(centerface.load_detector) for _ in range(2)]
    centerface._session.cache_clear()
    assert one.result() is other.result()
    assert len(opened) == 1


def test_the_weights_of_the_network_are_constants_that_can_be_prepared():
    assert centerface.load_detector().get_overridable_initializers() == []


def test_detection_leaves_the_processor_as_it_was():
    detect.detect_faces(np.zeros((64, 64, 3), np.float32))
    assert np.float64(5e-324) * np.float64(1) > 0  # smaller than any number but denormal ones


def turned_back(found, image):
    """The image as `find_faces` would show it upright."""
    return np.rot90(image, found.quarter_turns)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_turned_photo_is_brought_upright_with_its_faces(astronaut, turns):
    photo = np.ascontiguousarray(np.rot90(astronaut[:400, 100:350], turns))  # not a square
    found = detect.find_faces(photo)
    np.testing.assert_array_equal(turned_back(found, photo), astronaut[:400, 100:350])
    np.testing.assert_allclose(found.faces[0].landmarks + [100, 0], EYES_NOSE_MOUTH, atol=5)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("view", ["front", "side"])
def test_turned_photos_of_synthetic_people_are_brought_upright(view, turns):
    photo = read_photo(PICTURES / f"{view}.jpg").pixels
    found = detect.find_faces(np.ascontiguousarray(np.rot90(photo, turns)))
    assert (found.quarter_turns + turns) % 4 == 0


def test_an_upright_photo_takes_one_run_of_the_detector(astronaut, monkeypatch):
    runs = []

    def counted(image, min_score):
        runs.append(image.shape)
        return run_centerface(image, min_score)

    monkeypatch.setattr(views, "run_centerface", counted)
    assert detect.find_faces(astronaut).quarter_turns == 0
    assert runs == [(512, 512, 3)]
    # Nobody is that sure: the photo could be a turned one.
    assert detect.find_faces(astronaut, sure_score=1.0).quarter_turns == 0
    assert runs[2:] == 3 * [(320, 320, 3)]


def test_bytes_and_floats_of_a_large_photo_give_the_same_face(astronaut):
    large = np.clip(resize_image(astronaut, 2000), 0, 1)
    in_bytes = (large * 255).round().astype(np.uint8)
    one, other = detect.find_faces(large).faces[0], detect.find_faces(in_bytes).faces[0]
    np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.5)


@pytest.mark.parametrize("brightness", [0.02, 0.05, 0.1])
def test_a_face_in_the_dark_is_found(astronaut, brightness):
    dark = np.round(astronaut * brightness * 255).astype(np.uint8)
    np.testing.assert_allclose(detect.find_face(dark).landmarks, EYES_NOSE_MOUTH, atol=6)


CHANGES = {
    "mirrored": lambda view: view.mirrored(),
    "larger": lambda view: view.resized(1.25),
    "smaller": lambda view: view.resized(0.75),
    "bordered": views.bordered,
    "tilted": lambda view: view.tilted(15),
    "tilted back": lambda view: view.tilted(-30),
    "all": lambda view: view.tilted(10).resized(0.9).mirrored().with_border(0.1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_face_in_a_changed_copy_is_brought_back_to_the_photo(astronaut, change):
    whole = views.whole_photo(astronaut[:, :450])
    (expected,) = whole.faces(0.5)
    (face,) = CHANGES[change](whole).faces(0.5)
    np.testing.assert_allclose(face.landmarks, expected.landmarks, atol=4)
    np.testing.assert_allclose(face.box, expected.box, atol=14)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_view_refers_to_the_turned_photo(astronaut, turns):
    photo = astronaut[:, :301]
    view = views.whole_photo(photo, 200)
    expected = views.whole_photo(np.ascontiguousarray(np.rot90(photo, turns)), 200)
    turned = view.turned(turns)
    np.testing.assert_allclose(turned.to_photo, expected.to_photo, atol=1e-9)
    np.testing.assert_allclose(turned.image, expected.image, atol=1e-5)


def test_weak_faces_count_only_where_copies_agree(monkeypatch):
    def seen(*boxes):
        return SimpleNamespace(faces=lambda _: [detect.detection_from_box(b) for b in boxes])

    def faces_of(view):
        return [Detection(f.box, 0.4, EYES_NOSE_MOUTH.astype(float)) for f in view.faces(0)]

    copies = [
        SimpleNamespace(faces=lambda _, view=view: faces_of(view))
        for view in (seen((0, 0, 10, 10)), seen((1, 1, 11, 11), (50, 50, 60, 60)), seen())
    ]
    (found,) = detect._search(copies)
    assert found.box[2] < 12


def test_the_numbered_picture_shows_every_face_in_its_box(astronaut):
    faces = [detect.detection_from_box(b) for b in ((20, 30, 120, 160), (200, 200, 260, 280))]
    grey = np.full((300, 400, 3), 0.5, np.float32)
    picture = draw_faces(grey, faces)
    assert picture.shape == grey.shape and picture.dtype == np.uint8
    changed = (picture != 128).any(axis=-1)
    assert changed[30:160, 20].all() and changed[200, 200:260].all()
    assert not changed[100, 60] and not changed[:20].any()
    large = draw_faces(np.zeros((2000, 4000, 3), np.uint8), faces)
    assert large.shape == (800, 1600, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (3, 2), (2, 3000)])
def test_photos_of_any_size_are_searched(size):
    assert detect.find_faces(np.zeros((*size, 3), np.uint8)).faces == ()
