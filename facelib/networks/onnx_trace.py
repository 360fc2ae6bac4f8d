"""Convert torch modules of photos to ONNX, with a variable number of photos."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript.ir import to_proto
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from torch import nn

OPSET = 18
LARGE = 1024  # values; smaller tensors are not worth a conversion


def trace(
    module: nn.Module,
    inputs: Sequence[str],
    outputs: Sequence[str],
    size: int,
    optional: Sequence[str] = (),
) -> onnx.ModelProto:
    """Trace a module for photos of one size and any batch size.

    Args:
        module: in evaluation mode, on the CPU; its `forward(*photos)` takes (B, 3, size, size)
            float32 photos.
        inputs: names of the photos.
        outputs: names of the tensors that the module returns.
        size: px.
        optional: those of the inputs that may also hold no photo.
    """
    batches = ["batch or 0" if name in optional else "batch" for name in inputs]
    # At least two of each: the tracer would treat a batch of one as a constant.
    photos = tuple(torch.zeros(2 + (name in optional), 3, size, size) for name in inputs)
    counts = {each: torch.export.Dim(each.replace(" ", "_")) for each in batches}
    shapes = (tuple({0: counts[each]} for each in batches),)
    with _quiet(), torch.no_grad():
        module(*photos)  # fills the caches, so that the trace treats their content as constants
        # The exporter's default is to fix the batch size if it cannot keep it variable.
        program = torch.export.export(module, photos, dynamic_shapes=shapes)
        traced = torch.onnx.export(
            program,
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            # It would merge BatchNorm into weights, and those of half precision were no longer so.
            optimize=False,
        ).model
    # ONNX Runtime orders a convolution for vector registers only if its bias is a constant.
    fold_constants(traced)
    remove_unused_nodes(traced)
    model = to_proto(traced)
    # The tracer attaches this machine's file names and line numbers to every node.
    for item in [*model.graph.node, *model.graph.value_info, *model.graph.input]:
        item.ClearField("metadata_props")
    for value, count in zip(model.graph.input, batches, strict=True):
        value.type.tensor_type.shape.dim[0].dim_param = count
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    _store_in_half(model)
    return model


def _store_in_half(model: onnx.ModelProto) -> None:
    """Store large tensors as float16, in place, where no value changes; the model casts them back.

    Weights that were saved in half precision take half the file, and the answers stay the same.
    """
    casts, nodes = [], list(model.graph.node)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.size < LARGE:
            continue
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    del model.graph.node[:]
    model.graph.node.extend([*casts, *nodes])


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
