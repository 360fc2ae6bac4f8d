"""The settings of a training run, group by group; the docstrings are the command line's help."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

Schedule = Literal["halve", "cosine", "one_cycle"]
Precision = Literal["float32", "bfloat16"]
Difference = Literal["squared", "absolute"]
Mask = Literal["feathered", "hard", "none"]


@dataclass(frozen=True)
class DataSettings:
    """Pairs.

    Attributes:
        data_dir: folder of pairs.
        validation_fraction: share of the people held out for validation.
        validation_samples: most held-out pairs that a validation uses.
        split_seed: seed of who is held out; stages of one training share it, or a later stage
            would be validated on people from whom an earlier one learned.
        samples_per_epoch: samples from one validation to the next; by default every pair once.
        side_dropout: chance that a sample's side photo is hidden, in networks that do without it.
    """

    data_dir: Path
    validation_fraction: float = 0.1
    validation_samples: int = 512
    split_seed: int = 0
    samples_per_epoch: int | None = None
    side_dropout: float = 0.25

    def __post_init__(self) -> None:
        """Refuse shares outside of 0..1."""
        for name in ("validation_fraction", "side_dropout"):
            _check_range(name, getattr(self, name), 0, 1)


@dataclass(frozen=True)
class ModelSettings:
    """Network.

    Attributes:
        network: name of the network: prn, one_view, two_view or compact.
        size: side of photos and map, px; the stored size must be a whole multiple.
        init_weights: weights to start from; by default fresh ones.
        encoder_samples: samples on which the encoder is trained alone before the run; 0 for none.
        calibrate: rescale the fresh decoder on the first batch, so that its maps differ from photo
            to photo.
        heatmap_warmup_samples: samples until which heat maps of keypoints learn from the keypoints
            alone; by default 20,000 for fresh weights, 0 after `init_weights`.
    """

    network: str = "two_view"
    size: int = 256
    init_weights: Path | None = None
    encoder_samples: int = 0
    calibrate: bool = False
    heatmap_warmup_samples: int | None = None

    def __post_init__(self) -> None:
        """Refuse a size of nothing."""
        _check_positive("size", self.size)


@dataclass(frozen=True)
class OptimiserSettings:
    """Optimiser.

    Attributes:
        batch_size: samples per step, of all processes together.
        learning_rate: AdamW's highest rate.
        weight_decay: AdamW's weight decay.
        reference_fan_in: number of inputs above which a layer gets a lower rate; by default none
            does.
        max_grad_norm: length to which the gradient is clipped; by default it is not.
        average_decay: share of the running mean of the weights that each step keeps; validation
            uses that mean, and so do the weights that are written. By default there is no mean.
        precision: number format of a training step's layers; weights stay float32.
    """

    batch_size: int = 16
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    reference_fan_in: int | None = None
    max_grad_norm: float | None = None
    average_decay: float | None = None
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        _check_word("precision", self.precision, Precision)
        _check_positive("batch_size", self.batch_size)
        _check_positive("learning_rate", self.learning_rate)
        if self.average_decay is not None and not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay must be in 0..1, got {self.average_decay}")


@dataclass(frozen=True)
class ScheduleSettings:
    """Learning rate over time.

    Attributes:
        kind: how the rate changes: halved every few epochs, falling along a cosine to 0 at the
            run's end, or one cycle up and down to 0.
        halve_every: epochs after which "halve" halves the rate.
        warmup_samples: samples over which the rate first rises from 0.
    """

    kind: Schedule = "halve"
    halve_every: int = 5
    warmup_samples: int = 0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        _check_word("schedule", self.kind, Schedule)
        _check_positive("halve_every", self.halve_every)


@dataclass(frozen=True)
class StopSettings:
    """When to stop; a stopped run may go on with other limits.

    Attributes:
        patience: epochs without a better validation loss before the run stops.
        epochs: most epochs.
        max_samples: most samples; by default no limit.
        max_hours: most hours of training, those before a pause included; by default no limit.
    """

    patience: int = 10
    epochs: int = 100
    max_samples: int | None = None
    max_hours: float | None = None

    def __post_init__(self) -> None:
        """Refuse limits that stop before the start."""
        for name in ("patience", "epochs"):
            _check_positive(name, getattr(self, name))


@dataclass(frozen=True)
class LossSettings:
    """Loss; the defaults are the thesis's (equation 3.1).

    Attributes:
        kind: how differences count in every term.
        mask: weight of each texel: the thesis's mask with a soft border, with a hard one, or none,
            as in the thesis's code.
        normal_weight: weight of the term of surface normals; that of positions is 1.
        edge_weight: weight of the term of lengths between neighbouring texels.
        keypoint_weight: weight of the term of the 68 keypoints' x and y in the photo.
        shape_weight: weight of the term of positions after the best similarity.
        heat_map_weight: weight of the term of keypoints' heat maps, in networks that have them.
        confidence: train a network that predicts how far off each texel may be, by likelihood.
    """

    kind: Difference = "squared"
    mask: Mask = "feathered"
    normal_weight: float = 0.0
    edge_weight: float = 0.0
    keypoint_weight: float = 0.0
    shape_weight: float = 0.0
    heat_map_weight: float = 0.001
    confidence: bool = False

    def __post_init__(self) -> None:
        """Refuse words that do not exist, and weights below 0."""
        _check_word("loss kind", self.kind, Difference)
        _check_word("loss mask", self.mask, Mask)
        for entry in fields(self):
            if entry.name.endswith("_weight"):
                _check_range(entry.name, getattr(self, entry.name), 0, math.inf)

    @property
    def needs_maps(self) -> bool:
        """Whether a term reads what lies between vertices."""
        others = self.normal_weight, self.edge_weight, self.keypoint_weight
        return self.confidence or any(others)


@dataclass(frozen=True)
class RunSettings:
    """Where and how it runs.

    Attributes:
        run_dir: folder for log, checkpoint and weights; a stopped run in it goes on.
        seed: seed of weights, order and augmentation.
        threads: torch's threads; by default as many as torch takes.
        device: torch device such as cpu or cuda; `accelerate launch` gives each process its own.
        channels_last: store images with their channels last, faster on most processors.
        checkpoint_minutes: time between checkpoints inside an epoch.
        log_steps: steps between log lines inside an epoch.
        progress: show a progress bar.
    """

    run_dir: Path
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    channels_last: bool = True
    checkpoint_minutes: float = 10.0
    log_steps: int = 50
    progress: bool = True


def _check_word(name: str, value: str, words: Any) -> None:
    if value not in get_args(words):
        raise ValueError(f"{name} must be one of {get_args(words)}, got {value!r}")


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}")


def _check_range(name: str, value: float, least: float, most: float) -> None:
    # Not a comparison's negation alone: NaN is outside of every range, infinity outside of all.
    if not least <= value <= most or math.isinf(value):
        raise ValueError(f"{name} must be in {least}..{most}, got {value}")
