"""Photos with 68 points beside them: dialects, the errors' definition, and what is not found."""

import logging

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from scipy.io import savemat

from facelib.__main__ import main
from facelib.datasets.annotated_photos import list_annotated, read_points
from facelib.detect.centerface import Detection
from facelib.evaluation.photo_points import PhotoScore, errors, markdown_report, nearest
from facelib.face.layout import load_layout
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

POINTS = np.random.default_rng(0).uniform(20, 200, (68, 2))
BORDER = 90


def write_pts(path, points):
    rows = "\n".join(f"{x:.6f} {y:.6f}" for x, y in points + 1)
    path.write_text(f"version: 1\nn_points:  68\n{{\n{rows}\n}}\n")


def test_both_kinds_of_files_give_the_same_points(tmp_path):
    write_pts(tmp_path / "a.pts", POINTS)
    savemat(tmp_path / "b.mat", {"pt3d_68": np.vstack([POINTS.T, np.zeros(68)])})
    savemat(tmp_path / "c.mat", {"pt2d": POINTS.T})
    for name in ("a.pts", "b.mat", "c.mat"):
        np.testing.assert_allclose(read_points(tmp_path / name), POINTS, atol=1e-5)


@pytest.mark.parametrize(
    "text", ["", "version: 1\n{\n1 2\n}\n", "{\n" + "1 x\n" * 68 + "}", "{\n" + "1 2\n" * 68]
)
def test_a_file_without_68_points_is_named(tmp_path, text):
    path = tmp_path / "a.pts"
    path.write_text(text)
    with pytest.raises(ValueError, match="a.pts"):
        read_points(path)


def test_only_photos_with_points_are_listed_whatever_the_case(tmp_path):
    for name in ("a.JPG", "b.png", "c.jpg"):
        (tmp_path / name).write_bytes(b"")
    for name in ("a.pts", "b.PTS"):
        (tmp_path / name).write_bytes(b"")
    assert [found.photo.name for found in list_annotated(tmp_path)] == ["a.JPG", "b.png"]
    with pytest.raises(FileNotFoundError, match="same name"):
        list_annotated(tmp_path / "nowhere")


def test_errors_are_shares_of_eyes_and_box():
    truth = np.zeros((68, 2))
    truth[36], truth[45], truth[0] = (0, 0), (50, 0), (0, 90)
    truth[1] = 40, 0
    moved = truth.copy()
    moved[:17] += [0, 34]  # the outline alone
    by_eyes, inner, by_box = errors(moved, truth)
    assert by_eyes == pytest.approx(17 * 34 / 68 / 50)
    assert inner == 0
    assert by_box == pytest.approx(17 * 34 / 68 / np.sqrt(50 * 90))


def test_the_face_around_the_points_is_taken():
    def at(x, y, size):
        return Detection(np.array([x, y, x + size, y + size], float), 1.0, np.zeros((5, 2)))

    truth = np.array([[100, 100], [140, 140]])
    own, large, other = at(95, 95, 50), at(0, 0, 200), at(300, 100, 50)
    assert nearest([large, other, own], truth) is own
    assert nearest([other], truth) is None


def test_faces_that_are_not_found_count_as_failed_and_not_in_the_mean():
    scores = [PhotoScore("a", 5, 0.04, 0.03, 0.02), PhotoScore("b", 40, 0.2, 0.1, 0.1)]
    text = markdown_report([*scores, PhotoScore("c")], ["d: damaged"])
    assert "| all | 2 | 12.00 " in text
    assert "| 60 to 90° | 0 | no photo" in text
    assert "No face was found in 1 of 3" in text and "66.7% fail" in text
    assert "- left out: d: damaged" in text


def test_the_points_of_a_rendered_face_are_found_to_a_few_per_cent(tmp_path):
    pair = make_pair(2, SyntheticSettings(256, seed=11, held_out=True))
    points = load_layout().keypoints(pair.vertices_image)[:, :2] + BORDER
    bordered = np.pad(pair.front, [(BORDER, BORDER)] * 2 + [(0, 0)], mode="edge")
    Image.fromarray(bordered).save(tmp_path / "face.png")
    write_pts(tmp_path / "face.pts", points)
    Image.new("RGB", (300, 300), "gray").save(tmp_path / "empty.png")
    write_pts(tmp_path / "empty.pts", POINTS)
    logging.disable(logging.WARNING)
    try:
        done = CliRunner().invoke(main, ["evaluate", "--photos", str(tmp_path)])
    finally:
        logging.disable(logging.NOTSET)
    assert done.exit_code == 0, done.output
    row = next(line for line in done.output.splitlines() if line.startswith("| all"))
    assert row.split("|")[2].strip() == "1"
    assert 0.2 < float(row.split("|")[3].split()[0]) < 6
    assert "No face was found in 1 of 2" in done.output
