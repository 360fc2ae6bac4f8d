"""Change one part of the fit at a time, and measure on held-out people what it was worth.

    python experiments/ablate_fit.py --weights dense data/dense/dense.safetensors \
        --held-out new_held_thesis --held-out new_held_mixed

The first weights are fitted in all ways, further ones in the usual way only: rows to compare
networks. The error model beside each is used, if there is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

import click
import numpy as np
from calibrate_fit import photos_of

from facelib.evaluation.metrics import depth_error_mm, shape_error_mm, vertex_error_mm
from facelib.face.dense_points import N_KEYPOINTS
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing, sha256
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import FitSettings, fit_heads
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.learned_errors import LearnedErrors
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs
from facelib.reconstruction.dense_fit import LENS_SPREAD, NETWORK_NOISE, DenseFit
from facelib.render.camera import Camera

RESULT = data_dir() / "tries" / "fit_ablation.json"
PHOTOS = {"front alone": 1, "both photos": 2}
METRICS = {
    "vertex_error_mm": vertex_error_mm,
    "depth_error_mm": depth_error_mm,
    "shape_error_mm": shape_error_mm,
}
LENSES = {
    1.0: "focal lengths are known",
    1.5: "… but stated 1.5 times too long",
    1 / 1.5: "… or 1.5 times too short",
}
NO_PRIOR = 100.0  # times the prior's deviations


@dataclass(frozen=True)
class Way:
    """One way to fit: its settings, and what is done before to the points of a camera's photo."""

    settings: FitSettings
    prepare: Callable[[SeenPoints, Camera], SeenPoints] = lambda seen, camera: seen


def some_points(count: int, seen: SeenPoints, camera: Camera) -> SeenPoints:
    """Keep the first points: the keypoints, then others, spread more densely the more there are."""
    parts = ("corners", "weights", "places_image", "covariance_px2", "visibility", "slides")
    return replace(seen, **{name: getattr(seen, name)[:count] for name in parts})


def round_points(seen: SeenPoints, camera: Camera) -> SeenPoints:
    """Give each point one deviation, the same along x and y."""
    variance = np.sqrt(np.linalg.det(seen.covariance_px2))
    return replace(seen, covariance_px2=variance[:, None, None] * np.eye(2))


def equal_points(seen: SeenPoints, camera: Camera) -> SeenPoints:
    """Give all points the same deviation and full visibility."""
    variance = np.exp(np.log(np.linalg.det(seen.covariance_px2)).mean() / 2)
    covariance = np.tile(variance * np.eye(2), (len(seen.places_image), 1, 1))
    return replace(seen, covariance_px2=covariance, visibility=np.ones(len(covariance)))


def stated_lens(factor: float, seen: SeenPoints, camera: Camera) -> SeenPoints:
    """Believe a focal length, `factor` times the true one, as if the photo's file stated it."""
    lens = {"focal_px": factor * camera.focal_px, "focal_spread": LENS_SPREAD}
    return replace(seen, principal_px=camera.centre_px, **lens)


def ways(usual: FitSettings) -> dict[str, Way]:
    """Name all ways to fit; the second half knows nothing of how errors depend on the head."""
    plain, prior = FitSettings(noise=NETWORK_NOISE), shipped_prior()
    found = {"as it is": Way(usual)}
    for count in (N_KEYPOINTS, 150):
        noise = usual.noise
        if isinstance(noise, LearnedErrors):
            noise = noise.of_points(np.arange(count))
        few = partial(some_points, count)
        found[f"{count} of the 368 points"] = Way(replace(usual, noise=noise), few)
    flat = replace(usual, distance_mm=1e7, distance_spread=1e-3)
    found["weak perspective"] = Way(flat)
    for strength, factor in (("0", NO_PRIOR), ("½", 2**0.5), ("2", 2**-0.5)):
        widened = replace(usual, prior=prior.widened(factor))
        found[f"prior × {strength}"] = Way(widened)
    for factor, name in LENSES.items():
        found[name] = Way(usual, partial(stated_lens, factor))
    return found | {
        "errors do not depend on the head": Way(plain),
        "… and each is independent": Way(FitSettings(noise=SharedNoise())),
        "… and one number per point, not 2 × 2": Way(plain, round_points),
        "… and one deviation for all points": Way(plain, equal_points),
    }


