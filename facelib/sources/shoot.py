"""A person before the camera, and what is left of the moment: two photos, every number drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from facelib.appearance import Appearance
from facelib.atlas import Atlas
from facelib.labels import WORN, painted_labels
from facelib.mesh import Mesh
from facelib.rasterize import Fragments
from facelib.sources.casting import Person
from facelib.sources.scene import View
from facelib.truth import Cover, PixelTruth, ViewTruth, pixel_truth, view_truth


@dataclass(frozen=True)
class Photo:
    """What a photograph leaves behind.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        fragments: (S·k, S·k), as `render.Rendering.fragments`.
        drawn: all that was drawn to light and develop it, by name; kept among the coefficients.
        cover: what was drawn over the render; None for nothing.
    """

    image: np.ndarray
    fragments: Fragments
    drawn: dict
    cover: Cover | None = None


@dataclass(frozen=True)
class Shoot:
    """A person before the camera, and the two photos that were taken.

    Attributes:
        person: who.
        expression: (E,) float64, strengths of the model's facial actions.
        looks: what was painted on the page; the person's own, unless something is worn over it.
        atlas: of the page.
        vertices_head: (N, 3) float64, mm: the head alone.
        mesh_head: all that was photographed, the head's vertices first.
        normals_head: of the mesh's vertices.
        labels: uint8, what each of the mesh's vertices is part of.
        views: front and side.
        photos: front and side.
        drawn: more that was drawn for the person, by name; kept among the coefficients.
    """

    person: Person
    expression: np.ndarray
    looks: Appearance
    atlas: Atlas
    vertices_head: np.ndarray
    mesh_head: Mesh
    normals_head: np.ndarray
    labels: np.ndarray
    views: tuple[View, View]
    photos: tuple[Photo, Photo]
    drawn: dict = field(default_factory=dict)

    def coefficients(self) -> dict:
        """Everything that was drawn, in the words of the classes that hold it."""
        views = [
            {
                "pose_deg": view.pose_deg,
                "distance_mm": view.distance_mm,
                "focal_px": view.camera.focal_px,
                **photo.drawn,
            }
            for view, photo in zip(self.views, self.photos, strict=True)
        ]
        face = {"person": self.person, "expression": self.expression}
        return face | self.drawn | {"views": views}

    def view_truths(
        self, keypoints_head: np.ndarray, layout_vertices_head: np.ndarray
    ) -> tuple[ViewTruth, ViewTruth]:
        """Work out cameras and keypoints of front and side.

        Args:
            keypoints_head: (68, 3) float, mm.
            layout_vertices_head: (V, 3) float, mm.
        """
        worn = np.isin(self.labels, WORN)[self.mesh_head.triangles[:, 0]]
        points = keypoints_head, layout_vertices_head
        front, side = (
            view_truth(view.camera, *points, photo.fragments, worn, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side

    def pixel_truths(self) -> tuple[PixelTruth, PixelTruth]:
        """Work out what every pixel of front and side shows."""
        painted = painted_labels(self.looks, self.atlas)
        scene = self.mesh_head, self.normals_head, self.labels, painted
        front, side = (
            pixel_truth(*scene, view.camera, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side
