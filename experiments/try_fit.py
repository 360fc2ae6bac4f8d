"""Measure a head fitted to the dense points of a network, beside `compact` on the same people.

    python experiments/try_fit.py dense.safetensors --pairs held_thesis cal_thesis \
        --pairs held_mixed cal_mixed

Each of `--pairs` takes two folders of held-out people in the same poses: those that are scored, and
others, whose mean face is the baseline and on whom the network's errors are measured. Five minutes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
import numpy as np
from calibrate_fit import photos_of

from facelib.evaluation.pairs import mean_vertices, predict_vertices, score_face
from facelib.evaluation.scores import METRICS, Evaluation, FaceScore, values
from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing, sha256
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.fitting.fit import AGREE_ABOVE
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.imaging.crop import Crop
from facelib.networks.loading import load_network
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs
from facelib.reconstruction.dense_fit import DenseFit
from facelib.render.camera import Camera

COMPACT = data_dir() / "weights" / "compact.safetensors"
RESULT = data_dir() / "tries" / "fit.json"
VIEWS = ("front", "side")
PHOTOS = {"front alone": 1, "both photos": 2}
WHITE_LIMIT = 5.0  # deviations; a point further off is wrong rather than off


def points_of(
    fit: DenseFit, pairs: ShardedPairs
) -> Iterator[tuple[SeenPoints, np.ndarray, Camera]]:
    """Yield the points seen in each photo, front and side in turns, the true ones, the camera."""
    matrix, whole = load_dense_points().matrix, Crop.whole(pairs.size, fit.size)
    for index in range(len(pairs)):
        pair, views = pairs[index], pairs.views(index)
        points_head = matrix @ views[0].image_to_head(pair.vertices_image)
        for seen, view in zip(fit.see(photos_of(pair, fit.size)), views, strict=True):
            truth = whole.image_to_crop(view.head_to_image(points_head)[:, :2])
            yield seen, truth, view.camera.cropped(whole)


def white_errors(photos: list[tuple[SeenPoints, np.ndarray, Camera]]) -> np.ndarray:
    """Divide the errors of points by what the network expects: (F, 2, P, 2), front and side."""
    rows = []
    for seen, truth, _ in photos:
        whiten = np.linalg.inv(np.linalg.cholesky(seen.covariance_px2))
        rows.append(np.einsum("nij,nj->ni", whiten, seen.places_image - truth))
    return np.reshape(rows, (-1, 2, *rows[0].shape)).clip(-WHITE_LIMIT, WHITE_LIMIT)


def own_shape(photos: list[tuple[SeenPoints, np.ndarray, Camera]]) -> dict[str, float]:
    """Measure how much of what sets a face apart the points show, by view.

    It is the slope of found on true deviations from the mean head, seen by the same camera, each
    after the similarity that fits best: 1 if errors do not depend on the head, 0 if the network
    draws everybody as the mean head.
    """
    mean, shown = load_dense_points().matrix @ shipped_prior().mean_head, {}
    for number, view in enumerate(VIEWS):
        sums = np.zeros(2)
        for seen, truth, camera in photos[number::2]:
            model = camera.head_to_image(mean)[:, :2]
            found, true = (_deviation(p, model) / camera.scale for p in (seen.places_image, truth))
            sums += np.vdot(true, found).real, np.vdot(true, true).real
        shown[view] = float(sums[0] / sums[1])
    return shown


def _deviation(points: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Lay (P, 2) points on a model by a similarity; return what is left, x + iy."""
    z, m = (each @ [1, 1j] - (each @ [1, 1j]).mean() for each in (points, model))
    return z * (np.vdot(z, m) / np.vdot(z, z)) - m


def noise_of(errors: dict[str, np.ndarray]) -> dict[str, dict]:
    """Measure how errors go together: by preset and view, and over all."""
    points_head = load_dense_points().matrix @ shipped_prior().mean_head
    parts = {
        f"{name}, {view}": e[:, k] for name, e in errors.items() for k, view in enumerate(VIEWS)
    }
    parts["all"] = np.concatenate(list(parts.values()))
    found = {name: SharedNoise.measured(part, points_head) for name, part in parts.items()}
    return {name: {"share": n.share, "reach_mm": n.reach_mm} for name, n in found.items()}


def scores(network, pairs: list[FacePair]) -> dict[str, list[FaceScore]]:  # noqa: ANN001
    """Score a method with the front photo alone and with both."""
    layout, found = load_layout(network.size), {}
    for name, count in PHOTOS.items():
        answers = [predict_vertices(network, pair, layout, count == 2) for pair in pairs]
        found[name] = scored(answers, pairs)
    return found


