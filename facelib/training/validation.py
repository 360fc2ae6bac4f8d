"""The accuracy of a network on people held out from training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from facelib.face.layout import UVLayout
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.pairs.store import ShardedPairs, split_by_identity
from facelib.training.loss import loss_mask
from facelib.training.settings import DataSettings
from facelib.training.stream import make_batch, prefetch
from facelib.training.terms import weighted_squared_error

BASELINE_PAIRS = 1000  # enough for a mean face


@dataclass(frozen=True)
class Split:
    """The people to train on and those held out.

    Attributes:
        train_idx: (N,) pairs to train on.
        valid_idx: (M,) pairs of other people, to validate on.
    """

    train_idx: np.ndarray
    valid_idx: np.ndarray


def split_pairs(pairs: ShardedPairs, settings: DataSettings) -> Split:
    """Draw the people to hold out.

    Raises:
        ValueError: if no person would be held out.
    """
    rng = np.random.default_rng([settings.split_seed, 2])
    train_idx, valid_idx = split_by_identity(pairs.identities, settings.validation_fraction, rng)
    valid_idx = rng.permutation(valid_idx)[: settings.validation_samples]
    if not len(valid_idx):
        raise ValueError("validation_fraction and validation_samples leave nothing to hold out")
    return Split(train_idx, valid_idx)


@dataclass(frozen=True)
class HeldOutError:
    """The errors of a network on held-out people.

    Attributes:
        loss: `terms.weighted_squared_error` with the feathered mask, no unit.
        error_px: mean distance of predicted vertices from the true ones, crop frame at the run's
            size.
        error_mm: the same in head mm.
    """

    loss: float
    error_px: float
    error_mm: float


@torch.no_grad()
def validate(
    network: FaceNetwork,
    pairs: ShardedPairs,
    indices: np.ndarray,
    layout: UVLayout,
    batch_size: int,
) -> HeldOutError:
    """Measure a network on stored pairs, without augmentation.

    Args:
        network: set to evaluation mode.
        pairs: stored pairs.
        indices: of the held-out pairs.
        layout: of the network's size.
        batch_size: pairs predicted at once.
    """
    network.eval()
    device = next(network.parameters()).device
    mask = loss_mask(layout, "feathered").to(device)
    total, errors_px, errors_mm = 0.0, [], []
    parts = [indices[i : i + batch_size] for i in range(0, len(indices), batch_size)]
    for batch in prefetch(lambda i: make_batch(pairs, parts[i], layout), range(len(parts))):
        prediction = network(batch.photos.to(device), batch.has_side.to(device))
        loss = weighted_squared_error(prediction, batch.maps.to(device), mask)
        total += loss.item() * len(batch.maps)
        maps = prediction.permute(0, 2, 3, 1).cpu().numpy() * (layout.size * POSITION_SCALE)
        for position_map, vertices, px_per_mm in zip(
            maps, batch.vertices_image, batch.px_per_mm, strict=True
        ):
            errors_px.append(_point_error(layout.vertices(position_map), vertices))
            errors_mm.append(errors_px[-1] / float(px_per_mm))
    mean_px, mean_mm = float(np.mean(errors_px)), float(np.mean(errors_mm))
    return HeldOutError(total / len(indices), mean_px, mean_mm)


def mean_face_error_px(pairs: ShardedPairs, split: Split, size: int) -> float:
    """Return the held-out error of always predicting the training pairs' mean vertices, px.

    Args:
        pairs: stored pairs.
        split: the people held out.
        size: px, side of the crop in which the error is measured.
    """
    chosen = split.train_idx[:: max(1, len(split.train_idx) // BASELINE_PAIRS)]
    mean = np.mean([pairs.arrays(i)[2] for i in chosen], axis=0, dtype=np.float64)
    errors = [_point_error(mean, pairs.arrays(i)[2]) for i in split.valid_idx]
    return float(np.mean(errors)) * size / pairs.size


def _point_error(predicted: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(predicted - truth, axis=1).mean())
