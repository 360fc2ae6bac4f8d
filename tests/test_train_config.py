"""Settings come from plain values, options from settings, recipes from files."""

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from toy_face import toy_layout
from toy_training import SIZE, TinyNetwork, random_pairs, tiny_config

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA
from facelib.files.paths import data_file
from facelib.networks.catalogue import NETWORKS
from facelib.pairs.augmentation import Augmentation
from facelib.pairs.store import write_shards
from facelib.training import loop as training
from facelib.training.config import GROUPS, TrainConfig, grouped
from facelib.training.log import read_log
from facelib.training.recipe import load_recipe, recipe_names

NO_OPTIONS = {"data_dir", "run_dir", "progress"}  # arguments, and --quiet


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
    optimiser = config.optimiser
    assert (optimiser.learning_rate, optimiser.batch_size) == (1e-4, 16)  # the thesis's
    assert (config.schedule.halve_every, config.stop.patience) == (5, 10)
    with pytest.raises(ValueError, match="TrainConfig has no sizes"):
        TrainConfig.from_dict({**values, "sizes": 1})
    with pytest.raises(ValueError, match="run_dir"):
        TrainConfig.from_dict({"data_dir": "pairs"})
    with pytest.raises(ValueError, match="batch_size"):
        TrainConfig.from_dict({**values, "batch_size": 0})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", "64"), ("batch_size", 2.5), ("seed", None), ("seed", True), ("max_hours", "1"),
        ("learning_rate", [1e-3]), ("network", 3), ("data_dir", 4), ("init_weights", 5),
        ("calibrate", 1), ("schedule", 3), ("rotation_deg", "wide"), ("channel_scale", 1),
        ("channel_scale", (0.9, "x")), ("dropout_side", (0.1,)), ("precision", 16),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be .* got "):
        TrainConfig.from_dict({"data_dir": "pairs", "run_dir": "run", name: value})


def test_an_augmentation_is_named_or_given_by_what_differs():
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


def test_the_train_command_trains_goes_on_and_names_faults(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "load_layout", toy_layout)
    run = ["train", str(data_dir), str(tmp_path / "run"), "--network", "tiny", "--quiet"]
    run += ["--size", str(SIZE), "--batch-size", "4", "--seed", "3", "--rotation-deg", "10"]
    done = CliRunner().invoke(main, [*run, "--epochs", "1"])
    assert done.exit_code == 0, done.output
    longer = CliRunner().invoke(main, [*run, "--epochs", "2"])
    assert longer.exit_code == 0, longer.output
    first, lines = read_log(tmp_path / "run")
    config = TrainConfig.from_dict(first["config"])
    assert (config.run.seed, config.augmentation) == (3, Augmentation(rotation_deg=10))
    assert [line["epoch"] for line in lines if line["validation_loss"]] == [0, 1]
    assert CliRunner().invoke(main, [*run, "--learning-rate", "1"]).exit_code == BAD_DATA
    assert CliRunner().invoke(main, [*run, "--schedule", "never"]).exit_code == 2
    run[2], photos = str(tmp_path / "other"), ["--augmentation", "photos", "--epochs", "1"]
    assert CliRunner().invoke(main, [*run, *photos]).exit_code == 0
    config = TrainConfig.from_dict(read_log(tmp_path / "other")[0]["config"])
    assert config.augmentation == replace(Augmentation.for_photos(), rotation_deg=10)


def test_flat_names_groups_and_older_names_build_the_same(tmp_path):
    folders = {"data_dir": tmp_path, "run_dir": tmp_path}
    flat = {**folders, "schedule": "cosine", "young_samples": 7, "loss": {"normal_weight": 0.1}}
    built = TrainConfig.from_dict(flat)
    assert built.schedule.schedule == "cosine" and built.loss.normal_weight == 0.1
    assert built.model.heatmap_warmup_samples == 7
    assert TrainConfig.from_dict(built.to_dict()) == built
    assert TrainConfig.from_dict({**folders, "normal_weight": 0.1}).loss == built.loss