def scored(answers: list[np.ndarray], pairs: list[FacePair]) -> list[FaceScore]:
    """Score vertices, px of the pairs' front crops."""
    layout = load_layout()
    face, triangles = layout.labels["face"], layout.triangles
    return [score_face(a, pair, triangles, face) for a, pair in zip(answers, pairs, strict=True)]


def summary(found: list[FaceScore], mean_face: list[FaceScore]) -> dict[str, float]:
    """Return the mean of each metric, a standard error, and the median skill of the surface."""
    means = {metric: float(values(found, metric).mean()) for metric in METRICS}
    skill = Evaluation(tuple(found), tuple(mean_face)).skill("surface_distance_mm")
    shape = values(found, "shape_error_mm")
    means["shape_standard_error_mm"] = float(shape.std(ddof=1) / np.sqrt(len(shape)))
    return means | {"surface_skill": float(np.median(skill))}


def agreement(fit: DenseFit, pairs: list[FacePair]) -> dict[str, float]:
    """Measure how often pairs pass as one person's: true pairs, and pairs with something wrong."""
    seen = [fit.see(photos_of(pair, fit.size)) for pair in pairs]
    backwards = [replace(pair, side=pair.side[:, ::-1]) for pair in pairs]
    mirrored = [fit.see(photos_of(pair, fit.size))[1] for pair in backwards]
    others = [side for _, side in seen[1:] + seen[:1]]
    fronts = [front for front, _ in seen]
    same, other, flipped = (
        fit.fit_pairs(list(zip(fronts, sides, strict=True)))
        for sides in ([side for _, side in seen], others, mirrored)
    )
    odds, of_others = (np.array([p.agreement for p in each]) for each in (same, other))
    front_yaws, side_yaws = np.abs([[p.front.yaws_deg[0], p.side.yaws_deg[0]] for p in same]).T
    return {
        "threshold": fit.settings.noise.agree_above,
        "false_alarms": float(np.mean([not pair.agrees for pair in same])),
        "same_above_0": float((odds > AGREE_ABOVE).mean()),
        "same_ranked_above_other": float((odds[:, None] > of_others).mean()),
        "other_person_found": float(np.mean([not pair.agrees for pair in other])),
        "mirrored_found": float(np.mean([not pair.agrees for pair in flipped])),
        "swapped_found": float((front_yaws < side_yaws).mean()),
    }


def table(methods: dict[str, dict]) -> str:
    """Lay out one preset: a row for each method and its photos."""
    columns = {"vertex_error_mm": 2, "depth_error_mm": 2, "shape_error_mm": 2, "thesis_nme": 4}
    columns |= {"surface_skill": 2}
    first = next(iter(next(iter(methods.values())).values()))
    columns = {key: digits for key, digits in columns.items() if key in first}
    rows = [
        [f"{method}, {photos}", *(f"{row[key]:.{digits}f}" for key, digits in columns.items())]
        for method, by_photos in methods.items()
        for photos, row in by_photos.items()
    ]
    return markdown(["", *columns], rows)


def measured(dense: DenseFit, held: ShardedPairs, known: ShardedPairs, limit: int):  # noqa: ANN201
    """Score everything on the people of one preset."""
    pairs = [held[i] for i in range(min(limit, len(held)))]
    mean_face = mean_vertices(known[i] for i in range(len(known)))
    nobody = scored([mean_face] * len(pairs), pairs)
    methods = {"compact": load_network(COMPACT), "dense points and fit": dense}
    found = {
        name: {photos: summary(s, nobody) for photos, s in scores(method, pairs).items()}
        for name, method in methods.items()
    }
    return {
        "n_people": len(pairs),
        "methods": found | {"mean face": {"no photo": summary(nobody, nobody)}},
        "agreement": agreement(dense, pairs),
    }


@click.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--pairs", "folders", nargs=2, multiple=True, type=click.Path(path_type=Path))
@click.option("--limit", default=100, show_default=True, help="People of each folder to score.")
def main(weights: Path, folders, limit: int) -> None:
    """Write data/tries/fit.json."""
    dense = DenseFit.load(weights)
    errors, presets = {}, {}
    for held_out, others in folders:
        held, known = ShardedPairs(held_out), ShardedPairs(others)
        preset = held.settings["preset"]
        photos = list(points_of(dense, known))
        errors[preset] = white_errors(photos)
        found = {"own_shape": own_shape(photos)} | measured(dense, held, known, limit)
        presets[preset] = found
        print(preset, table(found["methods"]), sep="\n\n", flush=True)
        print(found["agreement"], found["own_shape"], flush=True)
    files = {"dense": weights, "compact": COMPACT}
    content = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "weights": {name: {"file": p.name, "sha256": sha256(p)} for name, p in files.items()},
        "noise": noise_of(errors),
        "presets": presets,
    }
    print(json.dumps(content["noise"]))
    with replacing(RESULT) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
