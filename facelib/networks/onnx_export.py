"""Write a network as an ONNX file, which other programs and other languages can run.

A file is self-contained: photos in 0..1 go in, positions in pixels come out, and its metadata
describe both. `networks.onnx_network` and other programs run it without torch. Chapter 12.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from torch import nn

import facelib
from facelib.files.atomic import replacing, sha256
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.dense import Dense, is_dense, load_dense
from facelib.networks.onnx_trace import trace
from facelib.networks.weights import load_weights, read_card

MAP = "position_map"
CONVENTION = """Inputs: RGB photos (batch, 3, size, size), float32 in 0..1, each cut square around \
the face: front, and side where there is such an input. Where side_photo is "optional", side may \
be (0, 3, size, size): there are no side photos. Output: (batch, 3, size, size) float32, the UV \
position map: x, y, z in pixels of the front photo's cut, x to the right, y down, the origin in \
the centre of its first pixel, z toward the camera."""
POINTS = ("places", "precision_root", "visibility")
POINTS_CONVENTION = """Input: RGB photos (batch, 3, size, size), float32 in 0..1, each cut square \
around a face. Outputs, float32: places (batch, points, 2), x to the right, y down, in pixels from \
the centre of the cut's first pixel; precision_root (batch, points, 3), a, b, c in 1 / pixel: with \
L = ((a, 0), (c, b)) the error of a place has covariance inverse(L transposed(L)); visibility \
(batch, points), the probability that the photo shows the point."""


def export_model(weights: Path) -> onnx.ModelProto:
    """Convert a weights file to an ONNX model that records the file's SHA-256.

    Args:
        weights: safetensors file written by `weights.save_weights` or `dense.save_dense`.

    Raises:
        ValueError: if the weights are missing or invalid.
    """
    if is_dense(weights):
        return dense_to_onnx(*load_dense(weights), sha256(weights))
    return to_onnx(load_weights(weights), read_card(weights), sha256(weights))


def write_model(path: Path, model: onnx.ModelProto) -> None:
    """Write a model, whole or not at all; the same model gives the same bytes."""
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))


def to_onnx(
    network: FaceNetwork, card: Mapping[str, object] | None = None, weights_sha256: str = ""
) -> onnx.ModelProto:
    """Convert a network to an ONNX model for photos of its size and any batch size.

    Args:
        network: in evaluation mode, on the CPU.
        card: JSON-able facts about the weights.
        weights_sha256: SHA-256 of the file that holds them.

    Returns:
        A model with the inputs and the output that `CONVENTION` describes. Its metadata hold the
        network's name, size and use of the side photo, the card, the SHA-256 and the convention.
    """
    inputs = ("front",) if network.side_photo == "unused" else ("front", "side")
    optional = ("side",) if network.side_photo == "optional" else ()
    model = trace(_Pixels(network), inputs, (MAP,), network.size, optional=optional)
    # The tracer has a formula for each side of the map; they are all the size.
    (value,) = model.graph.output
    shape = ("batch", 3, network.size, network.size)
    value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
    facts = {"side_photo": network.side_photo, "convention": CONVENTION}
    return _described(model, network, facts, card or {}, weights_sha256)


def dense_to_onnx(
    network: Dense, card: Mapping[str, object], weights_sha256: str = ""
) -> onnx.ModelProto:
    """Convert `dense` to an ONNX model for photos of its size and any batch size.

    Args:
        network: in evaluation mode, on the CPU.
        card: JSON-able facts about the weights.
        weights_sha256: SHA-256 of the file that holds them.

    Returns:
        A model with the input and the outputs that `POINTS_CONVENTION` describes.
    """
    model = trace(_PointsInPixels(network), ("photos",), POINTS, network.size)
    return _described(model, network, {"convention": POINTS_CONVENTION}, card, weights_sha256)


def _described(
    model: onnx.ModelProto,
    network: FaceNetwork | Dense,
    facts: dict[str, str],
    card: Mapping[str, object],
    weights_sha256: str,
) -> onnx.ModelProto:
    """Add the metadata, and check the model."""
    metadata = {
        "facelib": facelib.__version__,
        "network": network.name,
        "size": str(network.size),
        "weights_sha256": weights_sha256,
        "card": json.dumps(card),
        **facts,
    }
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


class _PointsInPixels(nn.Module):
    """`dense` with its answer in pixels."""

    def __init__(self, network: Dense) -> None:
        super().__init__()
        self.network = network

    def forward(self, *photos: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Map one input, photos (B, 3, S, S), to the outputs `POINTS`."""
        return self.network(photos[0]).in_pixels(self.network.size)


class _Pixels(nn.Module):
    """A network that takes its photos as separate inputs and returns pixels."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, *photos: torch.Tensor) -> torch.Tensor:
        """Map photos (B, 3, S, S) to a map (B, 3, S, S), px."""
        if self.network.side_photo == "optional":
            maps = self.network.maps_of(*photos)
        else:
            maps = self.network(torch.cat(photos, dim=1))
        return maps * (self.network.size * POSITION_SCALE)
