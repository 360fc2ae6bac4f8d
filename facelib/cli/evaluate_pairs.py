"""`facelib evaluate pairs`: how good a network is on held-out pairs."""

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
    verify_option,
    weights_option,
    writing,
)
from facelib.cli.evaluate import how_it_was_made, limit_option
from facelib.cli.kernels import announcing_compilation


@click.command("pairs", epilog=EXIT_CODES)
@click.argument("pairs", type=PATH)
@weights_option
@click.option(
    "--training",
    type=PATH,
    metavar="PAIRS",
    help="Pairs whose mean face is the baseline.  [default: the scored pairs, which flatters the "
    "baseline a little]",
)
@limit_option("pairs")
@click.option("--front-alone", is_flag=True, help="Give the network no side photos.")
@verify_option
@json_option("every face's scores and the mean face")
@announcing_compilation()
def evaluate_pairs(
    pairs: Path,
    weights: Path | None,
    training: Path | None,
    limit: int | None,
    front_alone: bool,
    verify: bool,
    json_file: Path | None,
) -> None:
    """Score a network on the folder PAIRS, whose people it must not have been trained on."""
    import facelib.evaluation.pairs as scoring
    from facelib.evaluation.record import EvaluationRecord, write_record
    from facelib.evaluation.tables import score_table, title_of
    from facelib.face.layout import load_layout
    from facelib.imaging.crop import Crop
    from facelib.pairs.store import ShardedPairs

    check_writable(json_file)
    network, started = common.load_network(weights), time.monotonic()
    try:
        dataset = ShardedPairs(pairs)
        baseline = ShardedPairs(training) if training else dataset
        if verify:
            for each in (dataset, baseline) if training else (dataset,):
                each.verify()
        count = min(limit or len(dataset), len(dataset))
        chosen = (dataset[i] for i in range(count))
        mean_face = scoring.mean_vertices(baseline[i] for i in range(len(baseline)))
        mean_face = Crop.whole(baseline.size, dataset.size).image_to_crop(mean_face)
        result = scoring.evaluate_pairs(
            network, chosen, load_layout(network.size), mean_face, with_side=not front_alone
        )
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(f"{title_of(dataset.settings)}:\n")
    click.echo(score_table({network.name: result}))
    if json_file:
        about = describe(weights, network, dataset, baseline, count, front_alone, started)
        with writing(json_file):
            write_record(json_file, EvaluationRecord(network.name, result, mean_face, about))


def describe(
    weights: Path | None, network, dataset, baseline, count: int, front_alone: bool, started: float
) -> dict:
    """Describe an evaluation; folders are named without their path."""
    from facelib.networks.loading import default_weights

    path = weights or default_weights()
    words = (
        ["pairs", dataset.folder.name, "--weights", path.name]
        + (["--training", baseline.folder.name] if baseline is not dataset else [])
        + (["--limit", str(count)] if count < len(dataset) else [])
        + (["--front-alone"] if front_alone else [])
    )
    return {
        **how_it_was_made(words, path, network, started),
        "pairs": {**dataset.settings, "size": dataset.size, "count": count},
        "training": {**baseline.settings, "size": baseline.size, "count": len(baseline)},
    }
