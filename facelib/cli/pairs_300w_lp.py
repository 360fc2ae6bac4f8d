"""`facelib pairs 300w-lp`: a copy of 300W-LP, or its stand-in, as a folder of pairs."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, UNWRITABLE, Failure, in_words
from facelib.cli.kernels import announcing_compilation
from facelib.files.paths import data_dir


@click.command("300w-lp", epilog=EXIT_CODES)
@click.argument("out", type=PATH)
@click.option("--photos", type=PATH, help="Folder of 300W-LP.  [default: data/300W_LP]")
@click.option("--bfm", type=PATH, help="Folder of BFM.mat.  [default: data/BFM]")
@click.option(
    "--size", type=click.IntRange(16), default=256, show_default=True, help="Side of the crops, px."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True,
    help="Seed of the choice of side photos and of the crops.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@announcing_compilation()
def pairs_300w_lp(out: Path, photos: Path | None, bfm: Path | None, **numbers: int) -> None:
    """Pair the photos of 300W-LP in the new folder OUT, with the Basel model's vertices."""
    from facelib.datasets.w300lp.reader import prepare_pairs

    photos, bfm = photos or data_dir() / "300W_LP", bfm or data_dir() / "BFM"
    try:
        report = prepare_pairs(photos, bfm, out, **numbers)
    except (FileNotFoundError, ValueError) as error:
        raise Failure(f"cannot make pairs: {error}", BAD_DATA) from error
    except OSError as error:
        raise Failure(f"cannot write pairs: {in_words(error)}", UNWRITABLE) from error
    click.echo(report.text.splitlines()[0])
    if report.skipped:
        click.echo(f"the skipped photos are listed in {out / 'skipped.txt'}")
