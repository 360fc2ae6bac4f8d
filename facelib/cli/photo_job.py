"""One pair of photos to one mesh, with a sentence and an exit code for every failure.

`facelib reconstruct` does one such job, or one per pair of a folder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import click

from facelib.cli import common
from facelib.cli.common import BAD_DATA, NO_FACE, Failure, check_photo, read_photo, writing
from facelib.cli.kernels import announcing_compilation, announcing_kernels
from facelib.cli.outputs import PICTURE_ENDINGS, Outputs
from facelib.files.steps import Steps
from facelib.files.threads import Threads
from facelib.reconstruction.mesh_settings import MeshSettings


@dataclass(frozen=True)
class PhotoJob:
    """What to do with one or two photos.

    Attributes:
        photos: the front photo, and the side photo if there is one.
        outputs: the files to write.
        settings: how the mesh is written.
        boxes: of the face in each photo, px of its file, or None.
        numbers: of the face in each photo among those found, or None.
    """

    photos: tuple[Path, ...]
    outputs: Outputs
    settings: MeshSettings
    boxes: tuple[tuple[float, ...] | None, ...] = (None, None)
    numbers: tuple[int | None, ...] = (None, None)


def run_job(job: PhotoJob, weights: Path | None, announce: Callable[[str], None], network=None):
    """Reconstruct a face and write its files.

    Args:
        job: what to do.
        weights: of the network; None for the default one.
        announce: gets the name of each step as it begins.
        network: loaded before; None loads it, while the photos are read.

    Returns:
        The `Reconstruction`; its seconds include reading and writing.

    Raises:
        Failure: in one sentence, with its exit code.
        click.UsageError: if an option does not fit the photos.
    """
    job.outputs.check(job.photos)
    for photo in job.photos:  # before anything large is loaded
        check_photo(photo)
    steps = Steps(announce)
    with Threads() as threads:
        reading = threads.map(read_photo, job.photos)
        # Decoding needs no Python, so all that comes next is loaded at the same time. What cannot
        # be loaded is tried again, and its error told, where it is needed.
        with announcing_kernels():
            with steps.step("reading"):
                for load in (_load_kernels, _load_detector, _load_painting):
                    threads.submit(load)
                network = network or common.load_network(weights, prefer_onnx=True)
                _check_settings(job.settings, network)
                photos = list(reading)
            faces = [
                _typed_face(*each)
                for each in zip(photos, ("front", "side"), job.boxes, job.numbers, strict=False)
            ]
            result = _reconstruct(photos, faces, network, announce)
            with writing(job.outputs.mesh), steps.step("writing"):
                _save(result, job)
    painting = result.seconds.get("painting the texture", 0.0)
    result.seconds.update(steps.seconds, writing=steps.seconds["writing"] - painting)
    return result


def _load_kernels() -> None:
    """Draw a triangle: the first kernel loads what all kernels need."""
    import numpy as np

    from facelib.render.rasterize import rasterize

    rasterize(np.zeros((3, 3)), np.array([[0, 1, 2]]), 1, 1)


def _load_detector() -> None:
    from facelib.detect.centerface import load_detector

    load_detector()


def _load_painting() -> None:
    from facelib.avatar.surface import head_surface
    from facelib.avatar.texture.paint import page_maps
    from facelib.geometry import meshfiles  # noqa: F401
    from facelib.reconstruction.head_mesh import PAINTED_DETAIL

    head_surface(PAINTED_DETAIL)
    page_maps()


def _check_settings(settings: MeshSettings, network) -> None:
    """Refuse what the network cannot do, before it works."""
    from facelib.reconstruction.dense_fit import DenseFit
    from facelib.reconstruction.mesh_settings import MeshSettingsError

    if not isinstance(network, DenseFit):
        try:
            settings.check_face_alone(network.name)
        except MeshSettingsError as error:
            raise click.UsageError(str(error)) from error


def _typed_face(photo, view: str, box: tuple[float, ...] | None, number: int | None):
    """Return the face that the options name: a box that lies in the photo, or a number."""
    if box is None:
        return number
    (left, top, right, bottom), (width, height) = box, photo.full_size_px
    inside = f"in the photo, {width} px wide and {height} px high"
    if not all(map(isfinite, box)) or left >= right or top >= bottom:
        message = "the box must be X0 Y0 X1 Y1 with X0 less than X1 and Y0 less than Y1, px"
    elif min(right, width) <= max(left, 0) or min(bottom, height) <= max(top, 0):
        message = f"the box must lie {inside}"
    elif right - left > 2 * width or bottom - top > 2 * height:
        message = f"the box is too large; the face must lie {inside}"
    else:
        return box
    raise click.BadParameter(message, param_hint=f"--{view}-box")


def _reconstruct(photos, faces, network, announce: Callable[[str], None]):
    """Reconstruct, as `facelib.reconstruct` does; fail with one sentence."""
    from facelib.detect.faces import NoFaceError
    from facelib.reconstruction.position_maps import NoSideError
    from facelib.reconstruction.reconstruct import reconstruct

    # The command prints the doubts itself, when no step's name stands in the way.
    logging.getLogger(reconstruct.__module__).addHandler(logging.NullHandler())
    front_face, side_face = (*faces, None)[:2]
    try:
        return reconstruct(
            *photos, network=network,
            front_face=front_face, side_face=side_face, announce=announce,
        )  # fmt: skip
    except NoFaceError as error:
        view = "side" if "the side photo" in str(error) else "front"
        hint = f"give its position with --{view}-box X0 Y0 X1 Y1"
        raise Failure(f"{error}; {hint}", NO_FACE) from error
    except NoSideError as error:
        raise click.UsageError(f"SIDE is missing: {error}") from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot reconstruct: {error}", BAD_DATA) from error


def _save(result, job: PhotoJob) -> None:
    """Write all files, each whole or not at all; the others appear when the mesh is there."""
    from dataclasses import asdict

    from facelib.files.atomic import replacing

    writers = (
        (job.outputs.faces, _write_faces),
        (job.outputs.keypoints, _write_keypoints),
        (job.outputs.report, _write_report),
    )
    with ExitStack() as unfinished:
        for path, write in writers:
            if path is not None:
                write(unfinished.enter_context(replacing(path)), result, job)
        result.save(job.outputs.mesh, **asdict(job.settings))


def _write_faces(path: Path, result, job: PhotoJob) -> None:
    from PIL import Image

    from facelib.reconstruction.face_picture import face_picture

    ending = job.outputs.faces.suffix.lower()
    Image.fromarray(face_picture(result.photos)).save(path, PICTURE_ENDINGS[ending])


def _write_keypoints(path: Path, result, _: PhotoJob) -> None:
    import numpy as np

    with path.open("wb") as file:
        np.save(file, result.keypoints_file.astype(np.float32), allow_pickle=False)


def _write_report(path: Path, result, job: PhotoJob) -> None:
    from facelib.reconstruction.report import report_content
    from facelib.show.report import write_report

    with announcing_compilation():  # its pictures are shaded, which numba does
        write_report(path, report_content(result, job.settings))
