"""The losses: what each costs in closed form, what it cannot see, and that training lowers it."""

import numpy as np
import pytest
import torch
from scipy import stats
from toy_training import without_clock

from facelib.face.layout import load_layout
from facelib.geometry.registration import umeyama
from facelib.geometry.transforms import rotation_from_pose
from facelib.networks.base import TYPICAL_DEVIATION
from facelib.networks.catalogue import create
from facelib.networks.weights import load_weights, read_card, save_weights
from facelib.pairs.augmentation import NO_AUGMENTATION
from facelib.pairs.sample import FacePair
from facelib.pairs.store import write_shards
from facelib.training.config import TrainConfig
from facelib.training.log import read_log
from facelib.training.loop import train
from facelib.training.loss import (
    TrainingLoss,
    loss_mask,
    vertex_columns,
    vertex_weights,
)
from facelib.training.settings import LossSettings
from facelib.training.terms import (
    edge_error,
    fit_similarities,
    keypoint_error,
    keypoint_texels,
    likelihood_error,
    normal_error,
    normals,
    position_error,
    read_texels,
    shape_error,
    side_lengths,
    triangle_weights,
    weighted_squared_error,
)
from facelib.training.weight_mask import weight_mask

SIZE = 32
TERMS = ("normal", "edge", "keypoint", "shape")  # those of the map
KINDS = ("squared", "absolute")
MASKS = ("feathered", "hard", "none")


def faces(count=3, size=SIZE, seed=0):
    """Position maps of different smooth heads, float64 map unit, and their layout."""
    layout, rng = load_layout(size), np.random.default_rng(seed)
    heads = layout.references_head[rng.permutation(len(layout.references_head))[:count]]
    maps = np.stack([layout.position_map(head / 200) for head in heads])
    return torch.from_numpy(maps).permute(0, 3, 1, 2).double(), layout


def moved(maps, scale=1.0, pose=(0.0, 0.0, 0.0), shift=(0.0, 0.0, 0.0)):
    turn = torch.from_numpy(scale * rotation_from_pose(*pose))
    shift = torch.tensor(shift, dtype=maps.dtype)[:, None, None]
    return torch.einsum("ij,bjvu->bivu", turn, maps) + shift


def all_terms(layout, kind="squared"):
    settings = LossSettings(kind, **{f"{term}_weight": 1.0 for term in TERMS})
    return TrainingLoss(settings, layout)


def double(loss):
    """Bring a loss to float64, in which finite differences can be trusted."""
    loss.mask, loss.triangles = loss.mask.double(), loss.triangles.double()
    loss.keypoints = (loss.keypoints[0], loss.keypoints[1].double())
    return loss


def test_the_default_is_the_weighted_squared_error_to_the_last_bit():
    a, b = torch.rand(2, 4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    layout = load_layout(SIZE)
    mask = torch.from_numpy(weight_mask(layout))
    weights = mask / mask.sum()
    thesis = ((a - b).square().mean(dim=(0, 1)) * weights).sum()
    assert torch.equal(TrainingLoss(LossSettings(), layout)(a, b), thesis)
    assert torch.equal(weighted_squared_error(a, b, mask), thesis)


def test_one_wrong_texel_costs_its_share():
    a, mask = torch.zeros(2, 3, 4, 4), torch.ones(4, 4)
    mask[1, 2] = 5.0
    b = a.clone()
    b[1, 0, 1, 2] = -0.3
    share = 5 / 20 / (2 * 3)
    assert position_error(a, b, mask, "squared").item() == pytest.approx(0.09 * share)
    assert position_error(a, b, mask, "absolute").item() == pytest.approx(0.3 * share)


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_at_vertices_bounds_that_of_maps_and_equals_it_where_it_does_not_change(kind):
    layout, rng = load_layout(64), np.random.default_rng(0)
    settings = LossSettings(kind)
    of_maps, of_vertices = (TrainingLoss(settings, layout, at_vertices=at) for at in (False, True))
    truth = layout.references_head[0] / 200

    def both(vertices):
        pair = np.stack([vertices, truth]).astype(np.float32)
        maps = np.stack([layout.position_map(points) for points in pair])
        maps = torch.from_numpy(maps).permute(0, 3, 1, 2)
        columns = vertex_columns(torch.from_numpy(pair))
        return of_maps(*maps.split(1)).item(), of_vertices(*columns.split(1)).item()

    shifted, at_vertices = both(truth + np.float32([0.1, -0.2, 0.05]))
    assert at_vertices == pytest.approx(shifted, rel=1e-4)
    smooth, at_vertices = both(1.1 * truth)
    assert smooth <= at_vertices == pytest.approx(smooth, rel=0.01)
    rough, at_vertices = both(truth + rng.normal(0, 0.05, truth.shape))
    assert rough < 0.8 * at_vertices


def test_every_texels_weight_arrives_at_vertices():
    layout = load_layout(SIZE)
    mask = loss_mask(layout, "feathered")
    assert vertex_weights(mask, layout).sum().item() == pytest.approx(mask.sum().item(), rel=1e-5)
    assert vertex_weights(torch.ones(SIZE, SIZE), layout).min() >= 0


@pytest.mark.parametrize(
    ("kind", "density"), [("squared", stats.norm), ("absolute", stats.laplace)]
)
def test_likelihood_is_that_of_the_distribution_but_for_scale_and_shift(kind, density):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.05, (2, 2, 3, 4, 4))
    log_deviation, mask = rng.normal(-4, 1, (2, 1, 4, 4)), rng.random((4, 4))

    def both(log_deviation):
        minus_log = -density.logpdf(a - b, scale=np.exp(log_deviation))
        tensors = (torch.from_numpy(x) for x in (a, b, log_deviation, mask))
        mean = np.average(minus_log.mean(axis=(0, 1)), weights=mask)
        return np.array([likelihood_error(*tensors, kind).item(), mean])

    typical = both(np.full_like(log_deviation, np.log(TYPICAL_DEVIATION)))
    ours, theirs = both(log_deviation) - typical
    power = 2 if kind == "squared" else 1
    assert ours == pytest.approx(power * TYPICAL_DEVIATION**power * theirs)
    plain = position_error(*(torch.from_numpy(x) for x in (a, b, mask)), kind)
    assert typical[0] == pytest.approx(plain.item())


