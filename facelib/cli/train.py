"""`python -m facelib train`: a network from a folder of pairs."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure

# Names of TrainConfig that the command line sets; what is not given keeps its default there.
TRAIN_OPTIONS = {
    str: ("network", "schedule", "init_weights", "device", "precision"),
    int: ("size", "batch_size", "halve_every", "warmup_samples", "patience", "epochs")
    + ("samples_per_epoch", "max_samples", "seed", "threads")
    + ("encoder_samples", "reference_fan_in", "young_samples", "split_seed"),
    float: ("learning_rate", "max_grad_norm", "max_hours", "validation_fraction", "side_dropout")
    + ("average_decay",),
}
# Names of LossSettings likewise: its option, what it takes, and what it is.
LOSS_OPTIONS = {
    "kind": ("--loss", click.Choice(["squared", "absolute"]), "How a difference counts."),
    "mask": ("--mask", click.Choice(["feathered", "hard", "none"]), "What each texel weighs."),
    "normal_weight": ("--normal-weight", click.FloatRange(0), "Beside 1 for positions."),
    "edge_weight": ("--edge-weight", click.FloatRange(0), "Of lengths between texels."),
    "keypoint_weight": ("--keypoint-weight", click.FloatRange(0), "Of x and y in the photo."),
    "shape_weight": ("--shape-weight", click.FloatRange(0), "Of positions without the pose."),
    "heat_map_weight": ("--heat-map-weight", click.FloatRange(0), "Of keypoints' heat maps."),
    "confidence": ("--confidence/--no-confidence", bool, "Learn how far off each texel may be."),
}


def train_options(command):
    """Give a command an option for every name in TRAIN_OPTIONS."""
    for kind, names in TRAIN_OPTIONS.items():
        for name in names:
            command = click.option("--" + name.replace("_", "-"), name, type=kind)(command)
    return command


def loss_options(command):
    """Give a command an option for every name in LOSS_OPTIONS."""
    for name, (option, kind, about) in reversed(LOSS_OPTIONS.items()):
        command = click.option(option, name, type=kind, default=None, help=about)(command)
    return command


@click.command(epilog=EXIT_CODES)
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@train_options
@click.option("--calibrate", is_flag=True, help="Rescale the fresh decoder on the first batch.")
@click.option(
    "--augmentation",
    type=click.Choice(["thesis", "photos"]),
    default="thesis",
    show_default=True,
    help="How pairs are changed: as in the thesis, or also as real photos differ.",
)
@click.option("--rotation-deg", type=float, help="Largest random turn of a photo, degrees.")
@click.option("--dropout", type=click.FloatRange(0, 1), help="Chance of a box over a photo.")
@loss_options
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(pairs: Path, run: Path, augmentation: str, quiet: bool, **settings) -> None:
    """Train a network on the folder PAIRS; log, checkpoint and weights go to the folder RUN.

    The same command again continues an unfinished run. Without options, the thesis's recipe.
    """
    from facelib.training.loop import TrainConfig, TrainingDivergedError
    from facelib.training.loop import train as start
    from facelib.training.processes import Processes

    given = {name: value for name, value in settings.items() if value is not None}
    names = {"rotation_deg": "rotation_deg", "dropout": "dropout_probability"}
    others = {names[option]: given.pop(option) for option in names if option in given}
    given["augmentation"] = {"preset": augmentation, **others}
    given["loss"] = {name: given.pop(name) for name in LOSS_OPTIONS if name in given}
    given |= {"data_dir": pairs, "run_dir": run, "progress": not quiet}
    try:
        config = TrainConfig.from_dict(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        best = start(config)
        if Processes(config.device).is_main:
            click.echo(f"wrote {best}")
    except OSError as error:
        raise Failure(f"cannot write the run: {error}", UNWRITABLE) from error
    except (ValueError, TrainingDivergedError) as error:
        raise Failure(f"cannot train: {error}", BAD_DATA) from error
