"""Measure whom `facelib reconstruct` serves worse: its errors by group of people.

    python experiments/measure_groups.py

People who are held out of training are photographed in the thesis's poses: adults, children (a
stress set of small adults, see `facelib.synthetic.people.population`), and some adults again and
again with one thing changed (`facelib.evaluation.suite.people`). The default network and its fit
reconstruct each from both photos and from the front alone. The result is data/tries/groups.json, a
row per person and photo session, for chapter 15. Six minutes of one core.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path

import click
import numpy as np
from joblib import Parallel, delayed

from facelib.detect.faces import find_faces
from facelib.evaluation.metrics import shape_error_mm, vertex_error_mm
from facelib.evaluation.pairs import score_face
from facelib.evaluation.suite.people import CHANGES, Taken, take
from facelib.evaluation.suite.record import Row, in_columns
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing, sha256
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.fitting.fit import HeadFit
from facelib.fitting.head_prior import shipped_prior
from facelib.geometry.registration import umeyama
from facelib.imaging.crop import Crop
from facelib.reconstruction.dense_fit import DenseFit
from facelib.synthetic.people.population import load_population
from facelib.synthetic.samples import make_person
from facelib.synthetic.settings import FORMAT, SyntheticSettings

RESULT = data_dir() / "tries" / "groups.json"
WEIGHTS = data_dir() / "dense" / "dense.onnx"
SEED = 2027  # no set that trained or calibrated anything has it
ADULTS = SyntheticSettings(seed=SEED, held_out=True)
CHILDREN = SyntheticSettings(seed=SEED, held_out=True, people="children")
BATCH = 20
BORDER = 0.35  # of a photo's side: a training photo is cut so close that a detector may miss it
DIGITS = 4

Job = tuple[int, SyntheticSettings, str]


def rows_of(jobs: list[Job], weights: Path) -> list[Row]:
    """Photograph people, and score their reconstructions."""
    fit = DenseFit.load(weights)
    return [row_of(fit, take(*job), job) for job in jobs]


def row_of(fit: DenseFit, taken: Taken, job: Job) -> Row:
    """Return a person's traits, and the errors from both photos and from the front alone."""
    index, settings, change = job
    whole = Crop.whole(taken.pair.size, fit.size)
    photos = [whole.cut(p.astype(np.float32) / 255) for p in (taken.pair.front, taken.pair.side)]
    pair = fit.fit_pair(*fit.see(np.stack(photos)))
    face = load_layout().labels["face"]
    row = {"people": settings.people, "index": index, "change": change, **taken.facts}
    row["agrees"] = bool(pair.agrees)
    row |= {
        "true_lean": lean_of(make_person(index, settings).shape),
        "both_lean": lean_of(pair.together.coefficients),
    }
    # How unusual the head is: what a method scores that draws everybody as the mean head.
    mean_head = shipped_prior().mean_head[face]
    row["mean_head_shape_mm"] = shape_error_mm(mean_head, taken.vertices_head[face].astype(float))
    for photos_given, found in {"both": pair.together, "front": pair.front}.items():
        errors = errors_of(found, taken, whole)
        row |= {f"{photos_given}_{name}": value for name, value in errors.items()}
    if not change:
        vertices = whole.crop_to_image(pair.together.vertices_image)
        score = score_face(vertices, taken.pair, load_layout().triangles, face)
        row["both_thesis_nme"] = score.thesis_nme
        row |= {f"{view}_found": is_found(getattr(taken.pair, view)) for view in ("front", "side")}
    return {k: v if isinstance(v, str | int) else round(float(v), DIGITS) for k, v in row.items()}


def errors_of(found: HeadFit, taken: Taken, whole: Crop) -> dict[str, float]:
    """Return a fit's errors, mm: of shape, of vertices, and root mean squares, true and expected.

    The root mean squares are of the shape in the head frame, and of what the fit expects of it.
    """
    face, scale = load_layout().labels["face"], taken.pair.px_per_mm
    vertices = whole.crop_to_image(found.vertices_image)[face] / scale
    truth = taken.pair.vertices_image[face].astype(float) / scale
    head, true_head = found.vertices_head[face], taken.vertices_head[face].astype(float)
    off = umeyama(head, true_head).apply(head) - true_head
    expected = found.deviations_head[face].astype(float)
    return {
        "shape_mm": shape_error_mm(vertices, truth),
        "vertex_mm": vertex_error_mm(vertices, truth),
        "rms_mm": float(np.sqrt(np.square(off).sum(axis=1).mean())),
        "expected_rms_mm": float(np.sqrt(np.square(expected).sum(axis=1).mean())),
    }


def is_found(photo: np.ndarray) -> bool:
    """Whether the detector finds the face in (S, S, 3) uint8, upright, inside a grey border."""
    border = round(photo.shape[0] * BORDER)
    edges = [(border, border), (border, border), (0, 0)]
    found = find_faces(np.pad(photo, edges, constant_values=128))
    if found.quarter_turns or not found.faces:
        return False
    middle, box = border + photo.shape[0] / 2, found.faces[0].box  # a crop's middle is in the face
    return bool((box[:2] < middle).all() and (middle < box[2:]).all())


def lean_of(coefficients: np.ndarray) -> float:
    """Return where a head lies from the mean of Asian and European heads, 0, to African ones, 1.

    If a network takes dark skin for a sign of an African head, painting skin moves this number.
    """
    by_origin = load_population().corner_means.mean(axis=(1, 2))
    others = by_origin[1:].mean(axis=0)
    axis = by_origin[0] - others
    return float((coefficients[: len(axis)] - others) @ axis / (axis @ axis))


def batches(jobs: list[Job]) -> Iterator[list[Job]]:
    """Cut the work into pieces that one process does at a time."""
    return (jobs[start : start + BATCH] for start in range(0, len(jobs), BATCH))


@click.command()
@click.option("--weights", default=WEIGHTS, type=click.Path(path_type=Path))
@click.option("--adults", default=400, show_default=True, help="Number of them.")
@click.option("--children", default=100, show_default=True, help="Number of them.")
@click.option("--changed", default=40, show_default=True, help="Adults to photograph changed.")
@click.option("--workers", default=2, show_default=True)
@click.option("--out", default=RESULT, type=click.Path(path_type=Path))
def main(weights: Path, adults: int, children: int, changed: int, workers, out) -> None:
    """Write data/tries/groups.json."""
    jobs = [(i, ADULTS, "") for i in range(adults)] + [(i, CHILDREN, "") for i in range(children)]
    jobs += [(i, ADULTS, change) for i in range(changed) for change in CHANGES]
    score = delayed(partial(rows_of, weights=weights))
    found = Parallel(n_jobs=workers, verbose=1)(map(score, batches(jobs)))
    rows = [row for part in found for row in part]
    content = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "generator_format": FORMAT,
        "weights": {"file": weights.name, "sha256": sha256(weights)},
        "adults": asdict(ADULTS),
        "children": asdict(CHILDREN),
    }
    # One line per column: short, and two versions can be compared line by line.
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in in_columns(rows).items())
    text = json.dumps(content, indent=1)[:-2] + ',\n "columns": {\n' + lines + "\n }\n}\n"
    with replacing(out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{len(rows)} rows in {out}")


if __name__ == "__main__":
    main()
