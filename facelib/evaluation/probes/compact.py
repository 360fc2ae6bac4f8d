"""The numbers inside `compact` that have a meaning: pose, scale and shape coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from facelib.geometry.transforms import pose_from_rotation
from facelib.networks.compact import Compact
from facelib.networks.pose import MM_PER_UNIT, rotation_from_6d


@dataclass(frozen=True, eq=False)
class Causes:
    """The pose and shape from which `compact` draws its map.

    Attributes:
        pose_deg: (B, 3) float64 pitch, yaw, roll of the heads in the front photos.
        px_per_mm: (B,) float64, scale of the crops.
        shape: (B, K) float64, coefficients of the network's directions, in standard deviations.
    """

    pose_deg: np.ndarray
    px_per_mm: np.ndarray
    shape: np.ndarray


@torch.inference_mode()
def read_causes(
    network: Compact, photos: torch.Tensor, has_side: torch.Tensor | None = None
) -> Causes:
    """Read the pose and shape from which `compact` draws its map.

    Args:
        network: in evaluation mode.
        photos: (B, 3 or 6, S, S), as it takes them.
        has_side: (B,) bool or None, as it takes them.
    """
    found = network.describe(photos, has_side)
    rotations = rotation_from_6d(found.pose[:, 1:7]).double().numpy()
    return Causes(
        pose_deg=np.degrees([pose_from_rotation(rotation) for rotation in rotations]),
        px_per_mm=found.pose[:, 0].double().exp().numpy() * photos.shape[-1] / MM_PER_UNIT,
        shape=found.shape.double().numpy(),
    )


def shape_coefficients(network: Compact, vertices_head: np.ndarray) -> np.ndarray:
    """Return the shape coefficients that approximate given heads best, in least squares.

    Args:
        network: whose directions are used.
        vertices_head: (B, V, 3) float mm, head frame.

    Returns:
        (B, K) float64, standard deviations; 0 along directions of no length.
    """
    directions = network.directions.double().flatten(1).numpy()
    offset = np.asarray(vertices_head) / MM_PER_UNIT - network.mean_head.double().numpy()
    # The directions are principal components, hence orthogonal: each is projected on alone.
    length2 = (directions**2).sum(axis=1)
    along = offset.reshape(len(offset), -1) @ directions.T
    return np.divide(along, length2, out=np.zeros_like(along), where=length2 > 1e-9)
