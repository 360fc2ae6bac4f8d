"""The loss: a weighted sum of `terms`, chosen by `settings.LossSettings`.

The squared error, weighted by a mask over the texels, is the thesis's loss and the default. Every
other setting adds one goal: less weight for outliers (absolute error), a smooth surface (normals,
edges), accurate landmarks in the photo (keypoints), shape regardless of pose (shape), or a network
that predicts its own error (confidence). Chapter 10 compares them. Networks with heat maps of the
keypoints are also trained on the true keypoints.

A network that draws its map from vertices is compared at the vertices (see `vertex_weights`),
because they are fewer than the texels, unless a term needs the surface between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from facelib.training.settings import LossSettings
from facelib.training.terms import (
    edge_error,
    heat_map_error,
    keypoint_error,
    keypoint_texels,
    likelihood_error,
    normal_error,
    position_error,
    shape_error,
    triangle_weights,
)
from facelib.training.weight_mask import weight_mask

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout


class TrainingLoss:
    """The loss for some settings; what depends on the layout alone is computed once."""

    def __init__(
        self,
        settings: LossSettings,
        layout: UVLayout,
        device: torch.device | str = "cpu",
        at_vertices: bool = False,
    ) -> None:
        """Compute masks and keypoints.

        Args:
            settings: the terms and their weights.
            layout: the layout at the maps' size.
            device: the maps' device.
            at_vertices: compare vertices, as `vertex_columns`, instead of maps.
        Raises:
            ValueError: for `at_vertices` with settings that need maps.
        """
        if at_vertices and settings.needs_maps:
            raise ValueError("normals, edges, keypoints and confidence need maps, not vertices")
        self.settings, self.at_vertices = settings, at_vertices
        mask = loss_mask(layout, settings.mask)
        self.mask = (vertex_weights(mask, layout) if at_vertices else mask).to(device)
        if settings.normal_weight or settings.edge_weight:
            # Beyond the seam the map is extrapolated: there is no surface to match.
            surface = self.mask * torch.from_numpy(layout.coverage).to(device)
            self.triangles = triangle_weights(surface)
        if settings.keypoint_weight:
            self.keypoints = tuple(part.to(device) for part in keypoint_texels(layout))

    def __call__(
        self,
        prediction: torch.Tensor,
        target: torch.Tensor,
        log_deviation: torch.Tensor | None = None,
        heat_maps: Sequence[tuple[torch.Tensor, torch.Tensor]] = (),
    ) -> torch.Tensor:
        """Return the sum of `terms`, a scalar."""
        return sum(self.terms(prediction, target, log_deviation, heat_maps).values())

    def terms(
        self,
        prediction: torch.Tensor,
        target: torch.Tensor,
        log_deviation: torch.Tensor | None = None,
        heat_maps: Sequence[tuple[torch.Tensor, torch.Tensor]] = (),
    ) -> dict[str, torch.Tensor]:
        """Compute every term in use, times its weight.

        Args:
            prediction: (B, 3, S, S), or (B, 3, V, 1) at vertices.
            target: the same.
            log_deviation: (B, 1, S, S), only used, and needed, for confidence.
            heat_maps: heat maps and the true keypoints, for each kind of photo; see
                `heat_map_error`.
        Returns:
            Scalars: "position", and those of `TERMS` whose weight is above 0.
        """
        chosen, kind = self.settings, self.settings.kind
        if chosen.confidence:
            position = likelihood_error(prediction, target, log_deviation, self.mask, kind)
        else:
            position = position_error(prediction, target, self.mask, kind)
        terms = {"position": position}
        if chosen.normal_weight:
            error = normal_error(prediction, target, self.triangles, kind)
            terms["normal"] = chosen.normal_weight * error
        if chosen.edge_weight:
            error = edge_error(prediction, target, self.triangles, kind)
            terms["edge"] = chosen.edge_weight * error
        if chosen.keypoint_weight:
            error = keypoint_error(prediction, target, self.keypoints, kind)
            terms["keypoint"] = chosen.keypoint_weight * error
        if chosen.shape_weight:
            terms["shape"] = chosen.shape_weight * shape_error(prediction, target, self.mask, kind)
        if chosen.heat_map_weight and heat_maps:
            error = sum(heat_map_error(*photos) for photos in heat_maps)
            terms["heat_map"] = chosen.heat_map_weight * error
        return terms


def loss_mask(layout: UVLayout, name: str) -> torch.Tensor:
    """Return the weight of every texel, (S, S) float32; name is a value of `LossSettings.mask`."""
    if name == "none":
        return torch.ones(layout.size, layout.size)
    mask = weight_mask(layout) if name == "feathered" else weight_mask(layout, feather=0)
    return torch.from_numpy(np.array(mask, np.float32))


def vertex_weights(mask: torch.Tensor, layout: UVLayout) -> torch.Tensor:
    """Distribute each texel's weight over the three vertices that it blends: (V, 1) float32.

    A texel's error is the blend Σ bᵢ eᵢ of its vertices' errors, so that by Jensen's inequality
    w |Σ bᵢ eᵢ|² ≤ Σ w bᵢ |eᵢ|²: the error at vertices is an upper bound of the maps', and equals it
    where errors do not change across a triangle.

    Args:
        mask: (S, S), weights of the texels.
        layout: the layout at that size.
    """
    # Beyond the seam, where the surface is extrapolated, a blend has negative weights.
    weights = np.maximum(layout.matrix.T @ mask.numpy().ravel(), 0)
    return torch.from_numpy(weights.astype(np.float32))[:, None]


def vertex_columns(vertices: torch.Tensor) -> torch.Tensor:
    """View (B, V, 3) vertices as maps that are one texel wide: (B, 3, V, 1)."""
    return vertices.transpose(1, 2)[..., None]
