"""Scores that are written and read back, and the record of the weights that ship."""

import json

import numpy as np
import pytest

from facelib.evaluation.record import (
    SINCE_FORMAT_2,
    EvaluationRecord,
    read_record,
    write_record,
)
from facelib.evaluation.scores import METRICS, Evaluation, FaceScore
from facelib.files.atomic import sha256
from facelib.files.paths import data_dir
from facelib.networks.weights import read_card


def record():
    scores = [FaceScore(f"face {i}", i, 1.25 + i, 0.01, 0.5, 0.0071, 0.7, 0.9) for i in range(3)]
    mean_face = np.arange(12.0).reshape(4, 3) / 8
    evaluation = Evaluation(tuple(scores), tuple(scores[::-1]))
    return EvaluationRecord("toy", evaluation, mean_face, {"command": "x", "pairs": {"seed": 2}})


def test_a_record_returns_as_it_was(tmp_path):
    write_record(tmp_path / "r.json", record())
    found = read_record(tmp_path / "r.json")
    assert found.method == "toy"
    assert found.evaluation == record().evaluation
    assert found.about == record().about
    np.testing.assert_array_equal(found.mean_face, record().mean_face)
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path):
    write_record(tmp_path / "r.json", record())
    broken = EvaluationRecord("toy", record().evaluation, record().mean_face, {"a": object()})
    with pytest.raises(TypeError):
        write_record(tmp_path / "r.json", broken)
    assert read_record(tmp_path / "r.json").method == "toy"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def without_newer_metrics(path, version):
    """Rewrite a record without what format 1 had not."""
    content = json.loads(path.read_text())
    content["format"] = version
    for row in content["scores"] + content["mean_face_scores"]:
        for metric in SINCE_FORMAT_2:
            del row[metric]
    path.write_text(json.dumps(content))


def test_a_record_of_format_1_is_read_and_what_it_lacks_is_unknown(tmp_path):
    write_record(tmp_path / "r.json", record())
    without_newer_metrics(tmp_path / "r.json", 1)
    found = read_record(tmp_path / "r.json").evaluation
    assert [score.vertex_error_mm for score in found.scores] == [1.25, 2.25, 3.25]
    assert np.isnan([getattr(found.scores[0], metric) for metric in SINCE_FORMAT_2]).all()
    without_newer = tmp_path / "n.json"
    write_record(without_newer, record())
    without_newer_metrics(without_newer, 2)
    with pytest.raises(ValueError, match="depth_error_mm"):
        read_record(without_newer)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match="r.json"):
        read_record(tmp_path / "r.json")


@pytest.mark.parametrize("network", ["two_view", "compact"])
def test_the_shipped_record_is_of_the_shipped_weights(network):
    weights = data_dir() / "weights" / f"{network}.safetensors"
    shipped = read_record(weights.with_name(f"{network}.evaluation.json"))
    assert shipped.about["weights"]["sha256"] == sha256(weights)
    assert shipped.about["weights"]["size"] == read_card(weights)["size"]
    assert shipped.about["pairs"]["held_out"]
    assert len(shipped.evaluation.scores) == len(shipped.evaluation.mean_face) >= 100
    for metric in METRICS:
        known = np.isfinite(shipped.evaluation.skill(metric))
        assert known.all() or (metric in SINCE_FORMAT_2 and not known.any())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scores", []), ("scores", [{}]), ("mean_face", [[1, 2]]), ("mean_face", [[1, 2, "x"]]),
        ("mean_face", [[1, 2, float("nan")]]), ("method", None),
    ],
)  # fmt: skip
def test_a_record_with_odd_values_is_refused(tmp_path, name, value):
    write_record(tmp_path / "r.json", record())
    content = json.loads((tmp_path / "r.json").read_text())
    (tmp_path / "r.json").write_text(json.dumps({**content, name: value}))
    with pytest.raises(ValueError, match="r.json"):
        read_record(tmp_path / "r.json")
