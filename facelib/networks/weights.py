"""Weights and their card in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from facelib.files.atomic import replacing
from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import create


def save_weights(
    path: Path | str,
    network: FaceNetwork,
    card: Mapping[str, object] | None = None,
    half: bool = False,
) -> None:
    """Write a network's weights and their card to one safetensors file, whole or not at all.

    Args:
        path: the file to write; its folder must exist.
        network: its name, size and confidence are stored too.
        card: JSON-able facts about the weights (data, seed, steps, time, numbers).
        half: store kernels as float16 (half the file; biases and BatchNorm stay float32).
    """
    tensors = {k: _stored(v, half) for k, v in network.state_dict().items()}
    metadata = {"network": network.name, "size": str(network.size), "card": json.dumps(card or {})}
    if network.confidence:
        metadata["confidence"] = "true"
    # safetensors' own errors of writing are not the system's, and its files are for nobody else.
    with replacing(Path(path)) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def _stored(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    kernel = half and tensor.ndim > 1
    # channels_last training leaves strides that safetensors does not store.
    return tensor.detach().cpu().to(torch.float16 if kernel else tensor.dtype).contiguous()


def read_card(path: Path | str) -> dict[str, object]:
    """Read the card of a weights file without its tensors, with `network` and `size` added.

    Weights of a network that predicts its confidence have `confidence`, too.

    Args:
        path: safetensors file written by `save_weights`.
    Returns:
        The card.
    Raises:
        ValueError: if the file is missing or was not written by `save_weights`.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise ValueError(f"expected a safetensors weights file at {path}: {error}") from error
    if "network" not in metadata or "size" not in metadata:
        raise ValueError(f"expected weights written by save_weights, got other tensors in {path}")
    card = json.loads(metadata.get("card", "{}"))
    confidence = {"confidence": True} if "confidence" in metadata else {}
    return {**card, "network": metadata["network"], "size": int(metadata["size"]), **confidence}


def load_weights(path: Path | str) -> FaceNetwork:
    """Rebuild the network of a weights file, in float32 and evaluation mode.

    Args:
        path: safetensors file written by `save_weights`.
    Returns:
        The network, at the size of its training.
    Raises:
        ValueError: if the file is missing or invalid, or does not fit the network that it names.
    """
    card = read_card(path)
    network = create(card["network"], card["size"], card.get("confidence", False))
    with safe_open(path, framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    own = network.state_dict()
    try:
        network.load_state_dict(
            {k: v.to(own[k].dtype) if k in own else v for k, v in state.items()}
        )
    except RuntimeError as error:
        raise ValueError(f"weights in {path} do not fit {card['network']}: {error}") from error
    return network.eval()
