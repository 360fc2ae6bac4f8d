"""Dense points of each photo by a network, and one head fitted to the points of all photos.

`DenseFit` stands where a network of position maps stands: `reconstruct` and the evaluation take it
as they take those. Chapter 12 measures it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.face.layout import load_layout
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import FitSettings, HeadFit, agreement, fit_head
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.networks.loading import load_network
from facelib.reconstruction.crops import refined

if TYPE_CHECKING:
    from facelib.networks.dense import Dense
    from facelib.networks.onnx_network import OnnxDense

# How errors of the network's points go together: measured on photos of people that it never saw,
# rounded; `data/tries/fit.json` has the figures by preset and view.
NETWORK_NOISE = SharedNoise(share=0.7, reach_mm=36.0)


@dataclass(frozen=True)
class PairFit:
    """What two photos show together, and each alone.

    Attributes:
        together: one head for both photos; its image frame is the front crop.
        front, side: a head for each photo.
    """

    together: HeadFit
    front: HeadFit
    side: HeadFit

    @property
    def agreement(self) -> float:
        """Log of the odds that the photos show one person, see `fitting.fit.agreement`."""
        return agreement(self.together, (self.front, self.side))


class DenseFit:
    """A network that finds dense points, and the fit that explains them.

    Attributes:
        network: runs in torch, or in ONNX Runtime.
        size: px, side of the crops that it takes and of its position maps.
        settings: what the fit believes.
    """

    name = "dense"
    side_photo = "optional"

    def __init__(
        self, network: Dense | OnnxDense, size: int, settings: FitSettings | None = None
    ) -> None:
        """Take the network, in evaluation mode, and the size of the photos that it learned from."""
        self.network, self.size = network, size
        self.settings = settings or FitSettings(noise=NETWORK_NOISE)

    @classmethod
    def load(cls, weights: Path, settings: FitSettings | None = None) -> DenseFit:
        """Read weights that `networks.dense.save_dense` wrote, or their ONNX file.

        Raises:
            ValueError: if the file holds something else.
        """
        network = load_network(weights)
        if network.name != cls.name:
            raise ValueError(f"expected weights of {cls.name} in {weights}, got {network.name}")
        return cls(network, network.size, settings)

    @property
    def engine(self) -> str:
        """Name what runs the network."""
        return self.network.engine

    def see(self, photos: np.ndarray) -> list[SeenPoints]:
        """Find the points in (B, S, S, 3) float32 crops, 0..1, S the network's size: px of each."""
        found = self.network.find_points(photos)
        given = zip(found.places, found.covariances, found.visibility, strict=True)
        size = {"width": photos.shape[2], "height": photos.shape[1]}
        return [SeenPoints.at(load_dense_points().corners, *photo, **size) for photo in given]

    def look(self, photo: np.ndarray, first_crop: Crop, n_rounds: int) -> tuple[Crop, SeenPoints]:
        """Find the points in a photo, and again in a crop around the keypoints just found.

        Args:
            photo: (H, W, 3) float32 RGB in 0..1.
            first_crop: from the detector's box, of the network's size.
            n_rounds: number of times that the network looks.

        Returns:
            The last crop, and the points in it, px of that crop.
        """

        def keypoints_of(crop: Crop) -> np.ndarray:
            return self.network.find_once(crop.cut(photo)[None]).places[0, :N_KEYPOINTS]

        crop = refined(first_crop, keypoints_of, n_rounds)
        return crop, self.see(crop.cut(photo)[None])[0]

    def fit(self, photos: Sequence[SeenPoints]) -> HeadFit:
        """Fit one head to the points of one photo, or of two; its image frame is the first's."""
        with single_threaded_blas():  # threads for small matrices wait for each other
            return fit_head(photos, self.settings)

    def fit_pair(self, front: SeenPoints, side: SeenPoints) -> PairFit:
        """Fit each photo alone and then both."""
        with single_threaded_blas():
            alone = self.fit([front]), self.fit([side])
            return PairFit(fit_head([front, side], self.settings, alone), *alone)

    def position_maps(self, fronts: np.ndarray, sides: np.ndarray | None) -> np.ndarray:
        """Predict position maps.

        Args:
            fronts: (B, size, size, 3) float32 RGB in 0 to 1.
            sides: the same shape, or None.

        Returns:
            (B, size, size, 3) float32, x, y, z in px of the front crops.
        """
        layout = load_layout(self.size)
        seen = [self.see(photos) for photos in (fronts, sides) if photos is not None]
        fits = [self.fit(photos) for photos in zip(*seen, strict=True)]
        return np.stack([layout.position_map(fit.vertices_image) for fit in fits])
