"""A run that is stopped, in any way and any number of times, ends as if it had not been."""

from contextlib import suppress

import numpy as np
import pytest
import torch
from toy_face import toy_layout
from toy_training import SIZE, TinyNetwork, random_pairs, tiny_config, without_clock

from facelib.face.layout import UVLayout
from facelib.networks.catalogue import NETWORKS
from facelib.networks.weights import load_weights, read_card
from facelib.pairs.store import write_shards
from facelib.training import opened_run
from facelib.training.checkpoint import CHECKPOINT
from facelib.training.config import BEST
from facelib.training.environment import revision
from facelib.training.log import read_log
from facelib.training.loop import train
from facelib.training.loss import TrainingLoss
from facelib.training.validation import HeldOutError

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


def final_state(config):
    return torch.load(config.run.run_dir / CHECKPOINT, weights_only=True)


def assert_same_run(one, other):
    """The same weights, best weights, log and standing, to the last bit."""
    logs = [without_clock(read_log(config.run.run_dir)[1]) for config in (one, other)]
    assert logs[0] == logs[1]
    a, b = final_state(one), final_state(other)
    for progress in (a["progress"], b["progress"]):
        del progress["seconds"]
    assert a["progress"] == b["progress"]
    kept = [load_weights(config.run.run_dir / BEST).state_dict() for config in (one, other)]
    states = [(a["network"], b["network"]), kept]
    if a["average"] is not None:
        states.append((a["average"], b["average"]))
    for mine, theirs in states:
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)
    moments = [state["optimizer"]["state"] for state in (a, b)]
    for mine, theirs in zip(moments[0].values(), moments[1].values(), strict=True):
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def interrupted(config, monkeypatch, at_loss):
    """Train until the loss is computed for the n-th time in this call, as by Ctrl-C."""
    real, calls = TrainingLoss.__call__, []

    def stop(*args):
        calls.append(1)
        if len(calls) == at_loss:
            raise KeyboardInterrupt
        return real(*args)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(TrainingLoss, "__call__", stop)
        train(config, LAYOUT)


@pytest.mark.parametrize("seed", range(6))
def test_a_run_stopped_at_random_again_and_again_is_the_uninterrupted_run(
    config, tmp_path, monkeypatch, seed
):
    rng = np.random.default_rng(seed)
    config = config.changed(
        average_decay=(None, 0.9)[seed % 2],
        log_steps=int(rng.integers(1, 8)),
        patience=int(rng.integers(1, 4)),
        learning_rate=float(rng.choice([1e-2, 0.3])),  # the higher one makes validations jump
        epochs=4,
    )
    whole = config.changed(run_dir=tmp_path / "whole")
    train(whole, LAYOUT)
    for samples in np.sort(rng.integers(1, 80, 4)):
        minutes = float(rng.choice([0.0, 10.0]))  # between checkpoints: after every step, or never
        run = config.changed(checkpoint_minutes=minutes)
        if rng.random() < 0.5:
            interrupted(run, monkeypatch, rng.integers(1, 9))
        else:
            train(run.changed(max_samples=int(samples)), LAYOUT)
    train(config, LAYOUT)
    assert_same_run(whole, config)


def test_the_validation_of_a_stop_inside_an_epoch_is_taken_back(config, tmp_path, monkeypatch):
    """Its loss is made the best of all here: its weights must not outlive the stop."""

    def validate(network, *_):
        steps = int(network.layers[1].num_batches_tracked)
        return HeldOutError(0.5 if steps == 7 else 1.0 + steps / 100, 1.0, 1.0)

    monkeypatch.setattr(opened_run, "validate", validate)
    whole = config.changed(run_dir=tmp_path / "whole")
    train(whole, LAYOUT)
    best = train(config.changed(max_samples=28), LAYOUT)
    *_, last = read_log(config.run.run_dir)[1]
    assert last["final"] and last["validation_loss"] == 0.5
    assert read_card(best)["result"] == last
    train(config, LAYOUT)
    assert_same_run(whole, config)
    assert read_card(best)["result"]["step"] == 5  # the end of the first epoch


