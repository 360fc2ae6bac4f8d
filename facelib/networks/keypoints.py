"""Keypoints that a network finds in a photo: read from heat maps, then reduced to residuals.

Points are in crop sides from the crop's corner, x right and y down, so that pixel (row, column) of
an h × w grid lies at ((column + ½) / w, (row + ½) / h) on any grid. A similarity of the plane is
z → a z + b in complex numbers, stored as (…, 2) real and imaginary parts: the length of a is the
scale, its angle, from x to y, the roll; so a is called `scale_roll`, and b `shift` (chapter 1).
"""

from __future__ import annotations

import torch

SMALLEST_SCALE = 0.2  # untrained heat maps give keypoints that nearly coincide
TINY = 1e-12  # keypoints that coincide have no direction; this avoids dividing by 0


def soft_argmax(heat_maps: torch.Tensor) -> torch.Tensor:
    """Read a point from each heat map: the mean of the pixels' positions under softmax weights.

    The position of the largest value would be as coarse as the grid, and have no gradient.

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


def complex_product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multiply (…, 2) complex numbers."""
    (x, y), (real, imaginary) = a.unbind(-1), b.unbind(-1)
    return torch.stack([real * x - imaginary * y, imaginary * x + real * y], dim=-1)


def conjugate(numbers: torch.Tensor) -> torch.Tensor:
    """Conjugate (…, 2) complex numbers: the same scale, the opposite rotation."""
    return numbers * numbers.new_tensor((1.0, -1.0))


def fit_similarity_2d(
    points: torch.Tensor, reference: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the least-squares similarity from a reference to the points found.

    With both centred, a = Σ m̄ z / Σ |m|²: Umeyama's solution, which in the plane needs no singular
    values.

    Args:
        points: (N, K, 2).
        reference: (K, 2), not all in one point.
    Returns:
        scale_roll a (N, 2), with |a| at least SMALLEST_SCALE, and shift b (N, 2):
        a · reference + b approximates the points.
    """
    centre, reference_centre = points.mean(dim=1), reference.mean(dim=0)
    centred = reference - reference_centre
    product = complex_product(points - centre[:, None], conjugate(centred))
    scale_roll = product.sum(dim=1) / centred.square().sum()
    scale_roll = scale_roll + scale_roll.new_tensor((TINY, 0.0))
    length = torch.linalg.vector_norm(scale_roll, dim=1, keepdim=True)
    scale_roll = scale_roll * (length.clamp_min(SMALLEST_SCALE) / length)
    return scale_roll, centre - complex_product(reference_centre, scale_roll)


def residual_shape(
    points: torch.Tensor, scale_roll: torch.Tensor, shift: torch.Tensor, reference: torch.Tensor
) -> torch.Tensor:
    """Undo a similarity and subtract the reference: what the similarity does not explain.

    Args:
        points: (N, K, 2).
        scale_roll: (N, 2), from `fit_similarity_2d`.
        shift: (N, 2), from `fit_similarity_2d`.
        reference: (K, 2).
    Returns:
        (N, K, 2), at the reference's scale and roll.
    """
    inverse = conjugate(scale_roll) / scale_roll.square().sum(dim=1, keepdim=True)
    return complex_product(points - shift[:, None], inverse[:, None]) - reference
