"""The networks by name, and a function that builds one with fresh weights."""

from __future__ import annotations

from facelib.networks.base import FaceNetwork
from facelib.networks.compact import Compact
from facelib.networks.prn import PRN
from facelib.networks.two_view import OneView, TwoView

NETWORKS: dict[str, type[FaceNetwork]] = {
    "prn": PRN,
    "one_view": OneView,
    "two_view": TwoView,
    "compact": Compact,
}


def create(name: str, size: int = 256, confidence: bool = False) -> FaceNetwork:
    """Build a network with fresh weights drawn from torch's global generator.

    Args:
        name: one of `NETWORKS`.
        size: px, side of the square photos that it will be used at.
        confidence: whether it also predicts its own error.
    Raises:
        ValueError: for an unknown name, a size that is not a positive multiple of 32, or a network
            that cannot predict its confidence.
    """
    if name not in NETWORKS:
        raise ValueError(f"network must be one of {sorted(NETWORKS)}, got {name!r}")
    return NETWORKS[name](size, confidence)
