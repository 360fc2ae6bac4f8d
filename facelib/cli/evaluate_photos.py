"""`facelib evaluate photos`: how good a network is on photos of people."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, EXIT_CODES, PATH, Failure, weights_option
from facelib.cli.evaluate import limit_option
from facelib.cli.kernels import announcing_compilation


@click.command("photos", epilog=EXIT_CODES)
@click.argument("folder", type=PATH)
@click.option("--bfm", type=PATH, help="Folder of BFM.mat.  [default: data/BFM]")
@weights_option
@limit_option("photos")
@announcing_compilation()
def evaluate_photos(
    folder: Path, bfm: Path | None, weights: Path | None, limit: int | None
) -> None:
    """Score a network on the photos of AFLW2000-3D in FOLDER: errors of 68 points, by yaw."""
    import facelib.evaluation.landmarks as scoring
    from facelib.datasets.aflw2000.reader import read_test_photos
    from facelib.datasets.basel.layout import load_basel_face
    from facelib.datasets.registry import folder_of, is_stand_in
    from facelib.face.layout import load_layout

    network = common.load_network(weights)
    try:
        face = load_basel_face(bfm or folder_of("BFM"))
        photos = islice(read_test_photos(folder, face, network.size), limit)
        scores = scoring.score_photos(network, photos, load_layout(network.size))
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    stand_in = is_stand_in(folder) or face.stand_in
    click.echo(scoring.markdown_report(network.name, scores, stand_in))
