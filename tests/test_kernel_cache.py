"""Compiled kernels where neither the installation nor the home can be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KERNEL = "from numba import njit\n@njit(cache=True)\ndef double(x):\n    return 2 * x\n"
PROVIDE = "from facelib.files.kernel_cache import provide_cache as p; p(); "
SHOW = "import os, kernel; print(kernel.double(2), os.environ.get('NUMBA_CACHE_DIR', 'unset'))"


@pytest.fixture
def package(tmp_path):
    """A folder with a kernel, beside which nothing can be kept, even by root."""
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "__pycache__").write_text("not a folder")
    (tmp_path / "home").mkdir()
    return tmp_path


def run(package, home, code):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NUMBA_CACHE"))}
    env = {**kept, "HOME": str(home), "PYTHONPATH": f"{package}:{ROOT}"}
    return subprocess.run(
        [sys.executable, "-B", "-c", code], env=env, capture_output=True, text=True, check=False
    )


def test_numba_gives_up_without_a_place_for_its_cache(package):
    assert "cannot cache function" in run(package, "/dev/null/home", SHOW).stderr


def test_kernels_are_kept_in_a_folder_that_goes_with_the_program(package):
    done = run(package, "/dev/null/home", PROVIDE + SHOW)
    doubled, folder = done.stdout.split()
    assert doubled == "4" and done.stderr == ""
    assert "facelib-kernels-" in folder and not Path(folder).exists()


def test_a_home_that_can_be_written_is_left_to_numba(package):
    assert run(package, package / "home", PROVIDE + SHOW).stdout.split() == ["4", "unset"]
    assert list((package / "home").rglob("*.nbc"))