def test_a_run_that_stops_in_its_first_epoch_has_weights_until_it_goes_on(config, monkeypatch):
    best = train(config.changed(max_samples=12), LAYOUT)
    assert read_card(best)["result"]["step"] == 3
    interrupted(config, monkeypatch, at_loss=1)
    assert not best.exists()  # an uninterrupted run has none yet
    train(config, LAYOUT)
    assert read_card(best)["result"]["step"] % 5 == 0


def test_a_finished_run_is_left_as_it_is(config):
    config = config.changed(max_samples=28)
    best = train(config, LAYOUT)
    kept, lines = load_weights(best).state_dict(), without_clock(read_log(config.run.run_dir)[1])
    train(config, LAYOUT)
    assert without_clock(read_log(config.run.run_dir)[1]) == lines
    again = load_weights(best).state_dict()
    assert all(torch.equal(kept[key], again[key]) for key in kept)


def test_time_that_is_up_stops_a_run_that_more_time_continues_exactly(
    config, tmp_path, monkeypatch
):
    whole = config.changed(run_dir=tmp_path / "whole", max_hours=100)
    train(whole, LAYOUT)
    for hours in (2.5, 7.5, 100):
        ticks = iter(
            (3600.0 * np.arange(100)).tolist()
        )  # an hour passes whenever the clock is read
        monkeypatch.setattr(opened_run.Clock, "seconds", lambda _, ticks=ticks: next(ticks))
        train(config.changed(max_hours=hours), LAYOUT)
    assert_same_run(whole, config)


def test_half_a_line_that_a_killed_process_left_is_dropped(config, tmp_path, monkeypatch):
    whole = config.changed(run_dir=tmp_path / "whole")
    train(whole, LAYOUT)
    config = config.changed(checkpoint_minutes=0)
    interrupted(config, monkeypatch, at_loss=12)
    with (config.run.run_dir / "log.jsonl").open("a") as file:
        file.write('{"step": 3, "lo')
    train(config, LAYOUT)
    assert_same_run(whole, config)
    assert not list(config.run.run_dir.glob(".*"))


def test_another_configuration_does_not_continue_a_run(config):
    train(config.changed(max_samples=8), LAYOUT)
    with pytest.raises(ValueError, match="learning_rate"):
        train(config.changed(learning_rate=1.0), LAYOUT)


def test_log_tells_whether_the_run_has_ended_and_where_it_went_on(config):
    class Interrupted(UVLayout):
        def position_map(self, vertices):
            raise KeyboardInterrupt

    train(config.changed(max_samples=8), LAYOUT)
    assert read_log(config.run.run_dir)[0]["ended"] is not None
    with pytest.raises(KeyboardInterrupt):
        train(config, toy_layout(SIZE, Interrupted))
    assert read_log(config.run.run_dir)[0]["ended"] is None
    train(config, LAYOUT)
    first, lines = read_log(config.run.run_dir)
    assert first["ended"] is not None
    assert [stop["step"] for stop in first["continued"]] == [2, 2]
    assert first["continued"][0]["environment"]["revision"] == revision()
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def test_a_run_goes_on_after_an_option_was_added(config):
    train(config.changed(max_samples=20), LAYOUT)
    path = config.run.run_dir / CHECKPOINT
    state = torch.load(path, weights_only=True)
    del state["config"]["data"]["side_dropout"]
    torch.save(state, path)
    train(config, LAYOUT)
    assert read_log(config.run.run_dir)[1][-1]["step"] > 5


def test_a_checkpoint_of_an_older_version_is_refused(config):
    train(config.changed(max_samples=8), LAYOUT)
    path = config.run.run_dir / CHECKPOINT
    state = torch.load(path, weights_only=True)
    del state["best"]
    torch.save(state, path)
    with pytest.raises(ValueError, match="older version"):
        train(config, LAYOUT)
