"""`facelib pairs facegen`: a FaceGen export as a folder of pairs."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, UNWRITABLE, Failure, in_words
from facelib.cli.kernels import announcing_compilation
from facelib.cli.options import dataclass_options, typed
from facelib.datasets.facegen.reader import ImportSettings

NAMED = 5  # skipped people whose reason is printed


@click.command("facegen", epilog=EXIT_CODES)
@click.argument("export", type=PATH)
@click.argument("out", type=PATH)
@dataclass_options(ImportSettings)
@click.option("--limit", type=click.IntRange(1), help="Read only the first LIMIT people.")
@click.option(
    "--keypoints",
    type=PATH,
    metavar="FILE",
    help="The 68 keypoints' vertex numbers, from 0, or BFM.mat.  [default: EXPORT/keypoints.txt, "
    "else data/BFM/BFM.mat]",
)
@announcing_compilation()
def pairs_facegen(
    export: Path, out: Path, keypoints: Path | None, limit: int | None, **values
) -> None:
    """Make pairs of the FaceGen export EXPORT in the new folder OUT.

    The first run registers the layout of the meshes, which takes a minute, and keeps the result in
    EXPORT/layout.npz. People whose files are missing or damaged are skipped and named.
    """
    from facelib.datasets.facegen.reader import import_pairs, register_export

    settings = ImportSettings(**typed(ImportSettings, values))
    try:
        matrix = register_export(export, keypoints)
        written, skipped = import_pairs(export, out, matrix, settings, limit)
    except ValueError as error:
        raise Failure(f"cannot import: {error}", BAD_DATA) from error
    except OSError as error:
        raise Failure(f"cannot write pairs: {in_words(error)}", UNWRITABLE) from error
    for name, reason in list(skipped.items())[:NAMED]:
        click.echo(f"skipped {name}: {reason}", err=True)
    if skipped:
        click.echo(f"skipped {len(skipped)} people in all: {', '.join(skipped)}", err=True)
    click.echo(f"wrote {written} pairs to {out}")
