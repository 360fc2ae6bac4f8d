"""The command line: `python -m facelib reconstruct FRONT SIDE -o face.obj`.

Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from facelib.cli.facegen import facegen_poses, import_facegen, standin

ENDINGS = (".obj", ".glb", ".ply")
TEXTURE_SIZE = 512
# Names of TrainConfig that the command line sets; what is not given keeps its default there.
TRAIN_OPTIONS = {
    str: ("network", "schedule", "init_weights", "device"),
    int: ("size", "batch_size", "halve_every", "warmup_samples", "patience", "epochs")
    + ("samples_per_epoch", "max_samples", "seed", "threads")
    + ("encoder_samples", "reference_fan_in"),
    float: ("learning_rate", "max_grad_norm", "max_hours", "validation_fraction"),
}
NO_SUCH_FILE, NOT_AN_IMAGE, NO_FACE, UNWRITABLE, UNKNOWN_ENDING, BAD_DATA = 3, 4, 5, 6, 7, 8

EXIT_CODES = """
\b
Exit codes:
  0  done
  1  interrupted, or a fault of this program
  2  the command was typed wrongly
  3  a file does not exist or cannot be read
  4  a file is not an image
  5  no face was found in a photo
  6  an output cannot be written
  7  the output's ending is none that can be written
  8  weights or data set are missing, or are not what they should be
