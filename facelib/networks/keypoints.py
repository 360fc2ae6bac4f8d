"""Keypoints a network finds in a photo: read off heat maps, and freed of the head's place.

Points are in crop sides from the crop's corner, x right and y down, so that a layer's pixel
(row, column) of an h × w grid lies at ((column + ½) / w, (row + ½) / h) whatever the grid is.
A turn is a complex number, (…, 2) real and imaginary part: to multiply by it scales by its length
and turns by its angle, from x to y. That is chapter 01's similarity of the plane.
"""

from __future__ import annotations

import torch

SMALLEST_SCALE = 0.2  # maps that know nothing yet have all their keypoints in the middle
TINY = 1e-12  # keypoints in one point have no direction; this gives them one


def soft_argmax(heat_maps: torch.Tensor) -> torch.Tensor:
    """Read where each heat map lies: the mean of the pixels' places, as softmax weighs them.

    The place of the largest value would be as coarse as the grid, and have no gradient.

    Args:
        heat_maps: (N, K, h, w), log of weights.
    Returns:
        (N, K, 2) crop sides.
    """
    height, width = heat_maps.shape[2:]
    shares = heat_maps.flatten(2).softmax(dim=2).unflatten(2, (height, width))
    x = (torch.arange(width, device=shares.device) + 0.5) / width
    y = (torch.arange(height, device=shares.device) + 0.5) / height
    return torch.stack([shares.sum(dim=2) @ x, shares.sum(dim=3) @ y], dim=2)


def times(points: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Multiply (…, 2) points by (…, 2) turns, as complex numbers."""
    (x, y), (real, imaginary) = points.unbind(-1), turn.unbind(-1)
    return torch.stack([real * x - imaginary * y, imaginary * x + real * y], dim=-1)


def conjugate(turn: torch.Tensor) -> torch.Tensor:
    """Mirror (…, 2) complex numbers: the turn the other way."""
    return turn * turn.new_tensor((1.0, -1.0))


def in_plane(points: torch.Tensor, reference: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the similarity of least squares that lays a reference on found points.

    With both about their means, that is a = Σ m̄ z / Σ |m|²: Umeyama's answer, which in the plane
    needs no singular values.

    Args:
        points: (N, K, 2).
        reference: (K, 2), not all in one place.
    Returns:
        turn a (N, 2), never shorter than SMALLEST_SCALE, and shift b (N, 2): a · reference + b is
        near the points.
    """
    centre, reference_centre = points.mean(dim=1), reference.mean(dim=0)
    about = reference - reference_centre
    turn = times(points - centre[:, None], conjugate(about)).sum(dim=1) / about.square().sum()
    turn = turn + turn.new_tensor((TINY, 0.0))
    length = torch.linalg.vector_norm(turn, dim=1, keepdim=True)
    turn = turn * (length.clamp_min(SMALLEST_SCALE) / length)
    return turn, centre - times(reference_centre, turn)


def in_place(
    points: torch.Tensor, turn: torch.Tensor, shift: torch.Tensor, reference: torch.Tensor
) -> torch.Tensor:
    """Undo a similarity and take the reference away: what it does not explain of the points.

    Args:
        points: (N, K, 2).
        turn: (N, 2), from `in_plane`.
        shift: (N, 2), from `in_plane`.
        reference: (K, 2).
    Returns:
        (N, K, 2), at the reference's scale, roll and place.
    """
    back = conjugate(turn) / turn.square().sum(dim=1, keepdim=True)
    return times(points - shift[:, None], back[:, None]) - reference
