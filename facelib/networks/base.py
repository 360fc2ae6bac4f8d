"""The class of all networks: what goes in, what comes out, and what training needs of them."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn

from facelib.networks.convention import POSITION_SCALE

# Typical error of one coordinate in a trained network, map unit. A network that predicts its
# own deviation starts at this value, and its loss is scaled by it.
TYPICAL_DEVIATION = 0.02

# A network's use of the side photo, and the numbers of channels that its input may have.
CHANNELS = {"needed": (6,), "optional": (3, 6), "unused": (3, 6)}


class Answer(NamedTuple):
    """Training-time outputs. Every network returns `maps`; fields it does not predict are None.

    Attributes:
        maps: (B, 3, S, S) position maps; None if only the vertices were wanted.
        log_deviation: (B, 1, S, S), log of each texel's deviation, map unit: the standard deviation
            or, after training on absolute errors, the mean absolute deviation.
        heat_front: (B, 68, h, w), log-weights of the keypoints' heat maps in the front photos,
            see `keypoints.soft_argmax`.
        heat_side: (N, 68, h, w), the same for the N side photos that exist, in order.
        vertices: (B, V, 3), the layout's vertices from which the maps are drawn, map unit.
    """

    maps: torch.Tensor | None
    log_deviation: torch.Tensor | None = None
    heat_front: torch.Tensor | None = None
    heat_side: torch.Tensor | None = None
    vertices: torch.Tensor | None = None


class FaceNetwork(nn.Module):
    """Photos in, position map out.

    A subclass sets `name` and `side_photo` and defines `forward`. All else has a default. A
    subclass that can do more sets the flag of that ability and overrides its method.

    Attributes:
        name: key in `catalogue.NETWORKS`; stored with the weights.
        engine: what runs it.
        side_photo: "needed", "optional" or "unused", a key of `CHANNELS`.
        predicts_vertices: whether `answer` returns vertices, which training can then compare.
        predicts_confidence: whether it can be built with `confidence`.
        has_encoder: whether it has `encode`, and its encoder can be trained first.
        has_calibration: whether `calibrate` does something.
        size: px, side of the square photos and maps it is trained for.
        confidence: whether it predicts each texel's expected error (`Answer.log_deviation`).
    """

    name: ClassVar[str]
    engine: ClassVar[str] = "torch"
    side_photo: ClassVar[str] = "needed"
    predicts_vertices: ClassVar[bool] = False
    predicts_confidence: ClassVar[bool] = False
    has_encoder: ClassVar[bool] = False
    has_calibration: ClassVar[bool] = False

    def __init__(self, size: int = 256, confidence: bool = False) -> None:
        """Store size and confidence.

        Args:
            size: px, a positive multiple of 32.
            confidence: whether it predicts its deviation.
        Raises:
            ValueError: for another size, or if this network cannot predict its confidence.
        """
        super().__init__()
        if size <= 0 or size % 32:
            raise ValueError(f"size must be a positive multiple of 32 px, got {size}")
        if confidence and not self.predicts_confidence:
            raise ValueError(f"{self.name} cannot predict its confidence: leave that out")
        self.size, self.confidence = size, confidence

    def forward(self, photos: torch.Tensor, has_side: torch.Tensor | None = None) -> torch.Tensor:
        """Predict the position map of the front photo's face.

        Args:
            photos: (B, 6, S, S) float32 in 0..1, front RGB then side RGB, S divisible by 32; or
                (B, 3, S, S), fronts alone, unless the side photo is needed.
            has_side: (B,) bool, which side photos exist; None if all do. Only networks whose side
                photo is optional use it.
        Returns:
            (B, 3, S, S), about 0..1; multiplied by S · POSITION_SCALE, (x, y, z) in px, crop frame.
        Raises:
            ValueError: if the photos have another shape.
        """
        raise NotImplementedError

    def position_maps(self, fronts: np.ndarray, sides: np.ndarray | None) -> np.ndarray:
        """Predict position maps from arrays; the mode (train, eval) stays as it was.

        Args:
            fronts: (B, S, S, 3) float32 RGB in 0 to 1.
            sides: the same shape; None without side photos, unless the network needs them.
        Returns:
            (B, S, S, 3) float32, x, y, z in px of the front crops.
        """
        photos = fronts if sides is None else np.concatenate([fronts, sides], axis=3)
        photos = photos.transpose(0, 3, 1, 2).astype(np.float32)
        parameter, was_training = next(self.parameters(), None), self.training
        device = parameter.device if parameter is not None else "cpu"
        try:
            with torch.inference_mode():
                output = self.eval()(torch.from_numpy(photos).to(device)).float().cpu().numpy()
        finally:
            self.train(was_training)
        return output.transpose(0, 2, 3, 1) * np.float32(fronts.shape[1] * POSITION_SCALE)

    def answer(
        self, photos: torch.Tensor, has_side: torch.Tensor | None = None, draw_maps: bool = True
    ) -> Answer:
        """Predict everything that training compares with the ground truth.

        Args:
            photos: as in `forward`.
            has_side: as in `forward`.
            draw_maps: False to skip the maps, in a network that predicts vertices.
        """
        return Answer(self(photos, has_side))

    def set_heatmap_gradient(self, flows: bool) -> None:
        """Set whether the map's gradient reaches the heat maps, in a network that has them."""

    def encode(self, photos: torch.Tensor) -> torch.Tensor:
        """Reduce (B, 6, S, S) photos to (B, C, h, w) features; only where `has_encoder`."""
        raise NotImplementedError(f"{self.name} has no encoder that can be trained alone")

    def calibrate(self, photos: torch.Tensor) -> None:
        """Rescale fresh weights, in place, to suit (B, 6, S, S) photos; by default, do nothing."""


def check_photos(photos: torch.Tensor, side_photo: str) -> None:
    """Raise ValueError for photos that a network cannot take.

    Args:
        photos: expected (B, C, S, S), S divisible by 32: front RGB, then side RGB.
        side_photo: a key of `CHANNELS`; with "needed", the side photo must be present.
    Raises:
        ValueError: naming the expected and the actual shape.
    """
    shape, channels = tuple(photos.shape), CHANNELS[side_photo]
    fits = len(shape) == 4 and shape[1] in channels and shape[2] == shape[3] and not shape[3] % 32
    if not fits or shape[3] == 0:
        wanted = " or ".join(map(str, channels))
        raise ValueError(f"photos must be (B, {wanted}, S, S) with S divisible by 32, got {shape}")
