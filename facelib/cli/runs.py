"""`facelib runs`: a table of training runs, and a plot of their errors."""

from __future__ import annotations

import atexit
import os
import tempfile
from pathlib import Path

import click

from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    NO_SUCH_FILE,
    PATH,
    UNKNOWN_ENDING,
    Failure,
    check_writable,
    json_option,
    write_json,
    writing,
)

PLOT_ENDINGS = (".png", ".svg", ".pdf")


@click.command(epilog=EXIT_CODES)
@click.argument("folders", nargs=-1, type=PATH, metavar="[FOLDER]...")
@click.option(
    "--plot",
    type=PATH,
    metavar="FILE",
    help="Also draw the validation error over the pairs seen: " + ", ".join(PLOT_ENDINGS) + ".",
)
@json_option("the runs, with every validation,")
def runs(folders: tuple[Path, ...], plot: Path | None, json_file: Path | None) -> None:
    """Tabulate the training runs in and below each FOLDER, or in the folder `runs`.

    Skill is the network's error divided by the mean face's: below 1, the network uses the photos.
    A dash marks what a log does not hold.
    """
    _keep_matplotlib_out_of_home()
    from facelib.training.run_table import draw_errors, markdown_table

    if plot and plot.suffix.lower() not in PLOT_ENDINGS:
        raise Failure(f"{plot} must end in {', '.join(PLOT_ENDINGS)}", UNKNOWN_ENDING)
    for path in (plot, json_file):
        check_writable(path)
    found = read(folders or (Path("runs"),))
    click.echo(markdown_table(found))
    if json_file:
        write_json(json_file, [run.to_dict() for run in found])
    if plot:
        save(draw_errors(found), plot)
        click.echo(f"wrote {plot}", err=True)


def _keep_matplotlib_out_of_home() -> None:
    """Give matplotlib a temporary cache folder, unless the user has set one."""
    if "MPLCONFIGDIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="facelib-matplotlib-")
        atexit.register(folder.cleanup)
        os.environ["MPLCONFIGDIR"] = folder.name


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

    with writing(path), replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=150)
