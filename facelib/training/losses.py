"""What training makes small: how far a predicted position map is from the true one.

The squared error weighs every coordinate of every texel by a mask and nothing else. That is the
thesis's loss and the default. Everything here that is not the default asks for one more thing:
fewer outliers to please (absolute error), a smooth surface (normals, edges), landmarks in the right
place of the photo (keypoints), a face's shape whatever its pose (shape), or a network that tells
how sure it is (confidence). Chapter 08 compares them. And a network that draws heat maps of the
keypoints on its way to the map is told where they are.

A network that places vertices and draws its map from them is compared at the vertices (see
`vertex_weights`) unless a term needs the surface between them: there are fewer of them than texels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from facelib.training.loss_terms import (
    KINDS,
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

MASKS = ("feathered", "hard", "none")
TERMS = ("normal", "edge", "keypoint", "shape", "heat_map")  # each has a weight in `LossSettings`


@dataclass(frozen=True)
class LossSettings:
    """What a run is trained on; the defaults are the thesis's loss (equation 3.1).

    Attributes:
        kind: how a difference counts in every term, "squared" or "absolute".
        mask: "feathered" (`weight_mask`), "hard" (the thesis's, without a slope) or
            "none", which weighs all texels alike (what the thesis's code did).
        normal_weight: of `normal_error`, beside 1 for the positions; so with the next three.
        edge_weight: of `edge_error`.
        keypoint_weight: of `keypoint_error`.
        shape_weight: of `shape_error`.
        heat_map_weight: of `heat_map_error`, for the front and for the side; only networks that
            draw heat maps have that term, and they need it.
        confidence: train on a likelihood, and have the network tell how far off it may be.
    """

    kind: str = "squared"
    mask: str = "feathered"
    normal_weight: float = 0.0
    edge_weight: float = 0.0
    keypoint_weight: float = 0.0
    shape_weight: float = 0.0
    heat_map_weight: float = 0.001
    confidence: bool = False

    def __post_init__(self) -> None:
        """Refuse words that do not exist, and weights below 0."""
        for name, words in (("kind", KINDS), ("mask", MASKS)):
            if getattr(self, name) not in words:
                raise ValueError(f"loss {name} must be one of {words}, got {getattr(self, name)!r}")
        for name in (f"{term}_weight" for term in TERMS):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or above, got {getattr(self, name)}")

    @property
    def needs_maps(self) -> bool:
        """Whether a term reads what lies between vertices."""
        others = self.normal_weight, self.edge_weight, self.keypoint_weight
        return self.confidence or any(others)


class TrainingLoss:
    """The loss of some settings, with what it needs of a layout looked up once."""

    def __init__(
        self,
        settings: LossSettings,
        layout: UVLayout,
        device: torch.device | str = "cpu",
        at_vertices: bool = False,
    ) -> None:
        """Look up masks and keypoints.

        Args:
            settings: which terms, and how much each counts.
            layout: of the maps' size; without extra terms, anything with a size and a weight mask.
            device: of the maps.
            at_vertices: whether to compare not maps but the vertices they are drawn from, as
                `vertex_columns`.
        Raises:
            ValueError: if vertices are to be compared by settings that need maps.
        """
        if at_vertices and settings.needs_maps:
            raise ValueError("normals, edges, keypoints and confidence need maps, not vertices")
        self.settings, self.at_vertices = settings, at_vertices
        mask = loss_mask(layout, settings.mask)
        self.mask = (vertex_weights(mask, layout) if at_vertices else mask).to(device)
        if settings.normal_weight or settings.edge_weight:
            # Beyond the seam the map is continued straight: there is no surface there to match.
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
        """Compute every term that counts, times its weight.

        Args:
            prediction: (B, 3, S, S), or (B, 3, V, 1) at vertices.
            target: the same.
            log_deviation: (B, 1, S, S), needed for confidence and only there.
            heat_maps: heat maps, and the keypoints where they are to lie, of each kind of photo;
                see `heat_map_error`.
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
    """Return the weight of every texel, (S, S) float32, for one of `MASKS`."""
    if name == "none":
        return torch.ones(layout.size, layout.size)
    mask = weight_mask(layout) if name == "feathered" else weight_mask(layout, feather=0)
    return torch.from_numpy(np.array(mask, np.float32))


def vertex_weights(mask: torch.Tensor, layout: UVLayout) -> torch.Tensor:
    """Share each texel's weight out to the three vertices whose blend it is: (V, 1) float32.

    A texel's error is the blend Σ bᵢ eᵢ of its vertices' errors, so that by Jensen's inequality
    w |Σ bᵢ eᵢ|² ≤ Σ w bᵢ |eᵢ|²: the error at vertices bounds that of maps from above, and equals it
    where errors do not change across a triangle.

    Args:
        mask: (S, S), weights of texels.
        layout: of that size.
    """
    # Straight on beyond the seam, a blend may have a part below 0.
    weights = np.maximum(layout.matrix.T @ mask.numpy().ravel(), 0)
    return torch.from_numpy(weights.astype(np.float32))[:, None]


def vertex_columns(vertices: torch.Tensor) -> torch.Tensor:
    """Stand (B, V, 3) vertices up as maps that are one texel wide: (B, 3, V, 1)."""
    return vertices.transpose(1, 2)[..., None]
