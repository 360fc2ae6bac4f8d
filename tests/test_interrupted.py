"""Programs that are stopped: by kill, at any moment, and by Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from glob import escape
from pathlib import Path
from shutil import copy

import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image

from facelib.__main__ import main
from facelib.cli import photo_folder
from facelib.files.atomic import remove_unfinished
from facelib.geometry.mesh_names import files_of

ROOT = Path(__file__).resolve().parents[1]

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


STOPPED = (1, -signal.SIGINT)  # Python gives the latter if an import was interrupted


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
    assert program.returncode in (0, *STOPPED)
    assert set(tmp_path.iterdir()) == set(files_of(old))
    if program.returncode != 0:
        assert said.strip().endswith("Aborted!") and old.read_text() == "old"


def test_ctrl_c_while_click_is_imported_ends_without_a_trace():
    code = """
import os, runpy, signal, sys
class CtrlC:
    def find_spec(self, name, *_):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, CtrlC())
runpy.run_module("facelib", run_name="__main__")
"""
    done = program(code)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


def program(code, *words):
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=False,
        preexec_fn=interruptible, timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_end_of_a_command_changes_nothing(number):
    code = f"""
import atexit, os
from facelib.__main__ import run
atexit.register(os.kill, os.getpid(), {number})
run()
"""
    done = program(code, "data")
    assert (done.returncode, done.stderr) == (0, "") and "FaceGen" in done.stdout


def test_ctrl_c_while_python_waits_to_import_leaves_the_lock_of_imports_free():
    code = """
import _imp, os, signal, threading, time
from facelib.cli.interrupt import interrupt
def hold():
    _imp.acquire_lock()
    held.set()
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.3)
    _imp.release_lock()
signal.signal(signal.SIGINT, interrupt)
held = threading.Event()
threading.Thread(target=hold).start()
held.wait()
try:
    import colorsys
    time.sleep(10)
except KeyboardInterrupt:
    print(_imp.lock_held())
"""
    assert program(code).stdout == "False\n"


def test_a_stop_does_not_wait_for_a_thread_that_compiles(photo, tmp_path):
    code = """
import os, signal, threading
from facelib.__main__ import run
from facelib.cli import photo_job
def compile_for_long():
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(1000)
photo_job._load_kernels = compile_for_long
run()
"""
    done = program(code, "reconstruct", str(photo), "-o", str(tmp_path / "me.glb"))
    assert (done.returncode, done.stderr.strip()) == (1, "Aborted!")
    assert list(tmp_path.iterdir()) == []


def ctrl_c(process):
    os.killpg(process, signal.SIGINT)


def kill(process):
    os.kill(process, signal.SIGTERM)


@pytest.mark.parametrize("stop", [ctrl_c, kill])
def test_a_stop_ends_a_folder_with_all_its_processes(photo, tmp_path, stop):
    for number in range(80):  # many more than are done before the stop, on any machine
        os.link(photo, tmp_path / f"p{number}_front.jpg")
    words = ["reconstruct", "--pairs", str(tmp_path), "-o", str(tmp_path / "out"), "--jobs", "2"]
    program = subprocess.Popen(
        [sys.executable, "-m", "facelib", *words, "--detail", "0", "--texture-size", "256"],
        stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=interruptible,
    )  # fmt: skip
    assert any("done" in line for line in program.stderr), "the first pair is done"
    stop(program.pid)
    _, said = program.communicate(timeout=120)
    assert program.returncode in STOPPED and "Traceback" not in said
    assert said.strip().endswith("Aborted!")
    left = [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".glb"]
    assert left == ["results.csv"]
    for _ in range(600):
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


def test_a_stop_while_a_module_loads_is_no_failure_of_a_pair(photo, tmp_path, monkeypatch):
    def run_job(*_):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as error:
            raise ImportError("initialization failed") from error

    monkeypatch.setattr(photo_folder, "run_job", run_job)
    os.link(photo, tmp_path / "p_front.jpg")
    out = tmp_path / "out"
    words = ["reconstruct", "--pairs", str(tmp_path), "-o", str(out), "--jobs", "1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1 and done.output.strip().endswith("Aborted!")
    assert not (out / "results.csv").exists()


# Its first run writes half a page and kills make; its second one is undisturbed.
JUPYTER_BOOK = """#!/bin/sh
mkdir -p book/_build/html
if [ ! -e killed ]; then
    touch killed; echo half > book/_build/html/index.html; kill -9 $PPID
fi
[ -e book/_build/html/index.html ] || echo whole > book/_build/html/index.html
"""


def test_a_killed_build_of_the_book_is_not_taken_for_a_finished_one(tmp_path):
    for name in ("book", "notebooks", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    copy(ROOT / "Makefile", tmp_path)
    copy(ROOT / "book" / "dependencies.py", tmp_path / "book")
    for name in ("requirements.txt", "pyproject.toml", "setup.py", "_config.yml", "_toc.yml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / ".venv" / "installed").touch()
    program = tmp_path / ".venv" / "bin" / "jupyter-book"
    program.write_text(JUPYTER_BOOK)
    program.chmod(0o755)
    page = tmp_path / "book" / "_build" / "html" / "index.html"
    for expected in ("half", "whole"):
        # Without the page that npm puts together, whose sources are not copied.
        make = ["make", "--silent", "html", f"PYTHON={sys.executable}", "OWN_PHOTOS="]
        subprocess.run(make, cwd=tmp_path, capture_output=True)
        assert page.read_text().strip() == expected
