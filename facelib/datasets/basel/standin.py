"""A stand-in for the Basel Face Model: the shipped head's face on another mesh, as BFM.mat.

The mesh is a grid around a vertical axis, as from a scanner that circles a head. Its 199 shapes are
the shipped head's and their mirror images, so that the model also contains the faces of mirrored
photos, and small smooth bumps that the shipped head lacks. Its 29 expressions and 199 textures are
principal components of those of the synthetic people. As in BFM, units are µm, indices count from
1, coordinates are interleaved, and the origin differs from ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from facelib.datasets.basel.files import UM_PER_MM, BaselArrays, write_basel
from facelib.datasets.basel.standin_grid import (
    face_grid,
    grid_triangles,
    grid_uv,
    mirrored_grid,
)
from facelib.datasets.registry import find_dataset, new_stand_in
from facelib.face.headmodel import MorphableModel, load_head
from facelib.imaging.effects import to_display
from facelib.synthetic.head_pages import head_atlas
from facelib.synthetic.looks.appearance import Appearance, random_appearance
from facelib.synthetic.looks.plain_paint import paint_page
from facelib.synthetic.plain import random_plain_strengths

N_SHAPES, N_EXPRESSIONS, N_TEXTURES = 199, 29, 199
N_OWN_SHAPES = 60  # of the shipped head's
ORIGIN_MM = np.array([0.0, 8.0, -12.0])  # the head frame's origin in the stand-in's frame
GRID_COLUMNS, GRID_ROWS = 101, 70  # 7,070 vertices
BUMP_MM, BUMP_WIDTH_MM = 0.06, 15.0  # root mean square of each bump, and its scale
N_FACES, N_LOOKS = 400, 220  # drawn for the expressions and textures
EXPRESSION_UNIT = 1.5  # Exp_Para of one deviation of the first expression
MODEL_SEED = 300
ATLAS_SIZE = 128


@dataclass(frozen=True)
class StandInModel:
    """The stand-in, and the effect of its coefficients on the whole shipped head.

    Attributes:
        arrays: as BFM.mat holds them.
        uv: (n, 2) float64, v down.
        to_grid: (n, N) csr: grid vertices = to_grid @ head vertices, plus ORIGIN_MM.
        mean_head: (N, 3) float64, mm, head frame, with the mean expression.
        shapes: (199, N, 3) float64, mm per deviation, head frame.
        expressions: (29, N, 3) float64, the same.
        action_mean: (A,) float64, mean strengths of the facial actions.
        action_weights: (29, A) float64: strengths minus their mean → deviations, by `@`.
        mirrored: (n,) int, each grid vertex's twin.
    """

    arrays: BaselArrays
    uv: np.ndarray
    to_grid: csr_array
    mean_head: np.ndarray
    shapes: np.ndarray
    expressions: np.ndarray
    action_mean: np.ndarray
    action_weights: np.ndarray
    mirrored: np.ndarray

    def head_vertices(self, shape: np.ndarray, expression: np.ndarray) -> np.ndarray:
        """Return the whole head, (N, 3) float64 mm, head frame, of (199,) and (29,) deviations."""
        moved = np.tensordot(shape, self.shapes, 1) + np.tensordot(expression, self.expressions, 1)
        return self.mean_head + moved

    def coefficients(
        self, displacement_head: np.ndarray, components_head: np.ndarray
    ) -> np.ndarray:
        """Return the deviations of components that displace the face; exact within their span.

        Args:
            displacement_head: (N, 3) float, mm, head frame.
            components_head: (C, N, 3) `shapes` or `expressions`.

        Returns:
            (C,) float64.
        """
        on_grid = np.stack([(self.to_grid @ each).ravel() for each in components_head])
        wanted = (self.to_grid @ displacement_head).ravel()
        return on_grid @ wanted / (on_grid**2).sum(axis=1)  # they are orthogonal on the grid

    def texture_para(self, looks: Appearance) -> np.ndarray:
        """Return the Tex_Para nearest to a person's looks: (199,) float64."""
        colors = (self.to_grid @ _vertex_looks(looks)).ravel() - self.arrays.texture_mean
        return colors @ self.arrays.texture_basis.astype(np.float64)


