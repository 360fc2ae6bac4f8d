"""`dense` as a function: what goes in, what comes out, and Gaussians that turn with the face."""

import numpy as np
import pytest
import torch

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.networks import keypoints
from facelib.networks.dense import Dense, soft_argmax, turn_root


@pytest.fixture(scope="module")
def network() -> Dense:
    torch.manual_seed(0)
    return Dense().eval()


@pytest.mark.parametrize("size", [128, 192])
def test_each_photo_gets_places_covariances_and_visibility(network, size):
    with torch.inference_mode():
        answer = network(torch.rand(2, 3, size, size))
    n_points = len(load_dense_points())
    assert answer.points.shape == (2, n_points, 2)
    assert answer.root.shape == (2, n_points, 3)
    assert answer.visible.shape == (2, n_points)
    assert answer.heat_maps.shape[:2] == (2, N_KEYPOINTS)
    assert (answer.root[..., :2] > 0).all()


def test_photos_do_not_see_each_other(network):
    photos = torch.rand(2, 3, 128, 128)
    with torch.inference_mode():
        together, alone = network(photos).points, network(photos[1:]).points
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=0)


def test_every_weight_learns():
    torch.manual_seed(0)
    network = Dense()
    # Two steps: what ends in zeros lets no gradient through on the first.
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    for _ in range(2):
        optimizer.zero_grad()
        answer = network(torch.rand(4, 3, 128, 128))
        places = (answer.points, *answer.guesses)
        loss = sum((p - 0.5).square().sum() for p in places)
        loss = loss + answer.root[..., :2].log().sum() + answer.root[..., 2].sum()
        loss = loss + answer.visible.square().sum() + (answer.visible - 1).square().sum()
        (loss + answer.heat_maps.logsumexp(dim=(2, 3)).sum()).backward()
        optimizer.step()
    still = [name for name, p in network.named_parameters() if not p.grad.abs().sum() > 0]
    assert still == []


def test_soft_argmax_is_that_of_the_keypoints():
    heat_maps = 3 * torch.randn(2, 5, 6, 9)
    torch.testing.assert_close(soft_argmax(heat_maps), keypoints.soft_argmax(heat_maps))


def test_a_turned_gaussian_is_the_gaussian_of_turned_errors():
    rng = np.random.default_rng(0)
    lower = np.array([[2.0, 0.0], [-0.7, 0.5]])
    errors = rng.normal(size=(1000, 2)) @ np.linalg.inv(lower)  # Lᵀ error is white
    turn = np.array([0.6, -1.3])
    matrix = np.array([[turn[0], -turn[1]], [turn[1], turn[0]]])
    root = turn_root(torch.tensor([2.0, 0.5, -0.7]), torch.tensor(turn).float()).numpy()
    turned_lower = np.array([[root[0], 0.0], [root[2], root[1]]])
    # Whitened, errors keep their length; only their direction may change.
    before = np.linalg.norm(errors @ lower, axis=1)
    after = np.linalg.norm(errors @ matrix.T @ turned_lower, axis=1)
    np.testing.assert_allclose(after, before, rtol=1e-4)
