"""`python -m facelib consistency`: whether a network agrees with itself on photos of people."""

from __future__ import annotations

import json
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, EXIT_CODES, NO_FACE, Failure, read_photo


@click.command(epilog=EXIT_CODES)
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path), metavar="[PHOTO]...")
@click.option(
    "--pair",
    "pairs",
    nargs=2,
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FRONT SIDE",
    help="A front photo with its side photo, for networks that need one; may be repeated.",
)
@click.option(
    "--weights",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Weights to try, instead of those of compact that ship; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, px and shares.")
def consistency(
    photos: tuple[Path, ...],
    pairs: tuple[tuple[Path, Path], ...],
    weights: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Ask a network about each front PHOTO, and again about it mirrored, shifted, scaled, rotated.

    Each answer is brought back to where the first one lies; how far it is from that is error,
    whatever the face may look like. Front photos are cropped as `reconstruct` does it, shifts and
    scales are by 5 and 10 % of the crop, rotations by 5 and 15 degrees.
    """
    from facelib.evaluation.consistency import Row, consistency_table
    from facelib.reconstruction.reconstruct import NoSideError

    views = [(photo,) for photo in photos] + list(pairs)
    if not views:
        raise click.UsageError("give a PHOTO, or a --pair")
    images = [[read_photo(path) for path in paths] for paths in views]
    networks = {str(path): common.load_network(path) for path in weights}
    networks = networks or {common.DEFAULT_NETWORK: common.load_network(None)}
    try:
        check_sides(networks.values(), views)
        faces = [find_faces(*both) for both in zip(views, images, strict=True)]
        rows = [
            Row(paths[0].name, name, measure(network, shown, detections))
            for paths, shown, detections in zip(views, images, faces, strict=True)
            for name, network in networks.items()
        ]
    except NoSideError as error:
        raise click.UsageError(str(error)) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot measure: {error}", BAD_DATA) from error
    click.echo(json.dumps([row.to_dict() for row in rows]) if as_json else consistency_table(rows))


def check_sides(networks, views) -> None:
    """Refuse a photo alone where a network needs two, before anything is computed."""
    from facelib.reconstruction.reconstruct import check_side_photo

    for network in networks:
        for paths in views:
            check_side_photo(network, has_side=len(paths) == 2)


def find_faces(paths, images) -> list:
    """Find the face in a front photo, and in its side photo where there is one."""
    from facelib.detect import NoFaceError, find_face

    try:
        return [find_face(*both) for both in zip(images, map(str, paths), strict=True)]
    except NoFaceError as error:
        raise Failure(str(error), NO_FACE) from error


def measure(network, images, detections):
    """Crop a face as `reconstruct` does it and measure how a network agrees with itself there."""
    from facelib.evaluation.consistency import measure_consistency
    from facelib.face.layout import load_layout
    from facelib.reconstruction.reconstruct import reconstruct

    layout = load_layout(network.size)
    front, side = (*images, None)[:2]
    found = reconstruct(front, side, network, layout, *detections)
    side_cut = None if side is None else found.side_crop.cut(side)
    return measure_consistency(network, layout, front, found.front_crop, side_cut)
