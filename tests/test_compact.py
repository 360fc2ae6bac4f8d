"""The compact network: its bounds, keypoints that determine pose, and a missing side photo."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import rotation_from_pose
from facelib.imaging.crop import Crop
from facelib.networks import compact, head_basis
from facelib.networks.catalogue import create
from facelib.networks.compact import Whitening
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.cost import count_parameters_as_keras
from facelib.networks.head_basis import mean_keypoints, position_maps
from facelib.networks.pose import place_head
from facelib.networks.weights import load_weights, save_weights

TENTH = 0.1  # of two_view's multiply-adds


def fresh(size=64, seed=0):
    torch.manual_seed(seed)
    return create("compact", size)


def loosened(network):
    """Give the last layers weights, so that photos change the output."""
    for layer in (network.pose, network.shape):
        torch.nn.init.normal_(layer.weight, std=0.05)
    torch.nn.init.normal_(network.no_side)
    return network


def multiply_adds(name, size):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        create(name, size).eval()(torch.zeros(1, 6, size, size))
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
    assert count_parameters_as_keras(network) <= 4_000_000
    assert multiply_adds("compact", 256) <= TENTH * multiply_adds("two_view", 256)


def mean_face(size):
    """The mean head in the crop around its own keypoints, px, without the network's code."""
    layout = load_layout(size)
    points = (layout.from_head @ load_head().mean_head) * [1, -1, 1]
    crop = Crop.around_keypoints(layout.keypoints(points), size)
    points = crop.image_to_crop(points)
    points[:, 2] -= points[:, 2].min()
    return points, layout


def give_keypoints(monkeypatch, *given):
    """Make heat maps give certain keypoints, one kind of photo after the other."""
    answers = [torch.as_tensor(points, dtype=torch.float32) for points in given]
    monkeypatch.setattr(compact, "soft_argmax", lambda heat_maps: answers.pop(0))


def test_keypoints_of_the_mean_face_start_at_the_mean_face(monkeypatch):
    size = 64
    points, layout = mean_face(size)
    keypoints = (layout.keypoints(points)[:, :2] + 0.5) / size
    np.testing.assert_allclose(mean_keypoints(), keypoints, atol=1e-5)
    give_keypoints(monkeypatch, keypoints[None])
    with torch.no_grad():
        out = fresh().eval()(torch.rand(1, 3, size, size))
    expected = layout.position_map(points) / (size * POSITION_SCALE)
    np.testing.assert_allclose(out[0].permute(1, 2, 0), expected, atol=1e-5)


def test_fresh_heat_maps_show_the_mean_face_wherever_it_is():
    size = 64
    points, layout = mean_face(size)
    with torch.no_grad():
        out = fresh().eval()(torch.rand(1, 6, size, size))[0].permute(1, 2, 0).numpy()
    got = layout.vertices(out)
    fit = umeyama(points, got)
    assert np.abs(fit.apply(points) - got).max() < 1e-2 * np.ptp(got)


def test_a_face_follows_its_keypoints(monkeypatch):
    """A similarity of the keypoints gives the same similarity of the points."""
    size, rng = 64, np.random.default_rng(5)
    network, photos = loosened(fresh(size)).eval(), torch.rand(1, 6, size, size)
    front, side = mean_keypoints().numpy() + rng.normal(0, 0.03, (2, 1, 68, 2))
    angle, scale, shift = 0.7, 1.4, np.array([0.1, -0.2])
    turn = scale * rotation_from_pose(0, 0, angle)
    found = []
    for keypoints in (front, front @ turn[:2, :2].T + shift):
        give_keypoints(monkeypatch, keypoints, side)
        with torch.no_grad():
            maps = network(photos)[0].permute(1, 2, 0).double().numpy()
        # From the crop's corner, where a turn of crop sides turns.
        found.append(maps * POSITION_SCALE + np.array([0.5, 0.5, 0]) / size)
    expected = found[0] @ turn.T + [*shift, 0]
    np.testing.assert_allclose(found[1], expected, atol=2e-5)


