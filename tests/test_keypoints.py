"""Heat maps of keypoints, and the plane's similarity: closed forms, against numpy's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facelib.networks.keypoints import (
    SMALLEST_SCALE,
    fit_similarity_2d,
    residual_shape,
    soft_argmax,
)
from facelib.training.terms import heat_map_error, splat

GRID = (6, 9)  # rows, columns


def inner_points(count=2, k=5, seed=0):
    """Points between the outermost pixels' centres, crop sides, float64."""
    edge = 0.5 / torch.tensor(GRID[::-1], dtype=torch.double)
    share = torch.rand(count, k, 2, dtype=torch.double, generator=torch.manual_seed(seed))
    return edge + share * (1 - 2 * edge)


def splatted(points):
    """Heat maps, log of weights, that equal the truth."""
    pixels, weights = splat(points, *GRID)
    shares = torch.zeros(*points.shape[:2], GRID[0] * GRID[1], dtype=points.dtype)
    shares.scatter_(2, pixels, weights)
    return shares.log().unflatten(2, GRID)


def similarity(scale, angle, shift):
    """Scale-roll and shift as `fit_similarity_2d` gives them, and the matrix that does the same."""
    scale_roll = scale * torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.double)
    matrix = scale * np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    )
    return scale_roll, torch.tensor([shift], dtype=torch.double), matrix


def test_a_heat_map_that_equals_the_truth_is_read_exactly_there():
    points = inner_points()
    torch.testing.assert_close(soft_argmax(splatted(points).float()), points.float())


def test_a_heat_map_of_one_pixel_is_read_at_its_centre():
    heat_maps = torch.full((1, 1, *GRID), -1e4)
    heat_maps[0, 0, 4, 2] = 0
    expected = torch.tensor([[[2.5 / 9, 4.5 / 6]]])
    torch.testing.assert_close(soft_argmax(heat_maps), expected)


def test_keypoints_beyond_the_crop_are_sought_at_its_edge():
    pixels, weights = splat(torch.tensor([[[-0.3, 1.2], [0.5, 0.0]]]), *GRID)
    assert weights.sum(dim=2).tolist() == [[1, 1]] and weights.min() >= 0
    corner = pixels[0, 0][weights[0, 0] > 0]
    assert corner.tolist() == [(GRID[0] - 1) * GRID[1]]


def test_the_loss_is_least_at_the_truth_and_its_gradient_the_difference_of_shares():
    points, truth = inner_points(seed=1), splatted(inner_points(seed=1)).exp()
    heat_maps = torch.randn(*truth.shape, dtype=torch.double, requires_grad=True)
    error = heat_map_error(heat_maps, points)
    error.backward()
    shares = heat_maps.detach().flatten(2).softmax(dim=2).view_as(truth)
    torch.testing.assert_close(heat_maps.grad, (shares - truth) / (2 * 5))
    entropy = -(truth * truth.clamp_min(1e-300).log()).sum(dim=(2, 3)).mean()
    best = heat_map_error(truth.clamp_min(1e-30).log(), points)
    assert best.item() == pytest.approx(entropy.item()) and best < error


def test_unknown_keypoints_cost_nothing():
    points, heat_maps = inner_points(), torch.randn(2, 5, *GRID, dtype=torch.double)
    some = points.clone()
    some[1] = some[0, 3] = torch.nan
    known = [0, 1, 2, 4]
    expected = heat_map_error(heat_maps[:1, known], points[:1, known])
    heat_maps.requires_grad_()
    torch.testing.assert_close(heat_map_error(heat_maps, some), expected)
    nothing = heat_map_error(heat_maps, torch.full_like(points, torch.nan))
    nothing.backward()
    assert nothing == 0 and not heat_maps.grad.any()


@given(
    st.floats(1.05 * SMALLEST_SCALE, 5),
    st.floats(-math.pi, math.pi),
    st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    st.integers(0, 9),
)
@settings(max_examples=50, deadline=None)
def test_a_known_similarity_is_found_and_undone(scale, angle, shift, seed):
    reference = inner_points(1, 7, seed)[0]
    scale_roll, move, matrix = similarity(scale, angle, shift)
    points = torch.from_numpy(reference.numpy() @ matrix.T + shift)[None]
    found = fit_similarity_2d(points, reference)
    torch.testing.assert_close(found, (scale_roll, move))
    rest = residual_shape(points, *found, reference)
    torch.testing.assert_close(rest, torch.zeros_like(rest))


def test_it_is_the_least_squares_solution():
    rng = np.random.default_rng(0)
    reference, points = rng.normal(size=(2, 8, 2))
    points += 2 * reference
    rows = [[[x, -y, 1, 0], [y, x, 0, 1]] for x, y in reference]
    expected = np.linalg.lstsq(np.concatenate(rows), points.ravel())[0]
    found = fit_similarity_2d(torch.from_numpy(points)[None], torch.from_numpy(reference))
    np.testing.assert_allclose(torch.cat(found, dim=1)[0], expected)


def test_the_residual_does_not_change_with_scale_roll_and_place():
    reference, points = inner_points(2, 9)
    _, move, matrix = similarity(1.7, 2.4, (0.3, -0.2))
    moved = torch.from_numpy(points.numpy() @ matrix.T) + move
    both = torch.stack([points, moved])
    rest = residual_shape(both, *fit_similarity_2d(both, reference), reference)
    torch.testing.assert_close(rest[0], rest[1])


def test_keypoints_in_one_point_keep_a_face_upright_and_of_some_size():
    points = torch.tensor([0.4, 0.6]).expand(1, 5, 2)
    reference = inner_points(1)[0].float()
    scale_roll, shift = fit_similarity_2d(points, reference)
    torch.testing.assert_close(scale_roll, torch.tensor([[SMALLEST_SCALE, 0.0]]))
    centre = SMALLEST_SCALE * reference.mean(dim=0) + shift[0]
    torch.testing.assert_close(centre, points[0, 0])
    assert residual_shape(points, scale_roll, shift, reference).isfinite().all()
