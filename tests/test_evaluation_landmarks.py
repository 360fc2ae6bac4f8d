"""68 points on photos: a perfect prediction's score, skipped photos, the command's output."""

import numpy as np
import pytest
from click.testing import CliRunner
from standins import COLUMNS, ROWS, basel_face, basel_folder
from toy_face import Constant

from facelib.__main__ import main
from facelib.cli import common
from facelib.datasets.aflw2000.reader import TestPhoto, read_test_photos
from facelib.datasets.aflw2000.standin import write_aflw2000_standin
from facelib.datasets.basel.fitted_photo import Skipped
from facelib.evaluation import landmarks as landmark_scores
from facelib.face.layout import load_layout

LAYOUT = load_layout(64)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stand-in of two photos, and a third one that is damaged."""
    folder = tmp_path_factory.mktemp("aflw") / "AFLW2000"
    write_aflw2000_standin(folder, 2, columns=COLUMNS, rows=ROWS)
    (folder / "image00009.mat").write_bytes(b"")
    return folder


def photo_of(vertices, yaw_deg):
    points = LAYOUT.keypoints(vertices).astype(np.float32)
    pose = np.float32([0, yaw_deg, 0])
    return TestPhoto(np.zeros((64, 64, 3), np.uint8), points, vertices, pose, 0.3, "a")


def test_the_error_is_a_share_of_the_box():
    truth = np.zeros((1, 68, 2))
    truth[0, 1] = 90, 40  # a box of 90 x 40: the square root of its area is 60
    moved = truth + [3, 4]
    assert landmark_scores.landmark_nme(moved, truth) == pytest.approx([5 / 60])


def test_a_perfect_answer_scores_nearly_nothing_and_faces_fall_in_bins_by_yaw():
    face = LAYOUT.references_head[0] * [0.3, -0.3, 0.3] + [32, 32, 0]
    wide = face * [1.2, 1, 1]
    photos = [photo_of(face, 10), photo_of(wide, -75), Skipped("b", "is damaged")]
    scores = landmark_scores.score_photos(Constant(face, LAYOUT), photos, LAYOUT)
    assert scores.errors[0] < 0.003 < scores.errors[1]
    assert scores.mean_errors[0] == pytest.approx(scores.mean_errors[1], rel=0.2)
    text = landmark_scores.markdown_report("net", scores, stand_in=True)
    assert text.startswith("STAND-IN") and "yaw 30 to 60° (0)" in text and "no face" in text
    assert "1 photos left out:\n- b: is damaged" in text
    with pytest.raises(ValueError, match="none of the photos .* is damaged"):
        landmark_scores.score_photos(Constant(face, LAYOUT), photos[2:], LAYOUT)


def test_points_of_the_stand_in_are_those_of_its_faces(folder):
    """Whoever answers with the true shape is off by how far our 68 points lie from the model's."""
    photo = next(iter(read_test_photos(folder, basel_face(), 256)))
    points = load_layout().keypoints(photo.vertices_image)[None, :, :2]
    assert landmark_scores.landmark_nme(points, photo.keypoints_image[None, :, :2]) < 0.015


def test_evaluate_goes_from_photos_to_a_table(folder, monkeypatch):
    guess = LAYOUT.references_head[0] * [0.3, -0.3, 0.3] + [32, 32, 0]
    monkeypatch.setattr(common, "load_network", lambda _: Constant(guess, LAYOUT))
    words = ["evaluate", "photos", str(folder), "--bfm", str(basel_folder())]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("STAND-IN for AFLW2000-3D")
    assert "| constant |" in result.output and "image00009" in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere", "--bfm", "{bfm}"], 8, "standin aflw2000 nowhere"),
        (["nowhere", "--bfm", "nowhere"], 8, "standin bfm nowhere"),
        ([], 2, "FOLDER"),
    ],
)
def test_evaluate_says_what_is_wrong_in_one_sentence(arguments, code, words):
    arguments = [argument.format(bfm=basel_folder()) for argument in arguments]
    result = CliRunner().invoke(main, ["evaluate", "photos", *arguments])
    assert result.exit_code == code, result.output
    assert words in result.output and "Traceback" not in result.output
