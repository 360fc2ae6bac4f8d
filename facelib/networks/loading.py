"""Load a network, in ONNX Runtime or in torch, depending on its file.

Without torch installed, a network runs from the ONNX file in the folder of its weights.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from facelib.files.paths import cached_sha256, check_shipped, data_dir, data_file
from facelib.networks.onnx_network import OnnxDense, OnnxNetwork, open_network

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork
    from facelib.networks.dense import Dense

DEFAULT_NETWORK = "dense"
ONNX = ".onnx"


def default_weights() -> Path:
    """Return the path of the default network's weights; an installed wheel has them as ONNX alone.

    Raises:
        FileNotFoundError: if they are missing.
    """
    if (data_dir() / "dense" / "dense.safetensors").is_file():
        return data_file("dense", "dense.safetensors")
    return data_file("dense", "dense.onnx")


def load_network(
    weights: Path | None = None, prefer_onnx: bool = False
) -> FaceNetwork | OnnxNetwork | Dense | OnnxDense:
    """Load the named weights, or those of the default network.

    Args:
        weights: a .safetensors file, which torch runs, or an .onnx file; None takes the default
            network.
        prefer_onnx: use the .onnx file next to the weights if there is one: it loads faster and
            needs no torch. Without torch, that file is used in any case.

    Raises:
        ValueError: if the file is missing, holds no network, or shipped and has changed.
        ModuleNotFoundError: if only torch can run the file, and torch is not installed.
    """
    path = default_weights() if weights is None else weights
    check_shipped(path)
    if path.suffix.lower() == ONNX:
        return open_network(path)
    if prefer_onnx or find_spec("torch") is None:
        network = _exported(path)
        if network is not None:
            return network
    from facelib.networks.dense import is_dense, load_dense
    from facelib.networks.weights import load_weights

    return load_dense(path)[0] if is_dense(path) else load_weights(path)


def _exported(weights: Path) -> OnnxNetwork | OnnxDense | None:
    """Load the ONNX file next to some weights; None if there is none made from them."""
    exported = weights.with_suffix(ONNX)
    if not weights.is_file() or not exported.is_file():
        return None
    check_shipped(exported)
    network = open_network(exported)
    if network.weights_sha256 == cached_sha256(weights):
        return network
    logging.getLogger(__name__).warning(
        "%s was made of other weights than %s and is not used", exported, weights
    )
    return None
