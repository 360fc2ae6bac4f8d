"""Training learns, weights pixels, halves the rate, stops, and continues exactly."""

import json
import time
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import nn
from toy_training import SIZE, GridLayout, TinyNetwork, random_pairs

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA
from facelib.cli.train import TRAIN_OPTIONS
from facelib.networks.catalogue import NETWORKS, create
from facelib.networks.weights import load_weights, read_card
from facelib.pairs.augmentation import NO_AUGMENTATION, Augmentation
from facelib.pairs.store import ShardedPairs, write_shards
from facelib.training import loop as training
from facelib.training.config import Progress, TrainConfig, learning_rate_at, rate_groups
from facelib.training.log import revision
from facelib.training.loop import TrainingDivergedError, read_log, train, weighted_squared_error
from facelib.training.losses import TrainingLoss
from facelib.training.stream import TrainStream, make_batch
from facelib.training.weight_average import WeightAverage


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", TinyNetwork)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_shards(random_pairs(24), folder, {"made": "by a test"}, shard_size=10)
    return folder


@pytest.fixture
def config(tmp_path, data_dir):
    return TrainConfig(
        data_dir=data_dir,
        run_dir=tmp_path / "run",
        network="tiny",
        size=SIZE,
        batch_size=4,
        epochs=3,
        learning_rate=1e-2,
        log_steps=1,
        threads=1,
        progress=False,
    )


def losses(run_dir):
    return {line["step"]: line["loss"] for line in read_log(run_dir)[1]}


def test_loss_is_the_weighted_mean_of_squares():
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 5, 3, 8, 8))
    mask = rng.random((8, 8))
    expected = np.average(((a - b) ** 2).mean(axis=(0, 1)), weights=mask)
    got = weighted_squared_error(*(torch.from_numpy(x) for x in (a, b, mask)))
    assert got.item() == pytest.approx(expected)


def test_changing_the_mask_changes_the_loss():
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    b[..., 0, 0] = 1.0
    flat, pointed = torch.ones(4, 4), torch.ones(4, 4)
    pointed[0, 0] = 16.0
    assert weighted_squared_error(a, b, pointed) > 5 * weighted_squared_error(a, b, flat)
    pointed[0, 0] = 0.0
    assert weighted_squared_error(a, b, pointed) == 0


def test_two_view_overfits_one_batch():
    torch.manual_seed(0)
    size = 64  # at 32 px BatchNorm would see one pixel a photo
    network = create("two_view", size).to(memory_format=torch.channels_last)
    photos, mask = torch.rand(4, 6, size, size), torch.ones(size, size)
    # Differently tilted planes stand for faces: smooth, like any position map.
    ramp = torch.linspace(0.2, 0.8, size)
    plane = torch.stack(torch.meshgrid(ramp, ramp, indexing="ij"))
    maps = [plane[[0, 1, 0]], 1 - plane[[0, 1, 1]], plane[[1, 0, 0]], 1 - plane[[1, 0, 1]]]
    maps = torch.stack(maps)
    optimizer = torch.optim.Adam(network.parameters(), 5e-4)
    for _ in range(45):
        optimizer.zero_grad()
        loss = weighted_squared_error(network(photos), maps, mask)
        loss.backward()
        optimizer.step()
    mean_map = maps.mean(dim=0, keepdim=True)
    assert loss.item() < 0.7 * weighted_squared_error(mean_map, maps, mask).item()


def test_optimiser_reports_the_halved_rate(config):
    train(replace(config, halve_every=2, epochs=5, log_steps=1000), GridLayout())
    rates = [line["learning_rate"] for line in read_log(config.run_dir)[1]]
    assert rates == [1e-2, 1e-2, 5e-3, 5e-3, 2.5e-3]


def test_rate_warms_up_and_follows_the_cosine(config):
    config = replace(config, schedule="cosine", warmup_samples=39)
    rates = [learning_rate_at(config, Progress(step=s), 400) for s in (0, 5, 50, 100)]
    np.testing.assert_allclose(rates[0], 1e-2 / 40)
    np.testing.assert_allclose(rates[2], 5e-3)
    np.testing.assert_allclose(rates[3], 0, atol=1e-9)
    assert rates[0] < rates[1] < 1e-2


def test_one_cycle_rises_from_a_25th_and_falls_to_nothing(config):
    config = replace(config, schedule="one_cycle")
    steps = np.arange(0, 101, 5)
    rates = np.array([learning_rate_at(config, Progress(step=s), 400) for s in steps])
    np.testing.assert_allclose(rates[[0, 6, 20]], [1e-2 / 25, 1e-2, 0], atol=1e-12)
    assert (np.diff(rates[:7]) > 0).all() and (np.diff(rates[6:]) < 0).all()
    # Half way down, between 30 % and the end, lies half the rate.
    assert learning_rate_at(config, Progress(step=65), 400) == pytest.approx(5e-3)


