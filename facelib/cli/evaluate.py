"""`python -m facelib evaluate`: how good a network is on held-out faces."""

from __future__ import annotations

import time
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    Failure,
    check_writable,
    shipped_weights,
    writing,
)
from facelib.cli.evaluate_scans import evaluate_florence


@click.command(epilog=EXIT_CODES)
@click.argument("pairs", required=False, type=click.Path(path_type=Path))
@click.option(
    "--florence",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Score on the scans of MICC Florence below FOLDER instead of on PAIRS.",
)
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Other weights than those that ship."
)
@click.option(
    "--training",
    type=click.Path(path_type=Path),
    help="The pairs whose mean face is the baseline; without it, that of PAIRS, which flatters "
    "the baseline a little.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Score only the first so many pairs or scans."
)
@click.option(
    "--json",
    "record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write every face's scores and the mean face to FILE.",
)
def evaluate(
    pairs: Path | None,
    florence: Path | None,
    weights: Path | None,
    training: Path | None,
    limit: int | None,
    record: Path | None,
) -> None:
    """Score a network on the folder PAIRS of held-out faces, or on scans, beside the mean face."""
    if (pairs is None) == (florence is None):
        raise click.UsageError("give either PAIRS or --florence FOLDER")
    if florence and training:
        raise click.UsageError("--training goes with PAIRS; on scans the mean head is the baseline")
    check_writable(record)
    if florence:
        evaluate_florence(florence, weights, limit, record)
    else:
        evaluate_pairs(pairs, weights, training, limit, record)


def evaluate_pairs(
    pairs: Path, weights: Path | None, training: Path | None, limit: int | None, record: Path | None
) -> None:
    """Score a network on pairs and print its table."""
    import facelib.evaluate as scoring
    from facelib.evaluation_record import EvaluationRecord, write_record
    from facelib.pairs import ShardedPairs
    from facelib.uvmap import load_layout

    network, started = common.load_network(weights), time.monotonic()
    method = getattr(network, "name", "network")
    try:
        dataset = ShardedPairs(pairs)
        baseline = ShardedPairs(training) if training else dataset
        count = min(limit or len(dataset), len(dataset))
        chosen = (dataset[i] for i in range(count))
        mean_face = scoring.mean_vertices(baseline[i] for i in range(len(baseline)))
        mean_face = scoring.resize_points(mean_face, baseline.size, dataset.size)
        result = scoring.evaluate_pairs(network, chosen, load_layout(network.size), mean_face)
        facts = record and about_evaluation(network, weights, dataset, baseline, count, started)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(scoring.markdown_table({method: result}))
    if record:
        with writing(record):
            write_record(record, EvaluationRecord(method, result, mean_face, facts))


def about_evaluation(network, weights, dataset, baseline, count: int, started: float) -> dict:
    """Say how an evaluation was made; folders are named without where they lie."""
    from facelib.evaluation_record import file_sha256

    path = weights or shipped_weights()
    words = (
        ["python -m facelib evaluate", dataset.folder.name, "--weights", path.name]
        + (["--training", baseline.folder.name] if baseline is not dataset else [])
        + (["--limit", str(count)] if count < len(dataset) else [])
    )
    return {
        "command": " ".join(words),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": path.name, "sha256": file_sha256(path), "size": network.size},
        "pairs": {**dataset.settings, "size": dataset.size, "count": count},
        "training": {**baseline.settings, "size": baseline.size, "count": len(baseline)},
    }
