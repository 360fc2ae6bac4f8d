"""`python -m facelib runs`: training runs as a table, and their errors as a plot."""

from __future__ import annotations

import json
from pathlib import Path

import click

from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    NO_SUCH_FILE,
    UNKNOWN_ENDING,
    Failure,
    check_writable,
    writing,
)

ENDINGS = (".png", ".svg", ".pdf")


@click.command(epilog=EXIT_CODES)
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER]...")
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also draw the validation error over the pairs seen: " + ", ".join(ENDINGS) + ".",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, every validation included.")
def runs(folders: tuple[Path, ...], plot: Path | None, as_json: bool) -> None:
    """Tabulate the training runs in and below each FOLDER, or in the folder `runs`.

    Skill is the error over the mean face's: below 1, the photos help. What a log does not tell
    is a dash.
    """
    from facelib.training.run_table import draw_errors, markdown_table

    if plot and plot.suffix.lower() not in ENDINGS:
        raise Failure(f"{plot} must end in {', '.join(ENDINGS)}", UNKNOWN_ENDING)
    check_writable(plot)
    found = read(folders or (Path("runs"),))
    click.echo(json.dumps([r.to_dict() for r in found]) if as_json else markdown_table(found))
    if plot:
        with writing(plot):
            save(draw_errors(found), plot)
        click.echo(f"wrote {plot}", err=True)


def read(folders: tuple[Path, ...]) -> list:
    """Read all runs; name on standard error what could not be read."""
    from facelib.training.runs import find_logs, read_runs

    found, faults = [], []
    try:
        for log in find_logs(folders):
            of_log, fault = read_runs(log)
            found += of_log
            faults += [fault] if fault else []
    except OSError as error:
        raise Failure(str(error), NO_SUCH_FILE) from error
    if not found:
        raise Failure(f"no run can be read: {'; '.join(map(str, faults))}", BAD_DATA)
    if faults:
        count = f"{len(faults)} log{'s' * (len(faults) > 1)}"
        click.echo(f"could not read parts of {count}: {'; '.join(map(str, faults))}", err=True)
    return found


def save(figure, path: Path) -> None:
    """Write a figure, whole or not at all."""
    from facelib.files.atomic import replacing

    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)
