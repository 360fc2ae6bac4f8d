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
from facelib.cli.evaluate_photos import evaluate_aflw2000
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
    "--aflw2000",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Score on the photos of AFLW2000-3D in FOLDER: 68 points, by yaw.",
)
@click.option(
    "--bfm",
    type=click.Path(path_type=Path),
    help="With --aflw2000: folder of BFM.mat [data/BFM].",
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
    "--limit", type=click.IntRange(1), help="Score only the first so many pairs, scans or photos."
)
@click.option("--front-alone", is_flag=True, help="Show the network no side photos of PAIRS.")
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
    aflw2000: Path | None,
    bfm: Path | None,
    weights: Path | None,
    training: Path | None,
    limit: int | None,
    front_alone: bool,
    record: Path | None,
) -> None:
    """Score a network on the folder PAIRS of held-out faces, on scans or on photos with 68 points.

    The mean face is scored beside it.
    """
    if sum(folder is not None for folder in (pairs, florence, aflw2000)) != 1:
        raise click.UsageError("give one of PAIRS or --florence FOLDER or --aflw2000 FOLDER")
    if training and not pairs:
        raise click.UsageError("--training goes with PAIRS only")
    if front_alone and not pairs:
        raise click.UsageError("--front-alone goes with PAIRS only")
    if record and aflw2000:
        raise click.UsageError("--json goes with PAIRS or --florence")
    if bfm and not aflw2000:
        raise click.UsageError("--bfm goes with --aflw2000")
    check_writable(record)
    if florence:
        evaluate_florence(florence, weights, limit, record)
    elif aflw2000:
        evaluate_aflw2000(aflw2000, bfm, weights, limit)
    else:
        evaluate_pairs(pairs, weights, training, limit, front_alone, record)


def evaluate_pairs(
    pairs: Path,
    weights: Path | None,
    training: Path | None,
    limit: int | None,
    front_alone: bool,
    record: Path | None,
) -> None:
    """Score a network on pairs and print its table."""
    import facelib.evaluation.pairs as scoring
    from facelib.evaluation.record import EvaluationRecord, write_record
    from facelib.evaluation.tables import score_table, title_of
    from facelib.face.layout import load_layout
    from facelib.imaging.crop import Crop
    from facelib.pairs.store import ShardedPairs

    network, started = common.load_network(weights), time.monotonic()
    method = network.name
    try:
        dataset = ShardedPairs(pairs)
        baseline = ShardedPairs(training) if training else dataset
        count = min(limit or len(dataset), len(dataset))
        chosen = (dataset[i] for i in range(count))
        mean_face = scoring.mean_vertices(baseline[i] for i in range(len(baseline)))
        mean_face = Crop.whole(baseline.size, dataset.size).image_to_crop(mean_face)
        result = scoring.evaluate_pairs(
            network, chosen, load_layout(network.size), mean_face, with_side=not front_alone
        )
        facts = record and about_evaluation(
            network, weights, dataset, baseline, count, front_alone, started
        )
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(f"{title_of(dataset.settings)}:\n")
    click.echo(score_table({method: result}))
    if record:
        with writing(record):
            write_record(record, EvaluationRecord(method, result, mean_face, facts))


def about_evaluation(
    network, weights, dataset, baseline, count: int, front_alone: bool, started: float
) -> dict:
    """Say how an evaluation was made; folders are named without where they lie."""
    from facelib.files.atomic import sha256

    path = weights or shipped_weights()
    words = (
        ["python -m facelib evaluate", dataset.folder.name, "--weights", path.name]
        + (["--training", baseline.folder.name] if baseline is not dataset else [])
        + (["--limit", str(count)] if count < len(dataset) else [])
        + (["--front-alone"] if front_alone else [])
    )
    return {
        "command": " ".join(words),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": path.name, "sha256": sha256(path), "size": network.size},
        "pairs": {**dataset.settings, "size": dataset.size, "count": count},
        "training": {**baseline.settings, "size": baseline.size, "count": len(baseline)},
    }
