"""`facelib train`: train a network on a folder of pairs."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure, in_words
from facelib.cli.kernels import announcing_compilation
from facelib.cli.options import dataclass_options
from facelib.pairs.augmentation import PRESETS
from facelib.training.config import GROUPS, TrainConfig
from facelib.training.recipe import load_recipe, recipe_names


class _GroupedHelp(click.Command):
    """A command whose help lists settings in their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options that are not settings, then one section per group."""
        group_of = {
            entry.name: inspect.getdoc(kind).partition("\n")[0].rstrip(".")
            for kind in GROUPS.values()
            for entry in fields(kind)
        }
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option):
                section = group_of.get(param.name, "Options")
                sections.setdefault(section, []).append(param.get_help_record(ctx))
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


@click.command(cls=_GroupedHelp, epilog=EXIT_CODES)
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--recipe",
    type=click.Choice(recipe_names()),
    help="Settings of a named training, stage by stage; other options take precedence.",
)
@click.option(
    "--augmentation",
    type=click.Choice(list(PRESETS)),
    help="How pairs are augmented: as in the thesis, or also by the faults of real photos.",
)
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
@dataclass_options(*GROUPS.values())
@announcing_compilation()
def train(pairs: Path, run: Path, recipe: str | None, quiet: bool, **settings: Any) -> None:
    """Train a network on the folder PAIRS; write log, checkpoint and weights to the folder RUN.

    Repeating the command resumes a stopped run. The defaults are the thesis's settings.

    The stages of a recipe are trained one after another, in RUN/1_NAME, RUN/2_NAME and so on. If
    the recipe has several sets of pairs, each is read from PAIRS/SET.
    """
    from facelib.training.learner import TrainingDivergedError
    from facelib.training.loop import train as start
    from facelib.training.processes import Processes

    given = {name: value for name, value in settings.items() if value is not None}
    given["progress"] = not quiet
    try:
        if recipe is None:
            configs = [TrainConfig.from_dict({**given, "data_dir": pairs, "run_dir": run})]
        else:
            configs = load_recipe(recipe).configs(pairs, run, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        for config in configs:
            best = start(config)
            if Processes(config.run.device).is_main:
                click.echo(f"wrote {best}")
    except OSError as error:
        raise Failure(f"cannot write the run: {in_words(error)}", UNWRITABLE) from error
    except (ValueError, TrainingDivergedError) as error:
        raise Failure(f"cannot train: {error}", BAD_DATA) from error
