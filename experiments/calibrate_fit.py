"""Learn the errors of a network's points, and what they mean for odds and deviations of a fit.

    python experiments/calibrate_fit.py data/dense/dense.safetensors \
        --pairs new_cal_thesis --pairs new_cal_mixed

The folders hold people whom the network has not seen. Nine of ten teach the error model. The last
tenth of each folder shows by how much a fit to both photos is too sure of the face's shape, and
sets the threshold of agreement: 5 % of the true pairs lie below it, in the poses where most do.
The result lies beside the weights, with the suffix .errors.npz, and is used with them only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.files.atomic import sha256
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import FitSettings
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.learned_errors import learn_errors
from facelib.fitting.seen import SeenPoints
from facelib.geometry.registration import umeyama
from facelib.imaging.crop import Crop
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs
from facelib.reconstruction.dense_fit import DenseFit

KEPT = 0.05  # of true pairs lie below the threshold of agreement


@dataclass(frozen=True)
class SeenPair:
    """The points found in both photos of a pair, and what is known of it.

    Attributes:
        photos: front and side.
        true_places: (P, 2) px in each.
        coefficients: (K + E,) of the head.
    """

    photos: tuple[SeenPoints, SeenPoints]
    true_places: tuple[np.ndarray, np.ndarray]
    coefficients: np.ndarray


def photos_of(pair: FacePair, size: int) -> np.ndarray:
    """Bring front and side to the size of a network: (2, S, S, 3) float32, 0..1."""
    whole = Crop.whole(pair.size, size)
    return np.stack([whole.cut(each.astype(np.float32) / 255) for each in (pair.front, pair.side)])


def seen_pairs(fit: DenseFit, pairs: ShardedPairs) -> Iterator[SeenPair]:
    """Find the points in all photos of a folder."""
    matrix, whole = load_dense_points().matrix, Crop.whole(pairs.size, fit.size)
    for index in range(len(pairs)):
        pair, views = pairs[index], pairs.views(index)
        points_head = matrix @ views[0].image_to_head(pair.vertices_image)
        truth = [whole.image_to_crop(view.head_to_image(points_head)[:, :2]) for view in views]
        drawn = json.loads(bytes(pairs.stored(index, "coefficients")))
        coefficients = np.concatenate([drawn["person"]["shape"], drawn["expression"]])
        yield SeenPair(tuple(fit.see(photos_of(pair, fit.size))), tuple(truth), coefficients)


@click.command()
@click.argument("weights", type=click.Path(path_type=Path))
@click.option("--pairs", "folders", required=True, multiple=True, type=click.Path(path_type=Path))
def main(weights: Path, folders) -> None:
    """Write the error model beside the weights."""
    fit, teaching, judging = DenseFit.load(weights), [], defaultdict(list)
    for folder in folders:
        stored = ShardedPairs(folder)
        pairs = list(seen_pairs(fit, stored))
        n_teaching = len(pairs) * 9 // 10
        teaching += pairs[:n_teaching]
        judging[stored.settings["preset"]] += pairs[n_teaching:]
    with single_threaded_blas():
        errors = learn_errors(
            [seen for pair in teaching for seen in pair.photos],
            [places for pair in teaching for places in pair.true_places],
            np.repeat([pair.coefficients for pair in teaching], 2, axis=0),
            shipped_prior(),
        )
    knowing = DenseFit(fit.network, fit.size, FitSettings(noise=errors))
    thresholds, wrong, expected, face = {}, [], [], load_layout().labels["face"]
    for preset, pairs in judging.items():
        fits = knowing.fit_pairs([pair.photos for pair in pairs])
        thresholds[preset] = float(np.quantile([found.agreement for found in fits], KEPT))
        for pair, found in zip(pairs, fits, strict=True):
            true_face = shipped_prior().vertices(pair.coefficients)[face]
            fitted = found.together.vertices_head[face]
            wrong.append(umeyama(fitted, true_face).apply(fitted) - true_face)
            expected.append(found.together.deviations_head[face])
    too_sure = np.sqrt(np.square(wrong).mean() / np.square(expected).mean())
    print(f"{len(teaching)} pairs; too sure by {too_sure:.2f}; thresholds, nats: {thresholds}")
    errors = replace(errors, agree_above=min(thresholds.values()), too_sure=float(too_sure))
    errors.save(weights.with_suffix(".errors.npz"), sha256(weights))


if __name__ == "__main__":
    main()
