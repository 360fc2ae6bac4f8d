"""The Basel Face Model with 3DDFA's expressions, for those who have its licence.

BFM (Paysan et al. 2009) ships nowhere. Two ways in: `BFM.mat` as face3d's script leaves it, or the
raw files from which that script makes it. Both hold vertices interleaved x y z in µm, counted from
1; here they become mm, counted from 0. Axes are those of the head frame already.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.registry import find_dataset, is_stand_in, missing_sentence
from facelib.face.headmodel import MorphableModel
from facelib.files.matfiles import read_mat, read_struct, write_mat
from facelib.geometry.mesh import triangle_normals

UM_PER_MM = 1000.0
MODEL_FILE, UV_FILE = "BFM.mat", "BFM_UV.mat"
RAW_FILES = ("01_MorphableModel.mat", "model_info.mat", "Model_Expression.mat")
RAW_FOLDERS = (".", "raw", "3ddfa", "stn")  # face3d's instructions spread the raw files out
MAX_BYTES = 2**31


@dataclass(frozen=True)
class BaselModel:
    """A Basel Face Model: a morphable model that also takes 300W-LP's own numbers.

    Attributes:
        head: mm, head frame; coefficients in standard deviations; no regions.
        shape_deviations: (K,) float64, what 300W-LP's Shape_Para counts as one deviation.
        expression_deviations: (E,) float64, the same for Exp_Para.
        mouth_triangles: (T, 3) int32, which close the mouth.
        texture_mean: (N, 3) float32, RGB 0..255.
        texture_basis: (K', N, 3) float32, RGB per standard deviation.
        texture_deviations: (K',) float64, what Tex_Para counts as one deviation.
        stand_in: whether this project made the files itself.
    """

    head: MorphableModel
    shape_deviations: np.ndarray
    expression_deviations: np.ndarray
    mouth_triangles: np.ndarray
    texture_mean: np.ndarray
    texture_basis: np.ndarray
    texture_deviations: np.ndarray
    stand_in: bool

    def vertices(self, shape_para: np.ndarray, exp_para: np.ndarray) -> np.ndarray:
        """Build a face from 300W-LP's parameters (2.6).

        Args:
            shape_para: (K,) or (K, 1) float, as in the file.
            exp_para: (E,) or (E, 1) float, as in the file.

        Returns:
            (N, 3) float64, mm, head frame.
        """
        return self.head.vertices(
            np.ravel(shape_para) / self.shape_deviations,
            np.ravel(exp_para) / self.expression_deviations,
        )


def load_basel(folder: Path | str) -> BaselModel:
    """Load BFM.mat, or build the same from the raw files.

    Texture coordinates are those of BFM_UV.mat where it is there, else those of a cylinder.

    Args:
        folder: holds `BFM.mat`, or `01_MorphableModel.mat`, `model_info.mat` and
            `Model_Expression.mat` (in face3d's folders raw, 3ddfa and stn, or together).

    Returns:
        BaselModel.

    Raises:
        FileNotFoundError: if neither is there.
        ValueError: if a file is damaged or its arrays do not fit together.
    """
    folder = Path(folder)
    if (folder / MODEL_FILE).is_file():
        return _as_model(folder, read_struct_model(folder / MODEL_FILE))
    raw = {name: _find(folder, name) for name in RAW_FILES}
    if not all(raw.values()):
        raise FileNotFoundError(
            f"{missing_sentence(find_dataset('BFM'), folder)} "
            f"({', '.join(RAW_FILES)} would serve as well)"
        )
    return _as_model(folder, build_from_raw(folder))


@dataclass(frozen=True)
class ModelArrays:
    """The struct of BFM.mat, brought to Python: counted from 0, still in µm.

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
        kept: (N,) int32, which vertices of the raw model these are, or None.
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


def read_struct_model(path: Path) -> ModelArrays:
    """Read face3d's BFM.mat.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not what it should be.
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
    return ModelArrays(
        np.float32(fields["shapeMU"] + fields["expMU"]).ravel(),
        np.float32(fields["shapePC"]), np.float64(fields["shapeEV"]).ravel(),
        np.float32(fields["expPC"]), np.float64(fields["expEV"]).ravel(),
        np.float32(fields["texMU"]).ravel(), np.float32(fields["texPC"]),
        np.float64(fields["texEV"]).ravel(), _from_one(fields["tri"].T),
        _from_one(fields["tri_mouth"].T), _from_one(fields["kpt_ind"]).ravel(),
    )  # fmt: skip


def build_from_raw(folder: Path) -> ModelArrays:
    """Build what BFM.mat holds from the raw model and 3DDFA's files.

    The raw model has 53,490 vertices; `trimIndex` keeps 53,215 of them. The triangles that close
    the mouth are in `Model_tri_mouth.mat`; without it there are none, and nothing here misses them.

    Raises:
        FileNotFoundError: if one of the three files is missing.
        ValueError: if one is not what it should be.
    """
    paths = {name: _find(folder, name) or folder / name for name in RAW_FILES}
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
    moved = read_mat(
        paths["Model_Expression.mat"],
        {"mu_exp": column, "w_exp": matrix, "sigma_exp": column},
        MAX_BYTES,
    )
    kept = _from_one(info["trimIndex"]).ravel()
    if not 0 <= kept.min() <= kept.max() < len(raw["shapeMU"]) // 3:
        raise ValueError(f"expected trimIndex of {paths['model_info.mat']} to name raw vertices")
    rows = (3 * kept[:, None] + np.arange(3)).ravel()
    if len(moved["mu_exp"]) != len(rows):
        raise ValueError(
            f"expected {len(rows)} numbers in mu_exp of {paths['Model_Expression.mat']}, "
            f"got {len(moved['mu_exp'])}"
        )
    return ModelArrays(
        np.float32(raw["shapeMU"][rows] + moved["mu_exp"]).ravel(),
        np.float32(raw["shapePC"][rows]), np.float64(raw["shapeEV"]).ravel(),
        np.float32(moved["w_exp"]), np.float64(moved["sigma_exp"]).ravel(),
        np.float32(raw["texMU"][rows]).ravel(), np.float32(raw["texPC"][rows]),
        np.float64(raw["texEV"]).ravel(), _from_one(info["tri"].T), _mouth(folder),
        _from_one(info["keypoints"]).ravel(), kept,
    )  # fmt: skip


def _as_model(folder: Path, arrays: ModelArrays) -> BaselModel:
    n = _checked_count(folder, arrays)
    mean_head = np.float64(arrays.shape_mean).reshape(n, 3) / UM_PER_MM
    flip = _is_inside_out(mean_head, arrays.triangles)
    triangles, mouth = (
        np.ascontiguousarray(each[:, [0, 2, 1]] if flip else each)
        for each in (arrays.triangles, arrays.mouth_triangles)
    )
    one = np.float32([1, 0, 0])
    head = MorphableModel(
        mean_head=mean_head,
        shape_basis=_rows(arrays.shape_basis, arrays.shape_deviations / UM_PER_MM),
        expression_basis=_rows(arrays.expression_basis, arrays.expression_deviations / UM_PER_MM),
        expression_names=tuple(
            f"expression{k + 1:02d}" for k in range(len(arrays.expression_deviations))
        ),
        triangles=triangles,
        uv=_read_uv(folder, arrays, mean_head),
        mirror=np.int32(cKDTree(mean_head).query(mean_head * [-1, 1, 1])[1]),
        regions={},
        keypoint_triangles=np.repeat(arrays.keypoints[:, None], 3, axis=1),
        keypoint_weights=np.repeat(one[None], 68, axis=0),
    )
    return BaselModel(
        head, arrays.shape_deviations, arrays.expression_deviations, mouth,
        arrays.texture_mean.reshape(n, 3),
        _rows(arrays.texture_basis, arrays.texture_deviations), arrays.texture_deviations,
        is_stand_in(folder),
    )  # fmt: skip


def _checked_count(folder: Path, arrays: ModelArrays) -> int:
    """Return N after checking that everything speaks of N vertices."""
    n, rest = divmod(len(arrays.shape_mean), 3)
    for name in ("shape", "expression", "texture"):
        basis, deviations = getattr(arrays, f"{name}_basis"), getattr(arrays, f"{name}_deviations")
        if rest or basis.shape != (3 * n, len(deviations)):
            raise ValueError(
                f"expected a {name} basis of {3 * n} × {len(deviations)} numbers in {folder}, "
                f"got {basis.shape[0]} × {basis.shape[1]}"
            )
        if not (deviations > 0).all():
            raise ValueError(f"expected positive {name} deviations in {folder}, got 0 or less")
    for name in ("triangles", "mouth_triangles", "keypoints"):
        index = getattr(arrays, name)
        if index.size and not 0 <= index.min() <= index.max() < n:
            raise ValueError(
                f"expected {name} of {folder} to count from 1 to {n}, got {index.min() + 1} to "
                f"{index.max() + 1}"
            )
    if len(arrays.texture_mean) != 3 * n:
        raise ValueError(f"expected {3 * n} mean colours in {folder}")
    return n


def _rows(basis: np.ndarray, deviations: np.ndarray) -> np.ndarray:
    """Turn (3N, K) columns into (K, N, 3) float32, one deviation each."""
    scaled = basis.T * np.float32(deviations)[:, None]
    return np.ascontiguousarray(scaled, np.float32).reshape(len(deviations), -1, 3)


def _is_inside_out(vertices_head: np.ndarray, triangles: np.ndarray) -> bool:
    """Whether most of a face's triangles look away from the viewer in front of it."""
    return bool((triangle_normals(vertices_head, triangles)[:, 2] > 0).mean() < 0.5)


def _read_uv(folder: Path, arrays: ModelArrays, mean_head: np.ndarray) -> np.ndarray:
    """(N, 2) float32, v down."""
    path = _find(folder, UV_FILE)
    if path is None:
        around = np.arctan2(mean_head[:, 0], mean_head[:, 2]) / (2 * np.pi) + 0.5
        low, high = mean_head[:, 1].min(), mean_head[:, 1].max()
        return np.float32(np.column_stack([around, (high - mean_head[:, 1]) / (high - low)]))
    uv = np.float32(read_mat(path, {"UV": (None, 2)}, MAX_BYTES)["UV"])
    if len(uv) != len(mean_head) and arrays.kept is not None and len(uv) > arrays.kept.max():
        uv = uv[arrays.kept]  # as its authors have it, for all vertices of the raw model
    if len(uv) != len(mean_head) or uv.min() < -1e-3 or uv.max() > 1.001:
        raise ValueError(
            f"expected {len(mean_head)} × 2 coordinates of 0 to 1 in {path}, got {len(uv)} from "
            f"{uv.min():g} to {uv.max():g}"
        )
    return np.clip(uv * [1, -1] + [0, 1], 0, 1).astype(np.float32)


def _mouth(folder: Path) -> np.ndarray:
    path = _find(folder, "Model_tri_mouth.mat")
    if path is None:
        return np.zeros((0, 3), np.int32)
    return _from_one(read_mat(path, {"tri_mouth": (3, None)}, MAX_BYTES)["tri_mouth"].T)


def _from_one(index: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(index, np.int64).astype(np.int32) - 1


def _find(folder: Path, name: str) -> Path | None:
    places = (folder / inner / name for inner in RAW_FOLDERS)
    return next((place for place in places if place.is_file()), None)


def save_basel(folder: Path | str, model: ModelArrays, uv: np.ndarray) -> None:
    """Write `BFM.mat` and `BFM_UV.mat` as face3d's script does.

    Args:
        folder: must exist.
        model: what to write; its means go into shapeMU, and expMU is 0.
        uv: (N, 2) float, v down.
    """
    column = np.float32(model.shape_mean)[:, None]
    struct = {
        "shapeMU": column, "shapePC": model.shape_basis, "shapeEV": model.shape_deviations[:, None],
        "texMU": model.texture_mean[:, None], "texPC": model.texture_basis,
        "texEV": model.texture_deviations[:, None], "tri": np.int32(model.triangles.T + 1),
        "kpt_ind": np.int32(model.keypoints[None] + 1), "expMU": np.zeros_like(column),
        "expPC": model.expression_basis, "expEV": model.expression_deviations[:, None],
        "tri_mouth": np.int32(model.mouth_triangles.T + 1),
    }  # fmt: skip
    write_mat(Path(folder) / MODEL_FILE, {"model": struct})
    write_mat(Path(folder) / UV_FILE, {"UV": np.float64(uv) * [1, -1] + [0, 1]})
