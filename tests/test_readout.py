"""Vertices sampled from a map: to a quarter pixel, without amplifying noise."""

import numpy as np
import pytest
from faces import mean_face, random_faces
from scipy.sparse import csr_matrix

from facelib.face.layout import load_layout
from facelib.face.readout import bilinear_windows, readout_matrix

SIZES = (64, 128, 256)


@pytest.fixture(scope="module")
def layout():
    return load_layout(256)


def read_out_errors(vertices, layout):
    again = layout.vertices(layout.position_map(vertices))
    return np.linalg.norm(again - vertices, axis=1)


def test_mean_face_is_read_back_within_a_quarter_pixel(layout):
    assert read_out_errors(mean_face(layout), layout).max() <= 0.25


def test_random_faces_are_read_back_within_a_quarter_pixel(layout):
    """One vertex in a thousand may miss: lids and lips of unusual faces bend within a texel."""
    errors = np.array([read_out_errors(face, layout) for face in random_faces(layout, 20)])
    assert np.percentile(errors, 99.9) <= 0.25
    assert errors.max() <= 0.5


def test_flat_surfaces_are_read_exactly(layout):
    columns = np.column_stack([layout.uv, np.ones(len(layout.uv))])
    plane = (columns @ np.random.default_rng(1).normal(size=(3, 3)) * 100).astype(np.float32)
    assert read_out_errors(plane, layout).max() < 0.1


def test_reading_does_not_amplify_noise(layout):
    noise = np.random.default_rng(2).normal(size=(256, 256, 3)).astype(np.float32)
    assert layout.vertices(noise).std() < 1.2


def test_a_map_whose_texels_mix_fewer_vertices_is_refused():
    uv = np.full((3, 2), 0.5)
    with pytest.raises(ValueError, match="three vertices per texel"):
        readout_matrix(csr_matrix(np.eye(64, 3)), uv, np.zeros((1, 3, 3)))


@pytest.mark.parametrize("size", SIZES)
def test_bilinear_windows_sum_to_one_and_hold_their_vertex(size):
    layout = load_layout(size)
    corner, weights = bilinear_windows(layout.uv, size)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-9)
    assert weights.min() >= 0 and corner.min() >= 0 and corner.max() <= size - 4
    steps = np.indices((4, 4)).reshape(2, 16)
    place = corner + weights @ steps.T  # rows and columns
    np.testing.assert_allclose(place[:, ::-1], layout.uv * size - 0.5, atol=1e-9)
