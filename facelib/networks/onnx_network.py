"""Run a network from an ONNX file, through ONNX Runtime and without torch.

`facelib.networks.onnx_export` writes such files. Chapter 12.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.files.onnx import open_session
from facelib.files.reading import in_a_line, parse_json
from facelib.networks.found_points import FoundPoints, find_in_both_mirrors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

DENSE = "dense"
MAX_SIZE = 1024  # px, side of a network's photos


class _Exported:
    """An open ONNX file of `facelib export` with the facts in its metadata.

    Attributes:
        name: the network's name.
        size: px, side of its photos.
        weights_sha256: SHA-256 of the weights file from which it was exported.
        card: facts about those weights.
    """

    engine = "ONNX Runtime"

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, session: InferenceSession) -> None:
        """Raise KeyError or ValueError if metadata, inputs or outputs are others."""
        metadata = session.get_modelmeta().custom_metadata_map
        self.name, self.weights_sha256 = metadata["network"], metadata["weights_sha256"]
        self.size, self.card = int(metadata["size"]), parse_json(metadata["card"], self.name)
        if not 0 < self.size <= MAX_SIZE:
            raise ValueError(f"photos of {self.size} px")
        self._session = session
        names = tuple(value.name for value in session.get_outputs())
        taken = {value.name for value in session.get_inputs()}
        if names != self.outputs or not {self.inputs[0]} <= taken <= set(self.inputs):
            raise ValueError(f"inputs {taken} and outputs {names}")

    def _run(self, photos: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Run the network on (B, size, size, 3) photos.

        Raises:
            ValueError: if the photos' size is not the network's, or the file's network fails.
        """
        sides = {photo.shape[1] for photo in photos.values()}
        if sides != {self.size}:
            raise ValueError(f"crops must be of {self.size} px, got {max(sides)} px")
        feed = {
            value.name: np.ascontiguousarray(photos[value.name].transpose(0, 3, 1, 2), np.float32)
            for value in self._session.get_inputs()
        }
        try:
            return self._session.run(None, feed)
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise ValueError(f"the network {self.name} fails: {in_a_line(error)}") from error


class OnnxNetwork(_Exported):
    """A network of position maps; `predict_position_maps` accepts it like a torch network.

    Attributes:
        side_photo: "needed", "optional" or "unused".
    """

    inputs, outputs = ("front", "side"), ("position_map",)

    def __init__(self, session: InferenceSession) -> None:
        """Take a session of a file written by `facelib.networks.onnx_export`."""
        super().__init__(session)
        self.side_photo = session.get_modelmeta().custom_metadata_map["side_photo"]
        if self.side_photo not in ("needed", "optional", "unused"):
            raise ValueError(f"side_photo {self.side_photo}")

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
        sides = fronts[:0] if sides is None else sides
        (maps,) = self._run({"front": fronts, "side": sides})
        if maps.shape != (len(fronts), 3, self.size, self.size):
            raise ValueError(f"the network {self.name} gives maps of the shape {maps.shape}")
        return maps.transpose(0, 2, 3, 1)


class OnnxDense(_Exported):
    """`dense`: a network that finds points in single photos."""

    inputs, outputs = ("photos",), ("places", "precision_root", "visibility")

    def find_points(self, photos: np.ndarray) -> FoundPoints:
        """Find the points in (B, size, size, 3) float32 photos, 0..1, and in their mirror images.

        Raises:
            ValueError: if the photos' size is not the network's.
        """
        return find_in_both_mirrors(self.find_once, photos)

    def find_once(self, photos: np.ndarray) -> FoundPoints:
        """Find the points in the photos alone: half the time, a little less precise."""
        return FoundPoints.from_outputs(*self._run({"photos": photos}))


def open_network(path: Path | str) -> OnnxNetwork | OnnxDense:
    """Open a file written by `facelib.networks.onnx_export`.

    Raises:
        ValueError: if the file is missing, is not ONNX, or is not such a file.
    """
    session = open_session(Path(path))
    try:
        name = session.get_modelmeta().custom_metadata_map["network"]
        return OnnxDense(session) if name == DENSE else OnnxNetwork(session)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"expected a network written by `facelib export`, got another in {path}"
        ) from error
