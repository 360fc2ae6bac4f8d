"""`facelib train` on full disks, damaged files, wrong devices: a sentence, and nothing lost."""

import math
import os
import shutil
import time

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from full_disk import files_end_at
from toy_face import toy_layout
from toy_training import SIZE, TinyNetwork, random_pairs, tiny_config

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA, UNWRITABLE
from facelib.files.lock import FolderInUseError, locked
from facelib.networks.catalogue import NETWORKS
from facelib.networks.weights import load_weights, save_weights
from facelib.pairs.store import write_shards
from facelib.training import loop, opened_run
from facelib.training.checkpoint import CHECKPOINT
from facelib.training.config import BEST
from facelib.training.loop import train
from facelib.training.validation import HeldOutError

LAYOUT = toy_layout(SIZE)


@pytest.fixture(autouse=True)
def tiny_network(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", TinyNetwork)
    monkeypatch.setattr(loop, "load_layout", lambda size: LAYOUT)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_shards(random_pairs(24), folder, {}, shard_size=10)
    return folder


@pytest.fixture
def own_pairs(pairs, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(pairs, tmp_path / "own pairs")


@pytest.fixture
def config(tmp_path, pairs):
    return tiny_config(pairs, tmp_path / "run")


def command(pairs, run, *more):
    """The exit code and the last line that the command prints."""
    few = ["--network", "tiny", "--size", SIZE, "--batch-size", 4, "--epochs", 1, "--quiet"]
    few += ["--threads", 1, "--log-steps", 1]
    done = CliRunner().invoke(main, ["train", *map(str, [pairs, run, *few, *more])])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--threads", 0), ("--max-hours", 0), ("--max-samples", 0), ("--seed", -1),
        ("--split-seed", -1), ("--validation-fraction", 1.5), ("--validation-samples", 0),
        ("--samples-per-epoch", 0), ("--encoder-samples", -1), ("--warmup-samples", -1),
        ("--heatmap-warmup-samples", -1), ("--reference-fan-in", 0), ("--max-grad-norm", 0),
        ("--checkpoint-minutes", -1),
    ],
)  # fmt: skip
def test_a_number_that_makes_no_sense_names_its_option(pairs, tmp_path, option, value):
    code, said = command(pairs, tmp_path / "run", option, value)
    assert code == 2 and option in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("device", ["potato", "meta", "cuda:77"])
def test_a_device_that_is_not_there_is_one_sentence(pairs, tmp_path, device):
    code, said = command(pairs, tmp_path / "run", "--device", device)
    assert code == BAD_DATA and f"device {device} cannot be used here" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_checkpoint_cut_short_is_named(config, share):
    train(config.changed(max_samples=8), LAYOUT)
    path = config.run.run_dir / CHECKPOINT
    os.truncate(path, int(share * path.stat().st_size))
    code, said = command(config.data.data_dir, config.run.run_dir)
    assert code == BAD_DATA and f"{path} is damaged" in said


def test_a_checkpoint_with_a_flipped_bit_is_named(config):
    train(config.changed(max_samples=8), LAYOUT)
    path = config.run.run_dir / CHECKPOINT
    bias = torch.load(path, weights_only=True)["network"]["layers.0.bias"].numpy().tobytes()
    content = bytearray(path.read_bytes())
    content[content.index(bias) + 5] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        train(config, LAYOUT)


@pytest.mark.parametrize("n_bytes", [0, 100, 3_000, 9_000])
def test_a_full_disk_names_the_file_and_the_run_goes_on_later(config, n_bytes):
    train(config.changed(max_samples=24), LAYOUT)
    before = (config.run.run_dir / CHECKPOINT).read_bytes()
    with files_end_at(n_bytes), pytest.raises(OSError, match="too large") as caught:
        train(config, LAYOUT)
    assert caught.value.filename.startswith(str(config.run.run_dir))
    assert (config.run.run_dir / CHECKPOINT).read_bytes() == before
    assert not list(config.run.run_dir.glob(".*"))
    assert load_weights(train(config, LAYOUT))


def test_the_command_says_in_a_sentence_that_the_disk_is_full(config):
    with files_end_at(1000):
        code, said = command(config.data.data_dir, config.run.run_dir)
    assert code == UNWRITABLE
    log = config.run.run_dir / "log.jsonl"
    assert said == f"Error: cannot write the run: {log}: File too large"


def test_weights_can_be_read_by_whom_the_system_lets(tmp_path):
    save_weights(tmp_path / "a.safetensors", TinyNetwork())
    (tmp_path / "b").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_a_run_that_takes_no_step_says_that_it_has_no_weights(pairs, tmp_path):
    code, said = command(pairs, tmp_path / "run", "--max-hours", 1e-9)
    assert code == BAD_DATA and f"without {tmp_path / 'run' / BEST}: it took no step" in said


def test_a_run_whose_validations_are_not_finite_says_that_it_has_no_weights(config, monkeypatch):
    monkeypatch.setattr(opened_run, "validate", lambda *_: HeldOutError(math.nan, 1.0, 1.0))
    with pytest.raises(ValueError, match="no validation loss was finite"):
        train(config, LAYOUT)


