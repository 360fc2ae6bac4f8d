"""The Basel model in our layout: 228 parameters in, layout vertices out.

The model's mesh is registered to ours once (mesh transfer, chapter 7), and the matrix is stored
in a file. A face is linear in its coefficients, and so is the change of layout. Together they are
one small matrix, so no photo needs the model's 53,215 vertices.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from facelib.datasets.basel.model import BaselModel, load_basel
from facelib.face.headmodel import load_head
from facelib.face.layout import UVLayout, load_layout
from facelib.face.matrix_file import MATRIX_FORMAT, load_matrix, save_matrix
from facelib.face.mesh_transfer import transfer_mesh
from facelib.face.template import FaceTemplate


@dataclass(frozen=True)
class BaselFace:
    """Layout vertices and keypoints as linear functions of 300W-LP's parameters.

    Attributes:
        mean: (V + 68, 3) float32, mm: layout vertices, then keypoints.
        basis: (K + E, 3 (V + 68)) float32, mm per unit of Shape_Para and Exp_Para.
        deviations: (K + E,) float64, standard deviations in the same units.
        n_shape: the number K.
        stand_in: whether the model behind it is a stand-in.
    """

    mean: np.ndarray
    basis: np.ndarray
    deviations: np.ndarray
    n_shape: int
    stand_in: bool

    @classmethod
    def of(cls, model: BaselModel, matrix: csr_array) -> BaselFace:
        """Transfer a model's mean and bases to a layout.

        Args:
            model: of N vertices.
            matrix: (V, N), layout vertices = matrix @ model vertices.
        """
        head = model.head
        units = np.concatenate([model.shape_deviations, model.expression_deviations])

        def transferred(vertices: np.ndarray) -> np.ndarray:
            return np.concatenate([matrix @ vertices, head.keypoints(vertices)])

        components = (*head.shape_basis, *head.expression_basis)
        rows = [transferred(component).ravel() for component in components]
        return cls(
            mean=np.float32(transferred(head.mean_head)),
            basis=np.float32(np.stack(rows) / units[:, None]),
            deviations=units,
            n_shape=len(model.shape_deviations),
            stand_in=model.stand_in,
        )

    def vertices(
        self, shape_para: np.ndarray, exp_para: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Build a face from a file's parameters.

        Args:
            shape_para: (K,) float.
            exp_para: (E,) float.

        Returns:
            layout vertices (V, 3) and keypoints (68, 3), float32, mm, the model's frame.
        """
        coefficients = np.float32(np.concatenate([shape_para, exp_para]))
        face = self.mean + (coefficients @ self.basis).reshape(self.mean.shape)
        return face[:-68], face[-68:]


def load_basel_face(folder: Path | str, layout: UVLayout | None = None) -> BaselFace:
    """Load a Basel model in our layout; its registration is computed once and stored.

    Args:
        folder: the model's folder, see `load_basel`. The matrix is stored there.
        layout: the shipped one by default.

    Raises:
        FileNotFoundError: if there is no model.
        ValueError: if its files are damaged or do not fit together.
    """
    model = load_basel(folder)
    return BaselFace.of(model, layout_matrix(model, Path(folder), layout or load_layout()))


def layout_matrix(model: BaselModel, folder: Path, layout: UVLayout) -> csr_array:
    """(V, N) csr: layout vertices = matrix @ model vertices; read from `folder` or stored there."""
    path = folder / f"layout-{_fingerprint(model, layout)}.npz"
    if path.is_file():
        try:
            matrix = load_matrix(path)
            if matrix.shape == (len(layout.uv), len(model.head.mean_head)):
                return matrix
        except ValueError as error:
            warnings.warn(f"registering anew: {error}", stacklevel=2)
    matrix = register(model, layout)
    try:
        save_matrix(path, matrix)
    except OSError as error:
        warnings.warn(f"cannot keep the registration in {path}: {error}", stacklevel=2)
    return matrix


def register(model: BaselModel, layout: UVLayout) -> csr_array:
    """Register the model's mean to our head: (V, N) csr. Takes seconds.

    The triangles that close the mouth are omitted, because our lips would be mapped onto them.
    """
    head = model.head
    keypoints = head.keypoints(head.mean_head)
    template = FaceTemplate.of(load_head(), layout, closed_eyes=True)
    return transfer_mesh(head.mean_head, head.triangles, keypoints, template).matrix


def _fingerprint(model: BaselModel, layout: UVLayout) -> str:
    digest = hashlib.sha256(str(MATRIX_FORMAT).encode())
    ours = load_head().mean_head
    for array in (
        model.head.mean_head, model.head.triangles, model.head.keypoint_triangles,
        model.mouth_triangles, ours, layout.uv, layout.triangles,
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
