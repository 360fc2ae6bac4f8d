"""Programs that are stopped: by kill, at any moment, and by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from glob import escape
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

from facelib.files.atomic import remove_unfinished
from facelib.geometry.mesh_names import files_of

# Writes one of two meshes over and over, one of which has twice as many vertices.
WRITER = """
import sys
import numpy as np
from facelib.geometry.mesh import Mesh
from facelib.geometry.meshfiles import write_mesh
def grid(n):
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    k = np.arange(n * (n - 1)).reshape(n - 1, n)[:, :-1].ravel()
    points = np.stack([x, y, 0 * x], -1).reshape(-1, 3)
    return Mesh(points, np.stack([k, k + 1, k + n], 1), points[:, :2] / n, np.ones((n, n, 3)))
small, large = grid(60), grid(90)
write_mesh(sys.argv[1], small), write_mesh(sys.argv[2], large)
print("ready", flush=True)
while True:
    write_mesh(sys.argv[3], large), write_mesh(sys.argv[3], small)
"""


@pytest.mark.parametrize("name", ["a b.glb", "[x].ply"])
def test_a_program_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, name):
    whole = [tmp_path / size / name for size in ("small", "large")]
    for other in whole:
        other.parent.mkdir()
    path = tmp_path / name
    for milliseconds in (3, 17):
        command = [sys.executable, "-c", WRITER, *map(str, whole), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(milliseconds / 1000)
            writer.kill()
        allowed = [other.read_bytes() for other in whole]
        assert not path.exists() or path.read_bytes() in allowed
        remove_unfinished(tmp_path, escape(name))
        assert {each for each in tmp_path.iterdir() if each.is_file()} <= {path}


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    path = tmp_path_factory.mktemp("photo") / "face.jpg"
    Image.fromarray(skimage.data.astronaut()[:256, 100:356]).save(path)
    return path


def interruptible():
    """Undo what shells do for programs in the background: these ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("loaded", ["numpy", "onnxruntime"])  # soon, and when it works
def test_ctrl_c_ends_the_command_without_a_trace(photo, tmp_path, loaded):
    old = tmp_path / "me.obj"
    old.write_text("old")
    command = [sys.executable, "-m", "facelib", "reconstruct", str(photo), "-o", str(old)]
    program = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=interruptible)
    maps = Path("/proc", str(program.pid), "maps")
    while program.poll() is None and loaded not in maps.read_text():
        time.sleep(0.01)
    program.send_signal(signal.SIGINT)
    _, said = program.communicate()
    assert "Traceback" not in said
    assert program.returncode in (0, 1)
    assert set(tmp_path.iterdir()) == set(files_of(old))
    if program.returncode == 1:
        assert said.strip().endswith("Aborted!") and old.read_text() == "old"


def test_ctrl_c_while_click_is_imported_ends_without_a_trace():
    code = """
import runpy, sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, CtrlC())
runpy.run_module("facelib", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "\nAborted!\n")


def test_ctrl_c_ends_a_folder_with_all_its_processes(photo, tmp_path):
    for number in range(40):
        os.link(photo, tmp_path / f"p{number}_front.jpg")
    words = ["reconstruct", "--pairs", str(tmp_path), "-o", str(tmp_path / "out"), "--jobs", "2"]
    program = subprocess.Popen(
        [sys.executable, "-m", "facelib", *words],
        stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=interruptible,
    )  # fmt: skip
    assert any("done" in line for line in program.stderr), "the first pair is done"
    os.killpg(program.pid, signal.SIGINT)
    _, said = program.communicate(timeout=30)
    assert program.returncode == 1 and "Traceback" not in said
    assert said.strip().endswith("Aborted!")
    left = [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".glb"]
    assert left == ["results.csv"]
    for _ in range(100):
        if not is_alive(program.pid):
            return
        time.sleep(0.1)
    pytest.fail("some processes go on")


def is_alive(group):
    try:
        os.killpg(group, 0)  # sends nothing
    except ProcessLookupError:
        return False
    return True
