"""`facelib data`: the licensed data sets that are present, and the files that shipped."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, Failure


@click.command(epilog=EXIT_CODES)
@click.option(
    "--root",
    type=PATH,
    metavar="FOLDER",
    help="The folder that holds the data sets' folders.  [default: the project's data]",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Instead compare the head model's files and all weights with their checksums.",
)
def data(root: Path | None, verify: bool) -> None:
    """List the licensed data sets: their use, licence and source, and whether they are present."""
    if verify:
        return _verify(root)
    from facelib.datasets.registry import DATASETS, markdown_registry

    click.echo(markdown_registry(root))
    click.echo("\nWithout the real ones, stand-ins in the same format:")
    for dataset in DATASETS:
        if dataset.stand_in:
            click.echo(f"  facelib standin {dataset.stand_in} data/{dataset.folder}")


def _verify(root: Path | None) -> None:
    """Print how many files are there and as they shipped; fail if one has changed or is missing."""
    from facelib.files.atomic import sha256
    from facelib.files.paths import IN_WHEEL, data_dir, shipped_sums

    folder = root or data_dir()
    try:
        sums = shipped_sums(folder)
        missing = [name for name in sums if not (folder / name).is_file()]
        present = sums.keys() - set(missing)
        changed = sorted(name for name in present if sha256(folder / name) != sums[name])
    except (OSError, ValueError) as error:
        raise Failure(f"cannot verify the data: {error}", BAD_DATA) from error
    if folder == IN_WHEEL:  # it has the head and the default network alone
        missing = []
    if not sums or missing or changed:
        faults = [f"changed: {name}" for name in changed] + [f"missing: {n}" for n in missing]
        told = ", ".join(faults) or "it has no list of checksums"
        raise Failure(f"the files in {folder} are not those that shipped ({told})", BAD_DATA)
    click.echo(f"{len(present)} of {len(sums)} listed files in {folder} are as they shipped")
