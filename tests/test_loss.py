"""The loss: its settings, masks, comparison at vertices, confidence, and training by each."""

import numpy as np
import pytest
import torch
from toy_training import without_clock

from facelib.face.layout import load_layout
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
    weighted_squared_error,
)
from facelib.training.weight_mask import weight_mask

SIZE = 32


TERMS = ("normal", "edge", "keypoint", "shape")  # those of the map


KINDS = ("squared", "absolute")


MASKS = ("feathered", "hard", "none")


def test_the_default_is_the_weighted_squared_error_to_the_last_bit():
    a, b = torch.rand(2, 4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    layout = load_layout(SIZE)
    mask = torch.from_numpy(weight_mask(layout))
    weights = mask / mask.sum()
    thesis = ((a - b).square().mean(dim=(0, 1)) * weights).sum()
    assert torch.equal(TrainingLoss(LossSettings(), layout)(a, b), thesis)
    assert torch.equal(weighted_squared_error(a, b, mask), thesis)


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
    """Pairs of heads in many poses with uninformative photos: enough to overfit."""
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
