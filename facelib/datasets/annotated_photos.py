"""Photos with 68 points in files beside them: 300-W's `.pts`, AFLW2000's and 300W-LP's `.mat`.

Points are in iBUG's order. A `.pts` file counts its pixels from 1, as MATLAB does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facelib.files.matfiles import read_mat
from facelib.files.reading import regular_file

N_POINTS = 68
MAX_BYTES = 2**16
PHOTO_ENDINGS = (".jpg", ".jpeg", ".png")
POINT_ENDINGS = (".pts", ".mat")
MAT_ARRAYS = {"pt3d_68": (3, N_POINTS), "pt2d": (2, N_POINTS)}


@dataclass(frozen=True)
class AnnotatedPhoto:
    """A photo and the file of its points."""

    photo: Path
    points: Path


def list_annotated(folder: Path) -> list[AnnotatedPhoto]:
    """Find the photos below a folder that have points beside them, in order of their paths.

    Raises:
        FileNotFoundError: if there is none.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    points = {path.with_suffix(""): path for path in files if path.suffix.lower() in POINT_ENDINGS}
    found = [
        AnnotatedPhoto(path, points[path.with_suffix("")])
        for path in files
        if path.suffix.lower() in PHOTO_ENDINGS and path.with_suffix("") in points
    ]
    if not found:
        raise FileNotFoundError(
            f"expected photos in {folder} with a .pts or .mat file of the same name beside each, "
            "found none"
        )
    return found


def read_points(path: Path) -> np.ndarray:
    """Read 68 points: (68, 2) float64 px, image frame of the photo.

    Raises:
        ValueError: if the file does not hold 68 finite points.
    """
    points = _read_mat(path) if path.suffix.lower() == ".mat" else _read_pts(path)
    if points.shape != (N_POINTS, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected {N_POINTS} points of x and y in {path}, got {points.shape}")
    return points


def _read_pts(path: Path) -> np.ndarray:
    text = regular_file(path, "a .pts file", MAX_BYTES).read_bytes().decode("ascii", "replace")
    _, opened, rest = text.partition("{")
    body, closed, _ = rest.partition("}")
    try:
        rows = [
            [float(word) for word in line.split()] for line in body.splitlines() if line.strip()
        ]
        if not (opened and closed):
            raise ValueError("no { } around the points")
        return np.array(rows, np.float64) - 1
    except ValueError as error:
        raise ValueError(f"expected a .pts file of points in {path}: {error}") from error


def _read_mat(path: Path) -> np.ndarray:
    for name, shape in MAT_ARRAYS.items():
        try:
            return np.float64(read_mat(path, {name: shape})[name]).T[:, :2]
        except ValueError as error:
            problem = error
    raise ValueError(f"expected {' or '.join(MAT_ARRAYS)} in {path}: {problem}")