@pytest.mark.parametrize("spoil", [os.unlink, lambda path: os.truncate(path, 99)])
@pytest.mark.parametrize("samples", [40, 28, 8])  # the end of an epoch, and inside
def test_weights_that_were_lost_from_a_finished_run_come_back(config, spoil, samples):
    config = config.changed(max_samples=samples)
    best = train(config, LAYOUT)
    kept = best.read_bytes()
    spoil(best)
    assert train(config, LAYOUT).read_bytes()[-1000:] == kept[-1000:]


def test_a_run_does_not_go_on_with_other_pairs(config, tmp_path, own_pairs):
    train(config.changed(max_samples=8), LAYOUT)
    train(config.changed(max_samples=12, data_dir=own_pairs), LAYOUT)  # a copy will do
    write_shards(list(random_pairs(24))[::-1], tmp_path / "others", {}, shard_size=10)
    code, said = command(tmp_path / "others", config.run.run_dir, "--epochs", 3)
    assert code == BAD_DATA and "another learning_rate" in said  # the command's default
    with pytest.raises(ValueError, match="made with other pairs"):
        train(config.changed(data_dir=tmp_path / "others"), LAYOUT)


def test_a_run_of_an_older_version_does_not_know_its_pairs_and_goes_on(config):
    train(config.changed(max_samples=8), LAYOUT)
    path = config.run.run_dir / CHECKPOINT
    state = torch.load(path, weights_only=True)
    del state["pairs"]
    torch.save(state, path)
    train(config, LAYOUT)


def test_two_programs_do_not_train_in_one_folder(config):
    with locked(config.run.run_dir), pytest.raises(FolderInUseError):
        train(config, LAYOUT)
    with locked(config.run.run_dir):
        code, said = command(config.data.data_dir, config.run.run_dir)
    assert code == UNWRITABLE and "in use by `python" in said
    assert not config.run.run_dir.exists()


def test_a_run_without_pairs_leaves_no_folder(tmp_path):
    code, said = command(tmp_path / "nowhere", tmp_path / "run")
    assert code == BAD_DATA and "nowhere" in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: os.truncate(path, path.stat().st_size - 1), "is cut short"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"), "differs from its SHA-256"),
    ],
)
def test_spoilt_pairs_are_named_before_the_training(own_pairs, tmp_path, spoil, words):
    path = own_pairs / "00001_front.npy"
    spoil(path)
    code, said = command(own_pairs, tmp_path / "run", "--verify")
    assert code == BAD_DATA and f"{path} {words}" in said


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(lambda path: os.truncate(path, 200), "was changed"), (lambda path: path.unlink(), "missing")],
)
def test_pairs_that_are_spoilt_during_the_training_are_named(config, own_pairs, spoil, words):
    def steps(epoch):
        if not epoch:
            for path in own_pairs.glob("*_front.npy"):
                spoil(path)
        return HeldOutError(1.0, 1.0, 1.0)

    calls = iter(range(99))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ValueError, match=words):
        patch.setattr(opened_run, "validate", lambda *_: steps(next(calls)))
        train(config.changed(data_dir=own_pairs), LAYOUT)


def test_data_that_are_not_finite_are_not_blamed_on_the_learning_rate(own_pairs, tmp_path):
    path = own_pairs / "00001_vertices.npy"
    vertices = np.load(path)
    vertices[:, 3] = math.nan
    np.save(path, vertices)
    code, said = command(own_pairs, tmp_path / "run")
    assert code == BAD_DATA and "vertices that are not finite" in said and "rate" not in said


def test_a_run_whose_folder_is_removed_says_so(config, monkeypatch):
    def validate(*_):
        shutil.rmtree(config.run.run_dir)
        return HeldOutError(1.0, 1.0, 1.0)

    monkeypatch.setattr(opened_run, "validate", validate)
    with pytest.raises(OSError, match=f"{config.run.run_dir} was removed while"):
        train(config, LAYOUT)


def test_a_clock_that_is_set_back_changes_nothing(config, tmp_path, monkeypatch):
    whole = train(config.changed(run_dir=tmp_path / "whole", max_hours=1), LAYOUT)
    with monkeypatch.context() as patch:
        now = iter(range(10**9, 0, -3600))  # an hour back whenever it is read
        patch.setattr(time, "time", lambda: next(now))
        train(config.changed(max_samples=28, max_hours=1), LAYOUT)
        best = train(config.changed(max_hours=1), LAYOUT)
    a, b = (load_weights(path).state_dict() for path in (whole, best))
    assert all(torch.equal(a[key], b[key]) for key in a)


class Command:
    """A pickle of it would make a file where it is loaded."""

    def __reduce__(self):
        return open, ("made", "w")


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(progress={"step": "x"}),
        lambda state: state.update(best=3),
        lambda state: state.update(config=[]),
        lambda state: state.update(network={}),
        lambda state: state.pop("optimizer"),
    ],
)
def test_a_checkpoint_of_odd_values_is_named(config, change):
    train(config)
    path = config.run.run_dir / CHECKPOINT
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)
    with pytest.raises(ValueError, match=CHECKPOINT):
        train(config)


def test_a_checkpoint_that_would_run_a_program_is_refused(config, tmp_path, monkeypatch):
    train(config)
    monkeypatch.chdir(tmp_path)
    torch.save({"config": Command()}, config.run.run_dir / CHECKPOINT)
    with pytest.raises(ValueError, match=CHECKPOINT):
        train(config)
    assert not (tmp_path / "made").exists()
