"""One photo session: all draws of a sample in their order, and their results."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.pairs.annotations import PixelTruth, ViewTruth, pixel_truth, view_truth
from facelib.pairs.labels import WORN
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.head_pages import texture_size
from facelib.synthetic.looks.painted_labels import painted_labels
from facelib.synthetic.person import Person
from facelib.synthetic.photo import Photo
from facelib.synthetic.settings import POSES, SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio
from facelib.synthetic.viewpoint import Viewpoint, frame_head
from facelib.synthetic.worn.outfit import Outfit

Rngs = tuple[np.random.Generator, np.random.Generator]  # of front and side

TILT = [0, 2]  # pitch and roll among a pose's angles
TILT_DEVIATION_DEG = 3.0  # by which pitch and roll change between the photos of a sitting
SWAY = 0.03  # largest change of the distance between them, share


@dataclass(frozen=True)
class Session:
    """A photographed person, and the two photos.

    Attributes:
        person: the person.
        strengths: (E,) float64, of the head model's facial actions.
        outfit: what they wear.
        dressed: the dressed head.
        keypoints_head: (68, 3) float64, mm.
        views: front and side.
        photos: front and side.
    """

    person: Person
    strengths: np.ndarray
    outfit: Outfit
    dressed: Dressed
    keypoints_head: np.ndarray
    views: tuple[Viewpoint, Viewpoint]
    photos: tuple[Photo, Photo]

    def coefficients(self) -> dict:
        """Everything that was drawn, by the fields of its classes."""
        views = [
            {
                "pose_deg": view.pose_deg,
                "distance_mm": view.distance_mm,
                "focal_px": view.camera.focal_px,
                **photo.drawn,
            }
            for view, photo in zip(self.views, self.photos, strict=True)
        ]
        return {
            "person": self.person,
            "expression": self.strengths,
            "outfit": self.outfit,
            "skin": self.dressed.skin.complexion,
            "views": views,
        }

    def view_truths(self, layout_vertices_head: np.ndarray) -> tuple[ViewTruth, ViewTruth]:
        """Compute cameras and keypoints of front and side, for (V, 3) layout vertices, mm."""
        worn = np.isin(self.dressed.labels, WORN)[self.dressed.mesh_head.triangles[:, 0]]
        points = self.keypoints_head, layout_vertices_head
        front, side = (
            view_truth(view.camera, *points, photo.fragments, worn, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side

    def pixel_truths(self) -> tuple[PixelTruth, PixelTruth]:
        """Compute the annotations per pixel of front and side."""
        dressed = self.dressed
        painted = painted_labels(dressed.looks, dressed.atlas)
        scene = dressed.mesh_head, dressed.normals_head, dressed.labels, painted
        front, side = (
            pixel_truth(*scene, view.camera, photo.cover)
            for view, photo in zip(self.views, self.photos, strict=True)
        )
        return front, side


def hold_session(studio: Studio, streams: Streams, settings: SyntheticSettings) -> Session:
    """Draw a sample: a person, an expression, an outfit, and both photos.

    Args:
        studio: the function of each step.
        streams: the random numbers of each step.
        settings: size, poses and kind of people.
    """
    head = studio.head
    person = studio.draw_person(streams.person, settings.held_out)
    strengths = studio.draw_expression(streams.face, head, person.shape)
    vertices_head = studio.act(head, person.shape, strengths)
    outfit = studio.draw_outfit(streams.outfit, person)
    page_size = texture_size(settings.size)
    dressed = studio.dress(person, strengths, vertices_head, outfit, page_size, streams.skin)
    keypoints_head = head.keypoints(vertices_head)
    rngs = streams.view(False), streams.view(True)
    if settings.sitting:
        views = _sitting_views(studio, streams, settings, keypoints_head, rngs)
        cameras = views[0].camera, views[1].camera
        photos = studio.photograph_sitting(dressed, cameras, streams, rngs)
    else:
        views = _views(studio, settings, keypoints_head, rngs)
        front, side = (
            studio.photograph(dressed, view.camera, rng)
            for view, rng in zip(views, rngs, strict=True)
        )
        photos = front, side
    return Session(person, strengths, outfit, dressed, keypoints_head, views, photos)


def _views(
    studio: Studio, settings: SyntheticSettings, keypoints_head: np.ndarray, rngs: Rngs
) -> tuple[Viewpoint, Viewpoint]:
    """Draw the viewpoints of two photos that were taken apart."""
    views = []
    for side, rng in enumerate(rngs):
        pose_deg = studio.draw_pose_deg(rng, bool(side), POSES[settings.preset])
        distance_mm = studio.draw_distance_mm(rng)
        views.append(frame_head(keypoints_head, pose_deg, distance_mm, settings.size, rng))
    return views[0], views[1]


def _sitting_views(
    studio: Studio,
    streams: Streams,
    settings: SyntheticSettings,
    keypoints_head: np.ndarray,
    rngs: Rngs,
) -> tuple[Viewpoint, Viewpoint]:
    """Draw the viewpoints of a sitting: the head turns and hardly moves otherwise.

    A crop has the same scale whatever the lens, so one lens shows only in one distance.
    """
    distance_mm = studio.draw_distance_mm(streams.sitting_camera)
    front_deg, side_deg = (
        studio.draw_pose_deg(rng, bool(side), POSES[settings.preset])
        for side, rng in enumerate(rngs)
    )
    side_deg[TILT] = front_deg[TILT] + rngs[1].normal(0, TILT_DEVIATION_DEG, 2)
    step_mm = distance_mm * rngs[1].uniform(-SWAY, SWAY)
    front = frame_head(keypoints_head, front_deg, distance_mm, settings.size, rngs[0])
    side = frame_head(keypoints_head, side_deg, distance_mm + step_mm, settings.size, rngs[1])
    return front, side
