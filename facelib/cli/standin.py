"""`python -m facelib standin`: stand-ins for licensed datasets, in exactly their format."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure

OUT = click.option("--out", required=True, type=click.Path(path_type=Path), help="A new folder.")
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
OTHER_SEED = click.option("--seed", type=click.IntRange(0), default=1, show_default=True)


def count_option(default: int, what: str):
    """Make the option that says how many."""
    return click.option(
        "--count", type=click.IntRange(1), default=default, show_default=True, help=what
    )


@click.group(epilog=EXIT_CODES)
def standin() -> None:
    """Write a stand-in for a licensed dataset, marked as one."""


@standin.command(epilog=EXIT_CODES)
@OUT
@count_option(20, "How many subjects.")
@SEED
def florence(out: Path, **numbers: int) -> None:
    """Scan held-out synthetic people, as MICC Florence has scans."""
    from facelib.datasets.florence.standin import write_florence_standin

    write(write_florence_standin, out, "subjects", **numbers)


@standin.command(epilog=EXIT_CODES)
@OUT
def bfm(out: Path) -> None:
    """Write a morphable model of the shipped head, as BFM.mat is one."""
    from facelib.datasets.basel.standin import write_bfm_standin

    write(write_bfm_standin, out, "model")


@standin.command("300w-lp", epilog=EXIT_CODES)
@OUT
@count_option(300, "How many photos.")
@SEED
def w300lp(out: Path, **numbers: int) -> None:
    """Photograph synthetic people with fits to the stand-in of BFM, as 300W-LP has them."""
    from facelib.datasets.w300lp.standin import write_w300lp_standin

    write(write_w300lp_standin, out, "photos", **numbers)


@standin.command(epilog=EXIT_CODES)
@OUT
@count_option(40, "How many photos.")
@OTHER_SEED
def aflw2000(out: Path, **numbers: int) -> None:
    """Photograph others of them, as AFLW2000-3D has them."""
    from facelib.datasets.aflw2000.standin import write_aflw2000_standin

    write(write_aflw2000_standin, out, "photos", **numbers)


@standin.command(epilog=EXIT_CODES)
@OUT
@count_option(20, "How many people.")
@SEED
@click.option("--size", type=click.IntRange(16), default=512, show_default=True, help="Side, px.")
def facegen(out: Path, **numbers: int) -> None:
    """Photograph synthetic people, as `fg3` exports them; people who are there are kept."""
    from facelib.datasets.facegen.standin import write_facegen_standin

    write(write_facegen_standin, out, "people", **numbers)


def write(writer, out: Path, what: str, **numbers: int) -> None:
    """Run a writer; say what it wrote, or in one sentence why it could not."""
    try:
        written = writer(out, **numbers)
    except FileNotFoundError as error:
        raise Failure(f"cannot make a stand-in: {error}", BAD_DATA) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot write a stand-in: {error}", UNWRITABLE) from error
    click.echo(f"wrote a stand-in to {out}: {written} {what}")
