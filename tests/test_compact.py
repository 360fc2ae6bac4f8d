"""The compact network: its bounds, the product of pose and head, and the side photo it can miss."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from facelib import networks
from facelib.headmodel import load_head
from facelib.networks.compact import place_head, rotation_from_6d, texels
from facelib.rotations import rotation_from_pose
from facelib.training import weighted_squared_error
from facelib.transforms import Crop
from facelib.uvmap import load_layout

TENTH = 0.1  # of two_view's multiply-adds


def fresh(size=64, seed=0):
    torch.manual_seed(seed)
    return networks.create("compact", size)


def loosened(network):
    """Give the last layers weights, so that photos change the output."""
    for layer in (network.pose, network.shape):
        torch.nn.init.normal_(layer.weight, std=0.05)
    torch.nn.init.normal_(network.no_side)
    return network


def multiply_adds(name, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        networks.create(name, size).eval()(torch.zeros(1, 6, size, size))
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(("size", "batch"), [(64, 2), (128, 1), (256, 1)])
def test_photos_in_map_out_at_every_size(size, batch):
    network = fresh(size).eval()
    with torch.no_grad():
        for channels in (3, 6):
            out = network(torch.rand(batch, channels, size, size))
            assert out.shape == (batch, 3, size, size)


@pytest.mark.parametrize("shape", [(1, 6, 65, 65), (1, 4, 64, 64), (1, 6, 64, 96), (6, 64, 64)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="divisible by 32"):
        fresh()(torch.zeros(shape))


def test_it_is_small_and_costs_a_tenth():
    network = fresh()
    assert sum(p.numel() for p in network.parameters()) <= 4_000_000
    assert networks.count_parameters_as_keras(network) <= 4_000_000
    assert multiply_adds("compact", 256) <= TENTH * multiply_adds("two_view", 256)


def test_it_starts_at_the_mean_face_in_its_own_crop():
    """The crop cut about the mean head's keypoints, drawn without the network's own code."""
    size = 64
    layout = load_layout(size)
    points = (layout.from_head @ load_head().mean_head) * [1, -1, 1]
    crop = Crop.around_keypoints(layout.keypoints(points), size)
    expected = crop.image_to_crop(points)
    expected[:, 2] -= expected[:, 2].min()
    expected = layout.position_map(expected) / (size * networks.POSITION_SCALE)
    with torch.no_grad():
        out = fresh().eval()(torch.rand(1, 6, size, size))
    np.testing.assert_allclose(out[0].permute(1, 2, 0), expected, atol=1e-5)


def test_maps_are_written_as_the_layout_writes_them():
    layout = load_layout(64)
    points = np.random.default_rng(0).normal(size=(2, len(layout.uv), 3)).astype(np.float32)
    maps = texels(torch.from_numpy(points), 64).permute(0, 2, 3, 1).numpy()
    for got, vertices in zip(maps, points, strict=True):
        np.testing.assert_allclose(got, layout.position_map(vertices), atol=1e-6)


def test_six_numbers_make_every_rotation():
    rng = np.random.default_rng(1)
    rotations = np.stack([rotation_from_pose(*rng.uniform(-1.5, 1.5, 3)) for _ in range(5)])
    # Any length of the first vector, and any share of it in the second, give the same rotation.
    first, second = rotations[:, :, 0], rotations[:, :, 1]
    numbers = np.hstack([3 * first, 0.5 * second + 2 * first])
    got = rotation_from_6d(torch.from_numpy(numbers))
    np.testing.assert_allclose(got, rotations, atol=1e-12)


def test_a_turned_pose_turns_what_it_places():
    """Roll by a quarter in the head's frame is a quarter turn of the picture about the head."""
    rng = np.random.default_rng(2)
    points = torch.from_numpy(rng.normal(size=(1, 20, 3)))
    rotation, roll = rotation_from_pose(0.2, -0.4, 0.1), rotation_from_pose(0, 0, np.pi / 2)
    translation = np.array([0.4, 0.6, 0.3])

    def placed(matrix, log_scale):
        pose = np.concatenate([[log_scale], matrix[:, 0], matrix[:, 1], translation])
        return place_head(points, torch.from_numpy(pose)[None])[0].numpy() - translation

    upright, turned = placed(rotation, 0.0), placed(roll @ rotation, np.log(2))
    # Counter-clockwise as seen, y down: right goes up, down goes right.
    expected = 2 * np.stack([upright[:, 1], -upright[:, 0], upright[:, 2]], axis=1)
    np.testing.assert_allclose(turned, expected, atol=1e-12)


