"""How far off is a predicted face? Three numbers, and what a network that looks away would score.

Chapter 09. No two of the three numbers are comparable with each other, nor with another paper's:

- *vertex error* (mm): mean distance between a predicted vertex and the true one, nothing aligned.
  Two parts of it stand beside it: *depth error*, along the line of sight, of which one photo tells
  least, and *shape error*, what is left when place, turn and size are forgiven.
- *surface distance* (mm): after a similarity alignment, point to surface, both ways, averaged.
- *thesis NME*: mean distance to the nearest true vertex after rigid ICP / bounding-box diagonal.

Each is lower the better, and each stands beside its *skill*: the error divided by the error of the
mean face on the same face. The mean face is the mean, over a training set, of the layout's vertices
in the crop frame: the best answer of a network that does not look at its input. A skill of 1 means
that the photos did not help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from facelib.geometry.mesh import Mesh, subdivision_matrix, submesh
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.surface import nearest_surface_finder
from facelib.geometry.transforms import Similarity
from facelib.imaging.crop import Crop
from facelib.reconstruction.reconstruct import predict_position_maps

if TYPE_CHECKING:
    from torch import nn

    from facelib.face.layout import UVLayout
    from facelib.pairs.store import FacePair

NME_THRESHOLD = 0.01
"""Tables 5.1 and 5.2 give the share of faces whose thesis NME is below this."""
BOXES = ("truth", "prediction")
SOURCES = {"synthetic": "synthetic people", "facegen": "FaceGen's people", "300W-LP": "300W-LP"}
MAX_ALIGNMENT_POINTS = 1000
"""Alignment to a surface follows at most so many vertices, evenly taken; all of them are scored."""


@dataclass(frozen=True)
class FaceScore:
    """What one method scored on one face.

    Attributes:
        face: the pair's name.
        identity: whose face it is.
        vertex_error_mm: mean over vertices, no alignment; NaN where the truth is a scan, whose
            vertices are nobody's.
        vertex_error_share: the same / mean side of the true face's box in the image; or NaN.
        surface_distance_mm: both ways, after similarity alignment.
        thesis_nme: one way, after rigid ICP, / diagonal of the true face's box.
        depth_error_mm: mean over vertices of |Δz| in the crop frame, no alignment; or NaN.
        shape_error_mm: mean over vertices, after the similarity that suits them best; or NaN.
    """

    face: str
    identity: int
    vertex_error_mm: float
    vertex_error_share: float
    surface_distance_mm: float
    thesis_nme: float
    depth_error_mm: float = np.nan
    shape_error_mm: float = np.nan


METRICS = tuple(field.name for field in fields(FaceScore))[2:]


@dataclass(frozen=True)
class Column:
    """How one of `METRICS` is shown in a table: its heading, digits, and a factor for the unit."""

    metric: str
    heading: str
    digits: int = 2
    factor: int = 1


COLUMNS = (
    Column("vertex_error_mm", "vertex error, mm"),
    Column("vertex_error_share", "vertex error, % of face box", factor=100),
    Column("depth_error_mm", "depth error, mm"),
    Column("shape_error_mm", "shape error, mm"),
    Column("surface_distance_mm", "surface distance, mm"),
    Column("thesis_nme", "thesis NME", digits=4),
)


@dataclass(frozen=True)
class Evaluation:
    """A method's scores and the mean face's on the same faces, in the same order."""

    scores: tuple[FaceScore, ...]
    mean_face: tuple[FaceScore, ...]

    def skill(self, metric: str) -> np.ndarray:
        """Return (F,) error / the mean face's error, face by face, for one of `METRICS`."""
        return skill(values(self.scores, metric), values(self.mean_face, metric))


def vertex_error_mm(prediction: np.ndarray, truth: np.ndarray, px_per_mm: float = 1.0) -> float:
    """Return the mean distance between corresponding vertices, mm, with nothing aligned.

    Args:
        prediction: (V, 3) float, one frame with the truth (the crop frame, mostly).
        truth: (V, 3) float.
        px_per_mm: units of the points per mm.

    Raises:
        ValueError: if the shapes differ or ``px_per_mm`` is not above 0.
    """
    if not px_per_mm > 0:
        raise ValueError(f"px_per_mm must be above 0, got {px_per_mm}")
    return float(np.linalg.norm(_difference(prediction, truth), axis=1).mean() / px_per_mm)


