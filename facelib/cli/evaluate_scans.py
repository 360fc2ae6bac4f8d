"""`python -m facelib evaluate --florence FOLDER`: how good a network is on scans."""

from __future__ import annotations

import time
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, Failure, shipped_weights, writing


def evaluate_florence(
    folder: Path, weights: Path | None, limit: int | None, record: Path | None
) -> None:
    """Score a network on the scans below a folder and print the thesis's table."""
    import facelib.evaluation.scans as scoring
    from facelib.datasets.florence.reader import list_subjects
    from facelib.datasets.registry import is_stand_in
    from facelib.face.layout import load_layout

    started = time.monotonic()
    try:
        subjects = list_subjects(folder)[:limit]
        network = common.load_network(weights)
        layout = load_layout(network.size)
        result = scoring.evaluate_scans(network, subjects, layout, show_progress)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    method = network.name
    click.echo(scoring.markdown_report(method, result, is_stand_in(folder)))
    if record:
        from facelib.evaluation.record import EvaluationRecord, write_record

        about = about_scans(folder, weights, network, limit, result, started)
        mean_face = layout.references_head[0]
        with writing(record):
            write_record(record, EvaluationRecord(method, result.evaluation, mean_face, about))


def show_progress(name: str) -> None:
    """Tell somebody who waits which subject is done."""
    click.echo(f"scored {name}", err=True)


def about_scans(folder: Path, weights: Path | None, network, limit, result, started) -> dict:
    """Say how an evaluation was made; the folder is named without where it lies."""
    from facelib.datasets.florence.reader import REGION_RADIUS_MM
    from facelib.datasets.registry import is_stand_in
    from facelib.files.atomic import sha256

    path = weights or shipped_weights()
    words = ["python -m facelib evaluate --florence", folder.name, "--weights", path.name]
    words += ["--limit", str(limit)] if limit else []
    return {
        "command": " ".join(words),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": path.name, "sha256": sha256(path), "size": network.size},
        "scans": {
            "data set": "MICC Florence",
            "stand_in": is_stand_in(folder),
            "count": len(result.evaluation.scores),
            "left_out": [line.partition(":")[0] for line in result.left_out],
            "region_radius_mm": REGION_RADIUS_MM,
        },
    }
