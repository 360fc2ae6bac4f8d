"""The Basel Face Model with 3DDFA's expressions, as a morphable model in mm.

BFM's axes are those of the head frame. µm are converted to mm, unit vectors to deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.basel.files import UM_PER_MM, BaselArrays, read_basel, read_uv
from facelib.datasets.registry import is_stand_in
from facelib.face.headmodel import MorphableModel
from facelib.geometry.mesh import triangle_normals


@dataclass(frozen=True)
class BaselModel:
    """A Basel Face Model: a morphable model that also takes 300W-LP's own parameters.

    Attributes:
        head: mm, head frame; coefficients in standard deviations; no regions.
        shape_deviations: (K,) float64, one standard deviation in units of 300W-LP's Shape_Para.
        expression_deviations: (E,) float64, the same for Exp_Para.
        mouth_triangles: (T, 3) int32, those that close the mouth.
        texture_mean: (N, 3) float32, RGB 0..255.
        texture_basis: (K', N, 3) float32, RGB per standard deviation.
        texture_deviations: (K',) float64, one standard deviation in units of Tex_Para.
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
        """Build the face from 300W-LP's parameters (2.6).

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
    """Load the model from BFM.mat, or from the raw files.

    Texture coordinates come from BFM_UV.mat, or from a cylinder if there is no such file.

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
    return _as_model(folder, read_basel(folder))


def _as_model(folder: Path, arrays: BaselArrays) -> BaselModel:
    n = _checked_count(folder, arrays)
    mean_head = np.float64(arrays.shape_mean).reshape(n, 3) / UM_PER_MM
    flip = _is_inside_out(mean_head, arrays.triangles)
    triangles, mouth = (
        np.ascontiguousarray(each[:, [0, 2, 1]] if flip else each)
        for each in (arrays.triangles, arrays.mouth_triangles)
    )
    uv = read_uv(folder, arrays)
    one = np.float32([1, 0, 0])
    head = MorphableModel(
        mean_head=mean_head,
        shape_basis=_rows(arrays.shape_basis, arrays.shape_deviations / UM_PER_MM),
        expression_basis=_rows(arrays.expression_basis, arrays.expression_deviations / UM_PER_MM),
        expression_names=tuple(
            f"expression{k + 1:02d}" for k in range(len(arrays.expression_deviations))
        ),
        triangles=triangles,
        uv=_cylinder_uv(mean_head) if uv is None else uv,
        mirror=np.int32(cKDTree(mean_head).query(mean_head * [-1, 1, 1])[1]),
        regions={},
        keypoint_triangles=np.repeat(arrays.keypoints[:, None], 3, axis=1),
        keypoint_weights=np.repeat(one[None], 68, axis=0),
    )
    return BaselModel(
        head=head,
        shape_deviations=arrays.shape_deviations,
        expression_deviations=arrays.expression_deviations,
        mouth_triangles=mouth,
        texture_mean=arrays.texture_mean.reshape(n, 3),
        texture_basis=_rows(arrays.texture_basis, arrays.texture_deviations),
        texture_deviations=arrays.texture_deviations,
        stand_in=is_stand_in(folder),
    )


def _checked_count(folder: Path, arrays: BaselArrays) -> int:
    """Check that all arrays fit together, and return the number of vertices."""
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
    """Convert (3N, K) columns to (K, N, 3) float32, scaled to one deviation each."""
    scaled = basis.T * np.float32(deviations)[:, None]
    return np.ascontiguousarray(scaled, np.float32).reshape(len(deviations), -1, 3)


def _is_inside_out(vertices_head: np.ndarray, triangles: np.ndarray) -> bool:
    """Whether most of a face's triangles face backward, away from a viewer in front of it."""
    return bool((triangle_normals(vertices_head, triangles)[:, 2] > 0).mean() < 0.5)


def _cylinder_uv(vertices_head: np.ndarray) -> np.ndarray:
    """Unroll a head around its vertical axis: (N, 2) float32, v down."""
    around = np.arctan2(vertices_head[:, 0], vertices_head[:, 2]) / (2 * np.pi) + 0.5
    low, high = vertices_head[:, 1].min(), vertices_head[:, 1].max()
    return np.float32(np.column_stack([around, (high - vertices_head[:, 1]) / (high - low)]))
