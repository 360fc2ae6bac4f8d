"""What `pip install` gives: the right requirements, and a wheel that works without torch."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from facelib.face.layout import load_layout
from facelib.geometry.meshfiles import read_mesh
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LARGEST_MB = 20
CLEAN = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "FACELIB"))}
WHOLE_PHOTO = ("20", "20", "236", "236")


def required(group):
    """The requirements of an extra, or of the core, by name; other extras of ours left out."""
    listed = PROJECT["optional-dependencies"][group] if group else PROJECT["dependencies"]
    requirements = [Requirement(line) for line in listed]
    return {r.name.lower(): r for r in requirements if r.name != "facelib"}


def pins_of(name):
    """Versions and numbers of checksums in a requirements file: name to (version, count)."""
    pins = {}
    for block in re.split(r"\n(?=\w)", (ROOT / name).read_text("utf-8")):
        line = re.sub(r"\s*[#\\].*", "", block.splitlines()[0]) if re.match(r"\w", block) else ""
        if line and (each := Requirement(line)):
            version = next(iter(each.specifier)).version
            pins.setdefault(canonicalize_name(each.name), []).append(
                (version, block.count("sha256:"))
            )
    return pins


def test_every_package_that_make_installs_is_pinned_with_checksums():
    lock = pins_of("requirements.txt")
    everything = lock | pins_of("requirements-torch.txt")
    for name, (pin,) in pins_of("requirements.in").items():
        assert [version for version, _ in everything[name]] == [pin[0]]
    ((small, _),) = pins_of("requirements-torch-cpu.txt")["torch"]
    assert small == f"{everything['torch'][0][0]}+cpu"
    assert all(count >= 1 for pins in everything.values() for _, count in pins)
    for name in (*lock, "facelib"):
        for needed in needs_of(name):
            assert needed in everything, f"{name} needs {needed}, which is not in the lock"


def needs_of(name):
    """The packages that an installed one needs here; none if it is for another system."""
    try:
        wanted = map(Requirement, distribution(name).requires or [])
    except PackageNotFoundError:
        return []
    return [
        canonicalize_name(each.name)
        for each in wanted
        if each.marker is None or each.marker.evaluate({"extra": ""})
    ]


def test_pins_lie_within_the_ranges_and_every_pin_is_asked_for():
    pinned = {name: pins[0][0] for name, pins in pins_of("requirements.in").items()}
    ranges = {}
    for group in ("", *PROJECT["optional-dependencies"]):
        assert not ranges.keys() & required(group).keys(), "a package is in two groups"
        ranges |= required(group)
    assert pinned.keys() == ranges.keys()
    for name, version in pinned.items():
        assert ranges[name].specifier.contains(version), name


def test_the_core_has_no_torch():
    assert "torch" not in {dist.metadata["name"] for dist in installed_core()}


def installed_core() -> list[Distribution]:
    """The installed distributions that the core's requirements pull in, directly or not."""
    found, waiting = {}, list(required("").values())
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        if requirement.name.lower() not in found:
            found[requirement.name.lower()] = distribution(requirement.name)
            waiting += map(Requirement, distribution(requirement.name).requires or [])
    return list(found.values())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built in a copy, for building leaves files in its folder."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(
        ROOT / "facelib", copy / "facelib", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "data/head", copy / "data/head")
    shutil.copy(ROOT / "data/SHA256SUMS", copy / "data")
    shutil.copytree(ROOT / "data/dense", copy / "data/dense")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", copy / "dist", copy)
    return next((copy / "dist").glob("*.whl"))


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *map(str, arguments)], env=CLEAN, check=True)


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """An environment that holds the wheel and links to what the core requires, nothing else."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    for dist in installed_core():
        for name in {file.parts[0] for file in dist.files} - {"..", "__pycache__"}:
            if not (packages / name).exists():
                (packages / name).symlink_to(dist.locate_file(name))
    pip("--python", folder, "install", "--no-deps", "--no-index", wheel)
    return folder


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < LARGEST_MB * 1e6


def run(environment, folder, *words):
    command = [str(environment / "bin" / "facelib"), *words]
    return subprocess.run(
        command, cwd=folder, env=CLEAN, capture_output=True, text=True, check=False
    )


def test_the_wheel_carries_what_reports_are_made_of(wheel):
    names = ZipFile(wheel).namelist()
    for file in (*ROOT.glob("facelib/show/page/*"), *ROOT.glob("facelib/show/viewer/*")):
        assert file.relative_to(ROOT).as_posix() in names


def test_the_wheel_reconstructs_a_rendered_pair_without_torch(environment, tmp_path):
    pair = make_pair(3, SyntheticSettings(256, seed=2, held_out=True))
    Image.fromarray(pair.front).save(tmp_path / "front.png")
    Image.fromarray(pair.side).save(tmp_path / "side.png")
    boxes = ("--front-box", *WHOLE_PHOTO, "--side-box", *WHOLE_PHOTO)
    done = run(
        environment, tmp_path,
        "reconstruct", "front.png", "side.png", "-o", "me.glb", "--keypoints", "k.npy", *boxes,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "compiled kernels in" in done.stderr  # whoever waits for the first run is told why
    true = load_layout().keypoints(pair.vertices_image)
    off = np.linalg.norm(np.load(tmp_path / "k.npy")[:, :2] - true[:, :2], axis=1)
    assert np.median(off) < 5  # px; half the face's width would be 60
    height = np.ptp(read_mesh(tmp_path / "me.glb").vertices[:, 1])
    assert 0.2 < height < 0.4  # m, from the crown to the neck
    assert "dense in ONNX Runtime" in done.stdout
    again = run(environment, tmp_path, "reconstruct", "front.png", "-o", "me.ply", *boxes[:5])
    assert again.returncode == 0 and again.stderr == ""
    assert "from the front photo alone" in again.stdout


def test_what_the_wheel_lacks_is_named_with_the_place_to_get_it(environment, tmp_path):
    needs_torch = run(environment, tmp_path, "train", "pairs", "run")
    assert needs_torch.returncode == 9
    assert "needs torch" in needs_torch.stderr and "facelib[train]" in needs_torch.stderr
    code = "from facelib.files.paths import data_file; data_file('weights', 'prn.safetensors')"
    python = str(environment / "bin" / "python")
    lacking = subprocess.run(
        [python, "-c", code], cwd=tmp_path, env=CLEAN, capture_output=True, text=True, check=False
    )
    assert "weights/prn.safetensors" in lacking.stderr and "repository" in lacking.stderr


def test_the_wheel_compares_what_it_carries_with_its_checksums(environment, tmp_path):
    done = run(environment, tmp_path, "data", "--verify")
    assert done.returncode == 0, done.stderr
    heads = len(list(ROOT.glob("data/head/*.npz")))
    assert done.stdout.startswith(f"{heads + 2} of "), "with the default network and its errors"


def test_an_installed_package_knows_its_version(environment, tmp_path):
    assert run(environment, tmp_path, "--version").stdout == f"facelib {facelib_version()}\n"


def facelib_version():
    text = (ROOT / "facelib" / "__init__.py").read_text("utf-8")
    return re.search(r'__version__ = "(.+)"', text)[1]