def write_bfm_standin(
    folder: Path | str, columns: int = GRID_COLUMNS, rows: int = GRID_ROWS
) -> int:
    """Write a stand-in for BFM: BFM.mat, BFM_UV.mat and the marker file.

    Args:
        folder: new or empty; appears whole or not at all.
        columns: of the grid, odd.
        rows: of the grid.

    Returns:
        The number of models written: 1.

    Raises:
        ValueError: if the folder is not empty, or `standin_model` refuses the grid.
        OSError: if it cannot be written.
    """
    with new_stand_in(folder, find_dataset("BFM"), "python -m facelib standin bfm") as unfinished:
        model = standin_model(columns, rows)
        write_basel(unfinished, model.arrays, model.uv)
    return 1


@lru_cache(maxsize=2)
def standin_model(columns: int = GRID_COLUMNS, rows: int = GRID_ROWS) -> StandInModel:
    """Build the stand-in's model of columns × rows vertices, always the same for these numbers.

    Raises:
        ValueError: if the grid is too coarse for the 68 keypoints, or columns are even.
    """
    if columns % 2 == 0 or columns < 41 or rows < 30:
        raise ValueError(
            f"expected an odd number of at least 41 columns and 30 rows, got {columns} and {rows}"
        )
    head = load_head()
    rng = np.random.default_rng(MODEL_SEED)
    actions = _drawn_actions(head, rng)
    to_grid, keypoints = face_grid(head, columns, rows)
    shapes, shape_basis, deviations = _principal(_shape_fields(head, rng), to_grid)
    root = _covariance_root(actions)
    fields = np.tensordot(root, head.expression_basis.astype(np.float64), 1)
    fields = np.concatenate([fields, mirrored_head(fields, head)]) / np.sqrt(2)
    expressions, expression_basis, spreads = _principal(fields, to_grid, N_EXPRESSIONS)
    mean_head = head.vertices(expression=actions.mean(axis=0))
    mean_head = (mean_head + mirrored_head(mean_head, head)) / 2
    units = EXPRESSION_UNIT * spreads / spreads[0]
    triangles, mouth = grid_triangles(head, to_grid, columns, rows)
    texture_mean, texture_basis, texture_deviations = _textures(to_grid, rng)
    arrays = BaselArrays(
        shape_mean=np.float32(((to_grid @ mean_head + ORIGIN_MM) * UM_PER_MM).ravel()),
        shape_basis=np.float32(shape_basis),
        shape_deviations=deviations * UM_PER_MM,
        expression_basis=np.float32(expression_basis * (spreads / units) * UM_PER_MM),
        expression_deviations=units,
        texture_mean=texture_mean,
        texture_basis=texture_basis,
        texture_deviations=texture_deviations,
        triangles=triangles,
        mouth_triangles=mouth,
        keypoints=keypoints,
    )
    return StandInModel(
        arrays=arrays,
        uv=grid_uv(columns, rows),
        to_grid=to_grid,
        mean_head=mean_head,
        shapes=shapes,
        expressions=expressions,
        action_mean=actions.mean(axis=0),
        action_weights=_action_weights(expressions, head),
        mirrored=mirrored_grid(columns, rows),
    )


def _vertex_looks(looks: Appearance) -> np.ndarray:
    """Return the colours of a person's texture at the head's vertices: (N, 3) float64, 0..255."""
    atlas = head_atlas(load_head(), ATLAS_SIZE)
    page = to_display(paint_page(looks, atlas))
    place = np.clip(atlas.uv * page.shape[1::-1], 0, np.array(page.shape[1::-1]) - 1).astype(int)
    return 255.0 * page[place[:, 1], place[:, 0]]


