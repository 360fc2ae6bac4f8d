"""`facelib pairs facegen-poses`: poses for FaceGen's own renderer."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, UNWRITABLE, Failure, in_words


@click.command("facegen-poses", epilog=EXIT_CODES)
@click.argument("templates", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--seed", type=click.IntRange(0), required=True, help="Seed of the poses, another per person."
)
def pairs_facegen_poses(templates: Path, out: Path, seed: int) -> None:
    """Draw poses (figure 4.4) into copies of FaceGen's render settings, for `fg3 render`.

    TEMPLATES holds front.xml, left.xml and right.xml as `fg3 render` wrote them; the copies go to
    the folder OUT under the same names.
    """
    from facelib.datasets.facegen.standin import write_poses

    try:
        write_poses(templates, out, seed)
    except ValueError as error:
        raise Failure(str(error), BAD_DATA) from error
    except OSError as error:
        raise Failure(f"cannot write poses: {in_words(error)}", UNWRITABLE) from error
