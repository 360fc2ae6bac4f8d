"""`facelib data`: the licensed data sets, and which of them are present."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import EXIT_CODES, PATH


@click.command(epilog=EXIT_CODES)
@click.option(
    "--root",
    type=PATH,
    metavar="FOLDER",
    help="The folder that holds the data sets' folders.  [default: the project's data]",
)
def data(root: Path | None) -> None:
    """List the licensed data sets: their use, licence and source, and whether they are present."""
    from facelib.datasets.registry import DATASETS, markdown_registry

    click.echo(markdown_registry(root))
    click.echo("\nWithout the real ones, stand-ins in the same format:")
    for dataset in DATASETS:
        if dataset.stand_in:
            click.echo(f"  facelib standin {dataset.stand_in} data/{dataset.folder}")
