"""The pose of a head in a crop as ten numbers, and the operations on it that `compact` needs.

A pose is (B, 10): log of the scale (crop sides per decimetre), the six numbers of
`rotation_from_6d`, and the projection of the head's origin (crop sides from the crop's corner).
"""

from __future__ import annotations

import torch
from torch.nn import functional

from facelib.networks.keypoints import complex_product, conjugate

MM_PER_UNIT = 100.0  # points inside the network are in decimetres, near 1
HEAD_TO_CROP = (1.0, -1.0, 1.0)  # the head frame's y points up, the crop frame's down


def rotation_from_6d(numbers: torch.Tensor) -> torch.Tensor:
    """Make a rotation from two vectors by Gram-Schmidt: continuous, and onto (Zhou et al. 2019).

    Args:
        numbers: (B, 6), two vectors that are not parallel.
    Returns:
        (B, 3, 3), the vectors' directions in the first two columns; (1, 0, 0, 0, 1, 0) gives the
        identity.
    """
    x = functional.normalize(numbers[:, :3], dim=1)
    y = numbers[:, 3:]
    y = functional.normalize(y - (x * y).sum(dim=1, keepdim=True) * x, dim=1)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=2)


def place_head(points_head: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
    """Rotate, scale and move points into the crop: weak perspective.

    Args:
        points_head: (B, N, 3) decimetres, head frame.
        pose: (B, 10).
    Returns:
        (B, N, 3) crop sides, crop frame, except that the origin is the crop's corner.
    """
    rotated = points_head @ rotation_from_6d(pose[:, 1:7]).transpose(1, 2)
    scale, translation = pose[:, None, :1].exp(), pose[:, None, 7:]
    return scale * rotated * rotated.new_tensor(HEAD_TO_CROP) + translation


def move_pose(pose: torch.Tensor, scale_roll: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Apply a similarity of the crop after a pose; depth is scaled, too.

    Args:
        pose: (B, 10).
        scale_roll: (B, 2), from `keypoints.fit_similarity_2d`.
        shift: (B, 2) crop sides.
    Returns:
        (B, 10): the pose that equals `pose` followed by the similarity.
    """
    length = torch.linalg.vector_norm(scale_roll, dim=1, keepdim=True)
    # The head frame's y points up, so the same rotation has the opposite sign there.
    roll = conjugate(scale_roll / length)[:, None]
    axes = pose[:, 1:7].unflatten(1, (2, 3))
    axes = torch.cat([complex_product(axes[..., :2], roll), axes[..., 2:]], dim=2).flatten(1)
    place = complex_product(pose[:, 7:9], scale_roll) + shift
    return torch.cat([pose[:, :1] + length.log(), axes, place, length * pose[:, 9:]], dim=1)
