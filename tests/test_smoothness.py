"""Smoothness of maps whose curvature or checkerboard is known, and of the shipped weights."""

import numpy as np
import pytest

from facelib.evaluation.smoothness import checkerboard, normal_turn_deg
from facelib.face.layout import load_layout
from facelib.files.paths import data_file
from facelib.networks.weights import load_weights
from facelib.reconstruction.reconstruct import predict_position_maps
from facelib.synthetic.sampling import SyntheticSettings, make_pair

SIZE = 48
WHOLE = np.ones((SIZE, SIZE), bool)
ROW, COLUMN = np.indices((SIZE, SIZE))


def sphere(radius, step):
    """A map of a sphere about its equator, a parallel a row; `step` rad from texel to texel."""
    latitude, longitude = (ROW - (SIZE - 1) / 2) * step, (COLUMN - (SIZE - 1) / 2) * step
    x, y = np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    return radius * np.stack([x, y, np.cos(latitude) * np.cos(longitude)], axis=2)


def plane():
    return np.stack([COLUMN, ROW, 0.3 * COLUMN + 7], axis=2).astype(float)


def test_normals_turn_by_the_curvature_times_the_way():
    step = 0.02
    latitude = (np.arange(SIZE - 1) - SIZE / 2 + 1) * step
    # From row to row by the step; along a parallel the normal's circle is smaller.
    expected = np.rad2deg(step * (1 + np.cos(latitude).mean()) / 2)
    for radius in (1.0, 90.0):
        assert normal_turn_deg(sphere(radius, step), WHOLE) == pytest.approx(expected, rel=0.01)
    assert normal_turn_deg(plane(), WHOLE) == pytest.approx(0, abs=1e-6)


def test_normals_turn_at_every_texel_of_a_checkerboard():
    board = np.stack([COLUMN, ROW, 0.1 * (-1.0) ** (ROW + COLUMN)], axis=2)
    # Every cell's slope is (±0.2, ±0.2), with the other sign next to it.
    expected = 2 * np.rad2deg(np.arctan(0.2 * 2**0.5))
    assert normal_turn_deg(board, WHOLE) == pytest.approx(expected)


@pytest.mark.parametrize("pattern", [ROW, COLUMN, ROW + COLUMN], ids=["rows", "columns", "squares"])
@pytest.mark.parametrize("direction", [(0, 0, 1), (0.6, 0.8, 0)], ids=["depth", "across"])
def test_a_period_of_two_texels_answers_its_amplitude(pattern, direction):
    ripple = 0.05 * (-1.0) ** pattern[..., None] * np.array(direction)
    smooth = sphere(60.0, 0.02)
    assert checkerboard(smooth, WHOLE) < 1e-4
    assert checkerboard(smooth + ripple, WHOLE) == pytest.approx(0.05, rel=0.01)


def test_longer_waves_are_no_checkerboard():
    wave = plane()
    wave[..., 2] += np.sin(2 * np.pi * COLUMN / 8)
    assert checkerboard(wave, WHOLE) < 0.01


def test_what_lies_outside_does_not_count():
    inside = (np.abs(ROW - 24) < 14) & (np.abs(COLUMN - 24) < 14)
    spoiled = plane()
    spoiled[~inside] += np.random.default_rng(0).normal(size=((~inside).sum(), 3))
    assert normal_turn_deg(spoiled, inside) == pytest.approx(0, abs=1e-6)
    assert checkerboard(spoiled, inside) < 1e-12


def test_impossible_input_is_named():
    for measure in (normal_turn_deg, checkerboard):
        with pytest.raises(ValueError, match=r"\(S, S, 3\)"):
            measure(plane(), WHOLE[1:])
        with pytest.raises(ValueError, match="got none"):
            measure(plane(), ~WHOLE)


def test_compact_is_as_smooth_as_the_truth():
    """The network that answers the thesis's decoder: no checkerboard, and no grater for a cheek."""
    network = load_weights(data_file("weights", "compact.safetensors"))
    layout = load_layout(network.size)
    inside = layout.coverage & (layout.label_map("neck") < 0.5)  # what the loss weighs
    settings = SyntheticSettings(size=network.size, seed=11, held_out=True)
    pairs = [make_pair(i, settings) for i in range(4)]
    fronts, sides = (
        np.stack([getattr(pair, view).astype(np.float32) / 255 for pair in pairs])
        for view in ("front", "side")
    )
    predicted = predict_position_maps(network, fronts, sides)
    truth = [layout.position_map(pair.vertices_image) for pair in pairs]
    for measure in (normal_turn_deg, checkerboard):
        of_network, of_truth = (
            np.mean([measure(position_map, inside) for position_map in maps])
            for maps in (predicted, truth)
        )
        assert of_network <= 1.1 * of_truth, measure.__name__
