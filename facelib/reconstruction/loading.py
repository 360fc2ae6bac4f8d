"""Load what turns photos into position maps: a network, or dense points and the fit to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facelib.networks.loading import load_network

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork
    from facelib.networks.onnx_network import OnnxNetwork
    from facelib.reconstruction.dense_fit import DenseFit

DENSE = "dense"


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
    if weights is not None and _is_dense(weights):
        from facelib.reconstruction.dense_fit import DenseFit

        return DenseFit.load(weights)
    return load_network(weights, prefer_onnx)


def _is_dense(weights: Path) -> bool:
    try:
        # Not part of the core: without it there is no torch either, which `load_network` explains.
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError:
        return False
    try:
        with safe_open(weights, framework="numpy") as file:
            return (file.metadata() or {}).get("network") == DENSE
    except (OSError, SafetensorError):
        return False  # no weights at all, or an ONNX file
