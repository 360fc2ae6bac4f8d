"""Ask a network for position maps: of pairs of crops, or of front crops alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from facelib.networks.base import FaceNetwork
    from facelib.networks.onnx_network import OnnxNetwork
    from facelib.reconstruction.dense_fit import DenseFit

Network: TypeAlias = "FaceNetwork | OnnxNetwork | DenseFit"


class NoSideError(ValueError):
    """The network needs a side photo, and none was given."""


def predict_position_maps(
    network: Network, fronts: np.ndarray, sides: np.ndarray | None
) -> np.ndarray:
    """Run a network over pairs of crops, or over front crops alone.

    Args:
        network: a `FaceNetwork`, which torch runs, an `OnnxNetwork` or a `DenseFit`.
        fronts: (B, S, S, 3) float32 RGB in 0 to 1.
        sides: the same shape; None without side photos.

    Returns:
        (B, S, S, 3) float32, x, y, z in px of the front crops.

    Raises:
        NoSideError: if there are no sides and the network needs them.
        ValueError: if the crops are not (B, S, S, 3) or differ in shape.
    """
    if fronts.ndim != 4 or fronts.shape[1] != fronts.shape[2] or fronts.shape[3] != 3:
        raise ValueError(f"fronts must be (B, S, S, 3), got {fronts.shape}")
    if sides is None:
        check_side_photo(network, has_side=False)
    elif sides.shape != fronts.shape:
        raise ValueError(f"sides must be like fronts {fronts.shape}, got {sides.shape}")
    return network.position_maps(fronts, sides)


def check_side_photo(network: Network, has_side: bool) -> None:
    """Raise NoSideError if a network needs a side photo and there is none."""
    if not has_side and network.side_photo == "needed":
        raise NoSideError(
            f"{network.name} needs a photo from the side, too; the default network can do without"
        )
