"""`facelib train`: a network from a folder of pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure

if TYPE_CHECKING:
    from facelib.training.config import TrainConfig
    from facelib.training.options import Option

ARGUMENTS = ("data_dir", "run_dir")  # settings that are arguments, not options
FLAGS = {"dropout_probability": "dropout"}  # spelt otherwise than the setting


class _TrainCommand(click.Command):
    """A command whose options are the settings of a run, read when they are needed.

    To list them, training's modules must be loaded, which other commands need not wait for.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the written parameters and one option per setting."""
        return [*super().get_params(ctx), *map(_click_option, _settings())]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the settings' help group by group."""
        from facelib.training.config import GROUPS
        from facelib.training.options import summary

        own = [param for param in super().get_params(ctx) if isinstance(param, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([param.get_help_record(ctx) for param in own])
        for group, kind in GROUPS.items():
            settings = [_click_option(option) for option in _settings() if option.group == group]
            with formatter.section(summary(kind)):
                formatter.write_dl([setting.get_help_record(ctx) for setting in settings])


@click.command(cls=_TrainCommand, epilog=EXIT_CODES)
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--recipe", metavar="NAME", help="Settings and stages of a named recipe; see above.")
@click.option(
    "--augmentation",
    type=click.Choice(["thesis", "photos"]),
    help="How pairs are changed: as in the thesis, or also as real photos differ.",
)
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
def train(pairs: Path, run: Path, recipe: str | None, quiet: bool, **settings: Any) -> None:
    """Train a network on the folder PAIRS; log, checkpoint and weights go to the folder RUN.

    The same command again goes on with a run that was stopped. Without options, the thesis's
    settings.

    A recipe may have several stages, which are trained one after the other in RUN/1_NAME,
    RUN/2_NAME, …, and several sets of pairs, in PAIRS/SET. Options take precedence over it.
    Recipes: thesis, photos, and one for each network that ships: compact, two_view, one_view, prn.
    """
    from facelib.training.learner import TrainingDivergedError
    from facelib.training.loop import train as start
    from facelib.training.processes import Processes

    given = {name: value for name, value in settings.items() if value is not None}
    given["progress"] = not quiet
    try:
        configs = _configs(recipe, pairs, run, given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        for config in configs:
            best = start(config)
            if Processes(config.run.device).is_main:
                click.echo(f"wrote {best}")
    except OSError as error:
        raise Failure(f"cannot write the run: {error}", UNWRITABLE) from error
    except (ValueError, TrainingDivergedError) as error:
        raise Failure(f"cannot train: {error}", BAD_DATA) from error


def _configs(
    recipe: str | None, pairs: Path, run: Path, settings: dict[str, Any]
) -> list[TrainConfig]:
    from facelib.training.config import TrainConfig
    from facelib.training.recipe import load_recipe

    if recipe is not None:
        return load_recipe(recipe).configs(pairs, run, settings)
    return [TrainConfig.from_dict({**settings, "data_dir": pairs, "run_dir": run})]


def _settings() -> list[Option]:
    from facelib.training.options import options

    return [option for option in options() if option.name not in (*ARGUMENTS, "progress")]


def _click_option(option: Option) -> click.Option:
    """Make an option that is None unless given: its default is the dataclass's, or a recipe's."""
    flag = FLAGS.get(option.name, option.name).replace("_", "-")
    names = [f"--{flag}/--no-{flag}" if option.type is bool else f"--{flag}", option.name]
    kind = click.Choice(option.choices) if option.choices else _CLICK_TYPES.get(option.type)
    shown = "" if option.default is None else f" [default: {_shown(option.default)}]"
    return click.Option(
        names, type=kind, nargs=option.count, default=None, help=option.help + shown
    )


_CLICK_TYPES = {Path: click.Path(path_type=Path), int: int, float: float, str: str, bool: bool}


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
