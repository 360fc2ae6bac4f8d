"""`python -m facelib generate`: synthetic people in a folder of pairs."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure


@click.command(epilog=EXIT_CODES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), required=True, help="How many pairs.")
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Side, px.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first sample.")
@click.option("--held-out", is_flag=True, help="People that no training set of this seed has.")
@click.option("--pairs-per-person", type=click.IntRange(1), default=1, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
def generate(folder: Path, **numbers: int) -> None:
    """Photograph synthetic people into the new folder FOLDER; the same numbers, the same pairs."""
    from facelib.sources.synthetic import generate_pairs

    try:
        written = generate_pairs(folder, **numbers)
    except FileNotFoundError as error:
        raise Failure(f"cannot generate: {error}", BAD_DATA) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot write pairs: {error}", UNWRITABLE) from error
    click.echo(f"wrote {written} pairs to {folder}")
