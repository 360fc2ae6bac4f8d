"""`python -m facelib data`: which datasets there are, and which of them are present."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import EXIT_CODES


@click.command(epilog=EXIT_CODES)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The folder that holds the datasets' folders; without it, the project's data folder.",
)
def data(root: Path | None) -> None:
    """List the datasets: what for, licence, where to ask, what is present now."""
    from facelib.datasets.registry import DATASETS, markdown_registry

    click.echo(markdown_registry(root))
    click.echo("\nWithout the real ones, stand-ins in the same format:")
    for dataset in DATASETS:
        if dataset.stand_in:
            folder = f"data/{dataset.folder}"
            click.echo(f"  python -m facelib standin {dataset.stand_in} --out {folder}")