def test_averaged_weights_are_the_mean_of_those_after_each_step():
    layer = nn.Linear(3, 2)
    average, expected = WeightAverage(layer, 0.5), layer.weight.detach().clone()
    for step in range(1, 4):
        with torch.no_grad():
            layer.weight.add_(step)
        average.update(step)
        decay = min(0.5, step / (step + 10))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
    own = layer.weight.detach().clone()
    with average.applied():
        torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.weight, own)


def test_a_run_keeps_averaged_weights(config):
    best = train(replace(config, average_decay=0.99, epochs=1), GridLayout())
    state = torch.load(config.run_dir / training.CHECKPOINT, weights_only=True)
    kept = load_weights(best).state_dict()["layers.0.weight"]
    assert torch.equal(kept, state["average"]["layers.0.weight"].contiguous())
    assert not torch.equal(kept, state["network"]["layers.0.weight"].contiguous())


def test_bfloat16_trains_as_float32_does_but_for_rounding(config, tmp_path):
    half = replace(config, precision="bfloat16", run_dir=tmp_path / "half")
    for one in (config, half):
        train(one, GridLayout())
    a, b = (np.array(list(losses(c.run_dir).values())) for c in (config, half))
    assert (a != b).any()
    np.testing.assert_allclose(a, b, rtol=0.05)


def test_a_longer_run_continues_a_shorter_one_exactly(config, tmp_path):
    whole = replace(config, run_dir=tmp_path / "whole")
    train(whole, GridLayout())
    train(replace(config, max_samples=20), GridLayout())  # stops inside the first epoch
    assert max(losses(config.run_dir)) == 5
    best = train(config, GridLayout())
    assert losses(config.run_dir) == losses(whole.run_dir)
    a, b = (load_weights(p).state_dict() for p in (best, whole.run_dir / best.name))
    assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("average_decay", [None, 0.9])