def test_a_changed_copy_differs_in_what_was_changed_alone(config):
    other = config.changed(learning_rate=1.0, kind="absolute", rotation_deg=3.0)
    assert (other.optimiser.learning_rate, other.loss.kind) == (1.0, "absolute")
    assert other.augmentation == replace(config.augmentation, rotation_deg=3.0)
    assert other.changed(learning_rate=1e-2, loss={"kind": "squared"}, rotation_deg=45.0) == config
    assert config.changed(augmentation="photos").augmentation == Augmentation.for_photos()
    with pytest.raises(ValueError, match="TrainConfig has no rate"):
        config.changed(rate=1)
    with pytest.raises(ValueError, match="loss must be a group of settings"):
        config.changed(loss="absolute")


def test_names_of_settings_are_unique_and_each_has_a_sentence():
    settings = [entry for kind in GROUPS.values() for entry in fields(kind)]
    assert len({entry.name for entry in settings}) == len(settings)
    for entry in settings:
        if entry.name not in NO_OPTIONS:
            assert entry.metadata["help"].endswith("."), entry.name


def test_the_train_command_has_an_option_for_every_setting():
    shown = CliRunner().invoke(main, ["train", "--help"]).output
    for kind in GROUPS.values():
        for entry in fields(kind):
            flag = entry.metadata.get("option", "--" + entry.name.replace("_", "-"))
            assert entry.name in NO_OPTIONS or f"{flag} " in shown, flag


def test_the_shipped_logs_are_configurations():
    for log in data_file("weights", "compact.log.jsonl").parent.glob("*.log.jsonl"):
        for values in map(json.loads, log.read_text().splitlines()):
            if "config" in values:
                config = TrainConfig.from_dict(values["config"])
                assert grouped(values["config"])["model"]["network"] == config.model.network


@pytest.mark.parametrize("name", ["compact", "one_view", "two_view", "prn"])
def test_a_shipped_network_has_a_recipe_with_the_settings_of_its_log(name, tmp_path):
    recipe = load_recipe(name)
    for pairs in recipe.pairs:
        (tmp_path / pairs).mkdir()
    configs = recipe.configs(tmp_path, tmp_path / "run")
    lines = data_file("weights", f"{name}.log.jsonl").read_text().splitlines()
    firsts = [first for first in map(json.loads, lines) if "config" in first]
    # Folders differ, what a time limit sufficed for is given in samples, and the warm-up of heat
    # maps was no setting of the oldest runs.
    free = {"data_dir": "", "run_dir": "", "init_weights": None, "max_samples": None}
    free |= {"max_hours": None, "heatmap_warmup_samples": None, "progress": True}
    for config, first in zip(configs, firsts, strict=True):
        # Once, the seed of the run chose who was held out.
        logged = TrainConfig.from_dict({"split_seed": first["config"]["seed"], **first["config"]})
        assert config.changed(**free) == logged.changed(**free)
        if logged.stop.max_samples is not None:
            assert config.stop.max_samples == logged.stop.max_samples


def test_a_recipe_trains_its_stages_one_after_the_other(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "load_layout", toy_layout)
    run = ["train", str(data_dir), str(tmp_path / "run"), "--recipe", "prn", "--network", "tiny"]
    run += ["--size", str(SIZE), "--batch-size", "4", "--max-samples", "8", "--quiet"]
    run += ["--encoder-samples", "0"]
    done = CliRunner().invoke(main, run)
    assert done.exit_code == 0, done.output
    logs = [read_log(tmp_path / "run" / stage)[0]["config"] for stage in ("1_64", "2_128")]
    assert [log["optimiser"]["learning_rate"] for log in logs] == [0.002, 0.001]
    assert logs[1]["model"]["init_weights"] == str(tmp_path / "run/1_64/best.safetensors")


def test_a_recipe_can_start_from_other_weights(tmp_path):
    recipe, start = load_recipe("prn"), Path("start.safetensors")
    for pairs in recipe.pairs:
        (tmp_path / pairs).mkdir(exist_ok=True)
    first, second = recipe.configs(tmp_path, Path("run"), {"init_weights": start})
    assert first.model.init_weights == start
    assert second.model.init_weights == Path("run/1_64/best.safetensors")


def test_a_recipe_names_the_command_that_makes_missing_pairs(tmp_path):
    done = CliRunner().invoke(main, ["train", str(tmp_path), "run", "--recipe", "compact"])
    assert done.exit_code == 2
    words = " ".join(done.output.split())
    assert "facelib pairs synthetic" in words and "--count 16384" in words
    with pytest.raises(ValueError, match="recipe must be one of"):
        load_recipe("cake")
    assert {"thesis", "photos"} <= set(recipe_names())
