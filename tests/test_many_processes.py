"""Two processes that share every batch give the same training as one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import PartialState
from toy_face import toy_layout
from toy_training import CLOCK_COLUMNS, SIZE, PlainNetwork, TinyNetwork, random_pairs

import facelib
from facelib.networks.catalogue import NETWORKS
from facelib.networks.weights import load_weights
from facelib.pairs.store import write_shards
from facelib.training.checkpoint import CHECKPOINT
from facelib.training.config import BEST, TrainConfig
from facelib.training.log import read_log
from facelib.training.loop import train
from facelib.training.opened_run import DIVERGED, OpenedRun
from facelib.training.processes import Processes

TIMEOUT = 900  # s; on an idle processor seconds are enough
LAYOUT = toy_layout(SIZE)
BATCH = 5  # which two processes cannot share evenly
BROKEN = 7  # this pair's vertices are so far away in one of the folders that the loss is infinite


@pytest.fixture(autouse=True)
def small_networks(monkeypatch):
    for name, network in {"plain": PlainNetwork, "tiny": TinyNetwork}.items():
        monkeypatch.setitem(NETWORKS, name, network)


def run_config(folder, name, **changes):
    settings = {
        "data_dir": folder / "pairs",
        "run_dir": folder / name,
        "network": "plain",
        "size": SIZE,
        "batch_size": BATCH,
        "epochs": 3,
        "learning_rate": 1e-2,
        "max_grad_norm": 0.01,
        "average_decay": 0.9,
        "side_dropout": 0.5,
        "log_steps": 1,
        "threads": 1,
        "progress": False,
    }
    return TrainConfig.from_dict({**settings, **changes})


def runs(folder):
    """The runs of two processes in a folder of pairs: name and configuration."""
    configs = [
        run_config(folder, "one_step", max_samples=BATCH, max_grad_norm=None),
        run_config(folder, "whole"),
        run_config(folder, "begun", max_samples=2 * BATCH),
        run_config(folder, "begun_by_one"),
        run_config(folder, "timed", max_hours=2.5),
        run_config(folder, "batch_norm", network="tiny", max_samples=BATCH),
        run_config(folder, "small_batch", batch_size=1),
        run_config(folder, "diverged", data_dir=folder / "broken"),
    ]
    return {config.run.run_dir.name: config for config in configs}


def spoiled(pairs):
    for number, pair in enumerate(pairs):
        vertices = pair.vertices_image + np.float32(1e30 if number == BROKEN else 0)
        yield replace(pair, vertices_image=vertices)


KILLED_AT = 7  # the step


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pairs, and all runs as two processes left them, one of which was killed and went on."""
    folder = tmp_path_factory.mktemp("many")
    write_shards(random_pairs(24), folder / "pairs", {}, shard_size=10)
    write_shards(spoiled(random_pairs(24)), folder / "broken", {}, shard_size=10)
    NETWORKS["plain"] = PlainNetwork
    train(run_config(folder, "begun_by_one", max_samples=2 * BATCH), LAYOUT)
    del NETWORKS["plain"]
    # Each launch loads torch three times, so the killed run goes on in the launch of all others.
    killed = {"killed": run_config(folder, "killed", checkpoint_minutes=0)}
    code = launch(folder / "killed.json", killed, str(KILLED_AT)).returncode
    kept = {"code": code, "steps": [line["step"] for line in read_log(folder / "killed")[1]]}
    (folder / "when_killed.json").write_text(json.dumps(kept))
    done = launch(folder / "runs.json", runs(folder) | killed)
    assert done.returncode == 0, done.stderr
    return folder


