"""Random pairs and small networks for fast training."""

import numpy as np
import torch
from torch import nn
from toy_face import N_VERTICES

from facelib.networks.base import FaceNetwork
from facelib.pairs.sample import FacePair
from facelib.training.config import TrainConfig

SIZE = 32
CLOCK_COLUMNS = {"seconds", "data_share", "data_work_share"}


class TinyNetwork(FaceNetwork):
    """Two convolutions and BatchNorm: state enough to test a resume, fast enough for tests."""

    name = "tiny"
    side_photo = "needed"

    def __init__(self, size=SIZE, confidence=False):
        super().__init__(size, confidence)
        self.layers = nn.Sequential(
            nn.Conv2d(6, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 1)
        )

    def forward(self, photos, has_side=None):
        return torch.sigmoid(self.layers(photos))


class PlainNetwork(FaceNetwork):
    """Without BatchNorm, so that samples are independent; the side photo is optional."""

    name = "plain"
    side_photo = "optional"

    def __init__(self, size=SIZE, confidence=False):
        super().__init__(size, confidence)
        self.front, self.side = (nn.Conv2d(3, 8, 3, padding=1) for _ in range(2))
        self.last = nn.Conv2d(8, 3, 1)

    def forward(self, photos, has_side=None):
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


def without_clock(lines):
    """The lines of a log, without times."""
    return [{k: v for k, v in line.items() if k not in CLOCK_COLUMNS} for line in lines]


def tiny_config(data_dir, run_dir):
    """A run of three epochs of five steps."""
    return TrainConfig.from_dict(
        {
            "data_dir": data_dir,
            "run_dir": run_dir,
            "network": "tiny",
            "size": SIZE,
            "batch_size": 4,
            "epochs": 3,
            "learning_rate": 1e-2,
            "log_steps": 1,
            "threads": 1,
            "progress": False,
        }
    )
