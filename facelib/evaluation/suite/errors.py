"""The errors of one predicted face: as a whole, by axis and by region."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from facelib.evaluation.metrics import surface_distance_mm, thesis_nme
from facelib.evaluation.pairs import subdivision_of
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh, submesh
from facelib.geometry.registration import umeyama
from facelib.pairs.sample import FacePair
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize

REGIONS = ("forehead", "eyes", "nose", "cheeks", "mouth", "jaw")
AXES = ("across", "upright", "depth")
BROWS, MOUTH_CORNERS = slice(17, 27), [48, 54]  # iBUG's numbers
LOOKED_FROM_DEG = ((0, 0), (0, 40), (0, -40), (0, 80), (0, -80), (30, 0), (-30, 0))
LOOK_PX = 512  # of the pictures that tell which vertices are hidden
NEAR_MM = 1.0  # a vertex so near to the surface that a picture shows is seen


@lru_cache(maxsize=1)
def regions() -> dict[str, np.ndarray]:
    """Return (V,) bool per region of `REGIONS`, a partition of the layout's face.

    Eyes, nose and mouth are the layout's. Of the rest the forehead lies above the mean face's
    brows and the jaw below the corners of its mouth; the cheeks lie between them.
    """
    layout = load_layout()
    mean_face = layout.references_head[0]
    keypoints, height = layout.keypoints(mean_face), mean_face[:, 1]
    found = {name: layout.labels[name] & layout.labels["face"] for name in ("eyes", "nose")}
    found["mouth"] = layout.labels["mouth"] & layout.labels["face"]
    rest = layout.labels["face"] & ~np.any(list(found.values()), axis=0)
    above = height > keypoints[BROWS, 1].mean()
    below = height < keypoints[MOUTH_CORNERS, 1].mean()
    found |= {"forehead": rest & above, "jaw": rest & below, "cheeks": rest & ~above & ~below}
    return {name: found[name] for name in REGIONS}


@lru_cache(maxsize=1)
def outside() -> np.ndarray:
    """Return (V,) bool: the vertices of the layout's face that can be seen from in front.

    Insides of nostrils and lips are left out: their nearest surface is often another one, so that
    they count as errors of any method. They are those of the mean face, for every face.
    """
    layout = load_layout()
    mean_face = layout.references_head[0].astype(np.float64)
    mean_face -= mean_face.mean(axis=0)
    looks = [_seen_from(mean_face, layout.triangles, *angles) for angles in LOOKED_FROM_DEG]
    return np.any(looks, axis=0) & layout.labels["face"]


def _seen_from(
    vertices: np.ndarray, triangles: np.ndarray, pitch_deg: float, yaw_deg: float
) -> np.ndarray:
    """Whether each of (N, 3) vertices, mm, is what a camera far away sees at its place."""
    pose, per_mm = np.radians([pitch_deg, yaw_deg, 0]), LOOK_PX / (1.2 * np.ptp(vertices))
    camera = Camera.orthographic(tuple(pose), per_mm, LOOK_PX, LOOK_PX)
    vertices_image = camera.head_to_image(vertices)
    picture = rasterize(vertices_image, triangles, LOOK_PX, LOOK_PX)
    column, row = np.rint(vertices_image[:, :2]).astype(int).T
    depth = np.where(picture.covered, picture.depth, -np.inf)[row, column]
    return vertices_image[:, 2] >= depth - NEAR_MM * per_mm


def quick_errors(prediction_crop: np.ndarray, pair: FacePair) -> dict[str, float]:
    """Return the errors that need no search for nearest points, mm.

    Args:
        prediction_crop: (V, 3) float, px of the pair's front crop.
        pair: the truth.

    Returns:
        `vertex_mm`, `shape_mm`, their parts along the axes of the crop, and the shape error by
        region; the shape error is what remains after one similarity for the whole face.
    """
    face = load_layout().labels["face"]
    prediction, truth = (
        np.asarray(v, np.float64) / pair.px_per_mm for v in (prediction_crop, pair.vertices_image)
    )
    off = prediction - truth
    laid = umeyama(prediction[face], truth[face]).apply(prediction) - truth
    found = {"vertex_mm": _mean_length(off[face]), "shape_mm": _mean_length(laid[face])}
    for axis, name in enumerate(AXES):
        found[f"vertex_{name}_mm"] = float(np.abs(off[face, axis]).mean())
        found[f"shape_{name}_mm"] = float(np.abs(laid[face, axis]).mean())
    return found | {f"{name}_mm": _mean_length(laid[m]) for name, m in regions().items()}


def all_errors(prediction_crop: np.ndarray, pair: FacePair) -> dict[str, float]:
    """Return `quick_errors`, the surface distance, and the thesis's NME.

    `surface_mm` measures what can be seen from outside; `surface_with_hidden_mm` everything, as
    the thesis's NME does.
    """
    layout = load_layout()
    face, seen = layout.labels["face"], outside()
    prediction, truth = (
        submesh(Mesh(np.asarray(v, np.float64) / pair.px_per_mm, layout.triangles), face)
        for v in (prediction_crop, pair.vertices_image)
    )
    start = umeyama(prediction.vertices, truth.vertices)
    rigid = umeyama(prediction.vertices, truth.vertices, with_scale=False)
    dense = subdivision_of(truth.triangles.tobytes(), len(truth.vertices)) @ truth.vertices
    visible = seen[face]
    return quick_errors(prediction_crop, pair) | {
        "surface_mm": surface_distance_mm(prediction, truth, start, visible, visible),
        "surface_with_hidden_mm": surface_distance_mm(prediction, truth, start),
        "thesis_nme": thesis_nme(prediction.vertices, dense, initial=rigid),
    }


def _mean_length(offsets: np.ndarray) -> float:
    return float(np.linalg.norm(offsets, axis=1).mean())
