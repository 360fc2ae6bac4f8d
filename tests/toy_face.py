"""A tiny layout on a square grid, a dome for a face, and a network with a constant output.

Small enough to know every answer, quick enough for every test.
"""

from functools import cache

import numpy as np
import torch
from scipy.sparse import csr_matrix, eye

from facelib.face.layout import UVLayout
from facelib.geometry.sparse_rows import SparseRows
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE

N_GRID = 12  # vertices along a side; uv from 0.1 to 0.9
N_VERTICES = N_GRID**2
GRID = np.linspace(0.1, 0.9, N_GRID)
UV = np.stack(np.meshgrid(GRID, GRID), axis=-1).reshape(-1, 2)


def layout_parts(size):
    """The fields of a UVLayout, all of it face."""
    index = np.arange(N_VERTICES).reshape(N_GRID, N_GRID)
    a, b, c, d = (
        corner.ravel()
        for corner in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
    )
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    columns = np.linspace(0, N_VERTICES - 1, 68).round().astype(int)
    everywhere, nowhere = np.ones(N_VERTICES, bool), np.zeros(N_VERTICES, bool)
    others = ("eyes", "nose", "mouth", "neck", "membrane")
    return {
        "size": size,
        "uv": UV,
        "triangles": triangles,
        "mirror": index[:, ::-1].ravel(),
        "from_head": SparseRows.of(csr_matrix(eye(N_VERTICES))),
        "keypoint_matrix": SparseRows(np.arange(69), columns, np.ones(68), N_VERTICES),
        "references_head": dome((0, 0), 150)[None].astype(np.float32),
        "labels": {"face": everywhere, **dict.fromkeys(others, nowhere)},
    }


@cache
def toy_layout(size=64, kind=UVLayout):
    return kind(**layout_parts(size))


def dome(centre, side, depth=0.5):
    """Layout vertices of a dome that fills a square of the image, (144, 3) px, lowest z 0."""
    across = (UV - 0.5) / 0.4  # −1 .. 1
    z = np.clip(1 - 0.5 * (across**2).sum(axis=1), 0, None)
    return np.column_stack([centre + across * side / 2, depth * side * z])


class Constant(FaceNetwork):
    """Predicts the same vertices for all photos, and counts its calls."""

    name = "constant"
    side_photo = "needed"

    def __init__(self, vertices_crop, layout):
        super().__init__(layout.size)
        self.calls = 0
        maps = layout.position_map(vertices_crop) / (layout.size * POSITION_SCALE)
        self.register_buffer("maps", torch.from_numpy(maps.transpose(2, 0, 1))[None])

    def forward(self, photos, has_side=None):
        self.calls += 1
        return self.maps.expand(len(photos), -1, -1, -1)