@pytest.mark.parametrize("kind", KINDS)
def test_the_likeliest_deviation_is_the_error_that_was_made(kind):
    error = torch.full((1, 3, 4, 4), 0.07, dtype=torch.double)
    log_deviation = torch.tensor(np.log(0.07)).expand(1, 1, 4, 4).clone().requires_grad_()
    mask = torch.ones(4, 4, dtype=torch.double)
    likelihood_error(error, torch.zeros_like(error), log_deviation, mask, kind).backward()
    assert log_deviation.grad.abs().max() < 1e-12


def test_normals_of_a_plane_and_of_a_sphere():
    ramp = (torch.arange(SIZE, dtype=torch.double) + 0.5) / SIZE
    v, u = torch.meshgrid(ramp, ramp, indexing="ij")
    plane = torch.stack([u, v, 0.5 * u])[None]
    expected = torch.tensor([-0.5, 0, 1], dtype=torch.double) / 1.25**0.5
    torch.testing.assert_close(normals(plane)[0, :, 3, 5], expected)
    x, y = 1.2 * (u - 0.5), 1.2 * (v - 0.5)
    sphere = torch.stack([x, y, (1 - x * x - y * y).sqrt()])[None]
    cosines = (normals(sphere) * sphere[..., :-1, :-1]).sum(dim=1)
    assert cosines.min() > np.cos(2 * 1.2 / SIZE)  # the radius, but for a texel's width


def test_a_turned_map_has_normals_off_by_the_angle():
    angle = 0.2
    ramp = (torch.arange(SIZE, dtype=torch.double) + 0.5) / SIZE
    v, u = torch.meshgrid(ramp, ramp, indexing="ij")
    plane = torch.stack([u, v, 0 * u])[None]
    ones = torch.ones(SIZE - 1, SIZE - 1, dtype=torch.double)
    got = normal_error(moved(plane, pose=(angle, 0, 0)), plane, ones, "squared")
    assert got.item() == pytest.approx((2 - 2 * np.cos(angle)) / 3)


