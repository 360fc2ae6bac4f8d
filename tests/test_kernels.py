"""Kernels that need numba only once: what is kept, when it is made anew, and the same results."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from facelib.avatar.texture import paint, quality, unwrap
from facelib.avatar.texture.bands import enlarged, reduced
from facelib.avatar.texture.compose import compose
from facelib.face.layout import load_layout
from facelib.files import kernels
from facelib.files.kernels import Kernel, kernel
from facelib.geometry.mesh import MovedPart, vertex_normals
from facelib.geometry.sparse_rows import SparseRows
from facelib.imaging.effects import blurred, box_mean
from facelib.imaging.resample import resize_image
from facelib.render.rasterize import interpolate, rasterize

ROOT = Path(__file__).resolve().parents[1]
KERNEL = """
import sys

import numpy as np

from facelib.files import kernels
from facelib.files.kernels import kernel

@kernel()
def add(terms, factor, sums):
    for k in range(len(terms)):
        add_one(terms, k, factor, sums)

@kernel()
def add_one(terms, k, factor, sums):
    sums[k] += factor * terms[k]

@kernel()
def collect(sums):
    sums[:] = np.ones(3)

@kernel()
def first(sums):
    return sums[0]

@kernel()
def shout(sums):
    print(sums[0])

@kernel(error_model="python")
def divide(terms, by, quotients):
    for k in range(len(terms)):
        quotients[k] = terms[k] // by

@kernel()
def take_roots(squares):
    for k in range(len(squares)):
        squares[k] = np.sqrt(squares[k])

