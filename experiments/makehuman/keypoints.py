"""The 68 iBUG keypoints on the mean head: placed by hand in mm, tied to the mesh here."""

from __future__ import annotations

import numpy as np

from facelib.face.headmodel import MIRRORED_KEYPOINTS
from makehuman.mesh import HeadMesh

N_CANDIDATES = 40  # triangles near a point among which the closest is searched

# Keypoint → (x, y, z) on the mean head, mm, for the image's left half; the rest is mirrored.
# On the surface: the closest point of the skin. On lids and lips: the closest vertex of that rim.
KEYPOINTS_SURFACE = {
    0: (-72, 12, 12), 1: (-71, -8, 12), 2: (-69, -28, 14), 3: (-66, -46, 20), 4: (-60, -63, 28),
    5: (-50, -77, 40), 6: (-37, -86, 55), 7: (-20, -92, 68),
    17: (-51, 24, 58), 18: (-44, 30, 66), 19: (-34, 32.5, 74), 20: (-24, 31.5, 79),
    21: (-13, 28, 83),
    31: (-14, -29.5, 84), 32: (-7, -32, 88),
    48: (-23.5, -54, 77), 49: (-15, -48.5, 86), 50: (-6, -46, 92),
    59: (-15, -61.5, 84), 58: (-7, -65, 88),
}  # fmt: skip
KEYPOINTS_MIDLINE = {
    8: (0, -94, 75), 27: (0, 12, 85), 28: (0, 1, 90), 29: (0, -10, 97), 30: (0, -23, 103),
    33: (0, -33, 91), 51: (0, -47, 94), 57: (0, -66.5, 87),
}  # fmt: skip
KEYPOINTS_LIDS = {
    36: (-40.8, 13, 65.4), 37: (-36, 16.8, 70), 38: (-26, 17.2, 72), 39: (-19, 11.5, 70.7),
    40: (-26, 9.2, 71.5), 41: (-35.8, 9.8, 69),
}  # fmt: skip
KEYPOINTS_LIPS = {60: (-19.5, -53.2, 77), 61: (-7.8, -51.8, 84.8), 67: (-7.8, -53, 85)}
KEYPOINTS_LIPS_MIDLINE = {62: (0, -52.3, 85.4), 66: (0, -53.5, 86.7)}


def place_keypoints(
    mean_head: np.ndarray, triangles: np.ndarray, mesh: HeadMesh, mirror: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Tie the 68 keypoints to the mesh.

    Args:
        mean_head: (V, 3) float64, mm, head frame.
        triangles: (T, 3) int.
        mesh: for its skin and rims.
        mirror: (V,) int, each vertex's twin.

    Returns:
        vertex ids (68, 3) int and barycentric weights (68, 3) float64.

    Raises:
        ValueError: if a keypoint has no position.
    """
    ids, weights = np.zeros((68, 3), int), np.tile([1.0, 0, 0], (68, 1))
    skin_triangles = triangles[mesh.skin[triangles].all(1)]
    on_midline = mirror == np.arange(len(mirror))
    midline = np.flatnonzero(on_midline & mesh.skin)
    for index, point in KEYPOINTS_SURFACE.items():
        ids[index], weights[index] = _closest_on_surface(point, mean_head, skin_triangles)
    for index, point in KEYPOINTS_MIDLINE.items():
        ids[index], weights[index] = _closest_on_midline(point, mean_head, midline)
    for points, rim in (
        (KEYPOINTS_LIDS, mesh.rims["lids"]),
        (KEYPOINTS_LIPS, mesh.rims["lips"]),
        (KEYPOINTS_LIPS_MIDLINE, np.intersect1d(mesh.rims["lips"], np.flatnonzero(on_midline))),
    ):
        for index, point in points.items():
            ids[index] = rim[np.linalg.norm(mean_head[rim] - point, axis=1).argmin()]
    for index, twin in enumerate(MIRRORED_KEYPOINTS):
        if ids[index].any() and mean_head[ids[index, 0], 0] < 0:
            ids[twin], weights[twin] = mirror[ids[index]], weights[index]
    missing = np.flatnonzero(~ids.any(1))
    if len(missing):
        raise ValueError(f"keypoints {missing} were not placed")
    return ids, weights


def _closest_on_surface(
    point: tuple[float, float, float], vertices: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the closest point's triangle (3,) int and barycentric weights (3,)."""
    centres = vertices[triangles].mean(1)
    nearest = np.argsort(np.linalg.norm(centres - point, axis=1))[:N_CANDIDATES]
    best = (np.inf, None, None)
    for corners in triangles[nearest]:
        a, b, c = vertices[corners]
        plane = np.stack([b - a, c - a], 1)
        s, t = np.linalg.lstsq(plane, point - a, rcond=None)[0]
        weights = np.clip([1 - s - t, s, t], 0, None)
        weights /= weights.sum()
        distance = np.linalg.norm(weights @ vertices[corners] - point)
        if distance < best[0]:
            best = (distance, corners, weights)
    return best[1], best[2]


def _closest_on_midline(
    point: tuple[float, float, float], vertices: np.ndarray, midline: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the closest point on the chain of midline vertices, as ids (3,) and weights (3,)."""
    near = midline[np.argsort(np.linalg.norm(vertices[midline] - point, axis=1))[:2]]
    start, end = vertices[near]
    t = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.array([*near, near[0]]), np.array([1 - t, t, 0])