def depth_error_mm(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean |Δz| between corresponding vertices, with nothing aligned.

    Args:
        prediction: (V, 3) float, mm, one frame with the truth, whose z is along the line of sight.
        truth: (V, 3) float, mm.

    Raises:
        ValueError: if the shapes differ.
    """
    return float(np.abs(_difference(prediction, truth)[:, 2]).mean())


def shape_error_mm(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean distance between corresponding vertices when the pose is forgiven, mm.

    The prediction is laid on the truth by the similarity with the least squared distance between
    corresponding vertices (`umeyama`): a face of the right shape in a wrong place scores 0. Unlike
    the surface distance, it counts what slides along the surface.

    Args:
        prediction: (V, 3) float, any unit and frame of the truth's handedness.
        truth: (V, 3) float, mm.

    Raises:
        ValueError: if the shapes differ, or all points of one of them coincide.
    """
    return vertex_error_mm(umeyama(prediction, truth).apply(prediction), truth)


def _difference(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    if prediction.shape != truth.shape or prediction.ndim != 2:
        raise ValueError(f"expected two equal (V, 3), got {prediction.shape} and {truth.shape}")
    return prediction - truth


def surface_distance_mm(
    prediction: Mesh,
    truth: Mesh,
    initial: Similarity | None = None,
    measured: np.ndarray | None = None,
    true_measured: np.ndarray | None = None,
) -> float:
    """Return the mean distance between two surfaces after a similarity alignment, mm.

    The prediction is laid on the truth's surface by ICP with scale. Then the mean distance of its
    measured vertices to the true surface and that of the true ones to its surface are averaged. A
    point is measured against the whole other surface, so what only one of two meshes has counts as
    error where it is measured: choose vertices, or cut both meshes to the face first (`submesh`).

    Args:
        prediction: any unit and frame of the truth's handedness.
        truth: vertices in mm.
        initial: prediction → truth, within ICP's reach of the answer; None starts as they lie.
        measured: (V,) bool, the predicted vertices that are aligned and measured; None takes all.
        true_measured: (N,) bool, the true vertices that are measured; None takes all.
    """
    on_truth = nearest_surface_finder(truth.vertices, truth.triangles)
    points = _chosen(prediction, measured)
    found = icp(
        points[:: -(-len(points) // MAX_ALIGNMENT_POINTS)],
        truth.vertices,
        initial,
        with_scale=True,
        max_iterations=20,
        tolerance=1e-3,
        closest=on_truth,
    )
    aligned = found.similarity.apply(prediction.vertices)
    on_prediction = nearest_surface_finder(aligned, prediction.triangles)
    there = _mean_distance(on_truth, found.similarity.apply(points))
    return (there + _mean_distance(on_prediction, _chosen(truth, true_measured))) / 2


def _chosen(mesh: Mesh, chosen: np.ndarray | None) -> np.ndarray:
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    return vertices if chosen is None else vertices[chosen]


def _mean_distance(nearest: Callable[[np.ndarray], np.ndarray], points: np.ndarray) -> float:
    return float(np.linalg.norm(nearest(points) - points, axis=1).mean())


def thesis_nme(
    prediction: np.ndarray,
    truth: np.ndarray,
    box: str = "truth",
    initial: Similarity | None = None,
) -> float:
    """Return the thesis's normalised mean error (equation 5.1): forgiving, for continuity only.

    Rigid ICP lays the prediction on the truth, then the mean distance from each predicted vertex to
    the nearest true vertex is divided by the diagonal of a bounding box. A sparse truth sets a
    floor: subdivide it first.

    Args:
        prediction: (N, 3) float.
        truth: (M, 3) float, the same unit.
        box: whose box: "truth" (the thesis's code) or the aligned "prediction" (its text).
        initial: prediction → truth, where ICP starts; None starts as they lie.

    Raises:
        ValueError: if ``box`` is another word.
    """
    if box not in BOXES:
        raise ValueError(f"box must be one of {BOXES}, got {box!r}")
    similarity = icp(prediction, truth, initial, tolerance=1e-4).similarity
    aligned = similarity.apply(prediction)
    distances = cKDTree(truth).query(aligned)[0]
    boxed = truth if box == "truth" else aligned
    return float(distances.mean() / np.linalg.norm(np.ptp(boxed, axis=0)))


def ced(errors: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Return the cumulative error distribution: the share of errors at or below each threshold.

    Args:
        errors: (F,) float, one per face.
        thresholds: (T,) float.

    Returns:
        (T,) float64, 0 to 1.

    Raises:
        ValueError: if there are no errors.
    """
    errors = np.sort(np.asarray(errors, dtype=np.float64))
    if errors.ndim != 1 or len(errors) == 0:
        raise ValueError(f"errors must be (F,) with F of 1 or more, got {errors.shape}")
    return np.searchsorted(errors, thresholds, side="right") / len(errors)


def skill(errors: np.ndarray, mean_face_errors: np.ndarray) -> np.ndarray:
    """Return each error / the mean face's error on the same face; below 1 the photos helped."""
    errors, mean_face_errors = np.asarray(errors), np.asarray(mean_face_errors)
    if errors.shape != mean_face_errors.shape:
        raise ValueError(f"expected equal shapes, got {errors.shape}, {mean_face_errors.shape}")
    return errors / mean_face_errors


def mean_vertices(pairs: Iterable[FacePair]) -> np.ndarray:
    """Return the mean face of a training set: (V, 3) float64, px of the crop frame."""
    total, n_pairs = 0.0, 0
    for pair in pairs:
        total, n_pairs = total + pair.vertices_image.astype(np.float64), n_pairs + 1
    if n_pairs == 0:
        raise ValueError("expected one pair or more, got none")
    return total / n_pairs


def predict_vertices(
    network: nn.Module, pair: FacePair, layout: UVLayout, with_side: bool = True
) -> np.ndarray:
    """Return a network's vertices for a pair, (V, 3) float64, px of the pair's front crop.

    Pairs of another size than the network's are brought to its size, and the answer back. Without
    the side the network is told that there is none.
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
        region: (V,) bool, the vertices that are compared; None compares all.
    """
    keep = np.ones(len(prediction_crop), bool) if region is None else region
    truth_crop = pair.vertices_image.astype(np.float64)
    meshes = [
        submesh(Mesh(points / pair.px_per_mm, triangles), keep)
        for points in (np.asarray(prediction_crop, dtype=np.float64), truth_crop)
    ]
    prediction, truth = meshes
    dense_truth = _subdivision(truth.triangles.tobytes(), len(truth.vertices)) @ truth.vertices
    error_mm = vertex_error_mm(prediction.vertices, truth.vertices)
    # The true correspondence starts both ICPs near their answer; it does not enter the scores.
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
def _subdivision(triangles: bytes, n_vertices: int):
    """Return the subdivision matrix of (T, 3) int32 triangles; all faces share theirs."""
    return subdivision_matrix(np.frombuffer(triangles, np.int32).reshape(-1, 3), n_vertices)[0]


def evaluate_pairs(
    network: nn.Module,
    pairs: Iterable[FacePair],
    layout: UVLayout,
    mean_face: np.ndarray,
    region: np.ndarray | None = None,
    with_side: bool = True,
) -> Evaluation:
    """Score a network, and the mean face beside it, on every pair.

    Args:
        network: from `facelib.networks`.
        pairs: people that were in no training set.
        layout: of the network's size.
        mean_face: (V, 3) float, px of the pairs' crop frame, from `mean_vertices`.
        region: (V,) bool, the vertices that are compared; None takes the layout's face.
        with_side: whether the network sees the side photos.

    Raises:
        ValueError: if the network needs side photos and is given none.
    """
    region = layout.labels["face"] if region is None else region
    scores, mean_scores = [], []
    for pair in pairs:
        predicted = predict_vertices(network, pair, layout, with_side)
        scores.append(score_face(predicted, pair, layout.triangles, region))
        mean_scores.append(score_face(mean_face, pair, layout.triangles, region))
    return Evaluation(tuple(scores), tuple(mean_scores))


def values(scores: Sequence[FaceScore], metric: str) -> np.ndarray:
    """Return (F,) one of `METRICS` of every face."""
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}, got {metric!r}")
    return np.array([getattr(score, metric) for score in scores])


def markdown_table(methods: Mapping[str, Evaluation]) -> str:
    """Write methods, and the mean face under them, as a Markdown table: mean (median skill).

    A number that no method has, as vertex error where scans are the truth, has no column.

    Args:
        methods: name → evaluation; all on the same faces.

    Raises:
        ValueError: if there is none, or they saw different faces.
    """
    evaluations = list(methods.values())
    faces = {tuple(score.face for score in evaluation.scores) for evaluation in evaluations}
    if len(faces) != 1:
        raise ValueError(f"expected methods scored on the same faces, got {len(faces)} sets")
    mean_face = Evaluation(evaluations[0].mean_face, evaluations[0].mean_face)
    rows = {**methods, "mean face (looks at no photo)": mean_face}
    columns = [c for c in COLUMNS if any(_is_known(rows[name], c.metric) for name in rows)]
    heads = [f"{len(mean_face.scores)} faces: mean (skill)", *(c.heading for c in columns)]
    lines = [
        "| " + " | ".join([*heads, f"NME ≤ {NME_THRESHOLD:g}"]) + " |",
        "|" + "---|" * (len(heads) + 1),
    ]
    return "\n".join(lines + [_row(name, evaluation, columns) for name, evaluation in rows.items()])


def title_of(settings: Mapping[str, object]) -> str:
    """Say whose faces a set of pairs shows, and whether they are a stand-in's.

    Args:
        settings: of the set, from its manifest.
    """
    source = SOURCES.get(str(settings.get("source")), "faces of unknown origin")
    return f"STAND-IN for {source}" if settings.get("stand_in") else source


def _is_known(evaluation: Evaluation, metric: str) -> bool:
    return not np.isnan(values(evaluation.scores, metric).mean())


def _row(name: str, evaluation: Evaluation, columns: Sequence[Column]) -> str:
    cells = [name]
    for column in columns:
        if not _is_known(evaluation, column.metric):
            cells.append("unknown")
            continue
        mean = column.factor * values(evaluation.scores, column.metric).mean()
        skills = evaluation.skill(column.metric)
        cells.append(f"{mean:.{column.digits}f} ({np.median(skills):.2f})")
    under = ced(values(evaluation.scores, "thesis_nme"), np.array([NME_THRESHOLD]))[0]
    return "| " + " | ".join([*cells, f"{under:.0%}"]) + " |"
