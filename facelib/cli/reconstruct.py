"""`facelib reconstruct`: one or two photos in, a head out; or a whole folder of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import click

from facelib.cli.common import EXIT_CODES, PATH, Failure, weights_option
from facelib.cli.options import dataclass_options, typed
from facelib.cli.outputs import Outputs
from facelib.cli.photo_job import PhotoJob, run_job
from facelib.reconstruction.mesh_settings import MeshSettings


def _box_option(name: str, help_: str) -> Callable:
    return click.option(name, nargs=4, type=float, metavar="X0 Y0 X1 Y1", help=help_)


def _face_option(name: str, help_: str) -> Callable:
    return click.option(name, type=click.IntRange(1), metavar="N", help=help_)


@click.command(epilog=EXIT_CODES)
@click.argument("front", type=PATH, required=False)
@click.argument("side", type=PATH, required=False)
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE",
    help="Where to write the mesh: FILE.glb, FILE.obj or FILE.ply. With --pairs, a folder.",
)
@dataclass_options(MeshSettings)
@_face_option("--face", "Take the Nth largest face in FRONT; --faces shows the numbers.")
@_face_option("--side-face", "The same for SIDE.")
@_box_option("--front-box", "Box of the face in FRONT, from brow to chin, px of the file.")
@_box_option("--side-box", "The same for SIDE.")
@click.option(
    "--faces",
    type=PATH,
    metavar="FILE.png",
    help="Also write the photos with a numbered box around every face.",
)
@click.option(
    "--report",
    type=PATH,
    metavar="FILE.html",
    help="Also write a page that shows the head, both photos and how sure the result is.",
)
@click.option(
    "--keypoints",
    type=PATH,
    metavar="FILE.npy",
    help="Also write the 68 keypoints, (68, 3), in the front photo's pixels.",
)
@click.option(
    "--pairs",
    type=PATH,
    metavar="FOLDER",
    help="Do all pairs of a folder: NAME_front.jpg with NAME_side.jpg, or subfolders NAME with "
    "front.jpg and side.jpg; or those of a CSV file with the columns name, front, side.",
)
@click.option(
    "--format",
    "mesh_format",
    type=click.Choice(("glb", "obj", "ply")),
    help="With --pairs, what to write.  [default: glb]",
)
@click.option("--jobs", type=click.IntRange(1), help="With --pairs, processes.  [default: all]")
@weights_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Print warnings and errors alone.")
def reconstruct(front: Path | None, side: Path | None, output: Path, **options) -> None:
    """Build a textured 3D head from the photos FRONT and SIDE of one face.

    Without SIDE the head is built from the front photo alone, and its depth is less certain. The
    mesh is in metres, y up, facing +z. Photos do not show how large a head is: --interocular sets
    the distance between the eyes. Whatever seems wrong with the photos is said in a sentence on
    standard error. The photos stay on this machine, and nothing but the named files is written.
    """
    settings = MeshSettings(**typed(MeshSettings, options))
    if options["pairs"] is not None:
        _check_pairs_options(front, options)
        from facelib.cli.photo_folder import run_folder

        run_folder(
            options["pairs"], output, settings,
            weights=options["weights"], ending=f".{options['mesh_format'] or 'glb'}",
            jobs=options["jobs"], quiet=options["quiet"],
        )  # fmt: skip
        return
    if front is None:
        raise click.UsageError("Missing argument 'FRONT'; or give a folder with --pairs")
    _check_single_options(side, options)
    if settings.rig and output.suffix.lower() != ".glb":
        raise click.UsageError("--rig needs an output FILE.glb: other formats have no rig")
    job = PhotoJob(
        photos=(front,) if side is None else (front, side),
        outputs=Outputs(output, options["keypoints"], options["faces"], options["report"]),
        settings=settings,
        boxes=(options["front_box"], options["side_box"]),
        numbers=(options["face"], options["side_face"]),
    )
    _run(job, options["weights"], options["as_json"], options["quiet"])


def _run(job: PhotoJob, weights: Path | None, as_json: bool, quiet: bool) -> None:
    """Do a job and print what came out, in words or as JSON."""
    show = _step_line if sys.stderr.isatty() and not quiet else lambda _: None
    try:
        result = run_job(job, weights, show)
    except Failure as failure:
        if as_json:
            click.echo(json.dumps({"error": failure.message, "exit_code": failure.exit_code}))
        raise
    finally:
        show("")
    from facelib.reconstruction.summary import in_words, summary

    for doubt in result.doubts:
        click.echo(doubt.sentence, err=True)
    files = [str(path) for path in job.outputs.files]
    if as_json:
        click.echo(json.dumps(summary(result, job.settings, files), indent=1))
    elif not quiet:
        click.echo(in_words(result, job.settings, files))


def _step_line(step: str) -> None:
    """Replace the last line of a terminal by the name of the step that has begun."""
    click.echo(f"\r\x1b[K{step + ' …' if step else ''}", nl=False, err=True)


def _check_single_options(side: Path | None, options: dict) -> None:
    for name in ("jobs", "mesh_format"):
        if options[name] is not None:
            raise click.UsageError(f"--{name.removeprefix('mesh_')} needs --pairs")
    for name in ("side_box", "side_face"):
        if side is None and options[name] is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} needs the photo SIDE")
    for view, number in (("front", "face"), ("side", "side_face")):
        if options[f"{view}_box"] is not None and options[number] is not None:
            option = number.replace("_", "-")
            raise click.UsageError(f"--{view}-box and --{option} both choose a face; give one")


def _check_pairs_options(front: Path | None, options: dict) -> None:
    if front is not None:
        raise click.UsageError("--pairs names the photos; FRONT and SIDE cannot be given, too")
    names = ("face", "side_face", "front_box", "side_box", "faces", "report", "keypoints")
    given = [name for name in names if options[name] is not None]
    if options["as_json"]:
        given.append("json")
    if given:
        raise click.UsageError(f"--{given[0].replace('_', '-')} is of use for one pair alone")
