"""`facelib consistency`: how far a network contradicts itself on photos of people."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    NO_FACE,
    PATH,
    Failure,
    check_writable,
    json_option,
    read_photo,
    write_json,
)
from facelib.cli.kernels import announcing_compilation


@click.command(epilog=EXIT_CODES)
@click.argument("photos", nargs=-1, type=PATH, metavar="[PHOTO]...")
@click.option(
    "--pair",
    "pairs",
    nargs=2,
    multiple=True,
    type=PATH,
    metavar="FRONT SIDE",
    help="A front photo with its side photo, for networks that need one; may be repeated.",
)
@click.option(
    "--weights",
    multiple=True,
    type=PATH,
    metavar="FILE",
    help="Weights to use, .safetensors or .onnx; may be repeated.  [default: the shipped dense]",
)
@json_option("the distances, in px and as shares of the face's box,")
@announcing_compilation()
def consistency(
    photos: tuple[Path, ...],
    pairs: tuple[tuple[Path, Path], ...],
    weights: tuple[Path, ...],
    json_file: Path | None,
) -> None:
    """Run a network on each front PHOTO, and again on it mirrored, shifted, scaled and rotated.

    Each prediction is mapped back to the frame of the first one. The distance between the two is
    error, whatever the true face is. Front photos are cropped as in `reconstruct`; shifts and
    scales are 5 and 10 % of the crop, rotations 5 and 15 degrees.
    """
    from facelib.evaluation.consistency import Row, consistency_table
    from facelib.imaging.imagefiles import to_float
    from facelib.networks.loading import DEFAULT_NETWORK
    from facelib.reconstruction.position_maps import NoSideError

    views = [(photo,) for photo in photos] + list(pairs)
    if not views:
        raise click.UsageError("give a PHOTO, or a --pair")
    check_writable(json_file)
    images = [[to_float(read_photo(path).pixels) for path in paths] for paths in views]
    networks = {str(path): common.load_network(path) for path in weights}
    networks = networks or {DEFAULT_NETWORK: common.load_network(None)}
    try:
        _check_sides(networks.values(), views)
        faces = [_find_faces(*both) for both in zip(views, images, strict=True)]
        rows = [
            Row(paths[0].name, name, _measure(network, shown, detections))
            for paths, shown, detections in zip(views, images, faces, strict=True)
            for name, network in networks.items()
        ]
    except NoSideError as error:
        raise click.UsageError(str(error)) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot measure: {error}", BAD_DATA) from error
    click.echo(consistency_table(rows))
    if json_file:
        write_json(json_file, [row.to_dict() for row in rows])


def _check_sides(networks, views) -> None:
    """Refuse a single photo if a network needs two, before anything is computed."""
    from facelib.reconstruction.position_maps import check_side_photo

    for network in networks:
        for paths in views:
            check_side_photo(network, has_side=len(paths) == 2)


def _find_faces(paths, images) -> list:
    """Find the face in a front photo, and in its side photo if there is one."""
    from facelib.detect.faces import NoFaceError, find_face

    try:
        return [find_face(*both) for both in zip(images, map(str, paths), strict=True)]
    except NoFaceError as error:
        raise Failure(str(error), NO_FACE) from error


def _measure(network, images, detections):
    """Crop a face as `reconstruct` does and measure the network's consistency on that crop."""
    from facelib.evaluation.consistency import measure_consistency
    from facelib.face.layout import load_layout
    from facelib.reconstruction.reconstruct import reconstruct

    front, side = (*images, None)[:2]
    front_face, side_face = (*detections, None)[:2]
    found = reconstruct(
        front, side, network,
        front_face=front_face, side_face=side_face,
    )  # fmt: skip
    side_cut = None if side is None else found.side_crop.cut(side)
    layout = load_layout(network.size)
    return measure_consistency(network, layout, front, found.front_crop, side_cut)
