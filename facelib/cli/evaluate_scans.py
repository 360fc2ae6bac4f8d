"""`facelib evaluate scans`: how good a network is on scans of people."""

from __future__ import annotations

import time
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    PATH,
    Failure,
    check_writable,
    json_option,
    weights_option,
    writing,
)
from facelib.cli.evaluate import how_it_was_made, limit_option
from facelib.cli.kernels import announcing_compilation


@click.command("scans", epilog=EXIT_CODES)
@click.argument("folder", type=PATH)
@weights_option
@limit_option("scans")
@json_option("every face's scores and the mean face")
@announcing_compilation()
def evaluate_scans(
    folder: Path, weights: Path | None, limit: int | None, json_file: Path | None
) -> None:
    """Score a network on the scans of MICC Florence below FOLDER: the thesis's table."""
    import facelib.evaluation.scans as scoring
    from facelib.datasets.florence.reader import list_subjects
    from facelib.datasets.registry import is_stand_in
    from facelib.evaluation.record import EvaluationRecord, write_record
    from facelib.face.layout import load_layout

    check_writable(json_file)
    started = time.monotonic()
    try:
        subjects = list_subjects(folder)[:limit]
        network = common.load_network(weights)
        layout = load_layout(network.size)
        result = scoring.evaluate_scans(network, subjects, layout, _show_progress)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(scoring.markdown_report(network.name, result, is_stand_in(folder)))
    if json_file:
        about = _describe(folder, weights, network, limit, result, started)
        mean_face = layout.references_head[0]
        record = EvaluationRecord(network.name, result.evaluation, mean_face, about)
        with writing(json_file):
            write_record(json_file, record)


def _show_progress(name: str) -> None:
    """Print the name of the subject that was scored, as progress."""
    click.echo(f"scored {name}", err=True)


def _describe(folder: Path, weights: Path | None, network, limit, result, started) -> dict:
    """Describe an evaluation; the folder is named without its path."""
    from facelib.datasets.florence.reader import REGION_RADIUS_MM
    from facelib.datasets.registry import is_stand_in
    from facelib.networks.loading import default_weights

    path = weights or default_weights()
    words = ["scans", folder.name, "--weights", path.name]
    words += ["--limit", str(limit)] if limit else []
    return {
        **how_it_was_made(words, path, network, started),
        "scans": {
            "data set": "MICC Florence",
            "stand_in": is_stand_in(folder),
            "count": len(result.evaluation.scores),
            "left_out": [line.partition(":")[0] for line in result.left_out],
            "region_radius_mm": REGION_RADIUS_MM,
        },
    }
