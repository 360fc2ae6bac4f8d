"""Recipes: named files that describe the training of a network, stage by stage.

A recipe is a TOML file in `recipes/`. `pairs` names sets of pairs, each with its options of
`facelib pairs synthetic`. `common` has the settings that all stages share. Every stage has a name,
the name of its pairs, and its own settings; it starts from the best weights of the stage before.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facelib.training.config import BEST, TrainConfig

RECIPES = Path(__file__).with_name("recipes")


@dataclass(frozen=True)
class Stage:
    """One run of a recipe.

    Attributes:
        name: of its folder.
        pairs: key in `Recipe.pairs`.
        settings: by name; all others keep their defaults.
    """

    name: str
    pairs: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """A training in stages.

    Attributes:
        name: of its file.
        about: one sentence of description.
        pairs: set name to the options of `facelib pairs synthetic` that make the set.
        stages: in order.
    """

    name: str
    about: str
    pairs: Mapping[str, str]
    stages: tuple[Stage, ...]

    def configs(
        self, pairs: Path, run: Path, overrides: Mapping[str, Any] | None = None
    ) -> list[TrainConfig]:
        """Return the configuration of every stage.

        Args:
            pairs: folder of pairs; if the recipe has several sets, the parent of their folders.
            run: folder of the run; if there are several stages, the parent of `1_64`, `2_128` ….
            overrides: settings by name that take precedence in every stage; `init_weights` in the
                first.
        Raises:
            ValueError: for missing pairs, naming the command that makes them, or invalid settings.
        """
        configs: list[TrainConfig] = []
        for number, stage in enumerate(self.stages, start=1):
            data_dir = pairs / stage.pairs if len(self.pairs) > 1 else pairs
            if not data_dir.is_dir():
                raise ValueError(
                    f"recipe {self.name} needs pairs in {data_dir}; make them with "
                    f"`facelib pairs synthetic {data_dir} {self.pairs[stage.pairs]}`"
                )
            alone = len(self.stages) == 1
            own = {
                "data_dir": data_dir,
                "run_dir": run if alone else run / f"{number}_{stage.name}",
            }
            if configs:
                own["init_weights"] = configs[-1].run.run_dir / BEST
            configs.append(TrainConfig.from_dict({**stage.settings, **(overrides or {}), **own}))
        return configs


def recipe_names() -> list[str]:
    """List the recipes."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str) -> Recipe:
    """Read a recipe.

    Args:
        name: one of `recipe_names`.
    Raises:
        ValueError: for another name.
    """
    if name not in recipe_names():
        raise ValueError(f"recipe must be one of {recipe_names()}, got {name!r}")
    content = tomllib.loads((RECIPES / f"{name}.toml").read_text(encoding="utf-8"))
    common, stages = content.get("common", {}), []
    for values in content["stages"]:
        own = {key: value for key, value in values.items() if key not in ("name", "pairs")}
        stages.append(Stage(values["name"], values["pairs"], {**common, **own}))
    return Recipe(name, content["about"], content["pairs"], tuple(stages))
