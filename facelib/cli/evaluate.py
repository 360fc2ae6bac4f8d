"""`facelib evaluate`: how good a network is on faces that it has not seen."""

from __future__ import annotations

import time
from pathlib import Path

import click

from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, Failure, check_writable, writing
from facelib.cli.groups import LazyGroup

RECORD = "suite.json"

SUMMARIES = {
    "pairs": "On held-out pairs.",
    "scans": "On the scans of MICC Florence.",
    "photos": "On the photos of AFLW2000-3D.",
}


@click.group(
    cls=LazyGroup,
    summaries=SUMMARIES,
    inside="evaluate",
    epilog=EXIT_CODES,
    invoke_without_command=True,
)
@click.option(
    "--suite",
    type=click.Choice(["all", "small"]),
    help="Measure everything that the project claims of what ships; `small` only tries it.",
)
@click.option("--out", type=PATH, metavar="FOLDER", help="Where the suite writes.")
@click.option(
    "--photos",
    type=PATH,
    metavar="FOLDER",
    help="Photos with 68 points in a .pts or .mat file beside each, such as 300-W's: score the "
    "default on them, from the search for the face to its points.",
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Processes.")
@click.pass_context
def evaluate(
    context: click.Context,
    suite: str | None,
    out: Path | None,
    photos: Path | None,
    workers: int,
) -> None:
    """Score a network on faces that it has not seen, with the mean face as the baseline.

    With --suite all, every method that ships is scored on the same people, and the default at
    everything that can be varied: a record suite.json, a report and figures in the folder --out.
    """
    if context.invoked_subcommand is not None:
        if suite or out or photos:
            raise click.UsageError("--suite, --out and --photos go without a command")
        return
    if (suite is None) != (out is None) or not (suite or photos):
        raise click.UsageError("give a command, --suite with --out, or --photos; see --help")
    if suite:
        run_suite(suite, out, workers)
    if photos:
        score_points(photos)


def score_points(folder: Path) -> None:
    """Print the errors of the default on photos whose 68 points are known."""
    from facelib.datasets.annotated_photos import list_annotated
    from facelib.evaluation.photo_points import markdown_report, score_photos
    from facelib.reconstruction.loading import load_predictor

    try:
        photos = list_annotated(folder)
        scores, left_out = score_photos(
            photos, load_predictor(prefer_onnx=True), lambda name: click.echo(name, err=True)
        )
        if not scores:
            raise ValueError("; ".join(left_out[:1]))
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(markdown_report(scores, left_out))


def run_suite(suite: str, out: Path, workers: int) -> None:
    """Run a suite, and write record and report; what is there is replaced."""
    from facelib.evaluation.suite.record import read_suite, write_suite
    from facelib.evaluation.suite.report import write_report
    from facelib.evaluation.suite.run import SUITES, described, measure

    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    check_writable(out / RECORD)
    try:
        rows = measure(SUITES[suite], workers, lambda line: click.echo(line, err=True))
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    with writing(out):
        command = f"facelib evaluate --suite {suite}"
        write_suite(out / RECORD, described(SUITES[suite], command), *rows)
        click.echo(f"wrote {write_report(out, read_suite(out / RECORD))}")


def limit_option(what: str):
    """Return the option that limits how much is evaluated."""
    return click.option(
        "--limit", type=click.IntRange(1), help=f"Score only the first LIMIT {what}."
    )


def how_it_was_made(words: list[str], weights: Path, network, started: float) -> dict:
    """Describe an evaluation: command, date, duration, weights.

    Args:
        words: the command's words after `facelib evaluate`; folders by name, without their path.
        weights: the weights file.
        network: the network loaded from it.
        started: `time.monotonic()` at the beginning.
    """
    from facelib.files.atomic import sha256

    return {
        "command": " ".join(["facelib evaluate", *words]),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": weights.name, "sha256": sha256(weights), "size": network.size},
    }
