"""The networks by name, and how one is built with fresh weights."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from facelib.networks.compact import Compact
from facelib.networks.prn import PRN
from facelib.networks.two_view import OneView, TwoView

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "prn": PRN,
    "one_view": OneView,
    "two_view": TwoView,
    "compact": Compact,
}


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
