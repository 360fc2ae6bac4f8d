"""A person before the camera, and what is left of the moment: two photos, every number drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.mesh import Mesh
from facelib.rasterize import Fragments
from facelib.render import Light
from facelib.sources.casting import Person
from facelib.sources.scene import View


@dataclass(frozen=True)
class Photo:
    """What a photograph leaves behind.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        fragments: (S·k, S·k), as `render.Rendering.fragments`.
        lights: directional lights, eye frame.
        ambient: (3,) RGB.
    """

    image: np.ndarray
    fragments: Fragments
    lights: list[Light]
    ambient: tuple[float, float, float]


@dataclass(frozen=True)
class Shoot:
    """A person before the camera, and the two photos that were taken.

    Attributes:
        person: who.
        expression: (E,) float64, strengths of the model's facial actions.
        vertices_head: (N, 3) float64, mm: the head alone.
        mesh_head: all that was photographed, the head's vertices first.
        normals_head: of the mesh's vertices.
        labels: uint8, what each of the mesh's vertices is part of.
        views: front and side.
        photos: front and side.
    """

    person: Person
    expression: np.ndarray
    vertices_head: np.ndarray
    mesh_head: Mesh
    normals_head: np.ndarray
    labels: np.ndarray
    views: list[View]
    photos: list[Photo]

    def coefficients(self) -> dict:
        """Everything that was drawn, in the words of the classes that hold it."""
        views = [
            {
                "pose_deg": view.pose_deg,
                "distance_mm": view.distance_mm,
                "focal_px": view.camera.focal_px,
                "lights": photo.lights,
                "ambient": photo.ambient,
            }
            for view, photo in zip(self.views, self.photos, strict=True)
        ]
        return {"person": self.person, "expression": self.expression, "views": views}
