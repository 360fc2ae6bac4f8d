"""`python -m facelib reconstruct`: one or two photos in, a textured mesh out."""

from __future__ import annotations

import os
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    NO_FACE,
    UNKNOWN_ENDING,
    UNWRITABLE,
    Failure,
    check_writable,
    read_photo,
    writing,
)

ENDINGS = (".obj", ".glb", ".ply")
TEXTURE_SIZE = 512


@click.command(epilog=EXIT_CODES)
@click.argument("front", type=click.Path(path_type=Path))
@click.argument("side", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), help="FILE.obj, .glb or .ply."
)
@click.option(
    "--keypoints",
    type=click.Path(path_type=Path),
    metavar="FILE.npy",
    help="Also write the 68 keypoints, (68, 3), in the front photo's pixels.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Other weights than those that ship; what `export` wrote, too.",
)
@click.option(
    "--front-box",
    nargs=4,
    type=float,
    metavar="X0 Y0 X1 Y1",
    help="Where the face is in FRONT, px; no detector runs on it then.",
)
@click.option(
    "--side-box",
    nargs=4,
    type=float,
    metavar="X0 Y0 X1 Y1",
    help="The same for SIDE, where a detector may miss a profile.",
)
@click.option(
    "--texture-size",
    default=TEXTURE_SIZE,
    show_default=True,
    type=click.IntRange(16, 4096),
    help="Side of the texture, px.",
)
def reconstruct(
    front: Path,
    side: Path | None,
    output: Path,
    keypoints: Path | None,
    weights: Path | None,
    front_box: tuple[float, ...] | None,
    side_box: tuple[float, ...] | None,
    texture_size: int,
) -> None:
    """Build a textured 3D mesh from the photos FRONT and SIDE of one face.

    Without SIDE the mesh is built from the front alone, which tells less of its depth. The mesh is
    in the front photo's pixels, y up, its origin at the photo's bottom-left pixel.
    """
    if output.suffix.lower() not in ENDINGS:
        raise Failure(f"{output} must end in {', '.join(ENDINGS)}", UNKNOWN_ENDING)
    for path in (output, keypoints):
        check_writable(path)
    if side is None and side_box is not None:
        raise click.UsageError("--side-box says where the face is in SIDE, which is not given")
    names = (front,) if side is None else (front, side)
    for path in names:
        check_kept(path, output)
    images = [read_photo(path) for path in names]
    boxes = [
        checked_box(box, image, option)
        for box, image, option in zip(
            (front_box, side_box), images, ("--front-box", "--side-box"), strict=False
        )
    ]
    result, network = build(images, names, boxes, weights, texture_size)
    with writing(output):
        save(result, output, keypoints)
    wrote = f"wrote {output}" + (f" and {keypoints}" if keypoints else "")
    click.echo(f"{wrote} ({network.name} in {common.engine(network)})")


def check_kept(photo: Path, output: Path) -> None:
    """Refuse an output whose texture would be written over a photo."""
    texture = output.with_suffix(".png")
    if output.suffix.lower() == ".obj" and photo.resolve() == texture.resolve():
        raise Failure(f"{output} would write its texture over the photo {photo}", UNWRITABLE)


def checked_box(box: tuple[float, ...] | None, image, option: str):
    """Turn the four numbers of an option into a detection."""
    from facelib.detect import detection_from_box

    if box is None:
        return None
    height, width = image.shape[:2]
    if min(box[2], width) <= max(box[0], 0) or min(box[3], height) <= max(box[1], 0):
        message = f"the box must lie in the photo, {width} px wide and {height} px high"
        raise click.BadParameter(message, param_hint=option)
    return detection_from_box(box)


def build(images, names: tuple[Path, ...], boxes, weights: Path | None, texture_size: int):
    """Find the faces that were not given and reconstruct; the front photo is the first.

    Returns:
        The reconstruction, and the network that made it.
    """
    from facelib.detect import NoFaceError, find_face

    detections = []
    for view, image, name, box in zip(("front", "side"), images, names, boxes, strict=False):
        try:
            detections.append(box or find_face(image, f"the {view} photo {name}"))
        except NoFaceError as error:
            hint = f"--{view}-box X0 Y0 X1 Y1 can say where it is"
            raise Failure(f"{error}; {hint}", NO_FACE) from error
        except OSError as error:
            raise Failure(str(error), BAD_DATA) from error
    # Only now: a photo without a face need not wait for the network.
    from facelib.face.layout import load_layout
    from facelib.reconstruction.reconstruct import NoSideError
    from facelib.reconstruction.reconstruct import reconstruct as run

    network = common.load_network(weights, exported=True)
    try:
        layouts = load_layout(network.size), load_layout(texture_size)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the layout: {error}", BAD_DATA) from error
    front, side = images if len(images) == 2 else (*images, None)
    try:
        result = run(front, side, network, layouts[0], *detections, texture_layout=layouts[1])
    except NoSideError as error:
        raise click.UsageError(f"SIDE is missing: {error}") from error
    return result, network


def save(result, output: Path, keypoints: Path | None) -> None:
    """Write the keypoints and the mesh; each appears whole or not at all, whatever stops it."""
    import numpy as np

    from facelib.geometry.meshfiles import write_mesh

    if keypoints is None:
        write_mesh(output, result.mesh)
        return
    beside = keypoints.with_name(f".{keypoints.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            np.save(file, result.keypoints_image.astype(np.float32), allow_pickle=False)
        write_mesh(output, result.mesh)
        beside.replace(keypoints)
    finally:
        beside.unlink(missing_ok=True)
