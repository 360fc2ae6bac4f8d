"""Sets of samples: the same bytes with any workers and any number of stops."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from facelib.__main__ import main
from facelib.cli.common import UNWRITABLE
from facelib.files.lock import FolderInUseError, locked
from facelib.pairs.shards import read_manifest, write_manifest
from facelib.pairs.store import ShardedPairs
from facelib.synthetic import generation, settings
from facelib.synthetic.generation import generate_pairs, make_shard
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.settings import FORMAT, Plan, SyntheticSettings

SMALL = SyntheticSettings(size=32, seed=3)
NO_FILM = replace(Ingredients.all(), film=False)
PLAN = Plan(7, SMALL, shard_size=2)
COMMAND = ["--count", "7", "--size", "32", "--seed", "3", "--shard-size", "2", "--quiet"]


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The folder that one process makes without a stop."""
    folder = tmp_path_factory.mktemp("serial") / "set"
    assert generate_pairs(folder, PLAN) == 7
    return contents(folder)


def test_two_workers_write_the_bytes_of_one(tmp_path, serial):
    assert generate_pairs(tmp_path / "set", PLAN, workers=2) == 7
    assert contents(tmp_path / "set") == serial


def test_the_order_of_work_changes_nothing(tmp_path, serial):
    for number in (3, 1, 0, 2):
        make_shard(tmp_path, number, PLAN)
    assert contents(tmp_path) == {n: c for n, c in serial.items() if n != "manifest.json"}


def test_two_dask_workers_write_the_bytes_of_one(tmp_path, serial):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=None
    ) as cluster:
        made = generate_pairs(tmp_path / "set", PLAN, dask=cluster.scheduler_address)
    assert made == 7
    assert contents(tmp_path / "set") == serial


def test_a_shard_whose_file_is_gone_is_made_again(tmp_path, serial):
    for name, content in serial.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "00001_views.npy").unlink()
    assert generate_pairs(tmp_path, PLAN) == 2
    assert contents(tmp_path) == serial


@pytest.mark.parametrize(
    ("plan", "words"),
    [
        (Plan(7, SyntheticSettings(size=32, seed=4), shard_size=2), "seed 3 instead of 4"),
        (Plan(9, SMALL, shard_size=2), "count 7 instead of 9"),
        (Plan(7, SMALL, shard_size=2, truth=True), "truth False instead of True"),
        (Plan(7, replace(SMALL, ingredients=NO_FILM), shard_size=2), "film True instead of False"),
        (Plan(7, SyntheticSettings(32, 3, preset="wide"), shard_size=2), "preset thesis instead"),
    ],
)
def test_settings_do_not_mix_in_a_folder(tmp_path, serial, plan, words):
    for name, content in serial.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        generate_pairs(tmp_path, plan)
    assert contents(tmp_path) == serial


def test_a_set_of_the_first_format_can_be_read_but_not_continued(tmp_path, serial):
    for name, content in serial.items():
        if "views" not in name and "coefficients" not in name:
            (tmp_path / name).write_bytes(content)
    manifest = read_manifest(tmp_path)
    manifest |= {"format": 1, "settings": {"source": "synthetic", "size": 32, "seed": 3}}
    for shard in manifest["shards"]:
        del shard["sha256"]["views"], shard["sha256"]["coefficients"]
    write_manifest(tmp_path, manifest)
    old = ShardedPairs(tmp_path)
    old.verify()
    assert len(old) == 7 and old[6].name == "synthetic-s3-0000006"
    with pytest.raises(ValueError, match="stored without views"):
        old.views(0)
    with pytest.raises(ValueError, match="format 1"):
        generate_pairs(tmp_path, PLAN)


def test_a_folder_in_use_is_left_alone(tmp_path):
    with locked(tmp_path), pytest.raises(FolderInUseError, match="in use by"):
        generate_pairs(tmp_path, PLAN)
    assert not contents(tmp_path)


