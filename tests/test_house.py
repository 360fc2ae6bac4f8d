"""The house of facelib: rooms on floors; a file imports only from lower floors and its own room."""

import ast
import importlib
import importlib.util
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(
    path for room in ("benchmarks", "experiments") for path in ROOT.glob(f"{room}/**/*.py")
)

FLOORS = """
files
imaging
geometry
render detect
face show
pairs networks
training synthetic
datasets
fitting
avatar
reconstruction
evaluation
cli
""".strip().splitlines()
FLOOR_OF = {room: number for number, line in enumerate(FLOORS) for room in line.split()}
STANDIN = "standin"  # how the names of the modules begin that paint stand-ins of data


def import_reader():
    """Return the import reader that make uses for the chapters' dependencies."""
    spec = importlib.util.spec_from_file_location("dependencies", ROOT / "book" / "dependencies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


READER = import_reader()


@cache
def imports_of(module: str) -> set[str]:
    return READER.imported_modules(READER.modules()[module])


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_every_room_has_a_floor():
    rooms = {path.stem for path in (ROOT / "facelib").iterdir() if not path.name.startswith("_")}
    assert rooms == FLOOR_OF.keys()


@pytest.mark.parametrize("module", [name for name in READER.modules() if name.count(".")])
def test_imports_only_go_down_or_stay_in_the_room(module):
    room = room_of(module)
    if room == "__main__":
        return
    for other in imports_of(module) - {"facelib"}:
        below = FLOOR_OF[room_of(other)] < FLOOR_OF[room]
        assert below or room_of(other) == room, f"{module} imports {other}"


def test_no_imports_run_in_a_circle():
    TopologicalSorter({name: imports_of(name) for name in READER.modules()}).prepare()


def paints(module: str) -> bool:
    """Whether a module may use the studio of synthetic people."""
    return room_of(module) == "synthetic" or module.rpartition(".")[2].startswith(STANDIN)


def test_readers_of_data_never_load_the_painter():
    for module in READER.modules():
        of_data = room_of(module) in ("pairs", "datasets") if "." in module else False
        if of_data and not paints(module):
            painters = [other for other in imports_of(module) - {"facelib"} if paints(other)]
            assert painters == [], module


def test_figures_know_only_images_meshes_and_their_renderer():
    for module in (name for name in READER.modules() if name.startswith("facelib.show")):
        rooms = {room_of(other) for other in imports_of(module) - {"facelib"}}
        assert rooms <= {"files", "imaging", "geometry", "render", "show"}, module


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_beside_the_package_import_names_that_exist(script):
    """They are run by hand, and rarely, so nobody would notice a name that has moved."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("facelib"):
            for alias in node.names:
                if f"{node.module}.{alias.name}" not in READER.modules():
                    assert hasattr(importlib.import_module(node.module), alias.name), alias.name
