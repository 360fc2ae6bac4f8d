"""Score a network, and the mean-face baseline, on pairs of photos whose true vertices are known.

Chapter 11. Network and pairs go in; a `FaceScore` per pair comes out, for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from facelib.evaluation.metrics import (
    depth_error_mm,
    shape_error_mm,
    surface_distance_mm,
    thesis_nme,
    vertex_error_mm,
)
from facelib.evaluation.scores import Evaluation, FaceScore
from facelib.geometry.mesh import Mesh, submesh
from facelib.geometry.registration import umeyama
from facelib.geometry.subdivision import subdivision_matrix
from facelib.imaging.crop import Crop
from facelib.reconstruction.position_maps import predict_position_maps

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout
    from facelib.networks.base import FaceNetwork
    from facelib.pairs.sample import FacePair


def mean_vertices(pairs: Iterable[FacePair]) -> np.ndarray:
    """Return the mean face of a training set: (V, 3) float64, px of the crop frame.

    It is the best prediction of a network that ignores its photos.

    Raises:
        ValueError: if there is no pair.
    """
    total, n_pairs = 0.0, 0
    for pair in pairs:
        total, n_pairs = total + pair.vertices_image.astype(np.float64), n_pairs + 1
    if n_pairs == 0:
        raise ValueError("expected one pair or more, got none")
    return total / n_pairs


def predict_vertices(
    network: FaceNetwork, pair: FacePair, layout: UVLayout, with_side: bool = True
) -> np.ndarray:
    """Return a network's vertices for a pair, (V, 3) float64, px of the pair's front crop.

    The photos are resized to the network's size, and its vertices back to the pair's.

    Args:
        network: from `facelib.networks`.
        pair: of any size.
        layout: of the network's size.
        with_side: whether the network gets the side photo.

    Raises:
        NoSideError: if the network needs the side photo and `with_side` is False.
    """
    whole = Crop.whole(pair.size, network.size)
    front, side = (
        whole.cut(image.astype(np.float32) / 255)[None] for image in (pair.front, pair.side)
    )
    position_map = predict_position_maps(network, front, side if with_side else None)[0]
    return whole.crop_to_image(layout.vertices(position_map))


def score_face(
    prediction_crop: np.ndarray,
    pair: FacePair,
    triangles: np.ndarray,
    region: np.ndarray | None = None,
) -> FaceScore:
    """Score predicted vertices against a pair's own.

    Args:
        prediction_crop: (V, 3) float, px of the pair's front crop.
        pair: the truth.
        triangles: (T, 3) int, the layout's.
        region: (V,) bool, the vertices to compare; None: all.
    """
    keep = np.ones(len(prediction_crop), bool) if region is None else region
    truth_crop = pair.vertices_image.astype(np.float64)
    meshes = [
        submesh(Mesh(points / pair.px_per_mm, triangles), keep)
        for points in (np.asarray(prediction_crop, dtype=np.float64), truth_crop)
    ]
    prediction, truth = meshes
    dense_truth = subdivision_of(truth.triangles.tobytes(), len(truth.vertices)) @ truth.vertices
    error_mm = vertex_error_mm(prediction.vertices, truth.vertices)
    # The true correspondence only gives both ICPs a good start; it does not enter the scores.
    rigid = umeyama(prediction.vertices, truth.vertices, with_scale=False)
    start = umeyama(prediction.vertices, truth.vertices)
    box_mm = np.ptp(truth.vertices[:, :2], axis=0).mean()
    return FaceScore(
        face=pair.name,
        identity=pair.identity,
        vertex_error_mm=error_mm,
        vertex_error_share=float(error_mm / box_mm),
        surface_distance_mm=surface_distance_mm(prediction, truth, start),
        thesis_nme=thesis_nme(prediction.vertices, dense_truth, initial=rigid),
        depth_error_mm=depth_error_mm(prediction.vertices, truth.vertices),
        shape_error_mm=shape_error_mm(prediction.vertices, truth.vertices),
    )


@lru_cache(maxsize=4)
def subdivision_of(triangles: bytes, n_vertices: int):
    """Return the subdivision matrix of (T, 3) int32 triangles; all faces share theirs."""
    return subdivision_matrix(np.frombuffer(triangles, np.int32).reshape(-1, 3), n_vertices)[0]


def evaluate_pairs(
    network: FaceNetwork,
    pairs: Iterable[FacePair],
    layout: UVLayout,
    mean_face: np.ndarray,
    region: np.ndarray | None = None,
    with_side: bool = True,
) -> Evaluation:
    """Score a network and the mean-face baseline on every pair.

    Args:
        network: from `facelib.networks`.
        pairs: people who were in no training set.
        layout: of the network's size.
        mean_face: (V, 3) float, px of the pairs' crop frame, from `mean_vertices`.
        region: (V,) bool, the vertices to compare; None: the layout's face.
        with_side: whether the network gets the side photos.

    Raises:
        NoSideError: if the network needs side photos and `with_side` is False.
    """
    region = layout.labels["face"] if region is None else region
    scores, mean_scores = [], []
    for pair in pairs:
        predicted = predict_vertices(network, pair, layout, with_side)
        scores.append(score_face(predicted, pair, layout.triangles, region))
        mean_scores.append(score_face(mean_face, pair, layout.triangles, region))
    return Evaluation(tuple(scores), tuple(mean_scores))
