"""Score a network on scans, MICC Florence, without correspondences: the thesis's test.

Chapter 11, and the thesis's chapter 5. Scans go in; surface distance and thesis NME come out. A
scan's vertices have no known correspondence to ours, so vertex, depth and shape error are unknown.
Points are cut to the evaluation region, surfaces are not: a point at the region's rim is also
measured against the surface beyond it, so the rim itself causes no error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.florence.reader import (
    REGION_RADIUS_MM,
    ScanViews,
    Subject,
    load_subject,
    photograph_scan,
    region_of_scan,
)
from facelib.datasets.florence.scan_pose import UprightScan
from facelib.evaluation.metrics import surface_offsets
from facelib.evaluation.scores import Evaluation, FaceScore
from facelib.evaluation.tables import ced_table, score_table
from facelib.geometry.mesh import Mesh, edges, submesh
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.subdivision import subdivision_matrix
from facelib.reconstruction.position_maps import predict_position_maps

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout
    from facelib.networks.base import FaceNetwork

REACH_MM = 140.0  # about the nose tip; no point of a scan beyond it is nearest to a face
DENSE_MM = 1.0  # the truth is subdivided to shorter edges, because a sparse truth sets a floor
MAX_SUBDIVISIONS = 3
NOSE_TIP = 30  # iBUG's number
THESIS = (
    "The thesis reports (tables 5.1 and 5.2), for 20 scans that it chose and without this region: "
    "PRN 0.0134, trained on synthetic faces 0.0164, after transfer 0.0074. Another metric's "
    "numbers: not to be read as a row of this table."
)


@dataclass(frozen=True)
class ScanTruth:
    """A scan, prepared once for every method that is scored on it.

    Attributes:
        surface: the part of the scan around the face, mm, head frame.
        region: (N,) bool, its vertices that are measured.
        dense_points: (P, 3) float64, points of the surface at most about 1 mm apart.
        keypoints_head: (68, 3) float64, mm, for the initial alignment.
    """

    surface: Mesh
    region: np.ndarray
    dense_points: np.ndarray
    keypoints_head: np.ndarray


@dataclass(frozen=True)
class ScanEvaluation:
    """Scores on scans, and the scans that could not be scored.

    Attributes:
        evaluation: of the network and of the mean face.
        left_out: one sentence per scan that was skipped.
        notes: one sentence per oddity of the scans that were scored.
    """

    evaluation: Evaluation
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def prepare_truth(scan: UprightScan) -> ScanTruth:
    """Cut a scan to the neighbourhood of its face and sample its surface densely.

    Raises:
        ValueError: if no part of the scan lies over the face.
    """
    near = np.linalg.norm(scan.mesh_head.vertices - scan.nose_tip_head, axis=1) <= REACH_MM
    region = region_of_scan(scan)
    if region.sum() < 3:
        raise ValueError("expected a surface about the nose tip, found none")
    surface = submesh(Mesh(scan.mesh_head.vertices, scan.mesh_head.triangles), near)
    return ScanTruth(surface, region[near], _dense_points(surface), scan.keypoints_head)


def _dense_points(surface: Mesh) -> np.ndarray:
    points, triangles = surface.vertices.astype(np.float64), surface.triangles
    for _ in range(MAX_SUBDIVISIONS):
        ends = points[edges(triangles)]
        if np.median(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)) <= DENSE_MM:
            break
        matrix, triangles = subdivision_matrix(triangles, len(points))
        points = matrix @ points
    return points


def region_of_prediction(vertices_mm: np.ndarray, layout: UVLayout) -> np.ndarray:
    """Choose the predicted vertices to measure, those of the face near the nose tip: (V,) bool.

    Args:
        vertices_mm: (V, 3) layout vertices in any frame, mm.
        layout: theirs.
    """
    from_nose = np.linalg.norm(vertices_mm - layout.keypoints(vertices_mm)[NOSE_TIP], axis=1)
    return layout.labels["face"] & (from_nose <= REGION_RADIUS_MM)


def score_scan(name: str, vertices_mm: np.ndarray, truth: ScanTruth, layout: UVLayout) -> FaceScore:
    """Score predicted vertices against a scan.

    Args:
        name: the subject's name.
        vertices_mm: (V, 3) float, layout vertices in a right-handed frame, mm.
        truth: from `prepare_truth`.
        layout: of the vertices.
    """
    vertices_mm = np.asarray(vertices_mm, dtype=np.float64)
    distance_mm = np.mean([
        np.linalg.norm(offsets, axis=1).mean()
        for offsets in scan_offsets(vertices_mm, truth, layout)
    ])  # fmt: skip
    nme = scan_nme(vertices_mm, truth, layout)
    return FaceScore(name, 0, np.nan, np.nan, float(distance_mm), nme)


def scan_offsets(
    vertices_mm: np.ndarray, truth: ScanTruth, layout: UVLayout
) -> tuple[np.ndarray, np.ndarray]:
    """Return `metrics.surface_offsets` of predicted vertices and a scan, cut to the region.

    Args:
        vertices_mm: (V, 3) float64, layout vertices in a right-handed frame, mm.
        truth: from `prepare_truth`.
        layout: of the vertices.
    """
    return surface_offsets(
        Mesh(vertices_mm, layout.triangles),
        truth.surface,
        umeyama(layout.keypoints(vertices_mm), truth.keypoints_head),
        region_of_prediction(vertices_mm, layout),
        truth.region,
    )


def scan_nme(vertices_mm: np.ndarray, truth: ScanTruth, layout: UVLayout) -> float:
    """Return the thesis's NME (5.1): rigid ICP, nearest dense point, / diagonal of the region.

    Arguments as for `scan_offsets`.
    """
    points_mm = vertices_mm[region_of_prediction(vertices_mm, layout)]
    initial = umeyama(layout.keypoints(vertices_mm), truth.keypoints_head, with_scale=False)
    similarity = icp(points_mm, truth.dense_points, initial, tolerance=1e-4).similarity
    distances = cKDTree(truth.dense_points).query(similarity.apply(points_mm))[0]
    diagonal = np.linalg.norm(np.ptp(truth.surface.vertices[truth.region], axis=0))
    return float(distances.mean() / diagonal)


def predict_head(
    network: FaceNetwork, views: ScanViews, layout: UVLayout, with_side: bool = True
) -> np.ndarray:
    """Return a network's vertices for two photos of a scan: (V, 3) float64, mm, head frame.

    The camera's scale is known, so the face's size is, too; its depth is known up to a shift.
    """
    fronts, sides = (photo[None].astype(np.float32) / 255 for photo in (views.front, views.side))
    position_map = predict_position_maps(network, fronts, sides if with_side else None)[0]
    return views.front_camera.image_to_head(layout.vertices(position_map))


def evaluate_scans(
    network: FaceNetwork,
    subjects: Sequence[Subject],
    layout: UVLayout,
    progress: Callable[[str], None] | None = None,
) -> ScanEvaluation:
    """Photograph scans, reconstruct them, and score a network and the mean-face baseline on each.

    A damaged scan, or one without a detectable face, is skipped and named.

    Args:
        network: from `facelib.networks`.
        subjects: from `list_subjects`.
        layout: of the network's size.
        progress: called with each subject's name when it is scored.

    Raises:
        ValueError: if no scan could be scored.
    """
    scores, mean_scores, left_out, notes = [], [], [], []
    for subject in subjects:
        try:
            scan = load_subject(subject)
            truth = prepare_truth(scan)
        except (ValueError, OSError) as error:
            left_out.append(f"{subject.name}: {error}")
            continue
        predicted = predict_head(network, photograph_scan(scan, network.size), layout)
        scores.append(score_scan(subject.name, predicted, truth, layout))
        mean_face = layout.references_head[0]
        mean_scores.append(score_scan(subject.name, mean_face, truth, layout))
        notes += [f"{subject.name}: {note}" for note in scan.notes]
        if progress:
            progress(subject.name)
    if not scores:
        raise ValueError("none of the scans could be scored: " + "; ".join(left_out))
    found = Evaluation(tuple(scores), tuple(mean_scores))
    return ScanEvaluation(found, tuple(left_out), tuple(notes))


def markdown_report(method: str, result: ScanEvaluation, stand_in: bool) -> str:
    """Write the thesis's table and CED, how scans were measured, and which were left out.

    Args:
        method: the network's name.
        result: its scores.
        stand_in: whether the scans are a stand-in.
    """
    title = "STAND-IN for MICC Florence, scans of synthetic people" if stand_in else "MICC Florence"
    about = [
        "Vertex, depth and shape error are unknown on scans: no vertex of a scan is known to be "
        "one of ours.",
        f"Measured within {REGION_RADIUS_MM:.0f} mm of the nose tip (the radius of Gecer et al., "
        "CVPR 2019), over the face. In brackets: median skill, the error / the mean face's on the "
        "same scan.",
    ]
    if not stand_in:
        about.append(THESIS)
    counted = [f"{len(result.left_out)} scans left out:"] if result.left_out else []
    blocks = [
        f"{title}:",
        score_table({method: result.evaluation}),
        ced_table(method, result.evaluation),
        "\n".join(about),
        "\n".join([*counted, *(f"- {line}" for line in result.left_out)]),
        "\n".join(f"- {line}" for line in result.notes),
    ]
    return "\n\n".join(block for block in blocks if block)
