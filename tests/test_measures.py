"""Measures of the face: right on faces placed by hand, and on the features that they name."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.face.measures import (
    LEFT,
    MEASURES,
    MIDLINE,
    landmarks,
    measure,
    measure_shapes,
    measures_and_slopes,
)
from facelib.files.paths import data_dir

MODEL = load_head()
MEAN = landmarks(MODEL, MODEL.mean_head)
REFERENCES = Path(__file__).resolve().parents[1] / "book" / "references.bib"


def test_a_face_placed_by_hand_has_its_distances():
    vertices = np.zeros_like(MODEL.mean_head)
    vertices[MIDLINE["sellion"]] = [0, 50, 0]
    vertices[MIDLINE["subnasale"]] = [0, 0, 0]
    vertices[MIDLINE["pronasale"]] = [0, 12, 16]
    vertices[MIDLINE["menton"]] = [0, -70, 0]
    for name, half in {"zygion": 70, "gonion": 55, "alare": 17.5, "endocanthion": 16}.items():
        vertices[LEFT[name]] = [half, 0, 5]
        vertices[MODEL.mirror[LEFT[name]]] = [-half, 0, 5]
    eyeballs = np.flatnonzero(MODEL.regions["eyeballs"])
    vertices[eyeballs] = np.sign(MODEL.mean_head[eyeballs, :1]) * [32, 0, 0]
    measured = measure(landmarks(MODEL, vertices))
    expected = {
        "menton_sellion_length": 120,
        "nose_length": 50,
        "nose_protrusion": 20,
        "bizygomatic_breadth": 140,
        "bigonial_breadth": 110,
        "nose_breadth": 35,
        "intercanthal_width": 32,
        "interpupillary_breadth": 64,
    }
    assert {name: measured[name] for name in expected} == pytest.approx(expected)


def test_many_heads_are_measured_as_one_by_one():
    shapes = np.random.default_rng(0).standard_normal((2, 3, len(MODEL.shape_basis)))
    together = measure_shapes(MODEL, shapes)
    one = measure(landmarks(MODEL, MODEL.vertices(shapes[1, 2])))
    assert together.shape == (2, 3, len(MEASURES))
    # vertices() sums coefficients in single precision
    np.testing.assert_allclose(together[1, 2], [one[name] for name in MEASURES], atol=1e-3)


def test_slopes_are_those_of_small_steps():
    shape = np.random.default_rng(1).standard_normal(len(MODEL.shape_basis))
    values, slopes = measures_and_slopes(MODEL, shape)
    np.testing.assert_allclose(values, measure_shapes(MODEL, shape))
    step = 1e-4 * np.eye(len(shape))
    numeric = (measure_shapes(MODEL, shape + step) - measure_shapes(MODEL, shape - step)) / 2e-4
    np.testing.assert_allclose(slopes, numeric.T, atol=1e-6)


def test_a_larger_head_measures_larger():
    double = replace(MODEL, mean_head=2 * MODEL.mean_head)
    none = np.zeros(len(MODEL.shape_basis))
    np.testing.assert_allclose(measure_shapes(double, none), 2 * measure_shapes(MODEL, none))


def test_midline_landmarks_lie_on_the_midline_and_pairs_are_mirrored():
    for name in MIDLINE:
        assert MEAN[name][0] == pytest.approx(0, abs=0.01)
    for name in (*LEFT, "pupil"):
        left, right = MEAN[f"{name}_left"], MEAN[f"{name}_right"]
        assert left[0] > 0
        np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.01)


def test_the_tip_of_the_nose_is_its_foremost_point():
    nose = MODEL.mean_head[MODEL.regions["nose"]]
    assert MEAN["pronasale"][2] == nose[:, 2].max()


def test_the_wings_of_the_nose_are_its_widest_points():
    nose = MODEL.mean_head[MODEL.regions["nose"]]
    assert MEAN["alare_left"][0] == nose[:, 0].max()


def test_the_sellion_is_the_deepest_point_between_brow_and_nose():
    vertices = MODEL.mean_head
    bridge = (abs(vertices[:, 0]) < 0.01) & (vertices[:, 1] > 0) & (vertices[:, 1] < 35)
    face = bridge & MODEL.regions["face"]
    assert MEAN["sellion"][2] == vertices[face, 2].min()


def test_the_corners_of_mouth_and_eyes_lie_near_their_keypoints():
    keypoints = MODEL.keypoints(MODEL.mean_head)
    for name, keypoint, distance_mm in (
        ("cheilion", 54, 1),
        ("exocanthion", 45, 1),
        ("endocanthion", 42, 6),  # the keypoint is the corner of the opening, without its crease
    ):
        assert np.linalg.norm(MEAN[f"{name}_left"] - keypoints[keypoint]) < distance_mm


def test_the_lips_meet_between_their_borders():
    heights = [
        MEAN[name][1]
        for name in (
            "labiale_superius", "stomion_superius", "stomion_inferius", "labiale_inferius", "menton"
        )
    ]  # fmt: skip
    assert heights == sorted(heights, reverse=True)


def test_every_published_figure_is_of_a_known_measure_and_source():
    sources = {
        line.split("{")[1].rstrip(",\n")
        for line in REFERENCES.read_text().splitlines()
        if line.startswith("@")
    }
    with (data_dir() / "people" / "measures.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    for line in lines:
        assert line["measure"] in MEASURES
        assert line["source"] in sources
        assert 5 < float(line["mean_mm"]) < 160
    groups = [(line["measure"], line["sex"], line["origin"], line["source"]) for line in lines]
    assert len(set(groups)) == len(groups)
