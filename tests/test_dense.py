"""`dense` as a function: its input, its output, and its file."""

import pytest
import torch
from safetensors.torch import save_file

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.networks import keypoints
from facelib.networks.dense import Dense, load_dense, save_dense, soft_argmax


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


def test_saved_weights_answer_as_before(network, tmp_path):
    save_dense(tmp_path / "dense.safetensors", network, {"size": 128})
    loaded, card = load_dense(tmp_path / "dense.safetensors")
    photos = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        expected, found = network(photos).points, loaded(photos).points
    assert card == {"size": 128}
    torch.testing.assert_close(found, expected, atol=0.003, rtol=0)  # kernels in half precision


def test_loading_refuses_weights_of_another_network(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path, {"network": "compact"})
    with pytest.raises(ValueError, match="expected weights of dense"):
        load_dense(path)