def test_the_description_is_what_the_map_is_made_of():
    size = 64
    network, photos = loosened(fresh(size)).eval(), torch.rand(2, 6, size, size)
    has_side = torch.tensor([False, True])
    with torch.no_grad():
        told, answer = network.describe(photos, has_side), network.answer(photos, has_side)
    head = network.mean_head + torch.einsum("bk,kvc->bvc", told.shape, network.directions)
    points = place_head(head, told.pose) - torch.tensor([0.5, 0.5, 0]) / size
    torch.testing.assert_close(position_maps(points, size) / POSITION_SCALE, answer.maps)
    torch.testing.assert_close(points / POSITION_SCALE, answer.vertices)
    with torch.no_grad():
        assert network.answer(photos, has_side, draw_maps=False).maps is None
    assert told.keypoints_side[0].isnan().all() and told.keypoints_side[1].isfinite().all()
    # Each heat map's mean pixel, by hand.
    rows, columns = np.mgrid[: size // 8, : size // 8]
    for heat_map, keypoint in (
        (answer.heat_front[0, 30], told.keypoints_front[0, 30]),
        (answer.heat_side[0, 8], told.keypoints_side[1, 8]),
    ):
        shares = np.exp(heat_map.numpy())
        mean = [np.average(place, weights=shares) * 8 + 3.5 for place in (columns, rows)]
        np.testing.assert_allclose(keypoint, mean, rtol=1e-4)


def test_maps_are_written_as_the_layout_writes_them():
    layout = load_layout(64)
    points = np.random.default_rng(0).normal(size=(2, len(layout.uv), 3)).astype(np.float32)
    maps = position_maps(torch.from_numpy(points), 64).permute(0, 2, 3, 1).numpy()
    for got, vertices in zip(maps, points, strict=True):
        np.testing.assert_allclose(got, layout.position_map(vertices), atol=1e-6)


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


def test_what_is_in_the_place_of_a_missing_side_is_not_looked_at():
    """Not in training either, where BatchNorm mixes all its inputs."""
    network, photos = loosened(fresh()).train(), torch.rand(4, 6, 64, 64)
    has_side = torch.tensor([True, False, True, False])
    other = photos.clone()
    other[~has_side, 3:] = torch.nan
    for a, b in zip(network.answer(photos, has_side), network.answer(other, has_side), strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


@pytest.mark.parametrize("n_side", [0, 1, 3])
def test_every_parameter_that_is_used_gets_a_gradient(n_side):
    network = loosened(fresh()).train()
    photos, has_side = torch.rand(4, 6, 64, 64), torch.arange(4) < n_side
    answer = network.answer(photos, has_side)
    heat_maps = [x for x in (answer.heat_front, answer.heat_side) if x is not None]
    (answer.maps.square().sum() + sum(x.square().sum() for x in heat_maps)).backward()
    for name, parameter in network.named_parameters():
        if n_side or not name.startswith("side."):
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_whitening_is_standard_scores_and_takes_a_single_row():
    rows = torch.randn(50, 3, generator=torch.manual_seed(0)) * torch.tensor([0.1, 1, 10]) + 2
    whiten = Whitening(3).train()
    scores = whiten(rows)
    expected = (rows - rows.mean(dim=0)) / rows.std(dim=0, correction=0)
    torch.testing.assert_close(scores, expected, rtol=1e-3, atol=1e-3)
    kept = whiten.running_var.clone()
    assert torch.equal(whiten(rows[:1]), whiten.eval()(rows[:1]))
    assert torch.equal(whiten.running_var, kept)
    assert not list(whiten.parameters())


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
    with torch.autocast("cpu", torch.bfloat16):
        rounded = network(photos, has_side)
    assert rounded.dtype == torch.float32
    rounded.square().sum().backward()
    for parameter in (network.no_side, network.side.pool.weight, network.stages[0][0][0].weight):
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 0
    # Compared in evaluation mode: in training two side photos are whitened to ±1 each, whatever
    # their difference, so a rounding may change the sign of a number.
    network.eval()
    with torch.no_grad():
        exact = network(photos, has_side)
        with torch.autocast("cpu", torch.bfloat16):
            rounded = network(photos, has_side)
    # bfloat16 keeps 8 bits: each layer rounds its features by up to 2⁻⁹ of their size.
    torch.testing.assert_close(rounded, exact, atol=0.02, rtol=0)


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
        theirs = create("two_view")(torch.rand(4, 6, size, size)).permute(0, 2, 3, 1)
    assert np.mean([checkerboard(m) for m in ours]) < 1.1 * truth
    assert np.mean([checkerboard(m) for m in theirs]) > 2 * truth


def test_weights_survive_the_round_trip(tmp_path):
    network, photos = loosened(fresh()).eval(), torch.rand(1, 6, 64, 64)
    path = tmp_path / "weights.safetensors"
    save_weights(path, network, half=True)
    with torch.no_grad():
        again = load_weights(path)(photos)
        torch.testing.assert_close(again, network(photos), rtol=0, atol=2e-3)
    larger = create("compact", 128)
    larger.load_state_dict(network.state_dict())  # a run at one size goes on at another


def test_a_description_that_fell_far_below_zero_still_learns():
    network = loosened(fresh())
    with torch.no_grad():
        network.side.pool.weight.zero_()
        network.side.pool.bias.fill_(-5.0)
    network(torch.rand(2, 6, 64, 64)).square().sum().backward()
    assert (network.side.pool.bias.grad != 0).all()


@pytest.mark.parametrize("flows", [False, True])
def test_the_map_moves_heat_maps_only_where_its_gradient_flows(flows):
    network = loosened(fresh()).train()
    network.set_heatmap_gradient(flows)
    network(torch.rand(3, 6, 64, 64)).square().sum().backward()
    for view in (network.front, network.side):
        gradient = view.heat.weight.grad
        assert (gradient is not None and gradient.abs().max() > 0) == flows
        assert view.pool.weight.grad.any()


def test_a_prediction_does_not_keep_a_later_gradient_from_flowing():
    head_basis._texel_corners.cache_clear()
    network = create("compact", 32)
    with torch.inference_mode():
        network(torch.rand(1, 3, 32, 32))
    network(torch.rand(2, 3, 32, 32)).sum().backward()
    assert network.pose.bias.grad.any()
