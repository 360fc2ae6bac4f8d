"""What was found in the photos of one face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from facelib.detect import Detection
from facelib.face.headmodel import load_head
from facelib.face.layout import UVLayout
from facelib.fitting.fit import HeadFit
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import Photo
from facelib.reconstruction.doubts import Doubt
from facelib.render.camera import Camera

FRONT, SIDE = "front", "side"


@dataclass(frozen=True, eq=False)
class PhotoOfFace:
    """A face in one photo.

    Attributes:
        view: "front" or "side".
        name: of the photo's file, or "the front photo".
        photo: upright.
        faces: all faces found in it, the largest first; one that was given stands alone.
        face: the one that was taken.
        crop: the last square around it that the network saw.
        quarter_turns: by how many the photo was turned counter-clockwise to be upright.
    """

    view: str
    name: str
    photo: Photo
    faces: tuple[Detection, ...]
    face: Detection
    crop: Crop
    quarter_turns: int = 0

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the photo."""
        height, width = self.photo.pixels.shape[:2]
        return width, height


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One face, as predicted from its photos.

    Attributes:
        photos: the front photo, and the side photo if there is one, with the face in each.
        vertices_image: (V, 3) float32, the layout's vertices, front photo px, lowest z about 0.
        keypoints_image: (68, 3) float32, iBUG's keypoints, px of the front photo.
        layout: the face's unwrapping, of the size of the position map.
        fit: the fitted head with its cameras and covariance; its image frame is the front crop.
            None for a network that predicts position maps.
        agreement: log of the odds that the two photos show one face, see `fitting.fit.agreement`;
            None without a side photo or without a fit.
        doubts: what seems wrong with the photos; empty if nothing does.
        network: what found the face, and in which engine.
        seconds: how long each step took, in the steps' order.
        predicted_map: (S, S, 3) float32, px of the front crop, from a network of position maps.
    """

    photos: tuple[PhotoOfFace, ...]
    vertices_image: np.ndarray
    keypoints_image: np.ndarray
    layout: UVLayout
    fit: HeadFit | None = None
    agreement: float | None = None
    doubts: tuple[Doubt, ...] = ()
    network: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    predicted_map: np.ndarray | None = None

    @property
    def front_crop(self) -> Crop:
        """The last crop of the front photo."""
        return self.photos[0].crop

    @property
    def side_crop(self) -> Crop | None:
        """The last crop of the side photo; None without a side photo."""
        return self.photos[1].crop if len(self.photos) > 1 else None

    @cached_property
    def position_map(self) -> np.ndarray:
        """(S, S, 3) float32, the face as a position map, px of the front crop."""
        if self.predicted_map is not None:
            return self.predicted_map
        return self.layout.position_map(self.fit.vertices_image)

    @property
    def shape(self) -> np.ndarray | None:
        """(60,) the head's shape, in standard deviations of people; None without a fit."""
        return None if self.fit is None else self.fit.coefficients[: self.fit.prior.n_shape]

    @property
    def expression(self) -> Mapping[str, float] | None:
        """The strength of each facial action in the front photo, by ARKit's name, or None."""
        if self.fit is None:
            return None
        strengths = self.fit.coefficients[self.fit.prior.n_shape :]
        return dict(zip(load_head().expression_names, strengths.tolist(), strict=True))

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The camera of each photo, in the px of the whole photo; empty without a fit."""
        if self.fit is None:
            return ()
        return tuple(
            camera.uncropped(found.crop, *found.size_px)
            for camera, found in zip(self.fit.cameras, self.photos, strict=True)
        )

    @property
    def deviations_mm(self) -> np.ndarray | None:
        """(V,) standard deviation of each vertex, the three axes together, mm; None without a fit.

        It includes the size of the head, which photos do not show.
        """
        return None if self.fit is None else np.linalg.norm(self.fit.deviations_head, axis=1)

    @property
    def estimated_error_mm(self) -> float | None:
        """The mean of `deviations_mm`."""
        return None if self.fit is None else float(self.deviations_mm.mean())

    def save(self, path, **settings):
        from facelib.geometry.meshfiles import write_mesh
        from facelib.reconstruction.face_mesh import face_mesh
        from facelib.reconstruction.mesh_settings import MeshSettings

        settings = MeshSettings(**settings)
        write_mesh(path, face_mesh(self, settings.texture_size or 512, settings.interocular_mm))