def test_a_missing_side_is_not_a_black_one():
    network, front = loosened(fresh()).eval(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        alone = network(front)
        black = network(torch.cat([front, torch.zeros_like(front)], dim=1))
        both = torch.cat([front, torch.rand_like(front)], dim=1)
        told = network(both, torch.tensor([False, True]))
        torch.testing.assert_close(told[0], alone[0])
        torch.testing.assert_close(told[1], network(both)[1])
    assert (alone - black).abs().max() > 1e-3


def test_every_parameter_gets_a_gradient():
    network = loosened(fresh()).train()
    photos, has_side = torch.rand(4, 6, 64, 64), torch.tensor([True, False, True, True])
    network(photos, has_side).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_half_precision_does_not_round_positions():
    network, photos = loosened(fresh()).eval(), torch.rand(2, 6, 64, 64)
    with torch.no_grad():
        exact = network(photos)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(photos)
    assert rounded.dtype == torch.float32
    # Features differ by their rounding; neighbouring texels still differ smoothly.
    steps = [m.diff(dim=3).diff(dim=3).abs().mean() for m in (exact, rounded)]
    assert steps[1] == pytest.approx(steps[0].item(), rel=0.05)


def test_half_precision_takes_batches_in_which_some_sides_are_missing():
    network, photos = loosened(fresh()).train(), torch.rand(4, 6, 64, 64)
    has_side = torch.tensor([True, False, True, False])
    exact = network(photos, has_side)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(photos, has_side)
    rounded.square().sum().backward()
    assert network.no_side.grad.abs().max() > 0
    torch.testing.assert_close(rounded, exact, atol=0.02, rtol=0)


def test_one_batch_can_be_overfitted():
    torch.manual_seed(0)
    network, photos, mask = fresh().train(), torch.rand(4, 6, 64, 64), torch.ones(64, 64)
    with torch.no_grad():
        maps = loosened(fresh(seed=1)).train()(torch.rand(4, 6, 64, 64))
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(60):
        optimizer.zero_grad()
        loss = weighted_squared_error(network(photos), maps, mask)
        loss.backward()
        optimizer.step()
    alike = weighted_squared_error(maps.mean(dim=0, keepdim=True), maps, mask)
    assert loss.item() < 0.1 * alike.item()


def checkerboard(position_map):
    """Share of a map's fine structure that changes sign from texel to texel, both ways."""
    inner = np.asarray(position_map, np.float64)
    board = inner[:-1, :-1] - inner[1:, :-1] - inner[:-1, 1:] + inner[1:, 1:]
    slope = np.abs(np.diff(inner, axis=0)).mean() + np.abs(np.diff(inner, axis=1)).mean()
    return np.abs(board).mean() / slope


def test_maps_are_as_smooth_as_heads():
    """Transposed convolutions leave a checkerboard on the map, and so on the normals."""
    size, rng = 64, np.random.default_rng(3)
    layout, head = load_layout(size), load_head()
    heads = [layout.from_head @ head.vertices(rng.normal(size=60)) for _ in range(4)]
    truth = np.mean([checkerboard(layout.position_map(vertices)) for vertices in heads])
    with torch.no_grad():
        ours = loosened(fresh()).eval()(torch.rand(4, 6, size, size)).permute(0, 2, 3, 1)
        theirs = networks.create("two_view")(torch.rand(4, 6, size, size)).permute(0, 2, 3, 1)
    assert np.mean([checkerboard(m) for m in ours]) < 1.1 * truth
    assert np.mean([checkerboard(m) for m in theirs]) > 2 * truth


def test_weights_survive_the_round_trip(tmp_path):
    network, photos = loosened(fresh()).eval(), torch.rand(1, 6, 64, 64)
    path = tmp_path / "weights.safetensors"
    networks.save_weights(path, network, half=True)
    with torch.no_grad():
        again = networks.load_weights(path)(photos)
        torch.testing.assert_close(again, network(photos), rtol=0, atol=2e-3)
    larger = networks.create("compact", 128)
    larger.load_state_dict(network.state_dict())  # a run at one size goes on at another


def test_a_description_that_fell_far_below_zero_still_learns():
    network = loosened(fresh())
    with torch.no_grad():
        network.side.weight.zero_()
        network.side.bias.fill_(-5.0)
    network(torch.rand(2, 6, 64, 64)).square().sum().backward()
    assert (network.side.bias.grad != 0).all()