def measure(
    way: Way, pairs: list[FacePair], seen: list[list[tuple[SeenPoints, Camera]]]
) -> dict[str, dict[str, float]]:
    """Return the mean errors, mm, with one photo and with both."""
    face, found = load_layout().labels["face"], {}
    for name, count in PHOTOS.items():
        rows = []
        faces = [[way.prepare(*photo) for photo in photos[:count]] for photos in seen]
        for pair, fit in zip(pairs, fit_heads(faces, way.settings), strict=True):
            answer = fit.vertices_image[face] / pair.px_per_mm
            truth = pair.vertices_image[face].astype(np.float64) / pair.px_per_mm
            rows.append([metric(answer, truth) for metric in METRICS.values()])
        found[name] = dict(zip(METRICS, np.mean(rows, axis=0).tolist(), strict=True))
    return found


def rows_of(
    weights: Path, folders: list[Path], limit: int, in_all_ways: bool
) -> dict[str, dict[str, dict]]:
    """Measure weights: by way and preset."""
    fit = DenseFit.load(weights)
    chosen = ways(fit.settings) if in_all_ways else {"as it is": Way(fit.settings)}
    found: dict[str, dict[str, dict]] = {name: {} for name in chosen}
    for folder in folders:
        stored = ShardedPairs(folder)
        pairs = [stored[index] for index in range(min(limit, len(stored)))]
        seen = [_seen(fit, stored, index) for index in range(len(pairs))]
        for name, way in chosen.items():
            with single_threaded_blas():
                found[name][stored.settings["preset"]] = measure(way, pairs, seen)
            print(weights.name, stored.settings["preset"], name, flush=True)
    return found


def _seen(fit: DenseFit, stored: ShardedPairs, index: int) -> list[tuple[SeenPoints, Camera]]:
    """Find the points in a pair: in px of the stored photos, whatever size the network takes."""
    photos = fit.see(photos_of(stored[index], fit.size))
    factor, cameras = stored.size / fit.size, [view.camera for view in stored.views(index)]
    return [(_scaled(seen, factor), camera) for seen, camera in zip(photos, cameras, strict=True)]


def _scaled(seen: SeenPoints, factor: float) -> SeenPoints:
    return replace(
        seen,
        places_image=(seen.places_image + 0.5) * factor - 0.5,
        covariance_px2=seen.covariance_px2 * factor**2,
        width=round(seen.width * factor),
        height=round(seen.height * factor),
    )


def table(rows: dict[str, dict[str, dict]]) -> str:
    """Lay out the shape error, and the vertex error in brackets."""
    presets = next(iter(rows.values()))
    heads = ["shape error, mm (vertex error, mm)", *(f"{p}, {g}" for p in presets for g in PHOTOS)]
    return markdown(
        heads,
        [
            [name, *(f"{s['shape_error_mm']:.2f} ({s['vertex_error_mm']:.2f})" for s in scores)]
            for name, by_preset in rows.items()
            for scores in [[s for preset in by_preset.values() for s in preset.values()]]
        ],
    )


@click.command()
@click.option(
    "--weights",
    "named",
    nargs=2,
    type=(str, click.Path(path_type=Path)),
    required=True,
    multiple=True,
)
@click.option(
    "--held-out", "folders", required=True, multiple=True, type=click.Path(path_type=Path)
)
@click.option("--limit", default=100, show_default=True, help="People of each folder.")
def main(named, folders, limit: int) -> None:
    """Write data/tries/fit_ablation.json."""
    rows, files = {}, {}
    for number, (name, file) in enumerate(named):
        files[name] = {"file": file.name, "sha256": sha256(file)}
        found = rows_of(file, list(folders), limit, in_all_ways=number == 0)
        rows |= found if number == 0 else {name: found["as it is"]}
    content = {
        "command": typed_command(),
        "date": date.today().isoformat(),
        "weights": files,
        "n_people": limit,
        "rows": rows,
    }
    with replacing(RESULT) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
