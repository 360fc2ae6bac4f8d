"""Networks that turn two face photos into a UV position map, and their weights on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from facelib.networks.compact import Compact
from facelib.networks.convention import POSITION_SCALE, Answer
from facelib.networks.prn import PRN
from facelib.networks.two_view import OneView, TwoView

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "prn": PRN,
    "one_view": OneView,
    "two_view": TwoView,
    "compact": Compact,
}

__all__ = [
    "NETWORKS",
    "POSITION_SCALE",
    "PRN",
    "Answer",
    "Compact",
    "OneView",
    "TwoView",
    "count_parameters_as_keras",
    "create",
    "load_weights",
    "read_card",
    "save_weights",
]


def create(name: str, size: int = 256, confidence: bool = False) -> nn.Module:
    """Build a network with fresh weights drawn from torch's global generator.

    Args:
        name: one of `NETWORKS`.
        size: px, side of the square input it will be used at; kept as `module.size`.
        confidence: whether it can also tell how far off it may be, see `Answer`; kept as
            `module.confidence`.
    Returns:
        A module mapping photos (B, 6, size, size) in 0..1, front then side, to maps (B, 3, size,
        size) of about 0..1. Its `side_photo` tells whether the side is "needed", "optional" or
        "unused"; unless it is needed, (B, 3, size, size) fronts will do.
    Raises:
        ValueError: for an unknown name, a size that is not a positive multiple of 32, or confidence
            from a network that cannot tell it.
    """
    if name not in NETWORKS:
        raise ValueError(f"network must be one of {sorted(NETWORKS)}, got {name!r}")
    if size <= 0 or size % 32:
        raise ValueError(f"size must be a positive multiple of 32 px, got {size}")
    if confidence and not hasattr(NETWORKS[name], "answer"):
        raise ValueError(f"{name} cannot tell its confidence: leave it out, or take compact")
    module = NETWORKS[name](confidence=True) if confidence else NETWORKS[name]()
    module.name, module.size, module.confidence = name, size, confidence
    return module


def count_parameters_as_keras(module: nn.Module) -> int:
    """Count parameters the way Keras's `Model.summary` does: BatchNorm's moving statistics too.

    Args:
        module: any module.
    Returns:
        Number of floats in parameters and floating-point buffers.
    """
    parameters = sum(p.numel() for p in module.parameters())
    return parameters + sum(b.numel() for b in module.buffers() if b.is_floating_point())


def save_weights(
    path: Path | str,
    module: nn.Module,
    card: Mapping[str, object] | None = None,
    half: bool = False,
) -> None:
    """Write a network's weights and its card to one safetensors file, atomically.

    Args:
        path: file to write; the folder must exist.
        module: a network from `create`, whose name and size are stored too.
        card: JSON-able facts about the weights (data, seed, steps, time, numbers).
        half: store kernels as float16 (half the file; biases and BatchNorm stay float32).
    Raises:
        ValueError: if the module does not come from `create`.
    """
    if not hasattr(module, "name"):
        raise ValueError(f"expected a network made by create(), got {type(module).__name__}")
    path = Path(path)
    tensors = {k: _stored(v, half) for k, v in module.state_dict().items()}
    metadata = {"network": module.name, "size": str(module.size), "card": json.dumps(card or {})}
    if module.confidence:
        metadata["confidence"] = "true"
    temporary = path.with_name(path.name + ".tmp")
    save_file(tensors, temporary, metadata)
    temporary.replace(path)


def _stored(tensor: torch.Tensor, half: bool) -> torch.Tensor:
    kernel = half and tensor.ndim > 1
    # channels_last training leaves strides that safetensors does not store.
    return tensor.detach().cpu().to(torch.float16 if kernel else tensor.dtype).contiguous()


def read_card(path: Path | str) -> dict[str, object]:
    """Read the card of a weights file without its tensors, with `network` and `size` added.

    Weights that tell their confidence have `confidence`, too.

    Args:
        path: safetensors file written by `save_weights`.
    Returns:
        The card.
    Raises:
        ValueError: if the file is missing or is not such a file.
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


def load_weights(path: Path | str) -> nn.Module:
    """Rebuild the network a weights file belongs to, in float32 and evaluation mode.

    Args:
        path: safetensors file written by `save_weights`.
    Returns:
        The network; `module.size` is the input side (px) that it was trained at.
    Raises:
        ValueError: if the file is missing, foreign, or does not fit the network that it names.
    """
    card = read_card(path)
    module = create(card["network"], card["size"], card.get("confidence", False))
    with safe_open(path, framework="pt") as file:
        state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    own = module.state_dict()
    try:
        module.load_state_dict({k: v.to(own[k].dtype) if k in own else v for k, v in state.items()})
    except RuntimeError as error:
        raise ValueError(f"weights in {path} do not fit {card['network']}: {error}") from error
    return module.eval()
