"""The house of facelib: a module imports only from floors below its own."""

import ast
import importlib
from pathlib import Path

import pytest

import facelib

PACKAGE = Path(facelib.__file__).parent
SCRIPTS = sorted(
    path for folder in ("benchmarks", "data/*") for path in PACKAGE.parent.glob(f"{folder}/*.py")
)

# A half floor holds parts of the modules just above it: code split out because it is another idea.
FLOORS = {
    0: "paths ingredients images rotations similarity train_log looks.brushes networks.convention"
    " networks.keypoints"
    " light.spherical_harmonics light.film light.lens matfiles threads shards people.expressions"
    " smoothing processes onnx_network",
    0.1: "networks.two_view weight_average loss_terms",
    0.2: "networks.prn",
    0.5: "shading worn.ribbon_kernels worn.distance_field datasets people.population runs"
    " photo_faults losses",
    0.7: "worn.hair_kernels worn.hair_style",
    1: "transforms mesh rasterize registration",
    1.2: "light.occlusion",
    1.3: "light.shadows",
    1.4: "light.surface_shading",
    1.5: "looks.atlas worn.shirt scans",
    2: "uvmap unwrap render headmodel looks.appearance backgrounds detect smoothness",
    2.1: "networks.compact augmentation",
    2.2: "worn.torso looks.relief looks.eyes looks.teeth light.lighting networks",
    2.3: "networks.cost onnx_export looks.complexion light.lit_render face_template basel",
    2.4: "worn.ribbons looks.skin_brushes",
    2.45: "worn.garments",
    2.5: "still worn.scalp looks.skin_paint integration labels people.acting",
    2.7: "worn.hair worn.facial_hair worn.glasses worn.clothes worn.hats truth",
    2.8: "worn.outfit samples",
    3: "pairs reconstruct figures",
    3.2: "basel_layout consistency",
    3.3: "sliders",
    3.5: "batches train_config sources.scene sources.fitted_photo sources.upright",
    3.6: "sources.facegen_view sources.facegen_files sources.w300lp_index"
    " sources.keypoint_fit sources.casting",
    3.61: "sources.lit_photo",
    3.62: "sources.pages",
    3.65: "sources.dressing",
    3.66: "sources.photograph",
    3.7: "encoder_start checkpoints sources.shoot",
    4: "sources.synthetic training sources.facegen sources.w300lp sources.aflw2000",
    4.1: "sources.florence",
    4.2: "sources.basel_grid",
    4.3: "sources.generation",
    4.5: "sources.facegen_standin sources.basel_standin sources.florence_standin",
    4.7: "sources.w300lp_standin",
    5: "evaluate",
    5.5: "evaluation_record scan_scores landmark_scores inspection",
    5.7: "cli.common",
    5.75: "cli.evaluate_scans cli.evaluate_photos",
    5.8: "cli.facegen cli.reconstruct cli.generate cli.train cli.evaluate cli.w300lp"
    " cli.data cli.standin cli.runs cli.consistency cli.export",
    6: "__main__",
}
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names.split()}


def modules() -> dict[str, Path]:
    """Every module of the package by its name below facelib; a package counts by its own name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name and path.stat().st_size > 200:  # empty packages own nothing
            found[name] = path
    return found


def imported(path: Path) -> set[str]:
    """Modules of facelib that a file imports when it runs, inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    below = {name.removeprefix("facelib.") for name in names if name.startswith("facelib.")}
    return below & modules().keys()


def test_every_module_has_a_floor():
    assert modules().keys() == FLOOR_OF.keys()


def test_imports_only_go_down():
    upward = [
        f"{name} (floor {FLOOR_OF[name]}) imports {other} (floor {FLOOR_OF[other]})"
        for name, path in modules().items()
        for other in imported(path)
        if FLOOR_OF[other] >= FLOOR_OF[name]
    ]
    assert not upward


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_beside_the_package_import_names_that_exist(script):
    """They are run by hand, and rarely: a name that moved would go unnoticed."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("facelib"):
            for alias in node.names:
                if f"{node.module}.{alias.name}".removeprefix("facelib.") not in modules():
                    assert hasattr(importlib.import_module(node.module), alias.name), alias.name