sums = np.ones(3)
"""
ADD = "import made; made.add(made.np.arange(3.0), 2.0, made.sums); print(made.sums, end=' '); "
HAS_NUMBA = "print('numba' in made.sys.modules)"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A folder with kernels, and what the first program kept of one of them."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "made.py").write_text(KERNEL)
    assert run(folder, ADD + HAS_NUMBA).stdout == "[1. 3. 5.] True\n"
    return folder


@pytest.fixture
def folder(compiled, tmp_path):
    return Path(shutil.copytree(compiled, tmp_path / "kernels"))


def run(folder, code, **environment):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NUMBA_CACHE"))}
    env = {**kept, "PYTHONPATH": f"{folder}:{ROOT}", **environment}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
    )


def kept(folder):
    return sorted(folder.rglob("*.kernel"))


def test_the_second_program_runs_a_kernel_without_numba(folder):
    assert run(folder, ADD + HAS_NUMBA).stdout == "[1. 3. 5.] False\n"
    assert [path.parent.name for path in kept(folder)] == ["__pycache__"]


def test_each_kind_of_arguments_has_its_own_machine_code(folder):
    narrow = "import made; n = made.np.arange(3, dtype='f4'); made.add(n, 2.0, made.sums)"
    assert run(folder, f"{narrow}; {HAS_NUMBA}").stdout == "True\n"
    assert run(folder, f"{narrow}; {HAS_NUMBA}").stdout == "False\n"
    assert len(kept(folder)) == 2


def test_a_kernel_is_compiled_anew_if_its_file_changes(folder):
    (path,) = kept(folder)
    before = path.read_bytes()
    (folder / "made.py").write_text(KERNEL.replace("factor *", "2 * factor *"))
    assert run(folder, ADD + HAS_NUMBA).stdout == "[1. 5. 9.] True\n"
    assert kept(folder) == [path] and path.read_bytes() != before


def test_damaged_machine_code_is_not_run(folder):
    (path,) = kept(folder)
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:-1] + bytes([whole[-1] ^ 1]), b"", b"\xff" * 200):
        path.write_bytes(damaged)
        assert kernels._kept(path, whole[:64].decode()) is None
    assert run(folder, ADD + HAS_NUMBA).stdout == "[1. 3. 5.] True\n"
    assert path.read_bytes() == whole


def test_a_kernel_cannot_call_python_return_make_arrays_or_take_odd_numbers(folder):
    refused = run(folder, "import made; made.shout(made.sums)").stderr
    assert "TypeError: the kernel shout calls " in refused
    refused = run(folder, "import made; made.first(made.sums)").stderr
    assert refused.endswith("TypeError: the kernel first returns float64\n")
    refused = run(folder, "import made; made.collect(made.sums)").stderr
    assert "TypingError" in refused and "np.ones" in refused
    refused = run(folder, "import made; made.add(made.sums, made.np.float32(2), made.sums)").stderr
    assert refused.endswith("TypeError: expected arrays and plain numbers, got float32\n")


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_square_roots_are_exactly_rounded_in_both_precisions(folder, dtype):
    code = f"import made; n = made.np.arange(1, 2000).astype('{dtype}'); roots = made.np.sqrt(n); "
    code += "made.take_roots(n); print((n == roots).all(), end=' '); "
    assert run(folder, code + HAS_NUMBA).stdout == "True True\n"
    assert run(folder, code + HAS_NUMBA).stdout == "True False\n"


def test_an_exception_inside_a_kernel_is_not_lost(folder):
    code = "import made; made.divide(made.np.arange(3), 0, made.np.arange(3))"
    for _ in ("compiled", "kept"):
        failed = run(folder, code).stderr
        assert failed.endswith("RuntimeError: the kernel divide raised an exception\n")


def test_a_kernel_runs_where_nothing_can_be_kept(folder):
    done = run(folder, ADD + HAS_NUMBA, NUMBA_CACHE_DIR="/dev/null")
    assert done.stdout == "[1. 3. 5.] True\n"
    assert done.stderr.startswith("cannot keep compiled kernels in /dev/null/facelib: ")


def test_without_compilation_a_kernel_is_plain_python(folder):
    assert run(folder, ADD, NUMBA_DISABLE_JIT="1").stdout == "[1. 3. 5.] "


def test_numba_calls_kernels_where_it_is_imported_first(folder):
    (path,) = kept(folder)
    path.write_bytes(b"")
    assert run(folder, f"import numba; {ADD}").stdout == "[1. 3. 5.] "
    assert path.read_bytes() == b""


def test_a_kernel_keeps_its_name_and_its_description():
    @kernel()
    def fill(out):
        """Fill an array with ones."""
        out[:] = 1

    assert (fill.__name__, fill.__doc__) == ("fill", "Fill an array with ones.")
    out = np.zeros(3)
    fill(out)
    assert out.tolist() == [1, 1, 1]


def results() -> dict[str, np.ndarray]:
    """What the kernels of a reconstruction make of random numbers."""
    rng = np.random.default_rng(0)
    vertices, page = rng.normal(size=(40, 3)) * 20 + 32, rng.random((32, 32, 3), np.float32)
    triangles = rng.integers(0, 40, (60, 3)).astype(np.int32)
    fragments = rasterize(vertices, triangles, 64, 64, rng.random(40) + 0.5)
    rows = SparseRows.of(sparse.random_array((30, 40), density=0.2, rng=rng, format="csr"))
    photos = rng.integers(0, 256, (2, 64, 64, 3), np.uint8)
    places, planes = np.column_stack([vertices[:, :2], np.ones(40)]), np.empty((60, 3, 3))
    unwrap._extend(vertices[:, 1::-1].copy(), places, triangles, planes)
    wanted, sampled, painted = np.ones((32, 32), bool), photos[0] * 0, photos[0] * 0
    unwrap._sample(photos[0], planes, fragments.triangle, wanted, np.arange(64) // 2, 0, sampled)
    shares = rng.dirichlet(np.ones(5), (32, 32)).astype(np.float32).transpose(2, 0, 1)
    gains, tiles = rng.random((4, 32, 32, 3), np.float32), rng.integers(-99, 99, (2, 8, 8), np.int8)
    strengths = rng.random((2, 32, 32), np.float32)
    compose(photos, np.ascontiguousarray(shares), gains, 255 * page, tiles, strengths, painted)
    seen, made = rng.uniform(1, 255, (2, 32, 32, 3)).astype(np.float32), np.zeros_like(gains)
    for source in range(len(made)):
        paint._gain(seen, 255 * page, np.ascontiguousarray(shares), made, source)
    rated, corners = np.zeros((64, 64), np.float32), np.float32(vertices)
    pose = np.float32(np.column_stack([np.eye(3), [0, 0, -400]]))
    lens, buffer = np.float32([500, 1, 32, 32]), rng.random((2, 64, 64), np.float32)
    surface = triangles, corners, corners / 40, pose, lens, *buffer, corners[0]
    quality._rate(fragments.triangle, fragments.barycentric, *surface, rated)
    return {
        "gains": made,
        "rated": rated,
        "shares": paint.shares_of_sources(rng.random((2, 32, 32), np.float32)),
        "sampled": sampled,
        "painted": painted,
        "position map": load_layout(64).position_map(rng.normal(size=(2107, 3))),
        "depth": fragments.depth,
        "colours": interpolate(fragments, triangles, rng.random((40, 3))),
        "normals": vertex_normals(vertices, triangles),
        "normals near": MovedPart.of(triangles, [3, 7], np.arange(40)).normals(vertices),
        "product": rows @ vertices,
        "narrow product": rows.astype(np.float32) @ vertices.astype(np.float32),
        "reduced": reduced(page),
        "enlarged": enlarged(page),
        "box": box_mean(page[..., 0], 3),
        "blurred": blurred(page, 1.3),
        "shrunk": resize_image(page, 13),
        "bytes shrunk": resize_image((255 * page).astype(np.uint8), (20, 50)),
    }


def kernels_called_by_python() -> list[Kernel]:
    """All kernels of the package, without those that other kernels call."""
    texts = ((path, path.read_text("utf-8")) for path in (ROOT / "facelib").rglob("*.py"))
    paths = [path.relative_to(ROOT).with_suffix("") for path, text in texts if "@kernel(" in text]
    modules = [import_module(".".join(path.parts)) for path in paths]
    found = [each for m in modules for each in vars(m).values() if isinstance(each, Kernel)]
    called = {name for each in found for name in each.function.__code__.co_names}
    return [each for each in found if each.__name__ not in called]


def test_results_have_the_same_bits_with_numba_and_without(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; "
        "import test_kernels as t; np.savez(sys.argv[2], **t.results()); "
        "print(*(each.__name__ for each in t.kernels_called_by_python() if not each._compiled))"
    )
    alone = tmp_path / "alone.npz"
    command = [sys.executable, "-c", code, str(ROOT / "tests"), str(alone)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout == "\n"  # no kernel was left out
    expected = results()
    with np.load(alone) as file:
        assert set(file.files) == set(expected)
        for name, values in expected.items():
            np.testing.assert_array_equal(file[name], values, err_msg=name)
