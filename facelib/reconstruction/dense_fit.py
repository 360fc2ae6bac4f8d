"""Dense points of each photo by a network, and one head fitted to the points of all photos.

`DenseFit` stands where a network of position maps stands: `reconstruct` and the evaluation take it
as they take those. Chapter 14 measures it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.face.layout import load_layout
from facelib.files.paths import cached_sha256, check_shipped
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import AGREE_ABOVE, FitSettings, HeadFit, agreement, fit_head, fit_heads
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.learned_errors import LearnedErrors
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.networks.loading import ONNX, load_network
from facelib.reconstruction.crops import network_input, refined

if TYPE_CHECKING:
    from facelib.networks.dense import Dense
    from facelib.networks.onnx_network import OnnxDense

# How errors of a network's points go together, for weights without an error model of their own:
# measured on photos of people that the network never saw, rounded; see `data/tries/fit.json`.
NETWORK_NOISE = SharedNoise(share=0.7, reach_mm=36.0)

# Standard deviation of the log of a focal length that a file names: cameras round it, and it grows
# by a few per cent when a lens focuses on something near.
LENS_SPREAD = 0.05


@dataclass(frozen=True)
class PairFit:
    """What two photos show together, and each alone.

    Attributes:
        together: one head for both photos; its image frame is the front crop.
        front, side: a head for each photo.
        agree_above: the agreement above which the photos count as one person's.
    """

    together: HeadFit
    front: HeadFit
    side: HeadFit
    agree_above: float = AGREE_ABOVE

    @property
    def agreement(self) -> float:
        """Log of the odds that the photos show one person, see `fitting.fit.agreement`."""
        return agreement(self.together, (self.front, self.side))

    @property
    def agrees(self) -> bool:
        """Whether the photos count as one person's."""
        return self.agreement > self.agree_above


def settings_beside(weights: Path, network: Dense | OnnxDense) -> FitSettings:
    """Return settings with the error model that was learned for these weights, if there is one.

    The model lies in the same folder, with the suffix .errors.npz, and names the weights by their
    checksum; `experiments/calibrate_fit.py` makes it. A model of other weights is not used.

    Args:
        weights: the network's file, .safetensors or .onnx.
        network: the network in it.
    """
    path = weights.with_suffix(".errors.npz")
    if path.is_file():
        check_shipped(path)
        exported = weights.suffix.lower() == ONNX
        of_network = network.weights_sha256 if exported else cached_sha256(weights)
        errors, of_errors = LearnedErrors.load(path, shipped_prior())
        if of_network == of_errors:
            return FitSettings(noise=errors)
        logging.getLogger(__name__).warning("%s was learned for other weights, not used", path)
    return FitSettings(noise=NETWORK_NOISE)


def with_lens(
    seen: SeenPoints, photo_shape: tuple[int, ...], crop: Crop, focal_px: float
) -> SeenPoints:
    """Add what is known of the camera of a whole photo to the points in a crop of it.

    Args:
        seen: px of the crop.
        photo_shape: (H, W, …) of the photo, whose middle is the principal point.
        crop: of the photo.
        focal_px: px of the photo.
    """
    height, width = photo_shape[:2]
    (middle,) = crop.image_to_crop(np.array([[(width - 1) / 2, (height - 1) / 2]]))
    return replace(
        seen, principal_px=middle, focal_px=focal_px * crop.scale, focal_spread=LENS_SPREAD
    )


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
        return cls(network, network.size, settings or settings_beside(weights, network))

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

    def look(
        self, photo: np.ndarray, first_crop: Crop, n_rounds: int, focal_px: float | None = None
    ) -> tuple[Crop, SeenPoints]:
        """Find the points in a photo, and again in a crop around the keypoints just found.

        Args:
            photo: (H, W, 3) float32 RGB in 0..1, or uint8.
            first_crop: from the detector's box, of the network's size.
            n_rounds: number of times that the network looks.
            focal_px: the focal length in px of the photo, if it is known and nothing was cut off
                the photo: then its middle is the principal point.

        Returns:
            The last crop, and the points in it, px of that crop.
        """

        def keypoints_of(crop: Crop) -> np.ndarray:
            return self.network.find_once(network_input(photo, crop)[None]).places[0, :N_KEYPOINTS]

        crop = refined(first_crop, keypoints_of, n_rounds)
        seen = self.see(network_input(photo, crop)[None])[0]
        return crop, seen if focal_px is None else with_lens(seen, photo.shape, crop, focal_px)

    def fit(self, photos: Sequence[SeenPoints]) -> HeadFit:
        """Fit one head to the points of one photo, or of two; its image frame is the first's."""
        with single_threaded_blas():  # threads for small matrices wait for each other
            return fit_head(photos, self.settings)

    def fit_pair(self, front: SeenPoints, side: SeenPoints) -> PairFit:
        """Fit each photo alone and then both."""
        return self.fit_pairs([(front, side)])[0]

    def fit_pairs(self, pairs: Sequence[tuple[SeenPoints, SeenPoints]]) -> list[PairFit]:
        """Fit each photo of several pairs alone, and then both photos of each pair."""
        with single_threaded_blas():
            fits = fit_heads([[seen] for pair in pairs for seen in pair], self.settings)
            alone = list(zip(fits[::2], fits[1::2], strict=True))
            together = fit_heads(pairs, self.settings, alone)
        threshold = self.settings.noise.agree_above
        return [PairFit(fit, *two, threshold) for fit, two in zip(together, alone, strict=True)]

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
        with single_threaded_blas():
            fits = fit_heads(list(zip(*seen, strict=True)), self.settings)
        return np.stack([layout.position_map(fit.vertices_image) for fit in fits])