def test_a_killed_run_continues_exactly(config, tmp_path, monkeypatch, average_decay):
    config = replace(config, average_decay=average_decay)
    whole = replace(config, run_dir=tmp_path / "whole")
    train(whole, GridLayout())
    real, calls = TrainingLoss.__call__, []

    def killed(*args):
        calls.append(1)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(TrainingLoss, "__call__", killed)
    config = replace(config, checkpoint_minutes=0)
    with pytest.raises(KeyboardInterrupt):
        train(config, GridLayout())
    monkeypatch.undo()
    monkeypatch.setitem(NETWORKS, "tiny", TinyNetwork)
    with (config.run_dir / "log.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')  # the line that was being written
    train(config, GridLayout())
    assert losses(config.run_dir) == losses(whole.run_dir)
    a, b = (load_weights(c.run_dir / training.BEST) for c in (config, whole))
    assert all(torch.equal(a.state_dict()[k], v) for k, v in b.state_dict().items())
    assert not list(config.run_dir.glob("*.tmp"))


def test_another_configuration_does_not_continue_a_run(config):
    train(replace(config, max_samples=8), GridLayout())
    with pytest.raises(ValueError, match="learning_rate"):
        train(replace(config, learning_rate=1.0), GridLayout())


def test_log_starts_with_what_the_run_depends_on(config):
    best = train(config, GridLayout())
    first, lines = read_log(config.run_dir)
    assert TrainConfig.from_dict(first["config"]) == config
    assert first["data"] == {"made": "by a test"}
    assert (first["n_train"], first["n_valid"]) == (21, 3)
    assert first["parameters"] == count_of(create("tiny", SIZE))
    assert first["environment"]["torch"] == torch.__version__
    assert first["environment"]["revision"] == revision()
    validated = [line for line in lines if line["validation_loss"] is not None]
    assert [line["epoch"] for line in validated] == [0, 1, 2]
    assert 0 < validated[0]["validation_error_px"] < SIZE
    assert validated[0]["validation_error_mm"] == pytest.approx(
        validated[0]["validation_error_px"] / 0.5, rel=1e-5
    )
    lowest = min(validated, key=lambda line: line["validation_loss"])
    assert read_card(best)["result"] == lowest


def test_log_tells_how_long_training_waited_for_data(config):
    class Slow(GridLayout):
        def position_map(self, vertices):
            time.sleep(0.03)
            return super().position_map(vertices)

    shares = []
    for layout in (GridLayout(), Slow()):
        train(replace(config, epochs=1, run_dir=config.run_dir / type(layout).__name__), layout)
        lines = read_log(config.run_dir / type(layout).__name__)[1]
        shares.append(np.median([line["data_share"] for line in lines[:-1]]))
    assert 0 <= shares[0] < shares[1] < 1


def count_of(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_log_tells_whether_the_run_has_ended_and_where_it_went_on(config):
    class Interrupted(GridLayout):
        def position_map(self, vertices):
            raise KeyboardInterrupt

    train(replace(config, max_samples=8), GridLayout())
    assert read_log(config.run_dir)[0]["ended"] is not None
    with pytest.raises(KeyboardInterrupt):
        train(config, Interrupted())
    assert read_log(config.run_dir)[0]["ended"] is None
    train(config, GridLayout())
    first, lines = read_log(config.run_dir)
    assert first["ended"] is not None
    assert [stop["step"] for stop in first["continued"]] == [2, 2]
    assert first["continued"][0]["environment"]["revision"] == revision()
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def test_stops_when_validation_no_longer_improves(config):
    train(replace(config, learning_rate=1e-12, patience=2, epochs=50), GridLayout())
    epochs = {line["epoch"] for line in read_log(config.run_dir)[1]}
    assert 2 <= max(epochs) < 49


def test_stops_when_time_is_up(config):
    train(replace(config, max_hours=1e-9), GridLayout())
    assert read_log(config.run_dir)[1] == []


def test_a_loss_that_is_not_finite_is_named(config):
    class Broken(GridLayout):
        def position_map(self, vertices):
            return np.full((SIZE, SIZE, 3), np.nan, np.float32)

    with pytest.raises(TrainingDivergedError, match="nan at step 0 with learning rate 0.01"):
        train(config, Broken())
    kept = torch.load(config.run_dir / "diverged.pt", weights_only=True)
    assert kept["maps"].isnan().all() and kept["photos"].shape == (4, 6, SIZE, SIZE)


def test_starts_from_the_weights_of_another_run(config, tmp_path):
    best = train(config, GridLayout())
    ending = load_weights(best)
    other = replace(
        config, run_dir=tmp_path / "next", init_weights=best, learning_rate=1e-12, epochs=1
    )
    again = load_weights(train(other, GridLayout()))
    a, b = (network.layers[0].weight for network in (again, ending))
    torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_stored_pairs_may_be_larger_than_the_network(tmp_path):
    write_shards(random_pairs(2, size=2 * SIZE), tmp_path, {})
    pairs, layout = ShardedPairs(tmp_path), GridLayout()
    batch = make_batch(pairs, [1], layout)
    x, y, z = pairs.arrays(1)[2].T
    np.testing.assert_allclose(
        batch.vertices_image[0], np.stack([x / 2 - 0.25, y / 2 - 0.25, z / 2], axis=1), atol=1e-5
    )
    expected = batch.vertices_image[0] / (SIZE * 1.1)
    got = layout.vertices(batch.maps[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert batch.px_per_mm[0] == 0.25


def test_every_pass_sees_every_pair_once(data_dir):
    stream = TrainStream(
        ShardedPairs(data_dir), np.arange(5, 12), GridLayout(), NO_AUGMENTATION, 4, seed=1
    )
    passes = np.array([stream.index(sample) for sample in range(21)]).reshape(3, 7)
    assert all(sorted(row) == list(range(5, 12)) for row in passes)
    assert len({tuple(row) for row in passes}) == 3


def test_configuration_comes_from_plain_values(tmp_path):
    values = {
        "data_dir": "pairs",
        "run_dir": "run",
        "size": 64,
        "augmentation": {"channel_scale": [0.6, 1.4]},
    }
    config = TrainConfig.from_dict(json.loads(json.dumps(values)))
    assert config.augmentation.channel_scale == (0.6, 1.4)
    assert TrainConfig.from_dict(config.to_dict()) == config
    thesis = (config.learning_rate, config.batch_size, config.halve_every, config.patience)
    assert thesis == (1e-4, 16, 5, 10)
    with pytest.raises(ValueError, match="TrainConfig has no sizes"):
        TrainConfig.from_dict({**values, "sizes": 1})
    with pytest.raises(ValueError, match="run_dir"):
        TrainConfig.from_dict({"data_dir": "pairs"})
    with pytest.raises(ValueError, match="batch_size"):
        TrainConfig.from_dict({**values, "batch_size": 0})


def test_an_augmentation_is_named_or_told_by_what_differs():
    def built(**values):
        return TrainConfig.from_dict({"data_dir": "a", "run_dir": "b", **values}).augmentation

    assert built(augmentation="photos") == Augmentation.for_photos()
    changed = built(augmentation={"preset": "photos", "rotation_deg": 20})
    assert changed == replace(Augmentation.for_photos(), rotation_deg=20)
    assert built(augmentation=changed) is changed
    assert built() == built(augmentation=None) == Augmentation()
    with pytest.raises(ValueError, match="augmentation must be one of .*'photo'"):
        built(augmentation="photo")
    with pytest.raises(ValueError, match="Augmentation has no turn"):
        built(augmentation={"turn": 3})


def test_the_train_command_trains_continues_and_says_what_is_wrong(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_shipped_layout", lambda size: GridLayout(size))
    run = ["train", str(data_dir), str(tmp_path / "run"), "--network", "tiny", "--quiet"]
    run += ["--size", str(SIZE), "--batch-size", "4", "--seed", "3", "--rotation-deg", "10"]
    done = CliRunner().invoke(main, [*run, "--epochs", "1"])
    assert done.exit_code == 0, done.output
    longer = CliRunner().invoke(main, [*run, "--epochs", "2"])
    assert longer.exit_code == 0, longer.output
    first, lines = read_log(tmp_path / "run")
    config = TrainConfig.from_dict(first["config"])
    assert (config.seed, config.augmentation) == (3, Augmentation(rotation_deg=10))
    assert [line["epoch"] for line in lines if line["validation_loss"]] == [0, 1]
    assert CliRunner().invoke(main, [*run, "--learning-rate", "1"]).exit_code == BAD_DATA
    assert CliRunner().invoke(main, [*run, "--schedule", "never"]).exit_code == 2
    run[2], photos = str(tmp_path / "other"), ["--augmentation", "photos", "--epochs", "1"]
    assert CliRunner().invoke(main, [*run, *photos]).exit_code == 0
    config = TrainConfig.from_dict(read_log(tmp_path / "other")[0]["config"])
    assert config.augmentation == replace(Augmentation.for_photos(), rotation_deg=10)


def test_the_train_command_has_only_options_of_the_configuration():
    names = {name for group in TRAIN_OPTIONS.values() for name in group}
    assert names <= {field.name for field in fields(TrainConfig)}


def test_wide_layers_get_a_smaller_share_of_the_rate():
    network = nn.Sequential(
        nn.Conv2d(2, 5, 1), nn.Conv2d(5, 8, 4), nn.ConvTranspose2d(8, 3, 4), nn.BatchNorm2d(3)
    )
    groups = rate_groups(network, 40)
    shares = {id(p): group["rate_share"] for group in groups for p in group["params"]}
    assert len(shares) == len(list(network.parameters()))
    assert shares[id(network[0].weight)] == 1
    assert shares[id(network[1].weight)] == 40 / (5 * 16)
    assert shares[id(network[2].weight)] == 40 / (8 * 16)
    assert shares[id(network[3].weight)] == shares[id(network[2].bias)] == 1
    assert [group["rate_share"] for group in rate_groups(network, None)] == [1]


def test_training_leaves_the_processor_as_it_was(config):
    train(replace(config, epochs=1), GridLayout())
    assert np.float64(5e-324) * 1 > 0  # smaller than any number but the denormal ones


def test_a_share_of_side_photos_is_hidden_where_the_network_can_do_without(data_dir, config):
    stream = TrainStream(
        ShardedPairs(data_dir), np.arange(20), GridLayout(), NO_AUGMENTATION, 20, 1, 0.25
    )
    shown = np.concatenate([stream.batch(step).has_side.numpy() for step in range(20)])
    assert 0.65 < shown.mean() < 0.85
    assert torch.equal(stream.batch(3).has_side, stream.batch(3).has_side)
    run = training._Run(replace(config, side_dropout=1.0), GridLayout())
    assert run.stream.batch(0).has_side.all()  # this network needs both


def test_options_that_a_network_has_no_use_for_are_refused(config):
    with pytest.raises(ValueError, match="calibrat"):
        train(replace(config, calibrate=True), GridLayout())


def test_a_run_goes_on_after_an_option_was_added(config):
    train(replace(config, max_samples=20), GridLayout())
    path = config.run_dir / training.CHECKPOINT
    state = torch.load(path, weights_only=True)
    del state["config"]["side_dropout"]
    torch.save(state, path)
    train(config, GridLayout())
    assert max(losses(config.run_dir)) > 5


def test_stages_of_other_seeds_hold_out_the_same_people(config):
    """A later stage must not be validated on people from whom an earlier one learned."""

    def held_out(**changes):
        run = training._Run(replace(config, **changes), GridLayout())
        return set(run.pairs.identities[run.valid_idx])

    assert held_out(seed=0) == held_out(seed=1) == held_out(seed=2)
    assert held_out(split_seed=1) != held_out()
