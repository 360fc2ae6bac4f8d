"""Scores on scans: a perfect prediction's scores, unknown metrics, skipped scans."""

import numpy as np
import pytest
from click.testing import CliRunner
from toy_face import Constant

from facelib.__main__ import main
from facelib.cli import common
from facelib.datasets.florence.scan_pose import UprightScan
from facelib.datasets.florence.standin import write_florence_standin
from facelib.evaluation import scans as scan_scores
from facelib.evaluation.record import EvaluationRecord, read_record, write_record
from facelib.evaluation.scores import Evaluation, FaceScore
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh
from facelib.geometry.subdivision import subdivision_matrix
from facelib.geometry.transforms import Similarity, rotation_from_pose

LAYOUT = load_layout(64)


def bare_scan(layout_vertices):
    """A scan of exactly this face, already upright, with another triangulation."""
    matrix, triangles = subdivision_matrix(LAYOUT.triangles, len(layout_vertices))
    tip = LAYOUT.keypoints(layout_vertices)[30]
    mesh = Mesh(matrix @ layout_vertices, triangles[::-1])
    return UprightScan(mesh, np.zeros((5, 3)), tip, layout_vertices, ())


@pytest.fixture(scope="module")
def face():
    """A random person's face: layout vertices, head frame, mm."""
    shape = np.random.default_rng(4).normal(size=20)
    return LAYOUT.from_head @ load_head().vertices(shape)


@pytest.fixture(scope="module")
def truth(face):
    return scan_scores.prepare_truth(bare_scan(face))


def test_perfect_answer_scores_nearly_nothing_in_any_place_and_size(face, truth):
    score = scan_scores.score_scan("a", face, truth, LAYOUT)
    assert score.surface_distance_mm < 0.02
    assert score.thesis_nme < 0.002
    moved = Similarity(1.0, rotation_from_pose(0.2, -0.3, 0.1), np.array([40.0, 5, -90]))
    again = scan_scores.score_scan("a", moved.apply(face), truth, LAYOUT)
    assert again.surface_distance_mm == pytest.approx(score.surface_distance_mm, abs=0.02)
    assert again.thesis_nme == pytest.approx(score.thesis_nme, abs=1e-4)
    smaller = scan_scores.score_scan("a", 0.9 * face, truth, LAYOUT)
    assert smaller.surface_distance_mm < 0.1, "a similarity forgives size"
    assert smaller.thesis_nme > 2 * score.thesis_nme, "a rigid motion does not"


def test_mean_face_scores_worse_than_the_truth_and_vertex_error_is_unknown(face, truth):
    mean_face = scan_scores.score_scan("a", LAYOUT.references_head[0], truth, LAYOUT)
    assert mean_face.surface_distance_mm > 0.5
    assert np.isnan(mean_face.vertex_error_mm) and np.isnan(mean_face.vertex_error_share)


def test_what_lies_beyond_the_region_does_not_count(face, truth):
    spoiled = face.copy()
    clean = scan_scores.score_scan("a", spoiled, truth, LAYOUT)
    far = ~scan_scores.region_of_prediction(spoiled, LAYOUT)
    outside = far & ~np.isin(np.arange(len(far)), LAYOUT.keypoint_matrix.columns)
    assert outside.sum() > 50
    spoiled[outside] += [0, 0, -30]
    score = scan_scores.score_scan("a", spoiled, truth, LAYOUT)
    assert score.thesis_nme == pytest.approx(clean.thesis_nme, abs=1e-4)


def test_truth_is_dense_whatever_the_scan(truth):
    from scipy.spatial import cKDTree

    spacing = cKDTree(truth.dense_points).query(truth.dense_points[::50], k=2)[0][:, 1]
    assert np.median(spacing) < 1.0


def scored(name, value):
    return FaceScore(name, 0, np.nan, np.nan, value, value / 100)


def test_report_says_what_is_unknown_left_out_and_a_stand_in():
    evaluation = Evaluation((scored("s1", 1.0),), (scored("s1", 2.0),))
    result = scan_scores.ScanEvaluation(evaluation, ("s2: damaged",), ("s1: no texture",))
    report = scan_scores.markdown_report("net", result, stand_in=True)
    assert report.startswith("STAND-IN for MICC Florence")
    assert "| net | 1.00 (0.50) | 0.0100 (0.50) | 100% |" in report
    assert "Vertex, depth and shape error are unknown" in report
    assert "| mean face | 0% | 0% | 0% | 0% | 0% | 0% | 100% |" in report
    assert "- s2: damaged" in report and "- s1: no texture" in report and "95 mm" in report
    assert "0.0134" not in report, "another metric's numbers have no place beside a stand-in's"
    real = scan_scores.markdown_report("net", result, stand_in=False)
    assert "STAND-IN" not in real and "0.0134" in real


def test_unknown_scores_survive_the_file(tmp_path):
    evaluation = Evaluation((scored("s1", 1.0),), (scored("s1", 2.0),))
    path = tmp_path / "record.json"
    write_record(path, EvaluationRecord("net", evaluation, np.zeros((3, 3)), {"scans": {}}))
    assert "NaN" not in path.read_text() and "null" in path.read_text()
    again = read_record(path).evaluation.scores[0]
    assert np.isnan(again.vertex_error_mm) and again.surface_distance_mm == 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A stand-in of one subject, and a second one whose scan is damaged."""
    folder = tmp_path_factory.mktemp("scans") / "florence"
    write_florence_standin(folder, count=1)
    place = folder / "subject_02" / "Model" / "frontal1" / "obj"
    place.mkdir(parents=True)
    (place / "1.obj").write_text("v 0 0 0\nf 1 2 3\n")
    return folder


def test_evaluate_goes_from_scans_to_the_thesis_table(folder, tmp_path, monkeypatch):
    guess = LAYOUT.references_head[0] * [0.3, -0.3, 0.3] + [32, 32, 0]
    monkeypatch.setattr(common, "load_network", lambda _: Constant(guess, LAYOUT))
    record = tmp_path / "scans.json"
    result = CliRunner().invoke(main, ["evaluate", "scans", str(folder), "--json", str(record)])
    assert result.exit_code == 0, result.output
    for words in (
        "STAND-IN",
        "error are unknown",
        "| constant |",
        "| mean face",
        "1 faces: mean",
        "share of",
    ):
        assert words in result.output
    assert "subject_02: expected a mesh" in result.output
    kept = read_record(record)
    assert kept.about["scans"]["stand_in"] is True and kept.about["scans"]["count"] == 1
    assert kept.about["scans"]["left_out"] == ["subject_02"]
    assert str(folder.parent) not in record.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], 8, "standin florence nowhere"),
        ([], 2, "FOLDER"),
        (["nowhere", "--training", "pairs"], 2, "--training"),
    ],
)
def test_evaluate_says_what_is_wrong_in_one_sentence(arguments, code, words):
    result = CliRunner().invoke(main, ["evaluate", "scans", *arguments])
    assert result.exit_code == code, result.output
    assert words in result.output and "Traceback" not in result.output


def test_standin_command_writes_and_refuses_to_mix(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "facelib.datasets.florence.standin.write_florence_standin",
        lambda out, count, seed: (out.mkdir(), count)[1],
    )
    result = CliRunner().invoke(main, ["standin", "florence", str(tmp_path / "new")])
    assert result.exit_code == 0 and "20 subjects" in result.output
    monkeypatch.undo()
    (tmp_path / "new" / "mine.txt").touch()
    result = CliRunner().invoke(main, ["standin", "florence", str(tmp_path / "new")])
    assert result.exit_code == 6 and "empty folder" in result.output
