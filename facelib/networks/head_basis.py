"""The head model inside `compact`: mean head, directions, mean pose, and drawing its map."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.imaging.crop import Crop
from facelib.networks.pose import HEAD_TO_CROP, MM_PER_UNIT, place_head

EXPRESSION_DEVIATION = 0.3  # of a facial action's strength; a shape coefficient has 1


def shape_directions() -> tuple[torch.Tensor, torch.Tensor]:
    """Find the directions in which the head model's faces differ: principal components.

    Returns:
        The mean head's layout vertices (V, 3) and the directions (K, V, 3), scaled by their
        standard deviation, largest first; float32 decimetres, head frame.
    """
    head, to_layout = load_head(), load_layout().from_head
    basis = [*head.shape_basis, *(EXPRESSION_DEVIATION * head.expression_basis)]
    rows = np.stack([to_layout @ row for row in basis]).reshape(len(basis), -1) / MM_PER_UNIT
    _, eigenvectors = np.linalg.eigh(rows @ rows.T)
    directions = np.ascontiguousarray((eigenvectors.T @ rows)[::-1]).reshape(len(basis), -1, 3)
    mean_head = to_layout @ head.mean_head / MM_PER_UNIT
    return torch.from_numpy(mean_head).float(), torch.from_numpy(directions).float()


def mean_pose() -> torch.Tensor:
    """Return the mean head's pose (10,) in the crop around its own keypoints."""
    layout = load_layout()
    points = layout.from_head @ load_head().mean_head / MM_PER_UNIT * HEAD_TO_CROP
    crop = Crop.around_keypoints(layout.keypoints(points), 1)
    x, y = -crop.corner_px * crop.scale
    z = -points[:, 2].min() * crop.scale
    return torch.tensor([np.log(crop.scale), 1, 0, 0, 0, 1, 0, x, y, z], dtype=torch.float32)


def mean_keypoints() -> torch.Tensor:
    """Return the mean head's keypoints in `mean_pose`: (68, 2) crop sides from its corner."""
    layout = load_layout()
    points = torch.from_numpy(layout.keypoints(layout.from_head @ load_head().mean_head))
    return place_head(points[None].float() / MM_PER_UNIT, mean_pose()[None])[0, :, :2]


def position_maps(vertices: torch.Tensor, size: int) -> torch.Tensor:
    """Draw layout vertices into maps, like `UVLayout.position_map`.

    Args:
        vertices: (B, V, 3), any frame and unit.
        size: texels, side of the maps.
    Returns:
        (B, 3, size, size), the same frame and unit.
    """
    corners, weights = (part.to(vertices.device) for part in _texel_corners(size))
    # One row per vertex: each texel then copies three whole rows.
    rows = vertices.permute(1, 2, 0).flatten(1).index_select(0, corners.flatten())
    of_texels = rows.view(3, size * size, -1).permute(2, 0, 1)  # (3B, 3, S²)
    blended = (of_texels * weights).sum(dim=1)
    return blended.view(3, vertices.shape[0], size, size).transpose(0, 1)


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # a later training must be able to use the cached tensors, too
def _texel_corners(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The vertices (3, S²) that each texel blends, and their weights (3, S²)."""
    matrix = load_layout(size).matrix
    corners = torch.from_numpy(matrix.indices.astype(np.int64)).view(-1, 3)
    # A sum over the first axis adds whole rows; over a short inner one it took half of the time.
    return corners.T.contiguous(), torch.from_numpy(matrix.data).view(-1, 3).T.contiguous()
