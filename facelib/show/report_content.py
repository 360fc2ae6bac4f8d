"""What a report on one reconstruction shows: plain arrays, cameras and meshes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from facelib.geometry.mesh import Mesh
from facelib.render.camera import Camera


@dataclass(frozen=True, eq=False)
class ReportPhoto:
    """One photo, and where the head is in it.

    Attributes:
        view: "front" or "side".
        file_name: as its owner calls it.
        pixels: (H, W, 3) RGB, float32 in 0..1 or uint8.
        vertices_image: (V, 3) the face's vertices, px of the photo, larger z nearer.
        keypoints_image: (68, 3) px of the photo.
        camera: px of the photo; None where no head was fitted.
        focal_known: whether the focal length comes from the photo's file; else it was estimated.
        note: a sentence about what was changed when the file was read, or nothing.
    """

    view: str
    file_name: str
    pixels: np.ndarray
    vertices_image: np.ndarray
    keypoints_image: np.ndarray
    camera: Camera | None = None
    focal_known: bool = False
    note: str = ""


@dataclass(frozen=True, eq=False)
class SurfaceLayer:
    """A picture on the head's uv page that explains its texture.

    Attributes:
        name: a few words.
        picture: (S, S, 3) float32 RGB in 0..1.
        legend: what each colour means: (3,) RGB in 0..1 and words.
        text: a caption.
    """

    name: str
    picture: np.ndarray
    legend: tuple[tuple[tuple[float, float, float], str], ...]
    text: str


@dataclass(frozen=True, eq=False)
class ReportContent:
    """One reconstruction.

    Attributes:
        glb: the head's file, with its morph targets.
        head: the same head with the photo's expression, mm, head frame, with uv and texture.
        normals_head: (N, 3) float32 of its vertices, alike across the seams of its texture.
        head_deviations_mm: (N,) standard deviation of each of its vertices; None if not known.
        photos: the front photo, and the side photo if there is one.
        face_triangles: (T, 3) of the face's vertices in the photos.
        region_deviations_mm: mean deviation by the region's name.
        position_map: (S, S, 3) px of the front crop.
        covered: (S, S) bool, texels of the position map that hold a face point.
        layers: further pictures on the head.
        warnings: what seems wrong with the photos, one sentence each.
        expression: strengths of the facial actions in the front photo, by ARKit's name.
        seconds: how long each step took, in the steps' order.
        facts: further lines for the report's end, such as the network's name.
    """

    glb: bytes
    head: Mesh
    normals_head: np.ndarray
    photos: tuple[ReportPhoto, ...]
    face_triangles: np.ndarray
    position_map: np.ndarray
    covered: np.ndarray
    head_deviations_mm: np.ndarray | None = None
    region_deviations_mm: Mapping[str, float] = field(default_factory=dict)
    layers: tuple[SurfaceLayer, ...] = ()
    warnings: tuple[str, ...] = ()
    expression: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
