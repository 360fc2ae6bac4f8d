"""Hold the default beside MediaPipe's face mesh and dlib's predictor, on the suite's people.

    python experiments/measure_peers.py peers/bin/python

The argument is the Python of the environment that `peer_points.py` describes. Both peers were made
for photos of people and saw no synthetic face; the default saw nothing else. The result is
data/evaluation/peers.json, for chapter 11 and the README. Five minutes of one core.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from facelib.evaluation.pairs import mean_vertices
from facelib.evaluation.suite.errors import outside, quick_errors, regions
from facelib.evaluation.suite.peers import predicted
from facelib.evaluation.suite.people import Taken, take
from facelib.evaluation.suite.record import Row, write_columns
from facelib.evaluation.suite.run import ALL, DEFAULT
from facelib.face.dense_points import N_KEYPOINTS, load_dense_points
from facelib.face.layout import load_layout
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.revision import revision
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import FitSettings, fit_head
from facelib.fitting.seen import SeenPoints
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.surface import nearest_surface_finder
from facelib.imaging.imagefiles import write_image
from facelib.reconstruction.dense_fit import NETWORK_NOISE
from facelib.synthetic.samples import make_pair

RESULT = data_dir() / "evaluation" / "peers.json"
SCRIPT = Path(__file__).with_name("peer_points.py")
INNER = np.arange(17, 68)  # of iBUG's points, without the outline of the jaw
OUTER_EYES = (36, 45)
CENTRE = ("eyes", "nose", "cheeks", "mouth")  # regions that all the meshes have
DIGITS = 5
# MediaPipe's numbers of the inner points, in iBUG's order; where two published tables differ, one
# of them. A point that stands for a slightly other place is no error: see `settled`.
MESH_INNER = np.array([
    *(70, 63, 105, 66, 107, 336, 296, 334, 293, 300),
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),
    *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
    *(61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91),
    *(78, 82, 13, 312, 308, 317, 14, 87),
])  # fmt: skip


@dataclass(frozen=True)
class Surface:
    """What a method answers: vertices (V, 3) px, triangles (T, 3), and its inner points (51, 3)."""

    vertices: np.ndarray
    triangles: np.ndarray
    inner: np.ndarray


def find_points(python: Path, people: list[Taken]) -> dict[str, np.ndarray]:
    """Let the peers see all fronts, and then all sides: the arrays of `peer_points.py`."""
    with TemporaryDirectory() as name:
        photos, result = Path(name), Path(name, "points.npz")
        for number, taken in enumerate(people):
            write_image(photos / f"0_{number:04d}.png", taken.pair.front)
            write_image(photos / f"1_{number:04d}.png", taken.pair.side)
        subprocess.run([python, SCRIPT, photos, result], check=True)
        with np.load(result) as file:
            return dict(file)


def settled(offsets: np.ndarray) -> np.ndarray:
    """Take from (N, P, D) offsets of each person the mean offset of all others, point by point.

    Methods place a point differently, such as the end of a brow, without being wrong: what they
    do to everybody alike is no error.
    """
    others = np.nansum(offsets, axis=0) - np.nan_to_num(offsets)
    known = np.isfinite(offsets).sum(axis=0) - np.isfinite(offsets)
    return offsets - others / known


def eye_frame(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the rotation (2, 2) that levels the outer corners of the eyes, and their distance."""
    x, y = points[OUTER_EYES[1], :2] - points[OUTER_EYES[0], :2]
    apart = float(np.hypot(x, y))
    return np.array([[x, y], [-y, x]]) / apart, apart


