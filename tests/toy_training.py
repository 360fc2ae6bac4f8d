"""Random pairs, a layout of single pixels and small networks: what training needs, and quick."""

import numpy as np
import torch
from torch import nn

from facelib.pairs.store import FacePair

SIZE, N_VERTICES = 32, 40


class GridLayout:
    """A layout whose vertices are single pixels of the map."""

    def __init__(self, size=SIZE):
        self.size = size
        places = np.random.default_rng(0).permutation(SIZE * SIZE)[:N_VERTICES]
        self.rows, self.columns = np.divmod(places, SIZE)
        self.coverage = np.zeros((size, size), bool)
        self.coverage[self.rows, self.columns] = True
        self.uv, self.keypoint_matrix = np.zeros((N_VERTICES, 2)), np.zeros((0, N_VERTICES))

    def position_map(self, vertices):
        out = np.zeros((self.size, self.size, 3), np.float32)
        out[self.rows, self.columns] = vertices
        return out

    def vertices(self, position_map):
        return position_map[self.rows, self.columns]

    def label_map(self, name):
        return np.zeros((self.size, self.size), np.float32)


class TinyNetwork(nn.Module):
    """Two convolutions and BatchNorm: state enough to test a resume, fast enough for tests."""

    side_photo = "needed"

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 1)
        )

    def forward(self, photos):
        return torch.sigmoid(self.layers(photos))


class PlainNetwork(nn.Module):
    """Without BatchNorm, so that no sample changes another's answer; can do without the side."""

    side_photo = "optional"

    def __init__(self):
        super().__init__()
        self.front, self.side = (nn.Conv2d(3, 8, 3, padding=1) for _ in range(2))
        self.last = nn.Conv2d(8, 3, 1)

    def forward(self, photos, has_side):
        features = self.front(photos[:, :3])
        if has_side.any():
            features = features + self.side(photos[:, 3:]) * has_side[:, None, None, None]
        return torch.sigmoid(self.last(torch.relu(features)))


def random_pairs(n, size=SIZE):
    rng = np.random.default_rng(1)
    for i in range(n):
        yield FacePair(
            front=rng.integers(0, 256, (size, size, 3), dtype=np.uint8),
            side=rng.integers(0, 256, (size, size, 3), dtype=np.uint8),
            vertices_image=rng.uniform(0, size, (N_VERTICES, 3)).astype(np.float32),
            identity=i,
            front_pose_deg=np.zeros(3, np.float32),
            side_pose_deg=np.zeros(3, np.float32),
            name=str(i),
            px_per_mm=0.5,
        )