def test_what_a_term_cannot_see_it_does_not_count():
    maps, layout = faces()
    other = maps.flip(0) + 0.01 * torch.randn(
        maps.shape, generator=torch.Generator().manual_seed(1)
    )
    loss = double(all_terms(layout))
    turned = {"pose": (0.1, -0.3, 0.2), "shift": (0.1, 0.2, -0.3)}
    depth = other.clone()
    depth[:, 2] += torch.rand(SIZE, SIZE)
    unseen = {
        "normal": moved(other, scale=1.3, shift=(0.1, 0.2, -0.3)),
        "edge": moved(other, **turned),
        "keypoint": depth,
        "shape": moved(other, scale=1.3, **turned),
    }
    plain = loss.terms(other, maps)
    for name, changed in unseen.items():
        after = loss.terms(changed, maps)
        assert plain[name] > 1e-6
        assert after[name].item() == pytest.approx(plain[name].item(), rel=1e-6)
        assert after["position"].item() != pytest.approx(plain["position"].item(), rel=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_map_costs_nothing(kind):
    maps, layout = faces()
    for name, value in double(all_terms(layout, kind)).terms(maps, maps).items():
        assert value < 1e-12, name


def test_twice_as_large_has_edges_twice_as_long():
    maps, _ = faces(1)
    ones = torch.ones(SIZE - 1, SIZE - 1, dtype=torch.double)
    zero, one = (edge_error(scale * maps, 0 * maps, ones, "absolute") for scale in (1, 2))
    assert one.item() == pytest.approx(2 * zero.item())
    doubled = edge_error(2 * maps, maps, ones, "absolute")
    assert doubled.item() == pytest.approx(zero.item())


def test_edges_and_normals_do_not_depend_on_the_size_of_the_map():
    settings, values = LossSettings(normal_weight=1, edge_weight=1), []
    for size in (64, 128):
        maps, layout = faces(2, size)
        maps = maps.float()
        values.append(TrainingLoss(settings, layout).terms(maps, maps.flip(0)))
    for name in ("normal", "edge"):
        assert values[0][name].item() == pytest.approx(values[1][name].item(), rel=0.25)


def test_a_triangle_counts_as_its_least_texel_does():
    weights = torch.full((3, 3), 4.0)
    weights[1, 1], weights[2, 0] = 1.0, 0.0
    assert triangle_weights(weights).tolist() == [[4.0, 1.0], [0.0, 1.0]]


def test_a_side_is_as_long_as_its_texels_are_apart():
    maps, _ = faces(1)
    p = maps[0, :, 7:9, 3:5]
    ends = (p[:, 0, 1] - p[:, 0, 0], p[:, 1, 0] - p[:, 0, 0], p[:, 1, 0] - p[:, 0, 1])
    expected = [SIZE * np.linalg.norm(end) for end in ends]
    np.testing.assert_allclose(side_lengths(maps)[0, :, 7, 3], expected)


def test_beyond_the_seam_there_is_no_surface_to_match():
    maps, layout = faces(2, 64)
    loss = double(all_terms(layout))
    outside = torch.from_numpy(~layout.coverage)
    spoiled = maps + 0.1 * outside * torch.rand(64, 64)
    assert outside.any() and (loss.mask[outside] > 0).any()
    plain, after = loss.terms(maps, maps), loss.terms(spoiled, maps)
    assert after["normal"] == plain["normal"] and after["edge"] == plain["edge"]
    assert after["position"] > plain["position"]


def test_keypoints_are_read_where_the_layout_has_them():
    layout = load_layout(128)
    vertices = layout.references_head[0].astype(np.float64)
    maps = torch.from_numpy(layout.position_map(vertices)).permute(2, 0, 1)[None]
    got = read_texels(maps, *keypoint_texels(layout))[0].T
    off_mm = np.linalg.norm(got.numpy() - layout.keypoints(vertices), axis=1)
    assert np.median(off_mm) < 0.3 and off_mm.max() < 2.5  # bilinear reading cuts lips and lids
    two = torch.zeros(1, 3, 128, 128)
    two[:, 0] = 0.3
    error = keypoint_error(two, torch.zeros_like(two), keypoint_texels(layout), "squared")
    assert error.item() == pytest.approx(0.09 / 2)


def test_similarities_are_umeyamas():
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(2, 4, 3, 50))
    target[0] = [[-1], [1], [1]] * source[0]  # best fitted by a reflection, which is none
    weights = rng.random(50)
    rotations, shifts = fit_similarities(*(torch.from_numpy(x) for x in (source, target, weights)))
    for a, b, rotation, shift in zip(source, target, rotations, shifts, strict=True):
        expected = umeyama(a.T, b.T, weights=weights)
        np.testing.assert_allclose(rotation, expected.scale * expected.rotation, atol=1e-10)
        np.testing.assert_allclose(shift[:, 0], expected.translation, atol=1e-10)


