"""The terms of a training loss: each compares predicted with true position maps in its own way.

Maps are (B, 3, S, S) in the crop frame; their unit is S · POSITION_SCALE px, about a crop's side,
for every S. Steps between texels are multiplied by S, so that no term's size depends on S. Terms
that need no neighbours also take vertices, as maps one texel wide. Chapter 10 shows which errors
each term measures, and which it misses.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from facelib.networks.base import TYPICAL_DEVIATION

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout

# Map units² per uv²; only one in a thousand texels of true faces spans less than 0.08. An untrained
# network predicts texels without area, and their normals have no useful direction.
SMALLEST_AREA = 0.01
TINY = 1e-12  # keeps scales and the gradients of roots finite if texels coincide


def _penalty(difference: torch.Tensor, kind: str) -> torch.Tensor:
    """Return the cost of each difference; kind is "squared" or "absolute"."""
    return difference.square() if kind == "squared" else difference.abs()


def _weighted_mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Average (B, C, H, W) values with (H, W) weights; only the weights' ratios matter.

    Returns:
        Scalar.
    """
    shares = weights / weights.sum()
    return (values.mean(dim=(0, 1)) * shares).sum()


def weighted_squared_error(
    prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean squared error over texels weighted by a mask (eq. 3.1).

    Args:
        prediction: (B, 3, S, S), position map.
        target: (B, 3, S, S), position map in the same unit.
        mask: (S, S), weights; only their ratios matter.
    Returns:
        Scalar, the weighted mean over batch, channels and pixels.
    """
    return position_error(prediction, target, mask, "squared")


def position_error(
    prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, kind: str
) -> torch.Tensor:
    """Compare coordinate by coordinate.

    The few worst faces dominate the squared error; in the absolute error a face counts in
    proportion to its error.
    """
    return _weighted_mean(_penalty(prediction - target, kind), mask)


def likelihood_error(
    prediction: torch.Tensor,
    target: torch.Tensor,
    log_deviation: torch.Tensor,
    mask: torch.Tensor,
    kind: str,
) -> torch.Tensor:
    """Compare coordinate by coordinate, relative to the deviation that the network predicts.

    The negative log-likelihood of the truth under a Gaussian ("squared") or a Laplace ("absolute")
    distribution about the prediction (Kendall & Gal 2017): a large deviation lowers the cost of an
    error, but its logarithm is a cost itself. Scale and offset are chosen so that the term equals
    the plain error if the deviation is TYPICAL_DEVIATION. So a run with confidence starts like one
    without, and the other terms' weights have the same meaning in both. It may be negative.

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        log_deviation: (B, 1, S, S), log of each texel's standard ("squared") or mean absolute
            ("absolute") deviation, map unit, one coordinate.
        mask: (S, S).
        kind: "squared" or "absolute".
    """
    power = 2 if kind == "squared" else 1
    relative = log_deviation - math.log(TYPICAL_DEVIATION)
    cost = _penalty(prediction - target, kind) * torch.exp(-power * relative)
    return _weighted_mean(cost + power * TYPICAL_DEVIATION**power * relative, mask)


def triangle_weights(weights: torch.Tensor) -> torch.Tensor:
    """Return the weight of the triangle of each texel, its right and its lower neighbour.

    Args:
        weights: (S, S), 0 where there is no surface.
    Returns:
        (S − 1, S − 1), the minimum of the three.
    """
    neighbours = torch.minimum(weights[:-1, 1:], weights[1:, :-1])
    return torch.minimum(weights[:-1, :-1], neighbours)


def _triangle_sides(maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the two sides of each texel's triangle that start at the texel, times S: right, down.

    Args:
        maps: (B, 3, S, S).
    Returns:
        (B, 3, S − 1, S − 1) each.
    """
    maps = maps.contiguous()  # compact's maps have the batch last in memory: three times slower
    here = maps[..., :-1, :-1]
    right = (maps[..., :-1, 1:] - here) * maps.shape[-1]
    down = (maps[..., 1:, :-1] - here) * maps.shape[-1]
    return right, down


def normal_error(
    prediction: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, kind: str
) -> torch.Tensor:
    """Compare the directions of the surface's normals, which shading shows and positions do not.

    A ripple of half a pixel is a tiny error in position, and a visible fault of the surface. Moving
    or scaling a map does not change its normals; rotating it does. Squared, the error is
    (2 − 2 cos of the angle) / 3.

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        weights: (S − 1, S − 1), of `triangle_weights`.
        kind: "squared" or "absolute".
    """
    return _weighted_mean(_penalty(normals(prediction) - normals(target), kind), weights)


def normals(maps: torch.Tensor) -> torch.Tensor:
    """Return the normal of each texel's triangle.

    Args:
        maps: (B, 3, S, S).
    Returns:
        (B, 3, S − 1, S − 1), of length 1; shorter where a texel spans less than SMALLEST_AREA.
    """
    right, down = _triangle_sides(maps)
    (a, b, c), (d, e, f) = right.unbind(dim=1), down.unbind(dim=1)
    # torch.linalg.cross and functional.normalize take 4 times as long on an axis before the last.
    cross = torch.stack([b * f - c * e, c * d - a * f, a * e - b * d], dim=1)
    area = cross.square().sum(dim=1, keepdim=True).clamp_min(SMALLEST_AREA**2).sqrt()
    return cross / area


def edge_error(
    prediction: torch.Tensor, target: torch.Tensor, weights: torch.Tensor, kind: str
) -> torch.Tensor:
    """Compare the lengths of the three sides of each texel's triangle.

    Lengths, not vectors: vectors rotate with the head, so a wrong pose, which the positions show
    already, would drown the rest. The three lengths of a triangle fix its size and shape and do not
    change when it moves or rotates. They cannot see a bend; the normals can.

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        weights: (S − 1, S − 1), of `triangle_weights`.
        kind: "squared" or "absolute".
    """
    difference = side_lengths(prediction) - side_lengths(target)
    return _weighted_mean(_penalty(difference, kind), weights)


def side_lengths(maps: torch.Tensor) -> torch.Tensor:
    """Return the lengths of all three sides, times S, (B, 3, S − 1, S − 1)."""
    right, down = _triangle_sides(maps)
    squares = [side.square().sum(dim=1) for side in (right, down, down - right)]
    return torch.stack(squares, dim=1).clamp_min(TINY).sqrt()


def keypoint_error(
    prediction: torch.Tensor,
    target: torch.Tensor,
    keypoints: tuple[torch.Tensor, torch.Tensor],
    kind: str,
) -> torch.Tensor:
    """Compare where the 68 keypoints fall in the photo: x and y in the crop, whatever their depth.

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        keypoints: from `keypoint_texels`.
        kind: "squared" or "absolute".
    """
    difference = read_texels((prediction - target)[:, :2], *keypoints)
    return _penalty(difference, kind).mean()


def keypoint_texels(layout: UVLayout) -> tuple[torch.Tensor, torch.Tensor]:
    """Find the four texels about each keypoint: (68, 4) int64 into S² and (68, 4) float32 weights.

    Bilinear, not `UVLayout.sampling_matrix`, whose absolute weights add up to as much as 8 and
    would amplify a network's noise. Bilinear reading smooths both maps alike.
    """
    place = torch.from_numpy(layout.keypoint_matrix @ layout.uv)
    texels, weights = splat(place[None], layout.size, layout.size)
    return texels[0], weights[0].float()


def read_texels(maps: torch.Tensor, texels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Blend (K, 4) texels of (B, C, S, S) maps with (K, 4) weights; returns (B, C, K)."""
    return (maps.flatten(2)[..., texels] * weights).sum(dim=-1)


def shape_error(
    prediction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor, kind: str
) -> torch.Tensor:
    """Compare two faces after the best similarity from prediction to truth: shape without pose.

    Most of a position's error is pose: a head that is a few pixels too large or rotated by a few
    degrees moves every texel, while a wrong nose moves few. Here the least-squares similarity
    removes scale, rotation and translation before the positions are compared.

    The similarity is treated as a constant in the gradient. For squared differences the gradient is
    still exact: at the minimum the error does not change with the similarity.

    Args:
        prediction: (B, 3, S, S).
        target: (B, 3, S, S).
        mask: (S, S), the weights in both alignment and comparison.
        kind: "squared" or "absolute".
    """
    points = prediction.flatten(2)
    with torch.no_grad():
        scaled_rotation, shift = fit_similarities(points, target.flatten(2), mask.flatten())
    aligned = (scaled_rotation @ points + shift).view_as(target)
    return position_error(aligned, target, mask, kind)


def fit_similarities(
    source: torch.Tensor, target: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Find each face's least-squares similarity, as `registration.umeyama` does for one.

    Args:
        source: (B, 3, N).
        target: (B, 3, N), point by point.
        weights: (N,), not all 0.
    Returns:
        scaled_rotation (B, 3, 3), scale times rotation, and shift (B, 3, 1): source → target.
    """
    shares = (weights / weights.sum())[:, None]
    source_mean, target_mean = source @ shares, target @ shares
    centred_source, centred_target = source - source_mean, target - target_mean
    covariance = (centred_target * shares[:, 0]) @ centred_source.transpose(1, 2)
    u, singular_values, vt = torch.linalg.svd(covariance)
    signs = torch.ones_like(singular_values)
    signs[:, 2] = torch.linalg.det(u @ vt).sign()  # exclude reflections
    variance = centred_source.square().sum(dim=1) @ shares[:, 0]
    scale = (singular_values * signs).sum(dim=1) / variance.clamp_min(TINY)
    scaled_rotation = scale[:, None, None] * (u * signs[:, None]) @ vt
    return scaled_rotation, target_mean - scaled_rotation @ source_mean


def heat_map_error(heat_maps: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
    """Compare heat maps with the true keypoints: cross-entropy.

    The target puts bilinear weights on the four pixels around a keypoint, so that their mean
    position is the keypoint itself: a heat map that equals the target has no error from the grid.

    Args:
        heat_maps: (N, K, h, w), log of weights.
        keypoints: (N, K, 2), crop sides, x and y; NaN if unknown. One outside the crop is moved
            to its edge.
    Returns:
        Scalar, the mean over the known keypoints; 0 if there are none.
    """
    pixels, weights = splat(keypoints.nan_to_num(), *heat_maps.shape[2:])
    log_shares = heat_maps.flatten(2).log_softmax(dim=2)
    costs = -(log_shares.gather(2, pixels) * weights).sum(dim=2)
    known = keypoints.isfinite().all(dim=2)
    return (costs * known).sum() / known.sum().clamp_min(1)


def splat(points: torch.Tensor, height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Distribute each point over the four pixels around it with bilinear weights.

    Args:
        points: (N, K, 2), crop sides; clamped to the outermost pixels' centres.
        height: of the grid.
        width: of the grid; both at least 2.
    Returns:
        pixels (N, K, 4) int64 into height · width, and weights (N, K, 4), whose sum is 1.
    """
    x = (points[..., 0] * width - 0.5).clamp(0, width - 1)
    y = (points[..., 1] * height - 0.5).clamp(0, height - 1)
    column, row = x.floor().clamp_max(width - 2), y.floor().clamp_max(height - 2)
    u, v = x - column, y - row
    weights = torch.stack([(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u], dim=2)
    neighbours = torch.tensor([0, 1, width, width + 1], device=points.device)
    return (row * width + column).long()[..., None] + neighbours, weights
