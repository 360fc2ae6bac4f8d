"""A person before the camera, and what is left of the moment: two photos, every number drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from facelib.pairs.annotations import PixelTruth, ViewTruth, pixel_truth, view_truth
from facelib.pairs.labels import WORN
from facelib.synthetic.casting import Person
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.looks.painted_labels import painted_labels
from facelib.synthetic.photograph import Photo
from facelib.synthetic.scene import View


@dataclass(frozen=True)
class Shoot:
    """A person before the camera, and the two photos that were taken.

    Attributes:
        person: who.
        expression: (E,) float64, strengths of the model's facial actions.
        dressed: all that was photographed.
        vertices_head: (N, 3) float64, mm: the head alone.
        views: front and side.
        photos: front and side.
        drawn: more that was drawn for the person, by name; kept among the coefficients.
    """

    person: Person
    expression: np.ndarray
    dressed: Dressed
    vertices_head: np.ndarray
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
        worn = np.isin(self.dressed.labels, WORN)[self.dressed.mesh_head.triangles[:, 0]]
        points = keypoints_head, layout_vertices_head
        front, side = (
            view_truth(view.camera, *points, photo.fragments, worn, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side

    def pixel_truths(self) -> tuple[PixelTruth, PixelTruth]:
        """Work out what every pixel of front and side shows."""
        dressed = self.dressed
        painted = painted_labels(dressed.looks, dressed.atlas)
        scene = dressed.mesh_head, dressed.normals_head, dressed.labels, painted
        front, side = (
            pixel_truth(*scene, view.camera, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side