def test_holding_the_similarity_constant_loses_nothing_of_the_gradient():
    maps, layout = faces(2)
    prediction = moved(maps.flip(0), 1.1, (0.1, 0.2, 0.0)).requires_grad_()
    mask = loss_mask(layout, "feathered").double()
    shape_error(prediction, maps, mask, "squared").backward()
    way = torch.randn(maps.shape, dtype=torch.double, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        ends = (shape_error(prediction + s * way, maps, mask, "squared") for s in (1e-4, -1e-4))
        slope = torch.sub(*ends) / 2e-4
    assert (prediction.grad * way).sum().item() == pytest.approx(slope.item(), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    """Shape is left out: its absolute gradient is not the whole one, its squared one is above."""
    maps, layout = faces(2)
    loss = double(all_terms(layout, kind))
    generator = torch.Generator().manual_seed(4)
    prediction = moved(maps.flip(0), 1.1) + 0.05 * torch.randn(maps.shape, generator=generator)
    log_deviation = torch.randn(2, 1, SIZE, SIZE, generator=generator).double() - 4

    def total(prediction, log_deviation):
        terms = loss.terms(prediction, maps)
        likelihood = likelihood_error(prediction, maps, log_deviation, loss.mask, kind)
        return likelihood + sum(terms[name] for name in ("position", "normal", "edge", "keypoint"))

    inputs = (prediction.requires_grad_(), log_deviation.requires_grad_())
    assert torch.autograd.gradcheck(total, inputs, eps=1e-7, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_without_any_shape_has_a_finite_gradient(kind):
    maps, layout = faces(2)
    point = torch.full_like(maps, 0.4).float().requires_grad_()
    all_terms(layout, kind)(point, maps.float()).backward()
    assert point.grad.isfinite().all()


def test_masks_are_the_thesis_and_its_text_and_its_code():
    layout = load_layout(64)
    feathered, hard, none = (loss_mask(layout, name).numpy() for name in MASKS)
    np.testing.assert_array_equal(feathered, weight_mask(layout))
    assert set(np.unique(hard)) <= {0, 3, 4, 16}
    assert (none == 1).all()
    assert ((feathered > 0) & (hard == 0)).any() and not ((feathered == 0) & (hard > 0)).any()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"kind": "cubic"}, "kind"),
        ({"mask": "soft"}, "mask"),
        ({"edge_weight": -1.0}, "edge_weight"),
        ({"shape_weight": float("nan")}, "shape_weight"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        LossSettings(**settings)


@pytest.mark.parametrize("name", ["normal", "edge", "keypoint", "confidence"])
def test_what_lies_between_vertices_is_not_compared_at_them(name):
    settings = LossSettings(**OPTIONS[name])
    with pytest.raises(ValueError, match="need maps"):
        TrainingLoss(settings, load_layout(SIZE), at_vertices=True)


def test_the_configuration_keeps_the_loss_and_older_ones_have_the_default(tmp_path):
    folders = {"data_dir": tmp_path, "run_dir": tmp_path}
    loss = LossSettings("absolute", edge_weight=0.1)
    config = TrainConfig.from_dict({**folders, "loss": loss})
    assert TrainConfig.from_dict(config.to_dict()) == config
    older = config.to_dict()
    del older["loss"]
    assert TrainConfig.from_dict(older) == config.changed(loss=LossSettings())
    with pytest.raises(ValueError, match="LossSettings has no power"):
        TrainConfig.from_dict({**older, "loss": {"power": 3}})


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Pairs of heads in many poses, whose photos say nothing: enough to learn them by heart."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(1)
    head = load_layout(SIZE).references_head[0]

    def pair(number):
        turned = head @ rotation_from_pose(*rng.uniform(-0.4, 0.4, 3)).T * [1, -1, 1]
        vertices = SIZE * (0.5 + turned / rng.uniform(180, 260))
        front, side = rng.integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
        pose = np.zeros(3, np.float32)
        return FacePair(front, side, vertices.astype(np.float32), number, pose, pose, "", 0.1)

    write_shards((pair(number) for number in range(24)), folder, {}, shard_size=24)
    return folder


@pytest.fixture
def config(tmp_path, data_dir):
    return TrainConfig.from_dict(
        {
            "data_dir": data_dir,
            "run_dir": tmp_path / "run",
            "network": "compact",
            "size": SIZE,
            "batch_size": 8,
            "epochs": 5,
            "patience": 100,
            "learning_rate": 2e-3,
            "augmentation": NO_AUGMENTATION,
            "side_dropout": 0.0,
            "log_steps": 1,
            "threads": 1,
            "progress": False,
        }
    )


OPTIONS = {
    "absolute": {"kind": "absolute"},
    "hard mask": {"mask": "hard"},
    "no mask": {"mask": "none"},
    **{term: {f"{term}_weight": 1.0} for term in TERMS},
    "confidence": {"confidence": True},
    "all": {"kind": "absolute", "confidence": True, **{f"{t}_weight": 0.1 for t in TERMS}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_training_lowers_every_loss(config, name):
    config = config.changed(loss=LossSettings(**OPTIONS[name]))
    train(config)
    first, lines = read_log(config.run.run_dir)
    steps = [line["loss"] for line in lines]
    assert np.mean(steps[-3:]) < np.mean(steps[:3])
    assert TrainConfig.from_dict(first["config"]).loss == config.loss


def test_validation_does_not_depend_on_what_is_trained(config, tmp_path):
    """At a rate of almost 0 all runs have the same network, and so must have the same number."""
    found = []
    for name in ("absolute", "hard mask", "shape", "confidence"):
        run = config.changed(loss=LossSettings(**OPTIONS[name]), run_dir=tmp_path / name)
        train(run.changed(learning_rate=1e-12, epochs=1))
        found.append(read_log(run.run.run_dir)[1][-1]["validation_loss"])
    np.testing.assert_allclose(found, found[0], rtol=1e-5)


def test_a_run_with_every_option_goes_on_exactly(config, tmp_path):
    config = config.changed(loss=LossSettings(**OPTIONS["all"]), epochs=2)
    whole = config.changed(run_dir=tmp_path / "whole")
    best = train(whole)
    train(config.changed(max_samples=24))  # stops inside the second epoch
    again = train(config)
    logs = [without_clock(read_log(c.run.run_dir)[1]) for c in (whole, config)]
    assert logs[0] == logs[1]
    a, b = (load_weights(path).state_dict() for path in (best, again))
    assert a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    with pytest.raises(ValueError, match="another loss"):
        train(config.changed(loss=LossSettings()))


def test_confidence_starts_typical_and_changes_no_other_weight():
    torch.manual_seed(0)
    plain = create("compact", 64).eval()
    torch.manual_seed(0)
    confident = create("compact", 64, confidence=True).eval()
    photos, has_side = torch.rand(2, 6, 64, 64), torch.tensor([True, False])
    with torch.no_grad():
        position_map, log_deviation = confident.answer(photos, has_side)[:2]
        assert torch.equal(position_map, plain(photos, has_side))
        assert torch.equal(position_map, confident(photos, has_side))
    assert log_deviation.shape == (2, 1, 64, 64)
    torch.testing.assert_close(log_deviation.exp(), torch.full((2, 1, 64, 64), TYPICAL_DEVIATION))


def test_confidence_learns_where_the_errors_are():
    torch.manual_seed(0)
    network = create("compact", SIZE, confidence=True).eval().requires_grad_(False)
    loss = TrainingLoss(LossSettings(confidence=True, mask="none"), load_layout(SIZE))
    photos, rng = torch.rand(4, 6, SIZE, SIZE), torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(network.log_deviation.requires_grad_().parameters(), 5e-2)
    noise = torch.tensor([0.01, 0.08]).repeat_interleave(SIZE // 2)[:, None]  # wild below
    for _ in range(60):
        maps, log_deviation = network.answer(photos)[:2]
        optimizer.zero_grad()
        loss(maps, maps + noise * torch.randn(maps.shape, generator=rng), log_deviation).backward()
        optimizer.step()
    deviation = network.answer(photos).log_deviation.exp().mean(dim=(0, 1, 3))
    assert deviation[4].item() == pytest.approx(0.01, rel=0.2)
    assert deviation[-4].item() == pytest.approx(0.08, rel=0.2)


def test_confidence_is_refused_where_it_cannot_be_predicted(config):
    for name in ("prn", "one_view", "two_view"):
        with pytest.raises(ValueError, match=f"{name} cannot predict its confidence"):
            train(config.changed(network=name, loss=LossSettings(confidence=True)))


def test_weights_remember_whether_they_predict_their_confidence(tmp_path):
    for confidence in (False, True):
        network, path = create("compact", 64, confidence), tmp_path / str(confidence)
        save_weights(path, network)
        again = load_weights(path)
        assert again.confidence is confidence
        assert again.state_dict().keys() == network.state_dict().keys()
        assert read_card(path).get("confidence", False) is confidence


def test_confidence_can_be_added_to_trained_weights_and_left_out_again(config, tmp_path):
    plain = train(config.changed(epochs=1))
    short = config.changed(epochs=1, learning_rate=1e-12)
    confident = short.changed(run_dir=tmp_path / "confident", loss=LossSettings(confidence=True))
    more = train(confident.changed(init_weights=plain))
    less = train(short.changed(run_dir=tmp_path / "less", init_weights=more))
    start, with_head, without = (load_weights(path) for path in (plain, more, less))
    assert with_head.confidence and not without.confidence
    torch.testing.assert_close(with_head.pose.weight, start.pose.weight)
    torch.testing.assert_close(without.pose.weight, start.pose.weight)
