"""Trials of the fit: random heads with known shape, and simulated measurements of their points.

Points of a random head are projected into photos and moved by noise. The result of a fit is what
geometry allows, independent of the network that finds the points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.geometry.mesh import vertex_normals
from facelib.render.camera import Camera
from facelib.synthetic.light.lens import random_lens
from facelib.synthetic.people.expressions import random_strengths
from facelib.synthetic.people.population import load_population, random_shape, random_traits
from facelib.synthetic.viewpoint import frame_head, random_pose_deg

INDEPENDENT = SharedNoise()


@dataclass(frozen=True)
class Trial:
    """A head and the points seen of it.

    Attributes:
        vertices_head: (V, 3) true layout vertices, mm, head frame.
        photos: points in the front photo and in the side photo.
        cameras: the true ones.
    """

    vertices_head: np.ndarray
    photos: tuple[SeenPoints, ...]
    cameras: tuple[Camera, ...]


def held_out_head(rng: np.random.Generator) -> np.ndarray:
    """Draw a head that no training set has, with an expression: (V, 3) layout vertices, mm."""
    shape = random_shape(rng, random_traits(rng), load_population(), held_out=True)
    strengths = random_strengths(rng, load_head().expression_names)
    return load_layout().from_head @ load_head().vertices(shape, strengths)


def see_head(
    rng: np.random.Generator,
    vertices_head: np.ndarray,
    points: np.ndarray,
    noise_mm: float,
    pose_deg: Sequence[float],
    noise: SharedNoise = INDEPENDENT,
    distance_mm: float | None = None,
    hidden_visibility: float = 1.0,
    size: int = 256,
) -> tuple[SeenPoints, Camera]:
    """Photograph a head, and return points of the photo with noise.

    Args:
        rng: draws.
        vertices_head: (V, 3) mm.
        points: (N,) layout vertices.
        noise_mm: standard deviation of a point along x and along y, at the head's distance.
        pose_deg: pitch, yaw, roll.
        noise: correlation of neighbours' errors.
        distance_mm: of the camera; a random lens decides if None.
        hidden_visibility: visibility of points on the side facing away from the camera.
        size: px, side of the crop.
    """
    distance_mm = distance_mm or random_lens(rng).distance_mm
    keypoints = load_layout().keypoints(vertices_head)
    camera = frame_head(keypoints, np.asarray(pose_deg), distance_mm, size, rng).camera
    patterns = noise.patterns(shipped_prior().mean_head[points])  # as the fit assumes them
    own = np.sqrt(np.maximum(1 - np.square(patterns).sum(axis=1), 0))[:, None]
    errors = patterns @ rng.standard_normal((patterns.shape[1], 2))
    errors += own * rng.standard_normal((len(points), 2))
    deviation_px = noise_mm * camera.scale
    places = camera.head_to_image(vertices_head[points])[:, :2] + deviation_px * errors
    normals = vertex_normals(vertices_head, load_layout().triangles)[points]
    to_eye = -camera.head_to_eye(vertices_head[points]) @ camera.rotation
    visibility = np.where(np.sum(normals * to_eye, axis=1) > 0, 1.0, hidden_visibility)
    seen = SeenPoints.at(points, places, deviation_px, visibility, width=size, height=size)
    return seen, camera


def random_trial(
    rng: np.random.Generator,
    points: np.ndarray,
    noise_mm: float,
    noise: SharedNoise = INDEPENDENT,
    hidden_visibility: float = 1.0,
) -> Trial:
    """Measure a held-out head from the front and from the side, in the thesis's poses."""
    vertices_head = held_out_head(rng)
    options = {"noise": noise, "hidden_visibility": hidden_visibility}
    seen = [
        see_head(rng, vertices_head, points, noise_mm, random_pose_deg(rng, side), **options)
        for side in (False, True)
    ]
    photos, cameras = zip(*seen, strict=True)
    return Trial(vertices_head, photos, cameras)


@lru_cache(maxsize=8)
def spread_points(count: int) -> np.ndarray:
    """Choose (count,) layout vertices all over the face by farthest-point sampling."""
    layout = load_layout()
    places = (layout.from_head @ load_head().mean_head).astype(np.float32)
    candidates = np.flatnonzero(layout.labels["face"] & ~layout.labels["membrane"])
    places, chosen = places[candidates], [int(places[candidates, 2].argmax())]
    nearest = np.full(len(candidates), np.inf)
    while len(chosen) < count:
        step = np.square(places - places[chosen[-1]]).sum(axis=1)
        nearest = np.minimum(nearest, step)
        chosen.append(int(nearest.argmax()))
    return candidates[chosen]
