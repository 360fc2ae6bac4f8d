"""Gaussians by the root of their precision, against matrices."""

import numpy as np
import pytest
import torch

from facelib.networks.found_points import covariance
from facelib.networks.precision import rotate_root, whiten_errors

ROOT = torch.tensor([2.0, 0.5, -0.7], dtype=torch.float64)
LOWER = np.array([[2.0, 0.0], [-0.7, 0.5]])


def test_covariance_is_the_inverse_of_the_precision():
    np.testing.assert_allclose(covariance(ROOT.numpy()), np.linalg.inv(LOWER @ LOWER.T))


def test_errors_are_whitened_by_the_transposed_root():
    errors = np.random.default_rng(0).normal(size=(10, 2))
    found = whiten_errors(torch.from_numpy(errors), ROOT)
    np.testing.assert_allclose(found.numpy(), errors @ LOWER)


@pytest.mark.parametrize("turn", [(1.0, 0.0), (0.6, -1.3), (-2.0, 0.1)])
def test_a_turned_gaussian_expects_turned_errors(turn):
    matrix = np.array([[turn[0], -turn[1]], [turn[1], turn[0]]])
    found = covariance(rotate_root(ROOT, torch.tensor(turn, dtype=torch.float64)).numpy())
    expected = matrix @ np.linalg.inv(LOWER @ LOWER.T) @ matrix.T
    np.testing.assert_allclose(found, expected, rtol=1e-9)
