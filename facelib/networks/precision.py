"""Two-dimensional Gaussians as a network predicts them: by the root of their precision.

A root is three numbers a, b > 0 and c, which stand for L = ((a, 0), (c, b)). Lᵀ error has
covariance 1, so the precision is L Lᵀ and the covariance of the error is its inverse. Any a, b > 0
and any c give a valid precision, and training inverts no matrix. `found_points.covariance` inverts.
"""

from __future__ import annotations

import torch


def rotate_root(root: torch.Tensor, scale_roll: torch.Tensor) -> torch.Tensor:
    """Transform Gaussians by a similarity: the root of T L Lᵀ Tᵀ with T = R / s.

    Args:
        root: (…, 3), see above.
        scale_roll: (…, 2), s times (cos, sin) of R's angle.
    Returns:
        (…, 3), by Cholesky's method.
    """
    a, b, c = root.unbind(-1)
    xx, xy, yy = a * a, a * c, b * b + c * c
    square = scale_roll.square().sum(dim=-1)
    cos, sin = (scale_roll / square.sqrt()[..., None]).unbind(-1)
    rotated_xx = (cos * cos * xx - 2 * cos * sin * xy + sin * sin * yy) / square
    rotated_xy = (cos * sin * (xx - yy) + (cos * cos - sin * sin) * xy) / square
    rotated_a = rotated_xx.sqrt()
    return torch.stack([rotated_a, a * b / square / rotated_a, rotated_xy / rotated_a], dim=-1)


def whiten_errors(error: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """Whiten (…, 2) errors by their (…, 3) roots: Lᵀ error, (…, 2), in standard deviations."""
    (x, y), (a, b, c) = error.unbind(-1), root.unbind(-1)
    return torch.stack([a * x + c * y, b * y], dim=-1)