"""


class Failure(click.ClickException):
    """An error that the user can mend: one sentence and an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Keep the message, on one line, and the code."""
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facelib", message="%(prog)s %(version)s")
def main() -> None:
    """Turn two photos of a face, front and side, into a textured 3D mesh."""


for command in (import_facegen, standin, facegen_poses):
    main.add_command(command)


@main.command(epilog=EXIT_CODES)
@click.argument("front", type=click.Path(path_type=Path))
@click.argument("side", type=click.Path(path_type=Path))
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
    "--weights", type=click.Path(path_type=Path), help="Other weights than those that ship."
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
    side: Path,
    output: Path,
    keypoints: Path | None,
    weights: Path | None,
    front_box: tuple[float, ...] | None,
    side_box: tuple[float, ...] | None,
    texture_size: int,
) -> None:
    """Build a textured 3D mesh from the photos FRONT and SIDE of one face.

    Without a side photo, give the front photo twice: the mesh gets worse, not wrong. The mesh is in
    the front photo's pixels, y up, its origin at the photo's bottom-left pixel.
    """
    if output.suffix.lower() not in ENDINGS:
        raise Failure(f"{output} must end in {', '.join(ENDINGS)}", UNKNOWN_ENDING)
    for path in (output, keypoints):
        check_writable(path)
    images = read_photo(front), read_photo(side)
    boxes = (
        checked_box(front_box, images[0], "--front-box"),
        checked_box(side_box, images[1], "--side-box"),
    )
    result = build(images, (front, side), boxes, weights, texture_size)
    with writing(output):
        save(result, output, keypoints)
    click.echo(f"wrote {output}" + (f" and {keypoints}" if keypoints else ""))


@main.command(epilog=EXIT_CODES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), required=True, help="How many pairs.")
@click.option("--size", type=click.IntRange(16), default=256, show_default=True, help="Side, px.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--first", type=click.IntRange(0), default=0, help="Number of the first sample.")
@click.option("--held-out", is_flag=True, help="People that no training set of this seed has.")
@click.option("--pairs-per-person", type=click.IntRange(1), default=1, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
def generate(folder: Path, **numbers: int) -> None:
    """Photograph synthetic people into the new folder FOLDER; the same numbers, the same pairs."""
    from facelib.sources.synthetic import generate_pairs

    try:
        written = generate_pairs(folder, **numbers)
    except FileNotFoundError as error:
        raise Failure(f"cannot generate: {error}", BAD_DATA) from error
    except (ValueError, OSError) as error:
        raise Failure(f"cannot write pairs: {error}", UNWRITABLE) from error
    click.echo(f"wrote {written} pairs to {folder}")


def train_options(command):
    """Give a command an option for every name in TRAIN_OPTIONS."""
    for kind, names in TRAIN_OPTIONS.items():
        for name in names:
            command = click.option("--" + name.replace("_", "-"), name, type=kind)(command)
    return command


@main.command(epilog=EXIT_CODES)
@click.argument("pairs", type=click.Path(path_type=Path))
@click.argument("run", type=click.Path(path_type=Path))
@train_options
@click.option("--calibrate", is_flag=True, help="Rescale the fresh decoder on the first batch.")
@click.option("--rotation-deg", type=float, help="Largest random turn of a photo, degrees.")
@click.option("--dropout", type=click.FloatRange(0, 1), help="Chance of a black box in a photo.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def train(pairs: Path, run: Path, quiet: bool, **settings) -> None:
    """Train a network on the folder PAIRS; log, checkpoint and weights go to the folder RUN.

    The same command again continues an unfinished run. Without options, the thesis's recipe.
    """
    from facelib.training import TrainConfig, TrainingDivergedError
    from facelib.training import train as start

    given = {name: value for name, value in settings.items() if value is not None}
    augmentation = {"rotation_deg": "rotation_deg", "dropout": "dropout_probability"}
    given["augmentation"] = {augmentation[n]: given.pop(n) for n in augmentation if n in given}
    given |= {"data_dir": pairs, "run_dir": run, "progress": not quiet}
    try:
        config = TrainConfig.from_dict(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        click.echo(f"wrote {start(config)}")
    except OSError as error:
        raise Failure(f"cannot write the run: {error}", UNWRITABLE) from error
    except (ValueError, TrainingDivergedError) as error:
        raise Failure(f"cannot train: {error}", BAD_DATA) from error


@main.command(epilog=EXIT_CODES)
@click.argument("pairs", type=click.Path(path_type=Path))
@click.option(
    "--weights", type=click.Path(path_type=Path), help="Other weights than those that ship."
)
@click.option(
    "--training",
    type=click.Path(path_type=Path),
    help="The pairs whose mean face is the baseline; without it, that of PAIRS, which flatters "
    "the baseline a little.",
)
@click.option("--limit", type=click.IntRange(1), help="Score only the first so many pairs.")
@click.option(
    "--json",
    "record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also write every face's scores and the mean face to FILE.",
)
def evaluate(
    pairs: Path, weights: Path | None, training: Path | None, limit: int | None, record: Path | None
) -> None:
    """Score a network on the folder PAIRS of held-out faces, beside the mean face."""
    import facelib.evaluate as scoring
    from facelib.evaluation_record import EvaluationRecord, write_record
    from facelib.pairs import ShardedPairs
    from facelib.uvmap import load_layout

    check_writable(record)
    network, started = load_network(weights), time.monotonic()
    method = getattr(network, "name", "network")
    try:
        dataset = ShardedPairs(pairs)
        baseline = ShardedPairs(training) if training else dataset
        count = min(limit or len(dataset), len(dataset))
        chosen = (dataset[i] for i in range(count))
        mean_face = scoring.mean_vertices(baseline[i] for i in range(len(baseline)))
        mean_face = scoring.resize_points(mean_face, baseline.size, dataset.size)
        result = scoring.evaluate_pairs(network, chosen, load_layout(network.size), mean_face)
        facts = record and about_evaluation(network, weights, dataset, baseline, count, started)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot evaluate: {error}", BAD_DATA) from error
    click.echo(scoring.markdown_table({method: result}))
    if record:
        with writing(record):
            write_record(record, EvaluationRecord(method, result, mean_face, facts))


def about_evaluation(network, weights, dataset, baseline, count: int, started: float) -> dict:
    """Say how an evaluation was made; folders are named without where they lie."""
    from facelib.evaluation_record import file_sha256

    path = weights or shipped_weights()
    words = (
        ["python -m facelib evaluate", dataset.folder.name, "--weights", path.name]
        + (["--training", baseline.folder.name] if baseline is not dataset else [])
        + (["--limit", str(count)] if count < len(dataset) else [])
    )
    return {
        "command": " ".join(words),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": path.name, "sha256": file_sha256(path), "size": network.size},
        "pairs": {**dataset.settings, "size": dataset.size, "count": count},
        "training": {**baseline.settings, "size": baseline.size, "count": len(baseline)},
    }


def read_photo(path: Path):
    """Read a photo or say in one sentence why that failed."""
    from facelib.images import read_image

    if not path.exists():
        raise Failure(f"no such file: {path}", NO_SUCH_FILE)
    if path.is_dir():
        raise Failure(f"{path} is a folder, not an image", NOT_AN_IMAGE)
    if not os.access(path, os.R_OK):
        raise Failure(f"cannot read {path}", NO_SUCH_FILE)
    try:
        return read_image(path)
    except (ValueError, OSError) as error:
        raise Failure(str(error), NOT_AN_IMAGE) from error


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


def load_network(weights: Path | None):
    """Load the named weights, or those that ship."""
    from facelib.networks import load_weights

    try:
        return load_weights(weights or shipped_weights())
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error


def shipped_weights() -> Path:
    """Return where the weights that ship lie."""
    from facelib.paths import data_file

    return data_file("weights", "two_view.safetensors")


def build(images, names: tuple[Path, Path], boxes, weights: Path | None, texture_size: int):
    """Find the faces that were not given and reconstruct."""
    from facelib.detect import NoFaceError, find_face

    detections = list(boxes)
    for i, view in enumerate(("front", "side")):
        try:
            detections[i] = boxes[i] or find_face(images[i], f"the {view} photo {names[i]}")
        except NoFaceError as error:
            hint = f"--{view}-box X0 Y0 X1 Y1 can say where it is"
            raise Failure(f"{error}; {hint}", NO_FACE) from error
        except OSError as error:
            raise Failure(str(error), BAD_DATA) from error
    # Only now: a photo without a face need not wait for the network.
    from facelib.reconstruct import reconstruct as run
    from facelib.uvmap import load_layout

    network = load_network(weights)
    try:
        layouts = load_layout(network.size), load_layout(texture_size)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the layout: {error}", BAD_DATA) from error
    return run(*images, network, layouts[0], *detections, texture_layout=layouts[1])


def check_writable(path: Path | None) -> None:
    """Find out before the work whether a file can be written at its end."""
    if path is None:
        return
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).removeprefix(f"cannot write {path}: ")
        raise Failure(f"cannot write {path}: {reason}", UNWRITABLE) from error


def save(result, output: Path, keypoints: Path | None) -> None:
    """Write the keypoints and the mesh; each appears whole or not at all, whatever stops it."""
    import numpy as np

    from facelib.mesh import write_mesh

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


if __name__ == "__main__":
    main(prog_name="facelib")
