"""Every exit code that `facelib --help` lists, each provoked once in a real program."""

import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from facelib.cli.common import EXIT_CODES

WITHOUT_TORCH = "import sys; sys.modules['torch'] = None"
WHEN_IT_LISTS = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it in the background
from facelib.datasets import registry
def markdown_registry(root): os.kill(os.getpid(), {signal})
registry.markdown_registry = markdown_registry
"""
RECONSTRUCT = ("reconstruct", "blank.png", "-o", "me.glb")
PROVOKED = {
    0: ("", ["data"], "300W-LP"),
    1: (WHEN_IT_LISTS.format(signal=int(signal.SIGINT)), ["data"], "Aborted!"),
    2: ("", ["reconstruct", "-o", "me.glb"], "FRONT"),
    3: ("", ["reconstruct", "missing.jpg", "-o", "me.glb"], "no such file: missing.jpg"),
    4: ("", ["reconstruct", "note.jpg", "-o", "me.glb"], "cannot read note.jpg as an image"),
    5: ("", RECONSTRUCT, "no face found in the front photo"),
    6: ("", ["reconstruct", "blank.png", "-o", "none/me.glb"], "cannot write none/me.glb"),
    7: ("", ["reconstruct", "blank.png", "-o", "me.stl"], "me.stl must end in"),
    8: ("", [*RECONSTRUCT, "--weights", "no.onnx"], "found no such file"),
    9: (WITHOUT_TORCH, ["train", "pairs", "run"], "this needs torch"),
    10: ("", ["reconstruct", "--pairs", ".", "-o", "out", "--jobs", "1"], "1 of 1 pairs failed"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(np.zeros((80, 60, 3), np.uint8)).save(folder / "blank.png")
    for name in ("note.jpg", "me_front.jpg", "me_side.jpg"):
        (folder / name).write_text("no picture")
    return folder


def run(folder, before, words):
    """Run a command in a program that does something else before."""
    code = f"{before}\nfrom facelib.__main__ import main\nmain(prog_name='facelib')"
    command = [sys.executable, "-c", code, *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_every_listed_code_is_provoked_below():
    assert PROVOKED.keys() == {int(code) for code in re.findall(r"(?m)^  (\d+) ", EXIT_CODES)}


@pytest.mark.parametrize("code", PROVOKED)
def test_a_command_ends_with_the_listed_code_and_a_sentence(folder, code):
    before, words, sentence = PROVOKED[code]
    done = run(folder, before, words)
    assert done.returncode == code, done.stderr
    assert sentence in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert not list(folder.glob("me.*"))


def test_a_command_that_is_terminated_ends_as_with_ctrl_c(folder):
    done = run(folder, WHEN_IT_LISTS.format(signal=int(signal.SIGTERM)), ["data"])
    assert done.returncode == 1 and done.stderr.strip() == "Aborted!"
