"""What a training run depends on, where it stands, and the learning rate that follows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch

from facelib.pairs.augmentation import PRESETS, Augmentation
from facelib.training.losses import LossSettings

SCHEDULES = ("halve", "cosine", "one_cycle")
PRECISIONS = ("float32", "bfloat16")
# Of one_cycle: share of the run in which the rate rises, and the share of it that it rises from.
RISING, LOWEST = 0.3, 1 / 25
# Settings that may differ between a run and its continuation.
FREE_ON_RESUME = {
    *("run_dir", "data_dir", "epochs", "max_samples", "max_hours", "patience", "threads"),
    *("checkpoint_minutes", "log_steps", "progress", "init_weights"),
}


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on; the defaults are the thesis's recipe (section 4.3.3).

    Attributes:
        data_dir: folder of shards.
        run_dir: folder for log, checkpoint and weights; an unfinished run in it is continued.
        network: name for `networks.create`.
        size: px, side of input and map; the stored size must be a whole multiple.
        batch_size: samples of a step, of all processes together.
        encoder_samples: samples on which the encoder learns alone before the run, see
            `encoder_start`; 0 for none.
        calibrate: rescale the decoder on the first batch so that it tells photos apart.
        reference_fan_in: inputs above which a layer gets a lower rate, see `rate_groups`; or None.
        learning_rate: Adam's rate at its highest.
        schedule: "halve" (every `halve_every` epochs), "cosine" (to 0 at the run's end) or
            "one_cycle" (up and then down to 0, both along a cosine).
        halve_every: epochs.
        warmup_samples: samples over which the rate first rises from 0.
        weight_decay: AdamW's, where above 0.
        max_grad_norm: clip the gradient's length to this, or None.
        average_decay: validate and keep a running mean of the weights that forgets 1 − this at
            each step; None keeps the weights themselves.
        precision: of a training step's layers, "float32" or "bfloat16"; weights stay float32.
        patience: epochs without a better validation loss before stopping.
        epochs: most epochs.
        samples_per_epoch: samples from one validation to the next; None is every pair once.
        max_samples: stop after so many samples, or None.
        max_hours: stop after so many hours of training, continued runs included, or None.
        validation_fraction: share of the people held out.
        validation_samples: most held-out pairs that are used.
        split_seed: of who is held out; stages of one training share it, or a later one would be
            validated on people whom an earlier one has seen.
        loss: what training makes small. Validation, which chooses the weights that are kept, is by
            `weighted_squared_error` whatever it is, so that runs can be compared.
        augmentation: what happens to training pairs.
        side_dropout: how often a network that can do without the side photo learns to.
        young_samples: samples until which heat maps, in a network that has them, learn from the
            keypoints alone; None: 20,000 for fresh weights, 0 where there are `init_weights`.
        init_weights: safetensors file to start from, or None for fresh weights.
        seed: of weights, order and augmentation.
        threads: torch's threads, or None to leave them.
        device: "cpu" or a torch device; `accelerate launch` gives each process its own instead.
        channels_last: memory order of images; the faster one on most processors.
        checkpoint_minutes: time between checkpoints inside an epoch.
        log_steps: steps between log lines inside an epoch.
        progress: show a progress bar.
    """

    data_dir: Path
    run_dir: Path
    network: str = "two_view"
    size: int = 256
    batch_size: int = 16
    encoder_samples: int = 0
    calibrate: bool = False
    reference_fan_in: int | None = None
    learning_rate: float = 1e-4
    schedule: str = "halve"
    halve_every: int = 5
    warmup_samples: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float | None = None
    average_decay: float | None = None
    precision: str = "float32"
    patience: int = 10
    epochs: int = 100
    samples_per_epoch: int | None = None
    max_samples: int | None = None
    max_hours: float | None = None
    validation_fraction: float = 0.1
    validation_samples: int = 512
    split_seed: int = 0
    loss: LossSettings = field(default_factory=LossSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)
    side_dropout: float = 0.25
    young_samples: int | None = None
    init_weights: Path | None = None
    seed: int = 0
    threads: int | None = None
    device: str = "cpu"
    channels_last: bool = True
    checkpoint_minutes: float = 10.0
    log_steps: int = 50
    progress: bool = True

    def __post_init__(self) -> None:
        """Refuse values that cannot train."""
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule must be one of {SCHEDULES}, got {self.schedule!r}")
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision must be one of {PRECISIONS}, got {self.precision!r}")
        if self.average_decay is not None and not 0 <= self.average_decay < 1:
            raise ValueError(f"average_decay must be in 0..1, got {self.average_decay}")
        for name in ("size", "batch_size", "learning_rate", "halve_every", "epochs", "patience"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")

    @classmethod
    def from_dict(cls, values: dict) -> TrainConfig:
        """Build from plain values, as JSON, YAML or a command line give them.

        Args:
            values: names of attributes; paths may be text; `augmentation` may be the name of one of
                `augmentation.PRESETS`, or a dict of what differs from its "preset", which is the
                thesis's unless named; `loss` may be a dict.
        Returns:
            The configuration.
        Raises:
            ValueError: for a name that does not exist, or a missing folder name.
        """
        values = dict(values)
        if "augmentation" in values:
            values["augmentation"] = _augmentation(values["augmentation"])
        if not isinstance(values.get("loss"), LossSettings):
            values["loss"] = _build(LossSettings, values.get("loss") or {})
        for name in ("data_dir", "run_dir", "init_weights"):
            if values.get(name) is not None:
                values[name] = Path(values[name])
        return _build(cls, values)

    def to_dict(self) -> dict:
        """Return the same as plain values that JSON holds."""
        return json.loads(json.dumps(asdict(self), default=str))


def _augmentation(value: str | dict | Augmentation | None) -> Augmentation:
    if isinstance(value, Augmentation):
        return value
    others = {"preset": value} if isinstance(value, str) else dict(value or {})
    preset = others.pop("preset", "thesis")
    if preset not in PRESETS:
        raise ValueError(f"augmentation must be one of {sorted(PRESETS)}, got {preset!r}")
    others = {name: _tuple(other) for name, other in others.items()}
    return _build(Augmentation, asdict(PRESETS[preset]) | others)


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _build(kind: type, values: dict):  # noqa: ANN202 (an instance of kind)
    unknown = sorted(set(values) - {f.name for f in fields(kind)})
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


@dataclass
class Progress:
    """Where a run stands; all of it goes into the checkpoint."""

    step: int = 0
    epoch: int = 0
    seconds: float = 0.0
    best_loss: float = math.inf
    epochs_without_better: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0


def learning_rate_at(config: TrainConfig, progress: Progress, total_samples: float) -> float:
    """Tell the rate of the next step.

    Args:
        config: schedule and rates.
        progress: where the run stands.
        total_samples: samples that the run will see, for what ends at the run's end.
    Returns:
        The rate.
    """
    samples = progress.step * config.batch_size
    rate = config.learning_rate * min(1.0, (samples + 1) / (config.warmup_samples + 1))
    if config.schedule == "halve":
        return rate * 0.5 ** (progress.epoch // config.halve_every)
    done = samples / total_samples
    if config.max_hours is not None:
        done = max(done, progress.seconds / 3600 / config.max_hours)
    done = min(done, 1.0)
    if config.schedule == "cosine":
        return rate * _fall(done)
    if done < RISING:
        return rate * (1 - (1 - LOWEST) * _fall(done / RISING))
    return rate * _fall((done - RISING) / (1 - RISING))


def _fall(share: float) -> float:
    """Go from 1 to 0 along half a cosine as the share goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * share))


def rate_groups(network: torch.nn.Module, reference_fan_in: int | None) -> list[dict]:
    """Sort parameters by the share of the learning rate that they get.

    Adam moves every weight by about the rate, whatever its gradient. In the mean face's direction
    all weights of a layer move together, so a layer that sums n inputs moves its output by n times
    the rate: in layers of 8,192 inputs that drowns what tells one photo from another. A share of
    reference_fan_in / n keeps the steps of all layers alike (Yang et al. 2022).

    Args:
        network: whose kernels have more than one axis.
        reference_fan_in: inputs up to which a layer gets the whole rate; None gives it to all.
    Returns:
        Optimizer groups, the whole rate's first, each with its `rate_share`.
    """
    groups: dict[float, list[torch.nn.Parameter]] = {1.0: []}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            share = 1.0
            if reference_fan_in is not None and parameter.ndim > 1:
                # Kernels are (in, out, k, k) in a transposed convolution, else (out, in, k, k).
                outputs_axis = 1 if isinstance(module, torch.nn.ConvTranspose2d) else 0
                fan_in = parameter.numel() / parameter.shape[outputs_axis]
                share = min(1.0, reference_fan_in / fan_in)
            groups.setdefault(share, []).append(parameter)
    return [{"params": members, "rate_share": share} for share, members in groups.items()]
