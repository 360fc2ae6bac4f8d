"""Scores that are written and read back, and the record of the weights that ship."""

import numpy as np
import pytest

from facelib.evaluate import METRICS, Evaluation, FaceScore
from facelib.evaluation_record import EvaluationRecord, file_sha256, read_record, write_record
from facelib.networks import read_card
from facelib.paths import data_dir


def record():
    scores = [FaceScore(f"face {i}", i, 1.25 + i, 0.01, 0.5, 0.0071) for i in range(3)]
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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ValueError, match="r.json"):
        read_record(tmp_path / "r.json")


@pytest.mark.parametrize("network", ["two_view", "compact"])
def test_the_shipped_record_is_of_the_shipped_weights(network):
    weights = data_dir() / "weights" / f"{network}.safetensors"
    shipped = read_record(weights.with_name(f"{network}.evaluation.json"))
    assert shipped.about["weights"]["sha256"] == file_sha256(weights)
    assert shipped.about["weights"]["size"] == read_card(weights)["size"]
    assert shipped.about["pairs"]["held_out"]
    assert len(shipped.evaluation.scores) == len(shipped.evaluation.mean_face) >= 100
    for metric in METRICS:
        assert np.isfinite(shipped.evaluation.skill(metric)).all()