def launch(tasks, configs, *more):
    """Let two processes train all runs, as described in a file."""
    tasks.write_text(json.dumps({name: config.to_dict() for name, config in configs.items()}))
    program = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    program += ["--main_process_port", "0", str(Path(__file__).with_name("train_many.py"))]
    settings = {
        "ACCELERATE_USE_CPU": "true",
        "HF_HOME": str(tasks.parent),  # whatever this user's accelerate is configured to do
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(Path(facelib.__file__).parents[1]),
    }
    return subprocess.run(
        [sys.executable, *program, str(tasks), *more],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


@pytest.fixture
def alone(folder, tmp_path):
    """The same runs of one process: a function from the name to the folder."""

    def run(name):
        config = runs(folder)[name].changed(run_dir=tmp_path / name)
        train(config, LAYOUT)
        return config.run.run_dir

    return run


def ended(folder, name):
    return [json.loads((folder / f"ended_{rank}.json").read_text())[name] for rank in range(2)]


def logged(run_dir):
    """The log of every step, without its times."""
    lines = read_log(run_dir)[1]
    return [[v for k, v in sorted(line.items()) if k not in CLOCK_COLUMNS] for line in lines]


def assert_alike(run_dir, other_dir):
    """Same log and weights, up to the rounding of sums in another order."""
    a, b = (np.array(logged(d), dtype=float) for d in (run_dir, other_dir))
    np.testing.assert_allclose(a, b, rtol=1e-4)
    a, b = (load_weights(d / BEST).state_dict() for d in (run_dir, other_dir))
    for key, value in a.items():
        torch.testing.assert_close(value, b[key], rtol=1e-3, atol=1e-5)


def first_moments(run_dir):
    state = torch.load(run_dir / CHECKPOINT, weights_only=True)["optimizer"]["state"]
    return [moments["exp_avg"] for moments in state.values()]


def test_shares_of_a_batch_make_up_the_batch(folder):
    stream = OpenedRun(run_config(folder, "unused"), LAYOUT, Processes("cpu")).stream
    whole, parts = stream.batch(3), [stream.batch(3, slice(i, None, 2)) for i in range(2)]
    assert [len(part.photos) for part in parts] == [3, 2]
    for i, part in enumerate(parts):
        assert torch.equal(part.photos, whole.photos[i::2])
        assert torch.equal(part.maps, whole.maps[i::2])
        assert torch.equal(part.has_side, whole.has_side[i::2])


def test_two_processes_find_the_gradient_of_the_joined_batch(folder, alone):
    # After one step Adam's first moment is a tenth of the gradient.
    moments = (first_moments(run_dir) for run_dir in (alone("one_step"), folder / "one_step"))
    for joined, shared in zip(*moments, strict=True):
        assert joined.abs().max() > 1e-6
        torch.testing.assert_close(shared, joined, rtol=1e-5, atol=1e-9)


def test_two_processes_train_as_one_does(folder, alone):
    assert_alike(folder / "whole", alone("whole"))


def test_the_log_names_the_processes_and_only_the_main_one_writes(folder):
    first, lines = read_log(folder / "whole")
    assert first["environment"]["processes"] == 2
    assert first["ended"] is not None
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert {path.name for path in (folder / "whole").iterdir()} == {BEST, CHECKPOINT, "log.jsonl"}


def test_one_process_continues_what_two_began(folder, alone):
    config = runs(folder)["begun"].changed(max_samples=None)
    assert read_log(config.run.run_dir)[1][-1]["step"] == 2
    train(config, LAYOUT)
    assert_alike(config.run.run_dir, alone("whole"))
    assert read_log(config.run.run_dir)[0]["continued"][-1]["environment"]["processes"] == 1


def test_two_processes_continue_what_one_began(folder, alone):
    assert_alike(folder / "begun_by_one", alone("whole"))
    first, _ = read_log(folder / "begun_by_one")
    assert first["environment"]["processes"] == 1
    assert first["continued"][-1]["environment"]["processes"] == 2


def test_the_main_process_decides_for_all_when_time_is_up(folder):
    assert read_log(folder / "timed")[1][-1]["step"] == 3
    assert ended(folder, "timed") == [str(folder / "timed" / BEST)] * 2


def test_a_killed_process_ends_all_and_the_run_goes_on_exactly(folder):
    kept = json.loads((folder / "when_killed.json").read_text())
    assert kept["code"] != 0 and 1 <= kept["steps"][-1] <= KILLED_AT
    assert ended(folder, "killed") == [str(folder / "killed" / BEST)] * 2
    assert logged(folder / "killed") == logged(folder / "whole")
    a, b = (load_weights(folder / name / BEST).state_dict() for name in ("killed", "whole"))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not list((folder / "killed").glob(".*"))


def test_a_loss_that_is_not_finite_in_one_share_stops_all(folder):
    messages = ended(folder, "diverged")
    assert messages[0] == messages[1] and "loss is nan" in messages[0]
    kept = torch.load(folder / "diverged" / DIVERGED, weights_only=True)
    assert len(kept["maps"]) == BATCH
    assert (kept["maps"].amax(dim=(1, 2, 3)) > 1e20).sum() == 1


def test_every_process_needs_a_sample(folder):
    messages = ended(folder, "small_batch")
    assert messages[0] == messages[1] and "at least 1 for each of 2 processes" in messages[0]


def test_batch_norm_sees_each_share_alone_on_processors(folder):
    run = OpenedRun(run_config(folder, "unused", network="tiny"), LAYOUT, Processes("cpu"))
    expected = 0.0
    for part in (run.stream.batch(0, slice(i, None, 2)) for i in range(2)):
        maps = run.learner.network.train()(part.photos)
        expected += run.learner.loss(maps, part.maps).item() * len(part.maps) / BATCH
    assert read_log(folder / "batch_norm")[1][0]["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.fixture
def fresh_state():
    yield
    PartialState._reset_state()


def test_processes_that_would_train_apart_are_refused(monkeypatch, fresh_state):
    # The environment that `accelerate launch --cpu --num_processes 2` makes where there is no MPI.
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "no")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    monkeypatch.setenv("MASTER_PORT", "29500")
    with pytest.raises(ValueError, match="several processes were launched"):
        Processes("cpu")
