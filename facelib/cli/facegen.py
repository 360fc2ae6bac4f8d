"""FaceGen on the command line: import an export, draw poses for `fg3 render`."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, UNWRITABLE, Failure

NAMED = 5  # skipped people that are named one by one
FOLDER = click.Path(path_type=Path)


@click.command("import-facegen", epilog=EXIT_CODES)
@click.argument("export", type=FOLDER)
@click.argument("folder", type=FOLDER)
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Side, px.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many people.")
@click.option(
    "--keypoints",
    type=FOLDER,
    metavar="FILE",
    help="The 68 keypoints' vertex numbers, from 0, or BFM.mat; by default EXPORT/keypoints.txt, "
    "else data/BFM/BFM.mat.",
)
@click.option(
    "--mm-per-unit", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True,
    help="Unit of the meshes.",
)  # fmt: skip
def import_facegen(
    export: Path, folder: Path, keypoints: Path | None, limit: int | None, **settings
) -> None:
    """Turn the FaceGen export EXPORT into pairs for training in the new folder FOLDER.

    The first time, the layout of the meshes is registered, which takes a minute; the result stays
    in EXPORT/layout.npz. People whose files are missing or damaged are skipped and named.
    """
    from facelib.datasets.facegen.reader import ImportSettings, import_pairs, register_export

    try:
        matrix = register_export(export, keypoints)
        written, skipped = import_pairs(export, folder, matrix, ImportSettings(**settings), limit)
    except ValueError as error:
        raise Failure(f"cannot import: {error}", BAD_DATA) from error
    except OSError as error:
        raise Failure(f"cannot write pairs: {error}", UNWRITABLE) from error
    for name, reason in list(skipped.items())[:NAMED]:
        click.echo(f"skipped {name}: {reason}", err=True)
    if skipped:
        click.echo(f"skipped {len(skipped)} people in all: {', '.join(skipped)}", err=True)
    click.echo(f"wrote {written} pairs to {folder}")


@click.command("facegen-poses", epilog=EXIT_CODES)
@click.argument("templates", type=FOLDER)
@click.argument("folder", type=FOLDER)
@click.option("--seed", type=click.IntRange(0), required=True, help="Another one a person.")
def facegen_poses(templates: Path, folder: Path, seed: int) -> None:
    """Draw poses (figure 4.4) into copies of FaceGen's render settings, for `fg3 render`.

    TEMPLATES holds front.xml, left.xml and right.xml as `fg3 render` wrote them; the copies go to
    FOLDER under the same names.
    """
    from facelib.datasets.facegen.standin import write_poses

    try:
        write_poses(templates, folder, seed)
    except ValueError as error:
        raise Failure(str(error), BAD_DATA) from error
    except OSError as error:
        raise Failure(f"cannot write poses: {error}", UNWRITABLE) from error
