"""The whole head of a fit: painted from the photos, with parts, texture and rig.

Chapter 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facelib.avatar.rig import head_asset
from facelib.avatar.surface import HeadSurface, head_surface
from facelib.avatar.texture.paint import HeadTexture, paint_head
from facelib.avatar.texture.unwrap import SeenPhoto
from facelib.face.headmodel import load_head
from facelib.fitting.fit import HeadFit
from facelib.geometry.asset import MeshAsset
from facelib.reconstruction.found import PhotoOfFace
from facelib.reconstruction.mesh_settings import DETAIL, MeshSettings
from facelib.render.camera import Camera

PAINTED_DETAIL = 1  # of the surface that carries the photos' colours to the page


def whole_cameras(fit: HeadFit, photos: Sequence[PhotoOfFace]) -> tuple[Camera, ...]:
    """Return the fitted cameras, which are those of the crops, as cameras of the whole photos."""
    return tuple(
        camera.uncropped(found.crop, *found.size_px)
        for camera, found in zip(fit.cameras, photos, strict=True)
    )


def painted(fit: HeadFit, photos: Sequence[PhotoOfFace], size: int) -> HeadTexture:
    """Paint the texture of the fitted head from its photos, size × size texels."""
    shape, _ = np.split(fit.coefficients, [fit.prior.n_shape])
    seen = [
        SeenPhoto(
            found.photo.pixels,
            camera,
            load_head().vertices(shape, expression),
            None if found.seen is None else found.seen.visibility,
        )
        for found, camera, expression in zip(
            photos, whole_cameras(fit, photos), fit.expressions, strict=True
        )
    ]
    return paint_head(seen, head_surface(PAINTED_DETAIL), size)


def fitted_head(fit: HeadFit, texture: np.ndarray | None, settings: MeshSettings) -> MeshAsset:
    """Return the fitted head as it is written, with a texture of `painted`, or none."""
    shape, expression = np.split(fit.coefficients, [fit.prior.n_shape])
    return head_asset(
        load_head(),
        chosen_surface(settings),
        shape,
        expression,
        texture,
        start=settings.expression or "photo",
        rig=settings.rig is not False,
        interocular=settings.interocular_mm,
    )


def chosen_surface(settings: MeshSettings) -> HeadSurface:
    """Return the surface of the part and the detail that were chosen."""
    detail = DETAIL if settings.detail is None else settings.detail
    return head_surface(detail, settings.part or "head")


def surface_deviations_mm(fit: HeadFit, surface: HeadSurface) -> np.ndarray:
    """Return the standard deviation of each of a surface's vertices, all axes together: (V,) mm."""
    head = load_head()
    root = np.linalg.cholesky(fit.covariance).astype(np.float32)
    basis = np.concatenate([head.shape_basis, head.expression_basis])
    moved = np.tensordot(root, basis, (0, 0))  # (K + E, N, 3), mm per deviation
    on_surface = surface.from_head @ moved.transpose(1, 0, 2).reshape(basis.shape[1], -1)
    return np.linalg.norm(on_surface, axis=1)