def test_a_worker_of_another_version_is_noticed(tmp_path):
    asked = PLAN.described() | {"format": 1}
    with pytest.raises(RuntimeError, match=f"format {FORMAT} instead of 1.*same facelib"):
        make_shard(tmp_path, 0, PLAN, asked)
    assert not contents(tmp_path)


def test_backgrounds_of_the_user_are_part_of_the_settings(tmp_path, serial, monkeypatch):
    for name, content in serial.items():
        (tmp_path / name).write_bytes(content)
    texture = tmp_path.parent / "dotted_0001.jpg"
    texture.write_bytes(b"another background")
    monkeypatch.setattr(settings, "describable_textures", lambda: (texture,))
    with pytest.raises(ValueError, match="describable_textures None instead of"):
        generate_pairs(tmp_path, PLAN)


def test_manifest_says_what_how_and_by_which_versions(tmp_path, serial):
    (tmp_path / "manifest.json").write_bytes(serial["manifest.json"])
    manifest = read_manifest(tmp_path)
    assert manifest["complete"] and manifest["settings"]["count"] == 7
    assert (manifest["settings"]["seed"], manifest["settings"]["preset"]) == (3, "thesis")
    assert {"facelib", "numpy", "numba"} <= manifest["made_by"].keys()
    listed = {f"{s['number']:05d}_{name}.npy" for s in manifest["shards"] for name in s["sha256"]}
    assert listed | {"manifest.json"} == serial.keys()


def test_the_command_makes_the_same_set_and_says_when_it_is_there(tmp_path, serial):
    arguments = ["pairs", "synthetic", str(tmp_path / "set"), *COMMAND]
    first = CliRunner().invoke(main, arguments)
    assert (first.exit_code, "wrote 7 pairs" in first.output) == (0, True)
    assert contents(tmp_path / "set") == serial
    assert "had all 7 pairs" in CliRunner().invoke(main, arguments).output
    other = CliRunner().invoke(main, [*arguments, "--seed", "5"])
    assert other.exit_code == UNWRITABLE
    assert other.output.strip().splitlines()[-1].startswith("Error: cannot write pairs")


@pytest.mark.parametrize(
    ("more", "word"),
    [
        (["--with", "hair,beards"], "beards"),
        (["--without", "glasses,"], "''"),
        (["--preset", "narrow"], "narrow"),
        (["--dask", "tcp://x:1", "--workers", "2"], "give one"),
    ],
)
def test_words_that_mean_nothing_are_refused(tmp_path, more, word):
    done = CliRunner().invoke(main, ["pairs", "synthetic", str(tmp_path / "set"), *COMMAND, *more])
    assert done.exit_code == 2 and word in done.output
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], Ingredients.all()),
        (["--with", "none"], Ingredients()),
        (["--with", "hair,film"], Ingredients(hair=True, film=True)),
        (["--without", "hair"], replace(Ingredients.all(), hair=False)),
        (["--with", "hair,film", "--without", "film,light"], Ingredients(hair=True)),
    ],
)
def test_ingredients_are_chosen_by_name(tmp_path, more, expected):
    few = ["--count", "1", "--size", "16", "--quiet", str(tmp_path)]
    assert CliRunner().invoke(main, ["pairs", "synthetic", *few, *more]).exit_code == 0
    assert read_manifest(tmp_path)["settings"]["ingredients"] == asdict(expected)


def test_a_cluster_that_does_not_answer_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(generation, "CONNECT_SECONDS", 1)
    arguments = [
        "pairs",
        "synthetic",
        str(tmp_path / "set"),
        *COMMAND,
        "--dask",
        "tcp://127.0.0.1:9",
    ]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == UNWRITABLE and "Traceback" not in done.output


def test_numbers_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="at least"):
        Plan(0)
    with pytest.raises(ValueError, match="at least"):
        SyntheticSettings(size=3)
    with pytest.raises(ValueError, match="wide"):
        SyntheticSettings(preset="narrow")
