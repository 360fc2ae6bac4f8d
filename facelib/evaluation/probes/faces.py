"""People at a network's size, its predictions for them, and distances between them in mm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from facelib.evaluation.metrics import vertex_error_mm
from facelib.face.layout import UVLayout
from facelib.imaging.crop import Crop
from facelib.networks.base import FaceNetwork
from facelib.pairs.sample import FacePair
from facelib.reconstruction.position_maps import predict_position_maps


@dataclass(frozen=True, eq=False)
class Faces:
    """Photos and true vertices of some people, at the size of one network.

    Attributes:
        fronts: (B, S, S, 3) float32 RGB in 0..1.
        sides: the same shape.
        vertices_crop: (B, V, 3) float64 px, the truth in the front crops.
        px_per_mm: (B,) float64, front crop px per head mm.
    """

    fronts: np.ndarray
    sides: np.ndarray
    vertices_crop: np.ndarray
    px_per_mm: np.ndarray

    @property
    def photos(self) -> torch.Tensor:
        """(B, 6, S, S) float32: front and side stacked, as networks take them."""
        stacked = np.concatenate([self.fronts, self.sides], axis=3)
        return torch.from_numpy(np.ascontiguousarray(stacked.transpose(0, 3, 1, 2)))


def faces_at(size: int, pairs: Sequence[FacePair]) -> Faces:
    """Resize pairs, photos and vertices alike, for a network.

    Args:
        size: side of the network's photos, px.
        pairs: at least one, of any sizes.
    """

    def cut(photo: np.ndarray) -> np.ndarray:
        return Crop.whole(len(photo), size).cut(photo.astype(np.float32) / 255)

    return Faces(
        fronts=np.stack([cut(pair.front) for pair in pairs]),
        sides=np.stack([cut(pair.side) for pair in pairs]),
        vertices_crop=np.stack(
            [Crop.whole(p.size, size).image_to_crop(p.vertices_image) for p in pairs]
        ),
        px_per_mm=np.array([pair.px_per_mm * size / pair.size for pair in pairs]),
    )


def predict_faces(
    network: FaceNetwork, layout: UVLayout, fronts: np.ndarray, sides: np.ndarray | None
) -> np.ndarray:
    """Return a network's vertices for each face, (B, V, 3) float32, px of the front crops.

    Args:
        network: from `facelib.networks`.
        layout: of the photos' size.
        fronts: (B, S, S, 3) float32 RGB in 0..1.
        sides: the same shape; None without side photos.

    Raises:
        NoSideError: if there are no sides and the network needs them.
    """
    maps = predict_position_maps(network, fronts, sides)
    return np.stack([layout.vertices(position_map) for position_map in maps])


def distances_mm(
    vertices_crop: np.ndarray,
    others_crop: np.ndarray,
    px_per_mm: np.ndarray,
    measure: Callable[[np.ndarray, np.ndarray], float] = vertex_error_mm,
) -> np.ndarray:
    """Measure the distance between each face of one set and its counterpart in another.

    Args:
        vertices_crop: (B, V, 3) float px.
        others_crop: the same shape, the same frames.
        px_per_mm: (B,) float.
        measure: from `facelib.evaluation.metrics`; takes (V, 3) mm twice.

    Returns:
        (B,) float64, mm.
    """
    faces = zip(vertices_crop, others_crop, px_per_mm, strict=True)
    return np.array([measure(one / scale, other / scale) for one, other, scale in faces])
