"""Privacy: commands open no internet socket and write nothing beyond their outputs."""

import itertools
import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from facelib.geometry.mesh_names import files_of

TESTS = Path(__file__).resolve().parent
FACE = "photos/face.jpg"
# What a camera writes into a photo, such as where it was taken: none of it may come through.
DESCRIPTION, NOTE = 0x010E, "taken at home"
BOX = ("83", "50", "168", "175")
SMALL = ("--detail", "0", "--texture-size", "256")
# A network of one photo, which `export` traces once; `compact` would be traced twice.
TRAIN = ("--network", "one_view", "--size", "64", "--batch-size", "2", "--max-samples", "2")

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="a filter of x86-64 Linux"
)


def run_offline(folder, *command):
    """Run a program in a folder without the internet; home and tmp are empty folders below it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_", "MPL"))}
    own = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    guarded = [sys.executable, str(TESTS / "offline.py"), *map(str, command)]
    return subprocess.run(
        guarded,
        cwd=folder,
        env={**kept, **own, "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )


def run_commands(folder, *commands):
    """Run commands of facelib; they must succeed and leave nothing in home and tmp."""
    runner = TESTS / "run_commands.py"
    done = run_offline(folder, sys.executable, runner, json.dumps(commands))
    assert done.returncode == 0, done.stderr
    assert files_in(folder / "tmp") == {}


def files_in(folder):
    """Every file below a folder, with its bytes."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def folder(tmp_path):
    """A photo, and an empty home and tmp."""
    for name in ("home", "tmp", "photos"):
        (tmp_path / name).mkdir()
    exif = Image.Exif()
    exif[DESCRIPTION] = NOTE
    photo = Image.fromarray(skimage.data.astronaut()[:256, 100:356])
    photo.save(tmp_path / FACE, exif=exif, comment=NOTE)
    (tmp_path / "pairs.csv").write_text(f"name,front,side\nme,{FACE},\n")
    return tmp_path


def test_the_guard_kills_who_opens_an_internet_socket(folder):
    for family in ("AF_INET", "AF_INET6"):
        code = f"import socket; socket.socket(socket.{family})"
        assert run_offline(folder, sys.executable, "-c", code).returncode == -signal.SIGSYS
    code = "import socket; socket.socket(socket.AF_UNIX)"
    assert run_offline(folder, sys.executable, "-c", code).returncode == 0


# In this order: the later ones read what the earlier ones wrote.
COMMANDS = (
    ("--version",),
    ("reconstruct", FACE, FACE, "-o", "me.glb", "--side-box", *BOX, *SMALL),
    ("reconstruct", "--pairs", "pairs.csv", "-o", "heads", "--jobs", "2", "--quiet", *SMALL),
    ("consistency", FACE),
    ("pairs", "synthetic", "set", "--count", "20", "--size", "64", "--with", "none", "--quiet"),
    ("train", "set", "runs/mine", *TRAIN, "--quiet"),
    ("runs", "--plot", "errors.png"),
    ("evaluate", "pairs", "set", "--limit", "1"),
    ("export", "--weights", "runs/mine/best.safetensors", "-o", "net.onnx"),
    ("data",),
    ("data", "--verify"),
)
COMMANDS_FOR_LICENSED_DATA = {
    "300w-lp": (
        ("standin", "bfm", "bfm"),
        ("standin", "300w-lp", "shown", "--count", "12", "--seed", "5"),
        ("pairs", "300w-lp", "pairs", "--photos", "shown", "--bfm", "bfm", "--size", "64"),
        ("standin", "aflw2000", "test_photos", "--count", "1"),
        ("evaluate", "photos", "test_photos", "--bfm", "bfm"),
    ),
    "facegen": (
        ("standin", "facegen", "export", "--count", "1", "--size", "128"),
        ("pairs", "facegen", "export", "pairs", "--size", "64"),
    ),
    "florence": (
        ("standin", "florence", "scans", "--count", "1"),
        ("evaluate", "scans", "scans"),
    ),
}


def test_commands_leave_home_and_network_alone(folder):
    run_commands(folder, *COMMANDS)


@pytest.mark.parametrize("data_set", COMMANDS_FOR_LICENSED_DATA)
def test_commands_for_licensed_data_leave_home_and_network_alone(folder, data_set):
    run_commands(folder, *COMMANDS_FOR_LICENSED_DATA[data_set])
    if data_set == "facegen":
        (folder / "templates").mkdir()
        for view in ("front", "left", "right"):
            (exported,) = (folder / "export").glob(f"*/*_{view}.xml")
            exported.rename(folder / "templates" / f"{view}.xml")
        run_commands(folder, ("pairs", "facegen-poses", "templates", "poses", "--seed", "0"))


def test_reconstruct_writes_only_its_outputs_and_no_metadata(folder):
    before = files_in(folder)
    outputs = {"-o": "me.obj", "--keypoints": "points.npy", "--faces": "faces.png"}
    outputs |= {"--report": "me.html"}
    words = ("-m", "facelib", "reconstruct", FACE, *itertools.chain(*outputs.items()), *SMALL)
    done = run_offline(folder, sys.executable, *words)
    assert done.returncode == 0, done.stderr
    after = files_in(folder)
    written = after.keys() - before.keys()
    assert written == {*outputs.values(), *(path.name for path in files_of(folder / "me.obj"))}
    assert len(written) == 6
    assert {name: after[name] for name in before} == before
    assert NOTE.encode() in before[FACE]
    for secret in (NOTE, str(folder)):
        assert [name for name in written if secret.encode() in after[name]] == []


def test_reconstruct_in_python_writes_nothing_until_it_is_asked_to(folder):
    before = files_in(folder)
    code = f"import facelib; face = facelib.reconstruct({FACE!r}); print(len(face.vertices_image))"
    done = run_offline(folder, sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert files_in(folder) == before
