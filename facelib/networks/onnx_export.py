"""Write a network as an ONNX file, which other programs and other languages can run.

A file is self-contained: photos in 0..1 go in, positions in pixels come out, and its metadata
describe both. `networks.onnx_network` and other programs run it without torch. Chapter 10.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import onnx
import torch
from onnx import TensorProto, helper
from onnx.compose import add_prefix
from torch import nn

import facelib
from facelib.files.atomic import replacing, sha256
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights, read_card

OPSET = 18
OUTPUT = "position_map"
CONVENTION = """Inputs: RGB photos (batch, 3, size, size), float32 in 0..1, each cut square around \
the face: front, and side where there is such an input. Where side_photo is "optional", side may \
be (0, 3, size, size): there are no side photos. Output: (batch, 3, size, size) float32, the UV \
position map: x, y, z in pixels of the front photo's cut, x to the right, y down, the origin in \
the centre of its first pixel, z toward the camera."""


def export_model(weights: Path) -> onnx.ModelProto:
    """Convert a weights file to an ONNX model that records the file's SHA-256.

    Args:
        weights: safetensors file written by `facelib.networks.weights.save_weights`.

    Raises:
        ValueError: if the weights are missing or invalid.
    """
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
    if network.side_photo == "optional":
        model = _either(_traced(network, ("front", "side")), _traced(network, ("front",)))
    else:
        needed = network.side_photo == "needed"
        model = _traced(network, ("front", "side") if needed else ("front",))
    metadata = {
        "facelib": facelib.__version__,
        "network": network.name,
        "size": str(network.size),
        "side_photo": network.side_photo,
        "weights_sha256": weights_sha256,
        "card": json.dumps(card or {}),
        "convention": CONVENTION,
    }
    helper.set_model_props(model, metadata)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Pixels(nn.Module):
    """A network that takes its photos as separate inputs and returns pixels."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, *photos: torch.Tensor) -> torch.Tensor:
        """Map photos (B, 3, S, S) to a map (B, 3, S, S), px."""
        maps = self.network(torch.cat(photos, dim=1))
        return maps * (self.network.size * POSITION_SCALE)


def _traced(network: FaceNetwork, inputs: tuple[str, ...]) -> onnx.ModelProto:
    """Trace a network with these photos."""
    # Two of each: the tracer would treat a batch of one as a constant.
    photos = tuple(torch.zeros(2, 3, network.size, network.size) for _ in inputs)
    module = _Pixels(network)
    batch = torch.export.Dim("batch")
    with _quiet(), torch.no_grad():
        module(*photos)  # fills the caches, so that the trace treats their content as constants
        # The exporter's default is to fix the batch size if it cannot keep it variable.
        program = torch.export.export(module, photos, dynamic_shapes=(({0: batch},) * len(inputs),))
        model = torch.onnx.export(
            program,
            input_names=inputs,
            output_names=(OUTPUT,),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        ).model_proto
    # The tracer attaches this machine's file names and line numbers to every node.
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.input]:
        item.ClearField("metadata_props")
    for value in [*model.graph.input, *model.graph.output]:
        value.CopyFrom(_photos_value(value.name, network.size))
    return model


def _photos_value(name: str, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ("batch", 3, size, size))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's messages about itself and about torchvision."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)


def _either(both: onnx.ModelProto, alone: onnx.ModelProto) -> onnx.ModelProto:
    """Join two traces of one network: the first runs with side photos, the second without.

    Weights that both use are stored once. Without side photos their branch is not computed.
    """
    alone = add_prefix(alone, "alone/", rename_inputs=False)
    stored = {_content(tensor): tensor for tensor in alone.graph.initializer}
    stored |= {_content(tensor): tensor for tensor in both.graph.initializer}
    branches = {}
    for key, traced in (("then_branch", both.graph), ("else_branch", alone.graph)):
        shared = {tensor.name: stored[_content(tensor)].name for tensor in traced.initializer}
        for node in traced.node:
            node.input[:] = [shared.get(name, name) for name in node.input]
        branches[key] = helper.make_graph(
            traced.node, key, [], traced.output, value_info=traced.value_info
        )
    front, side = both.graph.input
    side.type.tensor_type.shape.dim[0].dim_param = "batch or 0"
    nothing = helper.make_tensor("nothing", TensorProto.INT64, (), [0])
    nodes = [
        helper.make_node("Size", ["side"], ["side_size"]),
        helper.make_node("Greater", ["side_size", "nothing"], ["has_side"]),
        helper.make_node("If", ["has_side"], [OUTPUT], **branches),
    ]
    joined = onnx.ModelProto()
    joined.CopyFrom(both)
    graph = helper.make_graph(
        nodes, "network", [front, side], both.graph.output, [*stored.values(), nothing]
    )
    joined.graph.CopyFrom(graph)
    return joined


def _content(tensor: onnx.TensorProto) -> tuple:
    return tensor.data_type, tuple(tensor.dims), tensor.raw_data
