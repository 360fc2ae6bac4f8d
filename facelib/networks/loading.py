"""Load a network, in ONNX Runtime or in torch, depending on its file.

Without torch installed, a network runs from the ONNX file in the folder of its weights.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from facelib.files.atomic import sha256
from facelib.files.paths import data_file
from facelib.networks.onnx_network import OnnxNetwork

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork

DEFAULT_NETWORK = "compact"
ONNX = ".onnx"


def default_weights() -> Path:
    """Return the path of the default network's weights.

    Raises:
        FileNotFoundError: if they are missing.
    """
    return data_file("weights", f"{DEFAULT_NETWORK}.safetensors")


def load_network(
    weights: Path | None = None, prefer_onnx: bool = False
) -> FaceNetwork | OnnxNetwork:
    """Load the named weights, or those of the default network.

    Args:
        weights: a .safetensors file, which torch runs, or an .onnx file; None takes the default
            network.
        prefer_onnx: use the .onnx file next to the weights if there is one: it loads faster and
            needs no torch. Without torch, that file is used in any case.

    Raises:
        ValueError: if the file is missing or holds no network.
        ModuleNotFoundError: if only torch can run the file, and torch is not installed.
    """
    path = default_weights() if weights is None else weights
    if path.suffix.lower() == ONNX:
        return OnnxNetwork(path)
    if prefer_onnx or find_spec("torch") is None:
        network = _exported(path)
        if network is not None:
            return network
    from facelib.networks.weights import load_weights

    return load_weights(path)


def _exported(weights: Path) -> OnnxNetwork | None:
    """Load the ONNX file next to some weights; None if there is none made from them."""
    exported = weights.with_suffix(ONNX)
    if not weights.is_file() or not exported.is_file():
        return None
    network = OnnxNetwork(exported)
    if network.weights_sha256 == sha256(weights):
        return network
    logging.getLogger(__name__).warning(
        "%s was made of other weights than %s and is not used", exported, weights
    )
    return None
