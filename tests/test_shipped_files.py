"""Files that ship are loaded only if they are as they shipped."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from facelib.__main__ import main
from facelib.files.paths import SUMS, check_shipped, data_dir, data_file, shipped_sums
from facelib.networks.loading import load_network

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with some of the shipped files, which FACELIB_DATA names."""
    wanted = [
        SUMS,
        "head/head.npz",
        "head/layout.npz",
        "head/points.npz",
        "weights/compact.safetensors",
    ]
    for name in wanted:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(data_dir() / name, tmp_path / name)
    lines = (tmp_path / SUMS).read_text().splitlines(keepends=True)
    (tmp_path / SUMS).write_text("".join(x for x in lines if x.split()[1] in wanted))
    monkeypatch.setenv("FACELIB_DATA", str(tmp_path))
    return tmp_path


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def verify(*words):
    return CliRunner().invoke(main, ["data", "--verify", *map(str, words)])


def test_the_list_names_every_shipped_array_and_weight_as_it_is():
    command = ["sha256sum", "--check", "--quiet", SUMS]
    subprocess.run(command, cwd=data_dir(), check=True)
    shipped = subprocess.run(
        ["git", "ls-files", "*.npz", "*.onnx", "*.safetensors"],
        cwd=data_dir(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert list(shipped_sums(data_dir())) == sorted(shipped.stdout.split())


def test_a_changed_head_is_refused_by_name(data):
    assert data_file("head", "head.npz") == data / "head" / "head.npz"
    flip_a_bit(data / "head" / "head.npz")
    with pytest.raises(ValueError, match=r"head\.npz is not the file that shipped"):
        data_file("head", "head.npz")


def test_changed_weights_are_refused_where_they_ship_and_nowhere_else(data, tmp_path_factory):
    weights = data / "weights" / "compact.safetensors"
    flip_a_bit(weights)
    own = tmp_path_factory.mktemp("own") / "compact.safetensors"
    shutil.copy(weights, own)
    with pytest.raises(ValueError, match=r"compact\.safetensors is not the file that shipped"):
        load_network(weights)
    assert load_network(own).name == "compact"
    (data / SUMS).unlink()
    shipped_sums.cache_clear()
    assert load_network(weights).name == "compact", "a folder without a list is the user's own"


def test_a_file_that_changes_while_the_program_runs_is_noticed(data):
    data_file("head", "points.npz")
    flip_a_bit(data / "head" / "points.npz")
    with pytest.raises(ValueError, match="shipped"):
        check_shipped(data / "head" / "points.npz")


@pytest.mark.parametrize("content", ["", "no checksum\n", "\x00\xff"])
def test_a_damaged_list_is_an_error_and_no_leave_to_load_anything(data, content):
    (data / SUMS).write_text(content)
    shipped_sums.cache_clear()
    with pytest.raises(ValueError, match=SUMS):
        data_file("head", "head.npz")


def test_the_projects_own_folder_must_have_its_list(tmp_path, monkeypatch):
    monkeypatch.delenv("FACELIB_DATA", raising=False)
    with pytest.raises(ValueError, match=SUMS):
        shipped_sums(tmp_path)


def test_data_verify_counts_what_is_whole_and_names_what_is_not(data, tmp_path_factory):
    shipped_sums.cache_clear()
    whole = verify()
    assert whole.exit_code == 0 and "4 of 4 listed files" in whole.output
    flip_a_bit(data / "head" / "head.npz")
    (data / "head" / "points.npz").unlink()
    spoilt = verify("--root", data)
    assert spoilt.exit_code == 8
    assert "changed: head/head.npz, missing: head/points.npz" in spoilt.output
    unlisted = verify("--root", tmp_path_factory.mktemp("empty"))
    assert unlisted.exit_code == 8 and "no list" in unlisted.output


def test_reconstruct_refuses_a_changed_head_in_one_sentence(data, tmp_path_factory):
    for name in ("dense", "head"):
        shutil.copytree(ROOT / "data" / name, data / name, dirs_exist_ok=True)
    shutil.copy(ROOT / "data" / SUMS, data)
    flip_a_bit(data / "head" / "surface.npz")
    photo = ROOT / "tests" / "pictures" / "face.heic"
    out = tmp_path_factory.mktemp("out")
    words = [
        "reconstruct",
        str(photo),
        "-o",
        str(out / "me.glb"),
        "--front-box",
        "0",
        "0",
        "99",
        "99",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "facelib", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 8, done.stderr
    assert "surface.npz is not the file that shipped" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and not list(out.iterdir())
