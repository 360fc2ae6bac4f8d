"""What was found in the photos of one face.

What paints and writes the head is imported when it is needed: `facelib reconstruct` loads it while
the photos are read.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.face.headmodel import load_head
from facelib.face.layout import UVLayout
from facelib.files.threads import single_threaded_blas
from facelib.fitting.fit import HeadFit
from facelib.geometry.mesh import Mesh
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import to_float
from facelib.reconstruction.doubts import Doubt
from facelib.reconstruction.found import PhotoOfFace
from facelib.reconstruction.mesh_settings import (
    FACE_TEXTURE_SIZE,
    INTEROCULAR_MM,
    TEXTURE_SIZE,
    Expression,
    MeshSettings,
    Part,
)
from facelib.render.camera import Camera

if TYPE_CHECKING:
    from facelib.avatar.texture.paint import HeadTexture
    from facelib.geometry.asset import MeshAsset
    from facelib.show.head_view import HeadView

VIEWED_YAWS_DEG = (-20.0,)  # of the still picture of a view


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
        seconds: how long each step took, in the steps' order; painting is added when it is done.
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
    seconds: dict[str, float] = field(default_factory=dict)
    predicted_map: np.ndarray | None = None
    _textures: dict[int, HeadTexture] = field(default_factory=dict, repr=False)

    @property
    def keypoints_file(self) -> np.ndarray:
        """(68, 3) float64, the keypoints in px of the front photo's file, upright."""
        return self.photos[0].photo.to_file_px(self.keypoints_image)

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
        from facelib.reconstruction.head_mesh import whole_cameras

        return () if self.fit is None else whole_cameras(self.fit, self.photos)

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

    @single_threaded_blas()
    def texture(self, size: int = TEXTURE_SIZE) -> HeadTexture:
        """Paint the head's texture, size × size texels; it tells which photo shows what.

        Raises:
            ValueError: without a fit.
        """
        from facelib.reconstruction.head_mesh import painted

        if self.fit is None:
            raise ValueError(f"expected a fitted head, but {self.network} fits none")
        if size not in self._textures:
            start = time.perf_counter()
            self._textures[size] = painted(self.fit, self.photos, size)
            self.seconds["painting the texture"] = time.perf_counter() - start
        return self._textures[size]

    @single_threaded_blas()
    def asset(self, settings: MeshSettings | None = None) -> MeshAsset:
        """Return the mesh with all that its file holds: parts, texture, morph targets.

        Raises:
            MeshSettingsError: if only a fitted head can do what the settings want.
        """
        from facelib.geometry.asset import asset_of
        from facelib.reconstruction.face_mesh import face_mesh
        from facelib.reconstruction.head_mesh import fitted_head

        settings = settings or MeshSettings()
        if self.fit is not None:
            with ThreadPoolExecutor(1) as thread:  # the rig needs no texture
                head = thread.submit(fitted_head, self.fit, None, settings)
                texture = self.texture(settings.texture_size or TEXTURE_SIZE).pixels
                return replace(head.result(), texture=texture)
        settings.check_face_alone(self.network)
        size, photo = settings.texture_size or FACE_TEXTURE_SIZE, self.photos[0].photo.pixels
        mesh = face_mesh(photo, self.vertices_image, self.layout, size, settings.interocular_mm)
        return asset_of(mesh, "face")

    @cached_property
    def mesh(self) -> Mesh:
        """What `save` writes, without morph targets: m, with the front photo's expression."""
        asset = self.asset(MeshSettings(rig=None if self.fit is None else False))
        return Mesh(asset.vertices, asset.triangles, asset.uv, to_float(asset.texture))

    @single_threaded_blas()
    def save(
        self,
        path: Path | str,
        *,
        part: Part | None = None,
        detail: int | None = None,
        texture_size: int | None = None,
        rig: bool | None = None,
        expression: Expression | None = None,
        interocular_mm: float = INTEROCULAR_MM,
    ) -> None:
        """Write the mesh; the ending, .glb, .obj or .ply, selects the format.

        Args:
            path: OBJ comes with an .mtl and a .png whose names begin with its own.
            part: "head", the default, or "face".
            detail: 0, 1 (default) or 2, for about 5, 20 or 80 thousand vertices.
            texture_size: texels, 2048 by default.
            rig: whether a GLB has ARKit's 52 facial actions as morph targets; it has by default.
            expression: "photo", the default, or "neutral".
            interocular_mm: distance between the eyes, which sets the scale; photos do not show it.

        Raises:
            ValueError: if the ending is another one, or the network cannot do what is wanted.
            FileExistsError: if the texture of an OBJ was changed since it was written.
            OSError: if a file cannot be written.
        """
        from facelib.geometry.meshfiles import write_mesh

        if self.fit is not None and Path(path).suffix.lower() != ".glb":
            rig = False  # other formats have no morph targets
        settings = MeshSettings(part, detail, texture_size, rig, expression, interocular_mm)
        write_mesh(path, self.asset(settings))

    def show(
        self,
        detail: int | None = None,
        texture_size: int | None = None,
        alt: str = "The head that was found in the photos.",
    ) -> HeadView:
        """Return the head for JupyterLab, to rotate, with a slider for each facial action.

        Args:
            detail: see `save`; less makes a smaller notebook.
            texture_size: likewise.
            alt: what is seen, for readers who cannot see it.
        """
        from facelib.geometry.asset import rounded
        from facelib.geometry.gltf import glb_bytes
        from facelib.show.head_view import HeadView
        from facelib.show.report_pictures import data_url, portraits

        asset = self.asset(MeshSettings(detail=detail, texture_size=texture_size))
        shown = Mesh(asset.vertices, asset.triangles, asset.uv, to_float(asset.texture))
        still = data_url(portraits(shown, asset.normals, VIEWED_YAWS_DEG))
        glb = glb_bytes(rounded(asset), "head")
        return HeadView(glb, still, alt)
