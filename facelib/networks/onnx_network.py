"""Run a network from an ONNX file, through ONNX Runtime and without torch.

`facelib.networks.onnx_export` writes such files. Chapter 10.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from facelib.files.onnx import open_session


class OnnxNetwork:
    """A network that ONNX Runtime runs; `predict_position_maps` accepts it like a torch network.

    Attributes:
        name: the network's name.
        size: px, side of its photos.
        side_photo: "needed", "optional" or "unused".
        weights_sha256: SHA-256 of the weights file from which it was exported.
        card: facts about those weights.
    """

    def __init__(self, path: Path | str) -> None:
        """Open a file written by `facelib.networks.onnx_export`.

        Raises:
            ValueError: if the file is missing, is not ONNX, or is not such a file.
        """
        self._session = open_session(Path(path))
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.name, self.side_photo = metadata["network"], metadata["side_photo"]
            self.size, self.weights_sha256 = int(metadata["size"]), metadata["weights_sha256"]
            self.card = json.loads(metadata["card"])
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"expected a network written by `facelib export`, got another in {path}"
            ) from error

    def position_maps(self, fronts: np.ndarray, sides: np.ndarray | None) -> np.ndarray:
        """Predict position maps.

        Args:
            fronts: (B, size, size, 3) float32 RGB in 0 to 1.
            sides: the same shape; None without side photos, unless the network needs them.

        Returns:
            (B, size, size, 3) float32, x, y, z in px of the front crops.

        Raises:
            ValueError: if the crops' size is not the network's.
        """
        if fronts.shape[1] != self.size:
            raise ValueError(f"crops must be of {self.size} px, got {fronts.shape[1]} px")
        photos = {"front": fronts, "side": fronts[:0] if sides is None else sides}
        feed = {
            value.name: np.ascontiguousarray(photos[value.name].transpose(0, 3, 1, 2), np.float32)
            for value in self._session.get_inputs()
        }
        return self._session.run(None, feed)[0].transpose(0, 2, 3, 1)
