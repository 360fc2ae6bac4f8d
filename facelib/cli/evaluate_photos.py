"""`python -m facelib evaluate --aflw2000 FOLDER`: how good a network is on photos of people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, Failure
from facelib.files.paths import data_dir


def evaluate_aflw2000(
    folder: Path, basel: Path | None, weights: Path | None, limit: int | None
) -> None:
    """Score a network on the photos in a folder and print a table by yaw."""
    import facelib.evaluation.landmarks as scoring
    from facelib.datasets.aflw2000.reader import read_test_photos
    from facelib.datasets.basel.layout import load_basel_face
    from facelib.datasets.registry import is_stand_in
    from facelib.face.layout import load_layout

    network = common.load_network(weights)
    try:
        face = load_basel_face(basel or data_dir() / "BFM")
        photos = islice(read_test_photos(folder, face, network.size), limit)
        scores = scoring.score_photos(network, photos, load_layout(network.size))
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    stand_in = is_stand_in(folder) or face.stand_in
    method = network.name
    click.echo(scoring.markdown_report(method, scores, stand_in))
