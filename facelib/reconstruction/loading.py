"""Load what turns photos into faces: a network of position maps, or dense points and their fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facelib.networks.loading import default_weights, load_network
from facelib.networks.onnx_network import DENSE

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork
    from facelib.networks.onnx_network import OnnxNetwork
    from facelib.reconstruction.dense_fit import DenseFit


def load_predictor(
    weights: Path | None = None, prefer_onnx: bool = False
) -> FaceNetwork | OnnxNetwork | DenseFit:
    """Load weights as `networks.loading.load_network` does, and those of `dense` with their fit.

    Args:
        weights: a file; None takes the default network.
        prefer_onnx: see there.

    Raises:
        ValueError: if the file is missing or holds no network.
        ModuleNotFoundError: if only torch can run the file, and torch is not installed.
    """
    network = load_network(weights, prefer_onnx)
    if network.name != DENSE:
        return network
    from facelib.reconstruction.dense_fit import DenseFit, settings_beside

    return DenseFit(network, network.size, settings_beside(weights or default_weights(), network))
