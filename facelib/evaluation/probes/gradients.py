"""Derivatives of a predicted depth by the pixels of both photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from facelib.face.layout import UVLayout
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE


def depth_reader(layout: UVLayout, keypoints: Sequence[int]) -> np.ndarray:
    """Return the weights of a position map's texels in the mean depth of some keypoints.

    Args:
        layout: of the map's size.
        keypoints: numbers of the 68; 30 is the tip of the nose, 8 the chin.

    Returns:
        (size, size) float32; the sum of weights · z over the map is the mean z.
    """
    rows = layout.keypoint_matrix.csr()[list(keypoints)] @ layout.sampling_matrix
    return np.asarray(rows.mean(axis=0), np.float32).reshape(layout.size, layout.size)


def depth_gradient(
    network: FaceNetwork,
    photos: torch.Tensor,
    reader: np.ndarray,
    n_noisy: int,
    noise: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the gradient of a point's depth by each pixel of both photos (SmoothGrad).

    It is averaged over slightly noisy copies of the photos, because the gradient of a piecewise
    linear network jumps between neighbouring inputs.

    Args:
        network: from `facelib.networks`, in evaluation mode.
        photos: (6, S, S) float32 in 0..1, front and side of one person.
        reader: (S, S) weights from `depth_reader`.
        n_noisy: noisy copies; with a noise of 0 one is enough and gives the plain gradient.
        noise: standard deviation of the noise; pixels range from 0 to 1.
        rng: draws the noise.

    Returns:
        (6, S, S) float64, px of depth per unit of brightness.

    Reference:
        D. Smilkov et al., SmoothGrad: removing noise by adding noise, arXiv 1706.03825, 2017.
    """
    noisy = photos.numpy() + rng.normal(scale=noise, size=(n_noisy, *photos.shape))
    pixels = torch.from_numpy(noisy.astype(np.float32)).requires_grad_()
    depths = (network(pixels)[:, 2] * torch.from_numpy(reader)).sum(dim=(1, 2))
    (gradients,) = torch.autograd.grad(depths.sum(), pixels)
    mean = gradients.numpy().mean(axis=0, dtype=np.float64)
    return mean * photos.shape[-1] * POSITION_SCALE


def side_share(gradient: np.ndarray) -> float:
    """Return the share of a (6, S, S) gradient's absolute weight that lies on the side photo.

    Raises:
        ValueError: if the gradient is 0 everywhere.
    """
    weight = np.abs(gradient).sum(axis=(1, 2))
    if not weight.sum() > 0:
        raise ValueError("expected a gradient that is not 0 everywhere")
    return float(weight[3:].sum() / weight.sum())
