"""`python -m facelib generate`: synthetic people in a folder of pairs."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.settings import POSES

INGREDIENTS = tuple(field.name for field in fields(Ingredients))


def parse_ingredients(context, parameter, words: str) -> frozenset[str]:
    """Turn `hair,film` into names of ingredients; `all` and `none` are words for both ends."""
    if words in ("all", "none"):
        return frozenset(INGREDIENTS if words == "all" else ())
    names = {name.strip() for name in words.split(",")}
    unknown = sorted(names - set(INGREDIENTS))
    if unknown:
        raise click.BadParameter(
            f"no ingredient is called {unknown[0]!r}; there are {', '.join(INGREDIENTS)}, "
            "and the words all and none"
        )
    return frozenset(names)


@click.command(epilog=EXIT_CODES)
@click.option("--count", type=click.IntRange(1), required=True, help="How many pairs.")
@click.option(
    "--out", "folder", type=click.Path(path_type=Path), required=True, help="Folder of the pairs."
)
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: 1]")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Let the cluster of this Dask scheduler work; --out must be shared with it.",
)
@click.option(
    "--preset",
    type=click.Choice(tuple(POSES)),
    default="thesis",
    show_default=True,
    help="Poses: the thesis's, as wide as photos in the wild, or half of each.",
)
@click.option(
    "--with",
    "included",
    default="all",
    show_default=True,
    callback=parse_ingredients,
    metavar="NAMES",
    help=f"Ingredients of the photos, with commas: {', '.join(INGREDIENTS)}; or all, or none.",
)
@click.option(
    "--without",
    "excluded",
    default="none",
    show_default=True,
    callback=parse_ingredients,
    metavar="NAMES",
    help="Ingredients to leave out of those.",
)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Side, px.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first sample.")
@click.option("--held-out", is_flag=True, help="People that no training set of this seed has.")
@click.option("--pairs-per-person", type=click.IntRange(1), default=1, show_default=True)
@click.option("--truth", is_flag=True, help="Also keep what every pixel shows: 1.4 MB a pair.")
@click.option(
    "--shard-size",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Pairs a file holds: what one worker makes at a time.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def generate(
    folder: Path,
    count: int,
    first: int,
    truth: bool,
    shard_size: int,
    workers: int | None,
    dask: str | None,
    quiet: bool,
    included: frozenset[str],
    excluded: frozenset[str],
    **settings,
) -> None:
    """Photograph synthetic people; the same numbers, the same bytes, however many workers.

    The same command again goes on with a folder that was not finished. The truth that is small
    (vertices, keypoints, cameras, every number that was drawn) is always kept.
    """
    from facelib.synthetic.generation import generate_pairs
    from facelib.synthetic.settings import Plan, SyntheticSettings

    if dask and workers:
        raise click.UsageError("--workers are of this machine, --dask of a cluster; give one")
    ingredients = Ingredients(**dict.fromkeys(included - excluded, True))
    settings = SyntheticSettings(ingredients=ingredients, **settings)
    plan = Plan(count, settings, first, truth, shard_size)
    try:
        made = generate_pairs(folder, plan, workers or 1, dask, progress=not quiet)
    except FileNotFoundError as error:
        raise Failure(f"cannot generate: {error}", BAD_DATA) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise Failure(f"cannot write pairs: {error}", UNWRITABLE) from error
    click.echo(f"wrote {made} pairs to {folder}" if made else f"{folder} had all {count} pairs")
