"""Training learns, averages weights, stops, logs, and refuses what does not fit."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from toy_face import toy_layout
from toy_training import SIZE, TinyNetwork, random_pairs, tiny_config

from facelib.face.layout import UVLayout
from facelib.networks.catalogue import NETWORKS, create
from facelib.networks.weights import load_weights, read_card
from facelib.pairs.augmentation import NO_AUGMENTATION
from facelib.pairs.store import ShardedPairs, write_shards
from facelib.training.checkpoint import CHECKPOINT
from facelib.training.clock import Clock
from facelib.training.config import TrainConfig
from facelib.training.environment import revision
from facelib.training.learner import TrainingDivergedError, weight_average
from facelib.training.log import read_log
from facelib.training.loop import train
from facelib.training.opened_run import OpenedRun
from facelib.training.processes import Processes
from facelib.training.stream import TrainStream, make_batch
from facelib.training.terms import weighted_squared_error

LAYOUT = toy_layout(SIZE)


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
    return tiny_config(data_dir, tmp_path / "run")


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
    for _ in range(35):
        optimizer.zero_grad()
        loss = weighted_squared_error(network(photos), maps, mask)
        loss.backward()
        optimizer.step()
    mean_map = maps.mean(dim=0, keepdim=True)
    assert loss.item() < 0.7 * weighted_squared_error(mean_map, maps, mask).item()


def test_optimiser_reports_the_halved_rate(config):
    train(config.changed(halve_every=2, epochs=5, log_steps=1000), LAYOUT)
    rates = [line["learning_rate"] for line in read_log(config.run.run_dir)[1]]
    assert rates == [1e-2, 1e-2, 5e-3, 5e-3, 2.5e-3]


def test_averaged_weights_are_the_mean_of_those_after_each_step():
    layer = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    weight = layer[0].weight
    average, expected = weight_average(layer, 0.5), weight.detach().clone()
    for step in range(1, 4):
        with torch.no_grad():
            weight.add_(step)
        layer[1].num_batches_tracked.add_(1)
        average.update_parameters(layer)
        decay = min(0.5, step / (step + 10))
        expected = decay * expected + (1 - decay) * weight.detach()
    torch.testing.assert_close(average.module[0].weight.detach(), expected)
    assert average.module[1].num_batches_tracked == 3


def test_a_run_keeps_averaged_weights(config):
    best = train(config.changed(average_decay=0.99, epochs=1), LAYOUT)
    state = torch.load(config.run.run_dir / CHECKPOINT, weights_only=True)
    kept = load_weights(best).state_dict()["layers.0.weight"]
    assert torch.equal(kept, state["average"]["module.layers.0.weight"].contiguous())
    assert not torch.equal(kept, state["network"]["layers.0.weight"].contiguous())


def test_bfloat16_trains_as_float32_does_but_for_rounding(config, tmp_path):
    half = config.changed(precision="bfloat16", run_dir=tmp_path / "half")
    for one in (config, half):
        train(one, LAYOUT)
    a, b = (np.array(list(losses(c.run.run_dir).values())) for c in (config, half))
    assert (a != b).any()
    np.testing.assert_allclose(a, b, rtol=0.05)


def test_log_starts_with_what_the_run_depends_on(config):
    best = train(config, LAYOUT)
    first, lines = read_log(config.run.run_dir)
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


def count_of(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_clock_measures_the_share_of_waiting_since_the_last_line(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("facelib.training.clock.time.monotonic", lambda: now[0])

    def slow_batches():
        for seconds in (1.0, 2.0):
            now[0] += seconds
            yield SimpleNamespace(work_seconds=0.5)

    clock, batches = Clock(seconds=50.0), slow_batches()
    clock.next_batch(batches)
    now[0] += 3.0  # the step
    assert clock.columns() == {"seconds": 54.0, "data_share": 0.25, "data_work_share": 0.125}
    clock.next_batch(batches)
    assert clock.next_batch(batches) is None
    assert clock.columns() == {"seconds": 56.0, "data_share": 1.0, "data_work_share": 0.25}


def test_every_line_of_the_log_has_the_share_of_waiting(config):
    train(config.changed(epochs=1), LAYOUT)
    shares = [line["data_share"] for line in read_log(config.run.run_dir)[1]]
    assert len(shares) == 5 and all(0 <= share <= 1 for share in shares)


def test_stops_when_validation_no_longer_improves(config):
    train(config.changed(learning_rate=1e-12, patience=2, epochs=50), LAYOUT)
    epochs = {line["epoch"] for line in read_log(config.run.run_dir)[1]}
    assert 2 <= max(epochs) < 49


def test_stops_when_time_is_up(config):
    with pytest.raises(ValueError, match="it took no step"):
        train(config.changed(max_hours=1e-9), LAYOUT)
    assert read_log(config.run.run_dir)[1] == []


def test_a_loss_that_is_not_finite_is_named(config):
    class Broken(UVLayout):
        def position_map(self, vertices):
            return np.full((SIZE, SIZE, 3), np.nan, np.float32)

    with pytest.raises(TrainingDivergedError, match="nan at step 0 with learning rate 0.01"):
        train(config, toy_layout(SIZE, Broken))
    kept = torch.load(config.run.run_dir / "diverged.pt", weights_only=True)
    assert kept["maps"].isnan().all() and kept["photos"].shape == (4, 6, SIZE, SIZE)


def test_starts_from_the_weights_of_another_run(config, tmp_path):
    best = train(config, LAYOUT)
    ending = load_weights(best)
    other = config.changed(
        run_dir=tmp_path / "next", init_weights=best, learning_rate=1e-12, epochs=1
    )
    again = load_weights(train(other, LAYOUT))
    a, b = (network.layers[0].weight for network in (again, ending))
    torch.testing.assert_close(a, b, atol=1e-6, rtol=0)


def test_stored_pairs_may_be_larger_than_the_network(tmp_path):
    write_shards(random_pairs(2, size=2 * SIZE), tmp_path, {})
    pairs, layout = ShardedPairs(tmp_path), LAYOUT
    batch = make_batch(pairs, [1], layout)
    x, y, z = pairs.arrays(1)[2].T
    np.testing.assert_allclose(
        batch.vertices_image[0], np.stack([x / 2 - 0.25, y / 2 - 0.25, z / 2], axis=1), atol=1e-5
    )
    expected = layout.position_map(batch.vertices_image[0]) / (SIZE * 1.1)
    np.testing.assert_allclose(batch.maps[0].permute(1, 2, 0), expected, atol=1e-6)
    assert batch.px_per_mm[0] == 0.25


def test_every_pass_sees_every_pair_once(data_dir):
    stream = TrainStream(
        ShardedPairs(data_dir), np.arange(5, 12), LAYOUT, NO_AUGMENTATION, 4, seed=1
    )
    passes = np.array([stream.index(sample) for sample in range(21)]).reshape(3, 7)
    assert all(sorted(row) == list(range(5, 12)) for row in passes)
    assert len({tuple(row) for row in passes}) == 3


def test_training_leaves_the_processor_as_it_was(config):
    train(config.changed(epochs=1), LAYOUT)
    assert np.float64(5e-324) * 1 > 0  # smaller than any number but the denormal ones


def test_a_share_of_side_photos_is_hidden_where_the_network_can_do_without(data_dir, config):
    stream = TrainStream(
        ShardedPairs(data_dir), np.arange(20), LAYOUT, NO_AUGMENTATION, 20, 1, 0.25
    )
    shown = np.concatenate([stream.batch(step).has_side.numpy() for step in range(20)])
    assert 0.65 < shown.mean() < 0.85
    assert torch.equal(stream.batch(3).has_side, stream.batch(3).has_side)
    run = OpenedRun(config.changed(side_dropout=1.0), LAYOUT, Processes("cpu"))
    assert run.stream.batch(0).has_side.all()  # this network needs both


def test_options_that_a_network_has_no_use_for_are_refused(config):
    with pytest.raises(ValueError, match="calibrat"):
        train(config.changed(calibrate=True), LAYOUT)


def test_stages_of_other_seeds_hold_out_the_same_people(config):
    """A later stage must not be validated on people on whom an earlier one was trained."""

    def held_out(**changes):
        run = OpenedRun(config.changed(**changes), LAYOUT, Processes("cpu"))
        return set(run.pairs.identities[run.split.valid_idx])

    assert held_out(seed=0) == held_out(seed=1) == held_out(seed=2)
    assert held_out(split_seed=1) != held_out()