def mirrored_head(vertices_head: np.ndarray, head: MorphableModel) -> np.ndarray:
    """Mirror (…, N, 3) heads, or displacements of one, at the plane x = 0."""
    return vertices_head[..., head.mirror, :] * [-1.0, 1.0, 1.0]


def _drawn_actions(head: MorphableModel, rng: np.random.Generator) -> np.ndarray:
    """(2·N_FACES, A): expressions without gaze, which BFM lacks, each with its mirror image."""
    names = head.expression_names
    drawn = np.stack([random_plain_strengths(rng, names) for _ in range(N_FACES)])
    drawn[:, [name.startswith("eyeLook") for name in names]] = 0
    swap = {"Left": "Right", "Right": "Left"}
    twins = [
        next((name[: -len(s)] + other for s, other in swap.items() if name.endswith(s)), name)
        for name in names
    ]
    return np.concatenate([drawn, drawn[:, [names.index(twin) for twin in twins]]])


def _covariance_root(samples: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(np.cov(samples.T))
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _shape_fields(head: MorphableModel, rng: np.random.Generator) -> np.ndarray:
    """(199, N, 3) mm: displacements that, times standard normal numbers, make a person."""
    own = head.shape_basis[:N_OWN_SHAPES].astype(np.float64)
    own = np.concatenate([own, mirrored_head(own, head)]) / np.sqrt(2)
    bumps = []
    for k in range(N_SHAPES - len(own)):
        frequencies = rng.normal(size=(3, 3)) / BUMP_WIDTH_MM
        wave = np.cos(head.mean_head @ frequencies.T + rng.uniform(0, 2 * np.pi, 3))
        wave += (-1) ** k * mirrored_head(wave, head)
        bumps.append(BUMP_MM * wave / np.sqrt((wave**2).sum(axis=1).mean()))
    return np.concatenate([own, bumps])


def _principal(
    fields: np.ndarray, to_grid: csr_array, count: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compute the principal components of fields, with the inner product on the grid.

    Args:
        fields: (F, N, 3) mm on the whole head, each with a standard normal coefficient.
        to_grid: (n, N) csr.
        count: how many components to keep, all by default.

    Returns:
        components (C, N, 3) mm per deviation on the head, (3n, C) orthonormal on the grid, and (C,)
        deviations in mm.
    """
    on_grid = np.stack([(to_grid @ field).ravel() for field in fields], axis=1)
    values, vectors = np.linalg.eigh(on_grid.T @ on_grid)
    kept = np.argsort(-values, kind="stable")[:count]
    deviations = np.sqrt(values[kept])
    basis = on_grid @ (vectors[:, kept] / deviations)
    return np.tensordot(vectors[:, kept].T, fields, 1), basis, deviations


def _action_weights(expressions: np.ndarray, head: MorphableModel) -> np.ndarray:
    """(29, A): the deviations that approximate each action at strength 1."""
    flat = expressions.reshape(len(expressions), -1)
    actions = head.expression_basis.reshape(len(head.expression_basis), -1).astype(np.float64)
    return np.linalg.lstsq(flat.T, actions.T, rcond=None)[0]


def _textures(to_grid: csr_array, rng: np.random.Generator):
    """Mean (3n,), basis (3n, 199) and deviations (199,) of people's colours, 0..255."""
    drawn = [to_grid @ _vertex_looks(random_appearance(rng)) for _ in range(N_LOOKS)]
    colors = np.stack(drawn).reshape(N_LOOKS, -1)
    mean = colors.mean(axis=0)
    values, vectors = np.linalg.eigh((colors - mean) @ (colors - mean).T)
    kept = np.argsort(-values)[:N_TEXTURES]
    basis = (colors - mean).T @ (vectors[:, kept] / np.sqrt(values[kept]))
    deviations = np.sqrt(values[kept] / (N_LOOKS - 1))
    return np.float32(mean), np.float32(basis), deviations
