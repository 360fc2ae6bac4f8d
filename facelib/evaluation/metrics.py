"""Distances between a predicted face and the true one: arrays and meshes in, one number out.

Chapter 11. No two of the three main numbers are comparable with each other, nor with another
paper's:

- *vertex error* (mm): mean distance between corresponding vertices, without alignment. Two parts of
  it are measured too: *depth error*, along the line of sight, which one photo constrains least, and
  *shape error*, which remains after the best similarity.
- *surface distance* (mm): after a similarity alignment, point to surface, both ways, averaged.
- *thesis NME*: mean distance to the nearest true vertex after rigid ICP / bounding-box diagonal.

Lower is better for each. Next to each stands its *skill*: the error / the error of the mean-face
baseline on the same face. The baseline is the mean of a training set, whatever the photo
shows. A skill of 1 means that the photos did not help.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from facelib.geometry.mesh import Mesh
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.surface import nearest_surface_finder
from facelib.geometry.transforms import Similarity

BOXES = ("truth", "prediction")
ROUNDING = 1e-6  # mm, or share: a mean face that is off by no more is the face itself
MAX_ALIGNMENT_POINTS = 1000
"""Largest number of vertices, evenly chosen, for aligning to a surface; all are scored."""


def vertex_error_mm(prediction: np.ndarray, truth: np.ndarray, px_per_mm: float = 1.0) -> float:
    """Return the mean distance between corresponding vertices, mm, without alignment.

    Args:
        prediction: (V, 3) float, in the truth's frame (mostly the crop frame).
        truth: (V, 3) float.
        px_per_mm: units of the points per mm.

    Raises:
        ValueError: if the shapes differ or ``px_per_mm`` is not above 0.

    Examples:
        >>> import numpy as np
        >>> vertex_error_mm(np.eye(3) + [0, 0, 3], np.eye(3))
        3.0
    """
    if not px_per_mm > 0:
        raise ValueError(f"px_per_mm must be above 0, got {px_per_mm}")
    return float(np.linalg.norm(_difference(prediction, truth), axis=1).mean() / px_per_mm)


def depth_error_mm(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean |Δz| between corresponding vertices, without alignment.

    Args:
        prediction: (V, 3) float, mm, in the truth's frame, whose z is along the line of sight.
        truth: (V, 3) float, mm.

    Raises:
        ValueError: if the shapes differ.
    """
    return float(np.abs(_difference(prediction, truth)[:, 2]).mean())


def shape_error_mm(prediction: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean distance between corresponding vertices after a similarity alignment, mm.

    The similarity minimises the squared distance between corresponding vertices (`umeyama`): a face
    of the right shape in the wrong place scores 0. Unlike the surface distance, this error counts
    vertices that slide along the surface.

    Args:
        prediction: (V, 3) float, any unit and frame of the truth's handedness.
        truth: (V, 3) float, mm.

    Raises:
        ValueError: if the shapes differ, or all points of one of them coincide.

    Examples:
        >>> import numpy as np
        >>> truth = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
        >>> round(shape_error_mm(5 * truth + [7, 0, 0], truth), 9)  # place and size do not count
        0.0
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

    The result averages two means of `surface_offsets`, whose arguments it takes: over the predicted
    points and over the true ones. Each point is measured against the whole other surface, so a part
    that only one mesh has counts as error: choose vertices, or cut both meshes to the face first
    (`submesh`).
    """
    offsets = surface_offsets(prediction, truth, initial, measured, true_measured)
    return sum(_mean_length(each) for each in offsets) / 2


def surface_offsets(
    prediction: Mesh,
    truth: Mesh,
    initial: Similarity | None = None,
    measured: np.ndarray | None = None,
    true_measured: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Align a surface to another by ICP with scale, and measure both ways.

    Args:
        prediction: any unit and frame of the truth's handedness.
        truth: vertices in mm.
        initial: prediction → truth, close enough for ICP to converge; None: the identity.
        measured: (V,) bool, the predicted vertices to align and measure; None: all.
        true_measured: (N,) bool, the true vertices to measure; None: all.

    Returns:
        (P, 3) from the aligned predicted vertices to the true surface, and (T, 3) from the true
        vertices to the predicted surface: mm, in the truth's frame.
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
    points, true_points = found.similarity.apply(points), _chosen(truth, true_measured)
    return on_truth(points) - points, on_prediction(true_points) - true_points


def _chosen(mesh: Mesh, chosen: np.ndarray | None) -> np.ndarray:
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    return vertices if chosen is None else vertices[chosen]


def _mean_length(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=1).mean())


def thesis_nme(
    prediction: np.ndarray,
    truth: np.ndarray,
    box: str = "truth",
    initial: Similarity | None = None,
) -> float:
    """Return the thesis's normalised mean error (equation 5.1): lenient, kept for comparison.

    Rigid ICP aligns the prediction to the truth. The mean distance from each predicted vertex to
    the nearest true vertex is divided by the diagonal of a bounding box. A sparse truth sets a
    floor: subdivide it first.

    Args:
        prediction: (N, 3) float.
        truth: (M, 3) float, the same unit.
        box: of the "truth" (the thesis's code) or of the aligned "prediction" (its text).
        initial: prediction → truth, where ICP starts; None: the identity.

    Raises:
        ValueError: if ``box`` is neither.
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

    Examples:
        >>> import numpy as np
        >>> ced(np.array([0.5, 1.0, 2.0, 4.0]), np.array([1, 3])).tolist()
        [0.5, 0.75]
    """
    errors = np.sort(np.asarray(errors, dtype=np.float64))
    if errors.ndim != 1 or len(errors) == 0:
        raise ValueError(f"errors must be (F,) with F of 1 or more, got {errors.shape}")
    return np.searchsorted(errors, thresholds, side="right") / len(errors)


def skill(errors: np.ndarray, mean_face_errors: np.ndarray) -> np.ndarray:
    """Return each error / the mean-face baseline's on the same face; below 1 the photos helped.

    NaN where the mean face is the face itself, as in a set of one face.

    Examples:
        >>> skill([1.0, 3.0], [4.0, 2.0]).tolist()
        [0.25, 1.5]
    """
    errors, mean_face_errors = np.asarray(errors), np.asarray(mean_face_errors)
    if errors.shape != mean_face_errors.shape:
        raise ValueError(f"expected equal shapes, got {errors.shape}, {mean_face_errors.shape}")
    return errors / np.where(mean_face_errors > ROUNDING, mean_face_errors, np.nan)
