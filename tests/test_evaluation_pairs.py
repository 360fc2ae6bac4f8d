"""Scores of networks on pairs: a perfect one, the mean-face baseline, a region."""

import numpy as np
import pytest
from toy_face import Constant, dome, toy_layout

from facelib.evaluation.pairs import evaluate_pairs, mean_vertices, predict_vertices, score_face
from facelib.evaluation.scores import METRICS, values
from facelib.evaluation.tables import score_table
from facelib.imaging.crop import Crop
from facelib.pairs.sample import FacePair

LAYOUT = toy_layout(64)


def pair(vertices, name="a", size=64, identity=0):
    image = np.zeros((size, size, 3), dtype=np.uint8)
    vertices = vertices.astype(np.float32)
    return FacePair(image, image, vertices, identity, np.zeros(3), np.zeros(3), name, 0.4)


@pytest.mark.parametrize("size", [64, 128])
def test_perfect_network_scores_nothing_at_any_pair_size(size):
    vertices = dome((30, 33), 40)
    network = Constant(vertices, LAYOUT)
    truth = pair(Crop((31.5, 31.5), 64, size).image_to_crop(vertices), size=size)
    predicted = predict_vertices(network, truth, LAYOUT)
    np.testing.assert_allclose(predicted, truth.vertices_image, atol=0.01)
    score = score_face(predicted, truth, LAYOUT.triangles)
    assert score.vertex_error_mm < 0.05
    assert score.surface_distance_mm < 0.05
    assert score.thesis_nme < 0.001


def test_mean_face_is_the_baseline_of_every_row():
    faces = [pair(dome((32, 32), side), f"face {side}") for side in (36, 39, 48)]
    mean_face = mean_vertices(iter(faces))
    np.testing.assert_allclose(mean_face, dome((32, 32), 41), atol=1e-5)
    network = Constant(mean_face, LAYOUT)  # one that ignores its input
    result = evaluate_pairs(network, faces, LAYOUT, mean_face)
    np.testing.assert_allclose(result.skill("vertex_error_mm"), 1, atol=0.05)
    table = score_table({"constant": result})
    header, rule, constant, mean_row = table.splitlines()
    assert header.count("|") == rule.count("|") == constant.count("|") == mean_row.count("|")
    assert "3 faces" in header and mean_row.startswith("| mean face") and "(1.00)" in mean_row


def test_region_leaves_the_rest_out_of_every_number():
    vertices = dome((32, 32), 40)
    spoiled = vertices.copy()
    region = vertices[:, 1] < 32
    spoiled[~region] += 50
    score = score_face(spoiled, pair(vertices), LAYOUT.triangles, region)
    assert max(values([score], metric)[0] for metric in METRICS) < 1e-3


def test_impossible_input_is_named():
    with pytest.raises(ValueError, match="one pair"):
        mean_vertices([])
    with pytest.raises(ValueError, match="metric"):
        values([], "beauty")
