"""Everything that a report on a reconstruction shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from facelib import __version__
from facelib.avatar.rig import interocular_mm
from facelib.avatar.texture.paint import HeadTexture
from facelib.face.headmodel import load_head
from facelib.geometry.gltf import glb_bytes
from facelib.geometry.mesh import Mesh
from facelib.imaging.imagefiles import to_float
from facelib.reconstruction.face_mesh import MM_PER_M
from facelib.reconstruction.head_mesh import chosen_surface, surface_deviations_mm
from facelib.reconstruction.mesh_settings import TEXTURE_SIZE, MeshSettings
from facelib.reconstruction.result import Reconstruction
from facelib.show.report_content import ReportContent, ReportPhoto, SurfaceLayer

LARGEST_DETAIL, LARGEST_TEXTURE = 1, 2048  # in the page, whose size they decide
REGIONS = ("eyes", "nose", "mouth", "face", "neck")
MADE_UP_COLOR = (0.6, 0.6, 0.6)
SOURCE_COLORS = ((0.0, 0.45, 0.7), (0.9, 0.62, 0.0))  # of the photos; mirrored skin is paler
PALER = 0.5


def report_content(result: Reconstruction, settings: MeshSettings) -> ReportContent:
    """Gather what a report shows.

    Args:
        result: of any network; without a fit there is less to show.
        settings: of the mesh that was written; the page's has no more detail than it can bear.
    """
    settings = _bearable(result, settings)
    asset = result.asset(settings)
    deviations, layers, shown = None, (), settings
    if result.fit is not None:
        deviations = surface_deviations_mm(result.fit, chosen_surface(settings))
        layers = (_sources(result.texture(settings.texture_size)),)
        # The cameras saw a head of the fit's size, which is not that of the file.
        fitted_mm = interocular_mm(load_head(), load_head().vertices(result.shape))
        shown = replace(settings, rig=False, expression="photo", interocular_mm=fitted_mm)
    head = result.asset(shown)
    vertices_mm = head.vertices * np.float32(MM_PER_M)
    return ReportContent(
        glb=glb_bytes(asset, "head"),
        head=Mesh(vertices_mm, head.triangles, head.uv, to_float(head.texture)),
        normals_head=head.normals,
        photos=tuple(_photos(result)),
        face_triangles=result.layout.triangles,
        position_map=result.position_map,
        covered=result.layout.coverage,
        head_deviations_mm=deviations,
        region_deviations_mm=_by_region(result),
        layers=layers,
        warnings=tuple(doubt.sentence for doubt in result.doubts),
        expression=result.expression or {},
        seconds=result.seconds,
        facts={"facelib": __version__, "network": result.network},
    )


def _bearable(result: Reconstruction, settings: MeshSettings) -> MeshSettings:
    """Return settings for the page; a network of position maps keeps its own."""
    if result.fit is None:
        return settings
    size = min(settings.texture_size or TEXTURE_SIZE, LARGEST_TEXTURE)
    detail = LARGEST_DETAIL if settings.detail is None else min(settings.detail, LARGEST_DETAIL)
    return replace(settings, detail=detail, texture_size=size, rig=True)


def _photos(result: Reconstruction) -> Iterator[ReportPhoto]:
    """Yield the photos in which the face's vertices are known: all with a fit, else the front."""
    for number, found in enumerate(result.photos):
        vertices, camera = result.vertices_image, None
        if result.fit is not None:
            camera = result.cameras[number]
            coefficients = result.fit.coefficients.copy()
            coefficients[result.fit.prior.n_shape :] = result.fit.expressions[number]
            vertices = camera.head_to_image(result.fit.prior.vertices(coefficients))
        elif number:
            return
        yield ReportPhoto(
            view=found.view,
            file_name=found.photo.name or found.name,
            pixels=found.photo.pixels,
            vertices_image=vertices,
            keypoints_image=result.layout.keypoints(vertices),
            camera=camera,
            focal_known=found.photo.focal_px is not None,
            note=found.photo.note or "",
        )


def _by_region(result: Reconstruction) -> dict[str, float]:
    if result.fit is None:
        return {}
    deviations, labels = result.deviations_mm, result.layout.labels
    return {region: float(deviations[labels[region]].mean()) for region in REGIONS}


def _sources(texture: HeadTexture) -> SurfaceLayer:
    """Colour every texel by who painted it."""
    n_photos = (len(texture.sources) - 1) // 2
    paler = [tuple(1 - PALER * (1 - c) for c in color) for color in SOURCE_COLORS[:n_photos]]
    colors = (*SOURCE_COLORS[:n_photos], *paler, MADE_UP_COLOR)
    return SurfaceLayer(
        name="Where it comes from",
        picture=np.einsum("shw,sc->hwc", texture.shares, np.float32(colors)),
        legend=tuple(zip(colors, map(_named, texture.sources), strict=True)),
        text="which photo shows each place, and what is mirrored or made up",
    )


def _named(source: str) -> str:
    """Name a source as the rest of the page names the photos."""
    return source.replace("photo 1", "front photo").replace("photo 2", "side photo")
