"""A toy layout with the interface of UVLayout, and networks that always give one answer.

The layout is a square grid: small enough to know every answer, quick enough for every test.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import sparse

from facelib.networks.convention import POSITION_SCALE

N_GRID = 12


@dataclass(frozen=True)
class ToyLayout:
    size: int = 64

    @cached_property
    def uv(self):
        side = np.linspace(0.1, 0.9, N_GRID)
        return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2).astype(np.float32)

    @cached_property
    def triangles(self):
        index = np.arange(N_GRID**2).reshape(N_GRID, N_GRID)
        a, b, c, d = (
            s.ravel() for s in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
        )
        return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)

    @cached_property
    def mirror(self):
        return np.arange(N_GRID**2).reshape(N_GRID, N_GRID)[:, ::-1].ravel()

    @cached_property
    def coverage(self):
        centre = (np.arange(self.size) + 0.5) / self.size
        inside = (centre >= 0.1) & (centre <= 0.9)
        return inside[:, None] & inside[None, :]

    @cached_property
    def _to_map(self):
        """Bilinear weights, map pixels × vertices."""
        along = ((np.arange(self.size) + 0.5) / self.size - 0.1) / 0.8 * (N_GRID - 1)
        along = np.clip(along, 0, N_GRID - 1)
        hat = np.maximum(0, 1 - np.abs(along[:, None] - np.arange(N_GRID)))
        return np.kron(hat, hat)

    @property
    def labels(self):
        return {"face": np.ones(N_GRID**2, dtype=bool)}

    def position_map(self, vertices):
        grid = (self._to_map @ vertices).reshape(self.size, self.size, 3)
        return (grid * self.coverage[..., None]).astype(np.float32)

    def vertices(self, position_map):
        weights = self._to_map[self.coverage.ravel()]
        return np.linalg.lstsq(weights, position_map[self.coverage], rcond=None)[0]

    @cached_property
    def keypoint_matrix(self):
        columns = np.linspace(0, N_GRID**2 - 1, 68).round().astype(int)
        return sparse.csr_array((np.ones(68), (range(68), columns)), shape=(68, N_GRID**2))

    def keypoints(self, vertices):
        return self.keypoint_matrix @ vertices


def dome(centre, side, depth=0.5):
    """Layout vertices of a dome that fills a square of the image, (144, 3) px, lowest z 0."""
    across = (ToyLayout().uv - 0.5) / 0.4  # −1 .. 1
    z = np.clip(1 - 0.5 * (across**2).sum(axis=1), 0, None)
    return np.column_stack([centre + across * side / 2, depth * side * z])


class Constant(torch.nn.Module):
    """Predicts the same vertices whatever it sees, and counts how often it was asked."""

    name = "constant"
    side_photo = "needed"

    def __init__(self, vertices_crop, layout):
        super().__init__()
        self.size, self.calls = layout.size, 0
        answer = layout.position_map(vertices_crop) / (layout.size * POSITION_SCALE)
        self.register_buffer("answer", torch.from_numpy(answer.transpose(2, 0, 1))[None])

    def forward(self, photos):
        self.calls += 1
        return self.answer.expand(len(photos), -1, -1, -1)
