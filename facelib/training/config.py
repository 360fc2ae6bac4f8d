"""`TrainConfig`: all settings of a run, in groups, built from plain values.

The command line, recipes, chapter 10 and logs of older runs give settings by name, without their
groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from facelib.pairs.augmentation import PRESETS, Augmentation
from facelib.training.settings import (
    DataSettings,
    LossSettings,
    ModelSettings,
    OptimiserSettings,
    RunSettings,
    ScheduleSettings,
    StopSettings,
)

GROUPS: dict[str, type] = {
    "data": DataSettings,
    "model": ModelSettings,
    "optimiser": OptimiserSettings,
    "schedule": ScheduleSettings,
    "stop": StopSettings,
    "loss": LossSettings,
    "augmentation": Augmentation,
    "run": RunSettings,
}
GROUP_OF = {entry.name: group for group, kind in GROUPS.items() for entry in fields(kind)}
RENAMED = {"young_samples": "heatmap_warmup_samples"}  # in logs of older runs
BEST = "best.safetensors"  # in a run's folder: the weights with the lowest validation loss
PATHS = ("data_dir", "run_dir", "init_weights")


@dataclass(frozen=True)
class TrainConfig:
    """Everything a run depends on; the defaults are the thesis's recipe (section 4.3.3).

    Training minimises the chosen loss. Validation, which selects the best weights, always uses
    `terms.weighted_squared_error`, so that runs can be compared.
    """

    data: DataSettings
    run: RunSettings
    model: ModelSettings = field(default_factory=ModelSettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    stop: StopSettings = field(default_factory=StopSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augmentation: Augmentation = field(default_factory=Augmentation)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Build from plain values, as in JSON, YAML or a command line.

        Args:
            values: settings by name, or groups as dicts or settings; paths may be text.
                `augmentation` may name one of `augmentation.PRESETS`, or be a dict with a "preset"
                and the settings that differ from it.
        Returns:
            The configuration.
        Raises:
            ValueError: for an unknown name, a missing folder, or an invalid value.
        """
        groups = grouped(values)
        unknown = sorted(groups.keys() - GROUPS.keys())
        if unknown:
            raise ValueError(f"TrainConfig has no {', '.join(unknown)}")
        built = {name: _build(name, groups.get(name, {})) for name in GROUPS}
        return cls(**built)

    def changed(self, **values: Any) -> TrainConfig:
        """Return a copy with other values for some settings, given by name or group."""
        groups = {name: asdict(getattr(self, name)) for name in GROUPS}
        for name, others in grouped(values).items():
            if name not in GROUPS:
                raise ValueError(f"TrainConfig has no {name}")
            whole = not isinstance(others, dict) or "preset" in others
            groups[name] = others if whole else groups[name] | others
        return TrainConfig.from_dict(groups)

    def to_dict(self) -> dict[str, dict]:
        """Return the groups as plain values that JSON can store."""
        return json.loads(json.dumps(asdict(self), default=str))


def grouped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Sort plain values into their groups.

    Args:
        values: settings by name, also by the names of older runs, and groups.
    Returns:
        Groups as dicts, or as the settings that were given. Unknown names are passed through.
    """
    groups: dict[str, Any] = {}
    for name, value in values.items():
        name = RENAMED.get(name, name)
        if name in GROUPS and (isinstance(value, Mapping) or value is None):
            groups[name] = {**(value or {}), **groups.get(name, {})}
        elif name in GROUPS and isinstance(value, GROUPS[name]):
            groups[name] = value
        elif name == "augmentation":
            groups.setdefault(name, {})["preset"] = value
        elif name in GROUP_OF:
            groups.setdefault(GROUP_OF[name], {})[name] = value
        else:
            groups[name] = value
    return groups


def _build(name: str, values: Any) -> Any:
    kind = GROUPS[name]
    if isinstance(values, kind):
        return values
    if not isinstance(values, Mapping):
        raise ValueError(f"{name} must be a group of settings, got {values!r}")
    values = {key: _plain(key, value) for key, value in values.items()}
    if kind is Augmentation:
        preset = values.pop("preset", "thesis")
        if preset not in PRESETS:
            raise ValueError(f"augmentation must be one of {sorted(PRESETS)}, got {preset!r}")
        values = asdict(PRESETS[preset]) | values
    unknown = sorted(values.keys() - {entry.name for entry in fields(kind)})
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{kind.__name__}: {error}") from error


def _plain(name: str, value: Any) -> Any:
    if name in PATHS and isinstance(value, str):
        return Path(value)
    return tuple(value) if isinstance(value, list) else value
