"""The settings of a training run, group by group.

A setting's sentence is its help on the command line. Names are unique across all groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from facelib.files.setting import setting


class _Checked:
    """A group of settings that rejects invalid values."""

    def __post_init__(self) -> None:
        """Raise ValueError, naming the setting and its allowed values."""
        hints = get_type_hints(type(self))
        for entry in fields(self):
            value, limits = getattr(self, entry.name), entry.metadata
            if get_origin(hints[entry.name]) is Literal and value not in get_args(
                hints[entry.name]
            ):
                words = get_args(hints[entry.name])
                raise ValueError(f"{entry.name} must be one of {words}, got {value!r}")
            if value is None or not limits.keys() & {"minimum", "maximum", "above", "below"}:
                continue
            low, high = limits.get("minimum", -math.inf), limits.get("maximum", math.inf)
            inside = low <= value <= high and value > limits.get("above", -math.inf)
            if not inside or ("below" in limits and value >= limits["below"]):
                raise ValueError(f"{entry.name} must be {_in_words(limits)}, got {value}")


def _in_words(limits: dict[str, float]) -> str:
    words = {"minimum": "at least", "maximum": "at most", "above": "above", "below": "below"}
    return " and ".join(f"{words[key]} {limits[key]}" for key in words if key in limits)


@dataclass(frozen=True)
class DataSettings(_Checked):
    """Pairs."""

    data_dir: Path
    validation_fraction: float = setting(
        0.1, "Share of the people held out for validation.", minimum=0.0, maximum=1.0
    )
    validation_samples: int = setting(
        512, "Largest number of held-out pairs in a validation.", minimum=1
    )
    # Stages of one training share it; otherwise a later stage would be validated on people on whom
    # an earlier one was trained.
    split_seed: int = setting(
        0, "Seed that chooses the held-out people; the same in all stages of a training.", minimum=0
    )
    samples_per_epoch: int | None = setting(
        None, "Samples between validations; by default one pass over all pairs.", minimum=1
    )
    side_dropout: float = setting(
        0.25,
        "Chance that a sample's side photo is hidden, in networks for which it is optional.",
        minimum=0.0,
        maximum=1.0,
    )
    verify: bool = setting(False, "Compare the pairs with their checksums first.")


@dataclass(frozen=True)
class ModelSettings(_Checked):
    """Network."""

    network: str = setting("two_view", "Network: prn, one_view, two_view or compact.")
    size: int = setting(
        256, "Side of photos and map, px; the stored size must be a whole multiple.", above=0
    )
    init_weights: Path | None = setting(None, "Weights to start from; by default random ones.")
    encoder_samples: int = setting(
        0, "Samples on which the encoder is trained alone before the run; 0 for none.", minimum=0
    )
    calibrate: bool = setting(
        False, "Rescale the fresh decoder on the first batch, so that photos give different maps."
    )
    heatmap_warmup_samples: int | None = setting(
        None,
        "Number of first samples in which only the keypoints train the heat maps; by default "
        "20,000 for fresh weights, 0 for others.",
        minimum=0,
    )


@dataclass(frozen=True)
class OptimiserSettings(_Checked):
    """Optimiser."""

    batch_size: int = setting(16, "Samples per step, over all processes.", above=0)
    learning_rate: float = setting(1e-4, "AdamW's highest rate.", above=0)
    weight_decay: float = setting(0.0, "AdamW's weight decay.", minimum=0.0)
    reference_fan_in: int | None = setting(
        None,
        "Number of inputs above which a layer's rate is lowered; by default none is.",
        minimum=1,
    )
    max_grad_norm: float | None = setting(
        None,
        "Largest norm of the gradient, beyond which it is clipped; by default no limit.",
        above=0,
    )
    # At 1 the mean would stay at the first weights.
    average_decay: float | None = setting(
        None,
        "Validate and save a running mean of the weights with this decay per step; by default the "
        "weights themselves.",
        minimum=0.0,
        below=1.0,
    )
    precision: Literal["float32", "bfloat16"] = setting(
        "float32", "Number format of a step's layers; weights stay float32."
    )


@dataclass(frozen=True)
class ScheduleSettings(_Checked):
    """Learning rate over time."""

    schedule: Literal["halve", "cosine", "one_cycle"] = setting(
        "halve",
        "Halve the rate every few epochs, lower it along a cosine to 0 at the run's end, or raise "
        "and lower it once.",
    )
    halve_every: int = setting(5, "Epochs after which `halve` halves the rate.", above=0)
    warmup_samples: int = setting(0, "Samples over which the rate first rises from 0.", minimum=0)


@dataclass(frozen=True)
class StopSettings(_Checked):
    """When to stop; a stopped run may be resumed with other limits."""

    patience: int = setting(
        10, "Epochs without a better validation loss before the run stops.", above=0
    )
    epochs: int = setting(100, "Most epochs.", above=0)
    max_samples: int | None = setting(
        None, "Largest number of samples; by default no limit.", minimum=1
    )
    max_hours: float | None = setting(
        None, "Largest number of hours, over all calls; by default no limit.", above=0
    )


@dataclass(frozen=True)
class LossSettings(_Checked):
    """Loss; the defaults are the thesis's (equation 3.1)."""

    kind: Literal["squared", "absolute"] = setting(
        "squared", "Cost of a difference, in every term.", option="--loss"
    )
    mask: Literal["feathered", "hard", "none"] = setting(
        "feathered",
        "Weight of each texel: the thesis's mask with a soft border, with a hard one, or none, as "
        "in the thesis's code.",
    )
    normal_weight: float = setting(
        0.0, "Weight of the directions of surface normals; positions have 1.", minimum=0.0
    )
    edge_weight: float = setting(
        0.0, "Weight of the lengths between neighbouring texels.", minimum=0.0
    )
    keypoint_weight: float = setting(
        0.0, "Weight of the 68 keypoints' x and y in the photo.", minimum=0.0
    )
    shape_weight: float = setting(
        0.0, "Weight of positions after the best similarity.", minimum=0.0
    )
    heat_map_weight: float = setting(
        0.001, "Weight of the keypoints' heat maps, in networks that have them.", minimum=0.0
    )
    confidence: bool = setting(
        False, "Train the network to predict each texel's error, too, by likelihood."
    )

    @property
    def needs_maps(self) -> bool:
        """Whether a term needs the surface between vertices."""
        others = self.normal_weight, self.edge_weight, self.keypoint_weight
        return self.confidence or any(others)


@dataclass(frozen=True)
class RunSettings(_Checked):
    """Device, threads and logging."""

    run_dir: Path
    seed: int = setting(0, "Seed of weights, order and augmentation.", minimum=0)
    threads: int | None = setting(
        None, "Torch's threads; by default torch's own choice.", minimum=1
    )
    device: str = setting(
        "cpu", "Torch device such as cpu or cuda; `accelerate launch` gives each process its own."
    )
    channels_last: bool = setting(
        True, "Store images with their channels last, which is faster on most processors."
    )
    checkpoint_minutes: float = setting(
        10.0, "Time between checkpoints inside an epoch.", minimum=0.0
    )
    log_steps: int = setting(50, "Steps between log lines inside an epoch.", above=0)
    progress: bool = True
