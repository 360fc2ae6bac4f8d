"""A photo of a mesh: camera, lights, textured smooth shading, background."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, rasterize
from facelib.render.shading import (
    PlainIllumination,
    ShadedMesh,
    composite_pixels,
    shade_pixels,
)


@dataclass(frozen=True)
class Light:
    """A light at infinity.

    Attributes:
        direction_eye: (3,), from the surface toward the light, eye frame; of any length above 0.
        color: (3,) RGB; 1 lights a white surface that faces it to 1.
    """

    direction_eye: np.ndarray
    color: np.ndarray


@dataclass(frozen=True)
class Rendering:
    """The result of `render`.

    Attributes:
        image: (H, W, 3) float32 RGB in 0..1.
        alpha: (H, W) float32 in 0..1: the share of the pixel that the mesh covers.
        depth: (H·s, W·s) float32, px of that grid, image frame's z; −inf where there is no mesh.
            s is the render's `supersample`.
        fragments: of shape (H·s, W·s).
    """

    image: np.ndarray
    alpha: np.ndarray
    depth: np.ndarray
    fragments: Fragments


def render(
    mesh_head: Mesh,
    camera: Camera,
    lights: list[Light] | tuple[Light, ...],
    ambient: tuple[float, float, float] = (0.3, 0.3, 0.3),
    background: np.ndarray | tuple[float, float, float] | None = None,
    specular: float | np.ndarray = 0.0,
    supersample: int = 1,
    normals: np.ndarray | None = None,
    shininess: float = 20.0,
    cull_back: bool = False,
) -> Rendering:
    """Draw a mesh with smooth Lambert shading and Blinn's highlight.

    colour = albedo · (ambient + Σ light · (n·l)₊) + specular · Σ light · (n·h)₊^shininess, clipped
    to 0..1; albedo = texture × vertex colour, each 1 if the mesh has none. Colours are used and
    returned without gamma.

    Args:
        mesh_head: vertices in mm, head frame.
        camera: the head's pose, the projection and the image's size.
        lights: directional lights in the eye frame, so they do not move with the head.
        ambient: (3,) RGB light from all directions.
        background: (H, W, 3) or (3,) RGB; black by default.
        specular: strength of the highlight, one number or (N,), one per vertex.
        supersample: draw on a grid this many times finer and average.
        normals: (N, 3) head frame; needed if the mesh's own would break at texture seams.
        shininess: exponent of the highlight; a larger one makes it smaller and sharper.
        cull_back: omit triangles seen from inside.

    Returns:
        Rendering at the camera's size.

    Raises:
        ValueError: if an array does not fit the mesh or the image.
    """
    if supersample < 1:
        raise ValueError(f"expected supersample of at least 1, got {supersample}")
    fine = camera if supersample == 1 else camera.enlarged(supersample)
    vertices = mesh_head.vertices
    image, inverse_w = fine.project(vertices)
    fragments = rasterize(image, mesh_head.triangles, fine.height, fine.width, inverse_w, cull_back)
    if normals is None:
        normals = vertex_normals(vertices, mesh_head.triangles)
    color = np.empty((fine.height, fine.width, 3), np.float32)
    _shade(mesh_head, normals, fine, lights, ambient, specular, shininess, fragments, color)
    image, alpha = _composite(color, fragments, camera, background)
    return Rendering(image, alpha, fragments.depth, fragments)


def _shade(mesh, normals, camera, lights, ambient, specular, shininess, fragments, out):
    n_vertices = len(mesh.vertices)
    if np.shape(normals) != (n_vertices, 3):
        raise ValueError(f"expected normals ({n_vertices}, 3), got {np.shape(normals)}")
    textured = mesh.texture is not None and mesh.uv is not None
    colors = np.zeros((0, 3)) if mesh.colors is None else mesh.colors
    centre_x, centre_y = camera.centre_px
    inverse_focal = 0.0 if camera.focal_px is None else 1.0 / camera.focal_px
    shaded = ShadedMesh(
        normals_eye=_float32(np.asarray(normals) @ np.asarray(camera.rotation).T),
        albedo=_float32(colors),
        specular=_specular_per_vertex(specular, n_vertices),
        shininess=np.float32(shininess),
        uv=_float32(mesh.uv if textured else np.zeros((0, 2))),
        texture=_float32(mesh.texture if textured else np.zeros((1, 1, 3))),
    )
    illumination = PlainIllumination(
        to_viewer=_float32([centre_x, centre_y, inverse_focal]),
        lights=light_rows(lights),
        ambient=_rgb("ambient", ambient),
    )
    shade_pixels(
        fragments.triangle, fragments.barycentric, mesh.triangles, shaded, illumination, out
    )


def _specular_per_vertex(specular, n_vertices: int) -> np.ndarray:
    if np.shape(specular) not in ((), (n_vertices,)):
        raise ValueError(f"expected specular () or ({n_vertices},), got {np.shape(specular)}")
    if not np.any(specular):
        return np.zeros(0, np.float32)
    return _float32(np.broadcast_to(specular, n_vertices))


def light_rows(lights: Sequence[Light]) -> np.ndarray:
    """Pack lights for a kernel: (L, 6) float32, unit direction toward the light and its colour.

    Raises:
        ValueError: if a direction is 0, or an array is not (3,).
    """
    rows = np.zeros((len(lights), 6), np.float32)
    for row, light in zip(rows, lights, strict=True):
        direction = np.asarray(light.direction_eye, dtype=np.float64)
        length = np.linalg.norm(direction)
        if direction.shape != (3,) or not length > 0:
            raise ValueError(f"expected a light direction (3,) not 0, got {light.direction_eye}")
        row[:3], row[3:] = direction / length, _rgb("light color", light.color)
    return rows


def _composite(color, fragments, camera, background):
    size = (camera.height, camera.width)
    if background is None:
        background = (0.0, 0.0, 0.0)
    if np.shape(background) not in ((3,), (*size, 3)):
        raise ValueError(f"expected a background (3,) or {(*size, 3)}, got {np.shape(background)}")
    behind = _float32(background)
    in_place = color.shape[:2] == size
    image = color if in_place else np.empty((*size, 3), np.float32)
    alpha = np.empty(size, np.float32)
    composite_pixels(
        color, fragments.triangle, behind if behind.ndim == 3 else behind[None, None], image, alpha
    )
    return image, alpha


def _rgb(name: str, color) -> np.ndarray:
    if np.shape(color) != (3,):
        raise ValueError(f"expected {name} (3,), got {np.shape(color)}")
    return _float32(color)


def _float32(array) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)