def offsets_by_eyes(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return (P, 2) offsets in a level frame, as shares of the distance between the eyes.

    Args:
        found: (P, 2) px, the last of iBUG's 68 points.
        true: (68, 3) px.
    """
    turn, apart = eye_frame(true)
    return (found - true[-len(found) :, :2]) @ turn.T / apart


def shape_offsets(found: np.ndarray, taken: Taken) -> np.ndarray:
    """Return (51, 3) offsets of the inner points, mm, head axes, after the best similarity."""
    true = load_layout().keypoints(taken.pair.vertices_image)[INNER]
    laid = umeyama(found, true).apply(found)
    turn = np.asarray(taken.cameras[0].rotation)
    return (laid - true) / taken.pair.px_per_mm * [1, -1, 1] @ turn


def centre_distance_mm(surface: Surface, taken: Taken) -> float:
    """Return the mean distance of the truth's visible centre to a surface, after ICP with scale.

    The same true points are measured for every method, since their meshes end in other places.
    """
    truth = taken.pair.vertices_image.astype(np.float64)
    chosen = np.any([regions()[name] for name in CENTRE], axis=0) & outside()
    start = umeyama(load_layout().keypoints(truth)[INNER], surface.inner)
    closest = nearest_surface_finder(surface.vertices, surface.triangles)
    points = truth[chosen]
    found = icp(points, surface.vertices, start, True, 30, 1e-4, closest=closest).similarity
    moved = found.apply(points)
    away = np.linalg.norm(closest(moved) - moved, axis=1).mean()
    return float(away / found.scale / taken.pair.px_per_mm)


def fitted(inner: np.ndarray, deviation_px: float, taken: Taken) -> np.ndarray:
    """Return (V, 3) px of the head that the default's fit finds behind (51, 2) points, px."""
    corners = tuple(part[:N_KEYPOINTS][INNER] for part in load_dense_points().corners)
    size = {"width": taken.pair.size, "height": taken.pair.size}
    seen = SeenPoints.at(corners, inner, deviation_px, **size)
    with single_threaded_blas():
        return fit_head([seen], FitSettings(noise=NETWORK_NOISE)).vertices_image


def ours(people: list[Taken]) -> dict[tuple[str, str], list[Surface]]:
    """Return what the mean face and the default answer."""
    layout = load_layout()
    mean_face = mean_vertices(make_pair(i, ALL.training) for i in range(ALL.n_mean))
    answers = {
        ("mean face", "no photo"): [mean_face] * len(people),
        ("dense and its fit", "front"): [predicted(t, t, *DEFAULT, False) for t in people],
        ("dense and its fit", "front, side"): [predicted(t, t, *DEFAULT, True) for t in people],
    }
    return {
        key: [Surface(v, layout.triangles, layout.keypoints(v)[INNER]) for v in all_vertices]
        for key, all_vertices in answers.items()
    }


def rows_of_points(
    key: tuple[str, str], inner: list[np.ndarray | None], people: list[Taken]
) -> tuple[list[Row], np.ndarray]:
    """Score points in the photo: a row per person, and the offsets (N, 51, 2) that are settled."""
    true = [load_layout().keypoints(taken.pair.vertices_image) for taken in people]
    unknown = np.full((len(INNER), 2), np.nan)
    raw = np.stack([
        unknown if found is None else offsets_by_eyes(found[:, :2], points)
        for found, points in zip(inner, true, strict=True)
    ])  # fmt: skip
    clean = settled(raw)
    rows = [
        {"index": i, "method": key[0], "given": key[1], "found": inner[i] is not None}
        | {"points_raw": _mean_length(raw[i]), "points": _mean_length(clean[i])}
        for i in range(len(people))
    ]
    return rows, clean


def add_shapes(rows: list[Row], surfaces: list[Surface | None], people: list[Taken]) -> None:
    """Add the errors in three dimensions of those who were found."""
    known = [i for i, surface in enumerate(surfaces) if surface is not None]
    clean = settled(np.stack([shape_offsets(surfaces[i].inner, people[i]) for i in known]))
    for number, i in enumerate(known):
        rows[i]["inner_mm"] = _mean_length(clean[number])
        rows[i]["centre_mm"] = centre_distance_mm(surfaces[i], people[i])


def rows_of_fit(key: tuple[str, str], clean: np.ndarray, people: list[Taken]) -> list[Row]:
    """Fit our head to a peer's points, placed as ours are: the error of the whole face."""
    by_eyes = float(np.sqrt(np.nanmean(clean**2)))
    rows = []
    for i, taken in enumerate(people):
        row: Row = {"index": i, "method": key[0], "given": key[1]}
        if np.isfinite(clean[i]).all():
            true = load_layout().keypoints(taken.pair.vertices_image)
            turn, apart = eye_frame(true)
            inner = true[INNER, :2] + apart * clean[i] @ turn
            vertices = fitted(inner, by_eyes * apart, taken)
            row["shape_mm"] = quick_errors(vertices, taken.pair)["shape_mm"]
        rows.append(row)
    return rows


def _mean_length(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=1).mean())


@click.command(help=__doc__)
@click.argument("python", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(python: Path) -> None:
    """Run the script."""
    people = [take(i, ALL.people) for i in range(ALL.n_people)]
    seen = find_points(python.absolute(), people)
    rows: list[Row] = []
    for key, surfaces in ours(people).items():
        own, _ = rows_of_points(key, [s.inner for s in surfaces], people)
        add_shapes(own, surfaces, people)
        for row, surface, taken in zip(own, surfaces, people, strict=True):
            row["shape_mm"] = quick_errors(surface.vertices, taken.pair)["shape_mm"]
        rows += own
    mesh, jaw = seen["mediapipe"], INNER[0]
    fronts = len(people)
    surfaces = [
        Surface(each, seen["triangles"], each[MESH_INNER]) if np.isfinite(each).all() else None
        for each in mesh[:fronts]
    ]
    own, clean = rows_of_points(("MediaPipe", "front"), [s and s.inner for s in surfaces], people)
    add_shapes(own, surfaces, people)
    rows += own + rows_of_fit(("MediaPipe's points, our fit", "front"), clean, people)
    points = [p[jaw:] if np.isfinite(p).all() else None for p in seen["dlib"][:fronts]]
    own, clean = rows_of_points(("dlib", "front"), points, people)
    rows += own + rows_of_fit(("dlib's points, our fit", "front"), clean, people)
    sides = {
        name: int(np.isfinite(seen[key][fronts:, 0, 0]).sum())
        for name, key in (("dlib", "dlib"), ("MediaPipe", "mediapipe"))
    }
    write(rows, json.loads(str(seen["versions"])), sides)


def write(rows: list[Row], versions: dict[str, str], sides_found: dict[str, int]) -> None:
    """Write the record."""
    plain = [
        {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in row.items()} for row in rows
    ]
    plain = [{k: None if v != v else v for k, v in row.items()} for row in plain]
    about = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "revision": revision(),
        "versions": versions,
        "people": ALL.n_people,
        "seed": ALL.seed,
        "sides_found": sides_found,
    }
    write_columns(RESULT, about, plain)
    click.echo(f"wrote {RESULT.name}")


if __name__ == "__main__":
    main()
