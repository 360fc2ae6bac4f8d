"""The files of the Basel Face Model, as arrays: `BFM.mat`, or the raw files that it is made from.

BFM (Paysan et al. 2009) may not be redistributed. face3d's script makes `BFM.mat` from the raw
files; both can be read. They hold vertices interleaved x y z in µm, and indices from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facelib.datasets.registry import find_dataset, missing_sentence
from facelib.files.letter_case import find_any_case
from facelib.files.matfiles import read_mat, read_struct, write_mat

UM_PER_MM = 1000.0
MODEL_FILE, UV_FILE, MOUTH_FILE = "BFM.mat", "BFM_UV.mat", "Model_tri_mouth.mat"
RAW_FILES = ("01_MorphableModel.mat", "model_info.mat", "Model_Expression.mat")
RAW_FOLDERS = (".", "raw", "3ddfa", "stn")  # where face3d's instructions put the raw files
MAX_BYTES = 2**31


@dataclass(frozen=True)
class BaselArrays:
    """The arrays of a Basel model's files: indices from 0, still in µm and interleaved x y z.

    Attributes:
        shape_mean: (3N,) float32, expressions' mean included.
        shape_basis: (3N, K) float32.
        shape_deviations: (K,) float64.
        expression_basis: (3N, E) float32.
        expression_deviations: (E,) float64.
        texture_mean: (3N,) float32.
        texture_basis: (3N, K') float32.
        texture_deviations: (K',) float64.
        triangles: (M, 3) int32.
        mouth_triangles: (T, 3) int32.
        keypoints: (68,) int32.
        kept: (N,) int32, the raw model's numbers of these vertices, or None.
    """

    shape_mean: np.ndarray
    shape_basis: np.ndarray
    shape_deviations: np.ndarray
    expression_basis: np.ndarray
    expression_deviations: np.ndarray
    texture_mean: np.ndarray
    texture_basis: np.ndarray
    texture_deviations: np.ndarray
    triangles: np.ndarray
    mouth_triangles: np.ndarray
    keypoints: np.ndarray
    kept: np.ndarray | None = None


def read_basel(folder: Path) -> BaselArrays:
    """Read BFM.mat, or build the same arrays from the raw files.

    Args:
        folder: holds `BFM.mat`, or `01_MorphableModel.mat`, `model_info.mat` and
            `Model_Expression.mat` (in face3d's folders raw, 3ddfa and stn, or together).

    Raises:
        FileNotFoundError: if neither is present.
        ValueError: if a file is damaged.
    """
    if (model := find_any_case(folder, MODEL_FILE)).is_file():
        return _read_struct(model)
    raw = {name: _find(folder, name) for name in RAW_FILES}
    if not all(raw.values()):
        raise FileNotFoundError(
            f"{missing_sentence(find_dataset('BFM'), folder)} "
            f"({', '.join(RAW_FILES)} would serve as well)"
        )
    return _read_raw(raw, _read_mouth(folder))


def _read_struct(path: Path) -> BaselArrays:
    """Read face3d's BFM.mat.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged or lacks a field.
    """
    column, matrix = (None, 1), (None, None)
    fields = read_struct(
        path,
        "model",
        {
            "shapeMU": column, "shapePC": matrix, "shapeEV": column, "expMU": column,
            "expPC": matrix, "expEV": column, "texMU": column, "texPC": matrix, "texEV": column,
            "tri": (3, None), "tri_mouth": (3, None), "kpt_ind": (1, 68),
        },
        MAX_BYTES,
    )  # fmt: skip
    return BaselArrays(
        shape_mean=np.float32(fields["shapeMU"] + fields["expMU"]).ravel(),
        shape_basis=np.float32(fields["shapePC"]),
        shape_deviations=np.float64(fields["shapeEV"]).ravel(),
        expression_basis=np.float32(fields["expPC"]),
        expression_deviations=np.float64(fields["expEV"]).ravel(),
        texture_mean=np.float32(fields["texMU"]).ravel(),
        texture_basis=np.float32(fields["texPC"]),
        texture_deviations=np.float64(fields["texEV"]).ravel(),
        triangles=_from_one(fields["tri"].T),
        mouth_triangles=_from_one(fields["tri_mouth"].T),
        keypoints=_from_one(fields["kpt_ind"]).ravel(),
    )


def _read_raw(paths: dict[str, Path], mouth_triangles: np.ndarray) -> BaselArrays:
    """Build the arrays of BFM.mat from the raw model and 3DDFA's files.

    The raw model has 53,490 vertices; `trimIndex` keeps 53,215 of them.
    """
    column, matrix = (None, 1), (None, None)
    raw = read_mat(
        paths["01_MorphableModel.mat"],
        {
            "shapeMU": column, "shapePC": matrix, "shapeEV": column,
            "texMU": column, "texPC": matrix, "texEV": column,
        },
        MAX_BYTES,
    )  # fmt: skip
    info = read_mat(
        paths["model_info.mat"],
        {"trimIndex": column, "tri": (3, None), "keypoints": (1, 68)},
        MAX_BYTES,
    )
    expressions = read_mat(
        paths["Model_Expression.mat"],
        {"mu_exp": column, "w_exp": matrix, "sigma_exp": column},
        MAX_BYTES,
    )
    kept = _from_one(info["trimIndex"]).ravel()
    if not 0 <= kept.min() <= kept.max() < len(raw["shapeMU"]) // 3:
        raise ValueError(f"expected trimIndex of {paths['model_info.mat']} to name raw vertices")
    rows = (3 * kept[:, None] + np.arange(3)).ravel()
    if len(expressions["mu_exp"]) != len(rows):
        raise ValueError(
            f"expected {len(rows)} numbers in mu_exp of {paths['Model_Expression.mat']}, "
            f"got {len(expressions['mu_exp'])}"
        )
    return BaselArrays(
        shape_mean=np.float32(raw["shapeMU"][rows] + expressions["mu_exp"]).ravel(),
        shape_basis=np.float32(raw["shapePC"][rows]),
        shape_deviations=np.float64(raw["shapeEV"]).ravel(),
        expression_basis=np.float32(expressions["w_exp"]),
        expression_deviations=np.float64(expressions["sigma_exp"]).ravel(),
        texture_mean=np.float32(raw["texMU"][rows]).ravel(),
        texture_basis=np.float32(raw["texPC"][rows]),
        texture_deviations=np.float64(raw["texEV"]).ravel(),
        triangles=_from_one(info["tri"].T),
        mouth_triangles=mouth_triangles,
        keypoints=_from_one(info["keypoints"]).ravel(),
        kept=kept,
    )


def read_uv(folder: Path, arrays: BaselArrays) -> np.ndarray | None:
    """Read the texture coordinates of BFM_UV.mat: (N, 2) float32, v down; None without that file.

    Raises:
        ValueError: if they do not fit the model's vertices.
    """
    path = _find(folder, UV_FILE)
    if path is None:
        return None
    n_vertices = len(arrays.shape_mean) // 3
    uv = np.float32(read_mat(path, {"UV": (None, 2)}, MAX_BYTES)["UV"])
    if len(uv) != n_vertices and arrays.kept is not None and len(uv) > arrays.kept.max():
        uv = uv[arrays.kept]  # its authors' file has all vertices of the raw model
    if len(uv) != n_vertices:
        raise ValueError(f"expected {n_vertices} × 2 coordinates in {path}, got {len(uv)} × 2")
    if uv.min() < -1e-3 or uv.max() > 1.001:
        raise ValueError(
            f"expected coordinates of 0 to 1 in {path}, got {uv.min():g} to {uv.max():g}"
        )
    return np.clip(uv * [1, -1] + [0, 1], 0, 1).astype(np.float32)


def write_basel(folder: Path | str, arrays: BaselArrays, uv: np.ndarray) -> None:
    """Write `BFM.mat` and `BFM_UV.mat` as face3d's script does.

    Args:
        folder: must exist.
        arrays: the arrays to write; the mean is stored in shapeMU, and expMU is 0.
        uv: (N, 2) float, v down.
    """
    column = np.float32(arrays.shape_mean)[:, None]
    struct = {
        "shapeMU": column, "shapePC": arrays.shape_basis,
        "shapeEV": arrays.shape_deviations[:, None],
        "texMU": arrays.texture_mean[:, None], "texPC": arrays.texture_basis,
        "texEV": arrays.texture_deviations[:, None], "tri": np.int32(arrays.triangles.T + 1),
        "kpt_ind": np.int32(arrays.keypoints[None] + 1), "expMU": np.zeros_like(column),
        "expPC": arrays.expression_basis, "expEV": arrays.expression_deviations[:, None],
        "tri_mouth": np.int32(arrays.mouth_triangles.T + 1),
    }  # fmt: skip
    write_mat(Path(folder) / MODEL_FILE, {"model": struct})
    write_mat(Path(folder) / UV_FILE, {"UV": np.float64(uv) * [1, -1] + [0, 1]})


def _read_mouth(folder: Path) -> np.ndarray:
    """Read the triangles that close the mouth: (T, 3) int32; none without the file."""
    path = _find(folder, MOUTH_FILE)
    if path is None:
        return np.zeros((0, 3), np.int32)
    return _from_one(read_mat(path, {"tri_mouth": (3, None)}, MAX_BYTES)["tri_mouth"].T)


def _from_one(index: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(index, np.int64).astype(np.int32) - 1


def _find(folder: Path, name: str) -> Path | None:
    places = (find_any_case(folder, *Path(inner).parts, name) for inner in RAW_FOLDERS)
    return next((place for place in places if place.is_file()), None)
