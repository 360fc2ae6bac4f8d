"""`facelib pairs synthetic`: photographs of synthetic people."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, UNWRITABLE, Failure, in_words
from facelib.cli.kernels import announcing_compilation
from facelib.cli.options import dataclass_options, typed
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.settings import Plan, SyntheticSettings

INGREDIENTS = tuple(field.name for field in fields(Ingredients))


def _parse_ingredients(context, parameter, words: str) -> frozenset[str]:
    """Parse `hair,film` into names of ingredients; `all` and `none` are allowed, too."""
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


@click.command("synthetic", epilog=EXIT_CODES)
@click.argument("out", type=PATH)
@dataclass_options(Plan, SyntheticSettings)
@click.option(
    "--with",
    "included",
    default="all",
    show_default=True,
    callback=_parse_ingredients,
    metavar="NAMES",
    help=f"Ingredients of the photos, with commas: {', '.join(INGREDIENTS)}; or all, or none.",
)
@click.option(
    "--without",
    "excluded",
    default="none",
    show_default=True,
    callback=_parse_ingredients,
    metavar="NAMES",
    help="Ingredients to leave out of those.",
)
@click.option("--workers", type=click.IntRange(1), help="Processes.  [default: 1]")
@click.option(
    "--dask",
    metavar="ADDRESS",
    help="Address of a Dask scheduler whose cluster makes the pairs; its workers must see OUT.",
)
@click.option("--verify", is_flag=True, help="Make shards again that differ from their checksums.")
@click.option("--quiet", is_flag=True, help="Show no progress bar.")
@announcing_compilation()
def pairs_synthetic(
    out: Path,
    included: frozenset[str],
    excluded: frozenset[str],
    workers: int | None,
    dask: str | None,
    verify: bool,
    quiet: bool,
    **values,
) -> None:
    """Photograph synthetic people into the folder OUT.

    The same options give the same bytes, with any number of workers. Repeating the command resumes
    an unfinished folder. The small part of the ground truth (vertices, keypoints, cameras, every
    number that was drawn) is always stored.
    """
    from facelib.synthetic.generation import generate_pairs

    if dask and workers:
        raise click.UsageError("--workers uses this machine, --dask a cluster; give one of them")
    ingredients = Ingredients(**dict.fromkeys(included - excluded, True))
    settings = SyntheticSettings(ingredients=ingredients, **typed(SyntheticSettings, values))
    plan = Plan(settings=settings, **typed(Plan, values))
    try:
        made = generate_pairs(out, plan, workers or 1, dask, not quiet, verify)
    except FileNotFoundError as error:
        raise Failure(f"cannot generate: {error}", BAD_DATA) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise Failure(f"cannot write pairs: {in_words(error)}", UNWRITABLE) from error
    click.echo(f"wrote {made} pairs to {out}" if made else f"{out} had all {plan.count} pairs")
