"""`facelib standin`: stand-ins for licensed data sets, in exactly the same format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, UNWRITABLE, Failure, in_words
from facelib.cli.kernels import announcing_compilation

OUT = click.argument("out", type=PATH)


def _count_option(default: int, what: str) -> Callable:
    """Return the option for the count."""
    return click.option(
        "--count", type=click.IntRange(1), default=default, show_default=True,
        help=f"How many {what}.",
    )  # fmt: skip


def _seed_option(default: int) -> Callable:
    """Return the option for the seed."""
    return click.option(
        "--seed", type=click.IntRange(0), default=default, show_default=True,
        help="Seed of every random draw.",
    )  # fmt: skip


@click.group(epilog=EXIT_CODES)
def standin() -> None:
    """Write a stand-in for a licensed data set, marked as a stand-in."""


@standin.command(epilog=EXIT_CODES)
@OUT
@_count_option(20, "subjects")
@_seed_option(0)
def florence(out: Path, **numbers: int) -> None:
    """Write scans in the format of MICC Florence.

    They are of held-out synthetic people, one folder per subject in OUT.
    """
    from facelib.datasets.florence.standin import write_florence_standin

    subjects = write(write_florence_standin, out, **numbers)
    click.echo(f"wrote a stand-in to {out}: {subjects} subjects")


@standin.command(epilog=EXIT_CODES)
@OUT
def bfm(out: Path) -> None:
    """Write a face model in the format of BFM.mat.

    It is a morphable model of the shipped head; the files go to the folder OUT.
    """
    from facelib.datasets.basel.standin import write_bfm_standin

    write(write_bfm_standin, out)
    click.echo(f"wrote a stand-in to {out}: 1 model")


@standin.command("300w-lp", epilog=EXIT_CODES)
@OUT
@_count_option(300, "photos")
@_seed_option(0)
def w300lp(out: Path, **numbers: int) -> None:
    """Write photos with fits in the format of 300W-LP.

    They show synthetic people, fitted by the stand-in for BFM, and go to the folder OUT.
    """
    from facelib.datasets.w300lp.standin import write_w300lp_standin

    photos = write(write_w300lp_standin, out, **numbers)
    click.echo(f"wrote a stand-in to {out}: {photos} photos")


@standin.command(epilog=EXIT_CODES)
@OUT
@_count_option(40, "photos")
@_seed_option(1)
def aflw2000(out: Path, **numbers: int) -> None:
    """Write test photos in the format of AFLW2000-3D.

    They show other synthetic people than the stand-in for 300W-LP, and go to the folder OUT.
    """
    from facelib.datasets.aflw2000.standin import write_aflw2000_standin

    photos = write(write_aflw2000_standin, out, **numbers)
    click.echo(f"wrote a stand-in to {out}: {photos} photos")


@standin.command(epilog=EXIT_CODES)
@OUT
@_count_option(20, "people")
@_seed_option(0)
@click.option(
    "--size", type=click.IntRange(16), default=512, show_default=True, help="Side of a photo, px."
)
def facegen(out: Path, **numbers: int) -> None:
    """Write people in the format of a FaceGen export.

    They are synthetic people, in the files of `fg3`, one folder per person in OUT. People who are
    there already are kept.
    """
    from facelib.datasets.facegen.standin import write_facegen_standin

    people = write(write_facegen_standin, out, **numbers)
    click.echo(f"wrote a stand-in to {out}: {people} people")


@announcing_compilation()
def write(writer: Callable, out: Path, **numbers: int):
    """Run a writer and return what it returns; fail with one sentence."""
    try:
        return writer(out, **numbers)
    except FileNotFoundError as error:
        raise Failure(f"cannot make a stand-in: {error}", BAD_DATA) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot write a stand-in: {in_words(error)}", UNWRITABLE) from error
