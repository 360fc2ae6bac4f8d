"""Privacy: commands open no internet socket and write nothing below the user's home."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

TESTS = Path(__file__).resolve().parent
BOX = ("83", "50", "168", "175")
TRAIN = ("--network", "compact", "--size", "64", "--batch-size", "2", "--max-samples", "2")

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="a filter of x86-64 Linux"
)


def run_offline(folder, *command):
    """Run a program in a folder, with an empty home below it and without the internet."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_", "MPL"))}
    environment = {**kept, "HOME": str(folder / "home"), "PYTHONPATH": str(TESTS.parent)}
    guarded = [sys.executable, str(TESTS / "offline.py"), *map(str, command)]
    return subprocess.run(
        guarded, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A photo, and an empty home."""
    folder = tmp_path_factory.mktemp("private")
    (folder / "home").mkdir()
    Image.fromarray(skimage.data.astronaut()[:256, 100:356]).save(folder / "face.jpg")
    return folder


def test_the_guard_kills_who_opens_an_internet_socket(folder):
    for family in ("AF_INET", "AF_INET6"):
        code = f"import socket; socket.socket(socket.{family})"
        assert run_offline(folder, sys.executable, "-c", code).returncode == -signal.SIGSYS
    code = "import socket; socket.socket(socket.AF_UNIX)"
    assert run_offline(folder, sys.executable, "-c", code).returncode == 0


# In this order: the later ones read what the earlier ones wrote.
COMMANDS = (
    ("--version",),
    ("reconstruct", "face.jpg", "face.jpg", "-o", "me.glb", "--side-box", *BOX),
    ("consistency", "face.jpg"),
    ("pairs", "synthetic", "set", "--count", "20", "--size", "64", "--with", "none", "--quiet"),
    ("train", "set", "runs/mine", *TRAIN, "--quiet"),
    ("runs", "--plot", "errors.png"),
    ("evaluate", "pairs", "set", "--limit", "1"),
    ("export", "--weights", "runs/mine/best.safetensors", "-o", "net.onnx"),
    ("data",),
)
COMMANDS_FOR_LICENSED_DATA = {
    "300w-lp": (
        ("standin", "bfm", "bfm"),
        ("standin", "300w-lp", "photos", "--count", "12", "--seed", "5"),
        ("pairs", "300w-lp", "pairs", "--photos", "photos", "--bfm", "bfm", "--size", "64"),
        ("standin", "aflw2000", "test_photos", "--count", "1"),
        ("evaluate", "photos", "test_photos", "--bfm", "bfm"),
    ),
    "facegen": (
        ("standin", "facegen", "export", "--count", "1", "--size", "128"),
        ("pairs", "facegen", "export", "pairs", "--size", "64"),
        ("pairs", "facegen-poses", "templates", "poses", "--seed", "0"),
    ),
    "florence": (
        ("standin", "florence", "scans", "--count", "1"),
        ("evaluate", "scans", "scans"),
    ),
}


def run_and_look_at_home(folder, words):
    done = run_offline(folder, sys.executable, "-m", "facelib", *words)
    assert done.returncode == 0, (words, done.stderr)
    assert [str(path) for path in (folder / "home").rglob("*")] == [], words


def test_commands_leave_home_and_network_alone(folder):
    for words in COMMANDS:
        run_and_look_at_home(folder, words)


@pytest.mark.parametrize("data_set", COMMANDS_FOR_LICENSED_DATA)
def test_commands_for_licensed_data_leave_home_and_network_alone(tmp_path, data_set):
    (tmp_path / "home").mkdir()
    for words in COMMANDS_FOR_LICENSED_DATA[data_set]:
        if "templates" in words:
            (tmp_path / "templates").mkdir()
            for view in ("front", "left", "right"):
                (exported,) = (tmp_path / "export").glob(f"*/*_{view}.xml")
                exported.rename(tmp_path / "templates" / f"{view}.xml")
        run_and_look_at_home(tmp_path, words)
