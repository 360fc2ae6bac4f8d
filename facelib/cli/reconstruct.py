"""`facelib reconstruct`: one or two photos in, a textured mesh out."""

from __future__ import annotations

from contextlib import ExitStack
from math import isfinite
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    NO_FACE,
    PATH,
    UNKNOWN_ENDING,
    UNWRITABLE,
    Failure,
    check_writable,
    read_photo,
    weights_option,
    writing,
)
from facelib.cli.kernels import announcing_compilation


@click.command(epilog=EXIT_CODES)
@click.argument("front", type=PATH)
@click.argument("side", type=PATH, required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE",
    help="Where to write the mesh: FILE.obj, FILE.glb or FILE.ply.",
)
@click.option(
    "--keypoints",
    type=PATH,
    metavar="FILE.npy",
    help="Also write the 68 keypoints, (68, 3), in the front photo's pixels.",
)
@weights_option
@click.option(
    "--front-box",
    nargs=4,
    type=float,
    metavar="X0 Y0 X1 Y1",
    help="Box of the face in FRONT, from brow to chin, px; replaces the detector.",
)
@click.option(
    "--side-box",
    nargs=4,
    type=float,
    metavar="X0 Y0 X1 Y1",
    help="The same for SIDE; of use when the detector misses a profile.",
)
@click.option(
    "--texture-size",
    default=512,
    show_default=True,
    type=click.IntRange(16, 4096),
    help="Side of the texture, px.",
)
@announcing_compilation()
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

    Without SIDE the mesh is built from the front photo alone, and its depth is less certain. The
    mesh is in the front photo's pixels, y up, with its origin at the bottom-left pixel. If the
    photos seem to be swapped, or not to show one face, a sentence on standard error says so.
    """
    _check_ending(output)
    for path in (output, keypoints):
        check_writable(path)
    if side is None and side_box is not None:
        raise click.UsageError("--side-box needs the photo SIDE")
    _check_kept([front] if side is None else [front, side], output, keypoints)
    front_photo = read_photo(front).pixels
    side_photo = None if side is None else read_photo(side).pixels
    front_face = _typed_face(front_photo, front_box, "--front-box")
    side_face = None if side is None else _typed_face(side_photo, side_box, "--side-box")
    front_face = front_face or _detect(front_photo, "front", front)
    if side is not None:
        side_face = side_face or _detect(side_photo, "side", side)
    # Only now: a photo without a face need not wait for the network.
    network = common.load_network(weights, prefer_onnx=True)
    result = _build(
        front_photo, side_photo, network,
        front_face=front_face, side_face=side_face, texture_size=texture_size,
    )  # fmt: skip
    with writing(output):
        save(result, output, keypoints)
    wrote = f"wrote {output}" + (f" and {keypoints}" if keypoints else "")
    click.echo(f"{wrote} ({network.name} in {network.engine})")
    if result.deviations_mm is not None:
        click.echo(_certainty(result))


def _check_ending(output: Path) -> None:
    """Refuse an output whose ending is not a supported format."""
    from facelib.geometry.meshfiles import MESH_ENDINGS

    if output.suffix.lower() not in MESH_ENDINGS:
        raise Failure(f"{output} must end in {', '.join(MESH_ENDINGS)}", UNKNOWN_ENDING)


def _check_kept(photos: list[Path], output: Path, keypoints: Path | None) -> None:
    """Refuse outputs that would overwrite a photo, a foreign file, or each other."""
    from facelib.geometry.meshfiles import files_of, foreign_file

    mesh_files = files_of(output)
    for written in [*mesh_files, *([keypoints] if keypoints else [])]:
        for photo in photos:
            if written.resolve() == photo.resolve():
                raise Failure(f"{written} would be written over the photo {photo}", UNWRITABLE)
    if keypoints and keypoints.resolve() in [path.resolve() for path in mesh_files]:
        raise Failure(f"--keypoints {keypoints} is part of the mesh {output}", UNWRITABLE)
    if foreign := foreign_file(output):
        message = f"{output} would overwrite a file of {foreign}; give it another name"
        raise Failure(message, UNWRITABLE)


def _typed_face(image, box: tuple[float, ...] | None, option: str):
    """Make a detection of the four numbers of an option, if they were typed."""
    from facelib.detect.faces import detection_from_box

    if box is None:
        return None
    (left, top, right, bottom), (height, width) = box, image.shape[:2]
    photo = f"in the photo, {width} px wide and {height} px high"
    if not all(map(isfinite, box)) or left >= right or top >= bottom:
        message = "the box must be X0 Y0 X1 Y1 with X0 less than X1 and Y0 less than Y1, px"
    elif min(right, width) <= max(left, 0) or min(bottom, height) <= max(top, 0):
        message = f"the box must lie {photo}"
    elif right - left > 2 * width or bottom - top > 2 * height:
        message = f"the box is too large; the face must lie {photo}"
    else:
        return detection_from_box(box)
    raise click.BadParameter(message, param_hint=option)


def _detect(image, view: str, path: Path):
    """Find the face in a photo; fail with one sentence."""
    from facelib.detect.faces import NoFaceError, find_face

    try:
        return find_face(image, f"the {view} photo {path}")
    except NoFaceError as error:
        hint = f"give its position with --{view}-box X0 Y0 X1 Y1"
        raise Failure(f"{error}; {hint}", NO_FACE) from error
    except OSError as error:
        raise Failure(str(error), BAD_DATA) from error


def _build(*photos_and_network, **settings):
    """Reconstruct, as `facelib.reconstruct` does; fail with one sentence."""
    from facelib.reconstruction.reconstruct import NoSideError, reconstruct

    try:
        return reconstruct(*photos_and_network, **settings)
    except NoSideError as error:
        raise click.UsageError(f"SIDE is missing: {error}") from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot reconstruct: {error}", BAD_DATA) from error


def _certainty(result) -> str:
    """Return a sentence about the error that the fit expects, the mean over all vertices."""
    sentence = f"estimated error of a vertex: {result.deviations_mm.mean():.1f} mm"
    if result.side_crop is None:
        sentence += " from the front photo alone; a photo from the side would show its depth"
    return sentence


def save(result, output: Path, keypoints: Path | None) -> None:
    """Write the keypoints and the mesh, each whole or not at all."""
    import numpy as np

    from facelib.files.atomic import replacing

    with ExitStack() as stack:
        if keypoints is not None:
            temporary = stack.enter_context(replacing(keypoints))
            with temporary.open("wb") as file:
                np.save(file, result.keypoints_image.astype(np.float32), allow_pickle=False)
        result.save(output)
