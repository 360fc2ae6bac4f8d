"""Render the light that reaches the film: a mesh with materials, under an environment and lights.

`render.render` draws the plain picture of chapter 2, clipped to 0..1. Here the same z-buffer is
the input of `material_shading`, and colours stay linear and may exceed 1, as on a sensor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from facelib.geometry.mesh import Mesh
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.render.render import Rendering, light_rows
from facelib.synthetic.light import spherical_harmonics as sh
from facelib.synthetic.light.lighting import Lighting
from facelib.synthetic.light.material_shading import (
    ALONG_U,
    ALONG_V,
    COLOR,
    GLOSS,
    NORMAL,
    OPEN,
    ROUGH,
    ROW_WIDTH,
    SCATTER,
    SHADOW,
    UV,
    Illumination,
    SurfaceMaps,
    shade_below_lids,
    shade_surface,
)
from facelib.synthetic.light.shadows import Lines, shadow_map

NOTHING = np.zeros((1, 1), np.float32)
REFLECTED = np.array([1.0, 0.8, 0.5])  # shares of the orders in a slightly blurred reflection


@dataclass(frozen=True)
class Surface:
    """The material of a mesh, beyond its colour.

    Attributes:
        normals_head: (N, 3) float, outward, head frame.
        openness: (N,) float32 in 0..1, the share of the sky that reaches each vertex.
        gloss: (N,) float32, strength of the reflection; 1 corresponds to skin's refractive index.
        roughness: (N,) float32 in 0..1, GGX's alpha.
        scatter: (N,) float32: 1 for skin, with subsurface scattering, 0 for anything else.
        texel_slopes: (N, 6) float32, head frame: gradient of the texel's column, then of its
            row, 1/mm; 0 where there is no relief.
        relief: (h, w) float32, mm: height of the surface's detail on the texture page, or None.
        is_eye: (M,) bool: the triangles of eyeballs.
    """

    normals_head: np.ndarray
    openness: np.ndarray
    gloss: np.ndarray
    roughness: np.ndarray
    scatter: np.ndarray
    texel_slopes: np.ndarray
    relief: np.ndarray | None
    is_eye: np.ndarray


def render_radiance(
    mesh_head: Mesh,
    surface: Surface,
    camera: Camera,
    lighting: Lighting,
    supersample: int = 1,
    lines: Lines | None = None,
    caster: Mesh | None = None,
    behind: np.ndarray | None = None,
) -> Rendering:
    """Draw a mesh over black.

    Args:
        mesh_head: vertices in mm, head frame; texture in linear light.
        surface: of the same vertices.
        camera: the head's pose, the projection and the image's size.
        lighting: in the eye frame.
        supersample: draw on a grid this many times finer and average.
        lines: thin things that cast shadows but are not drawn here; None for nothing.
        caster: another mesh that casts shadows but is not drawn here, mm, head frame.
        behind: (S·supersample, S·supersample) float, px of that grid: depth of what is there
            already; the mesh is drawn where it is nearer. None for nothing.

    Returns:
        Rendering whose image is linear, not clipped, and already weighted with alpha.

    Raises:
        ValueError: if supersample is below 1, or mesh and surface do not fit.
    """
    n_vertices = len(mesh_head.vertices)
    if supersample < 1 or surface.normals_head.shape != (n_vertices, 3):
        raise ValueError(
            f"expected supersample of at least 1 and {n_vertices} normals, "
            f"got {supersample} and {len(surface.normals_head)}"
        )
    fine = camera if supersample == 1 else camera.enlarged(supersample)
    vertices, triangles = mesh_head.vertices, mesh_head.triangles
    image, inverse_w = fine.project(vertices)
    fragments = rasterize(image, triangles, fine.height, fine.width, inverse_w, True)
    if behind is not None:
        nearer = fragments.depth > behind
        fragments = replace(
            fragments,
            triangle=np.where(nearer, fragments.triangle, -1),
            depth=np.where(nearer, fragments.depth, -np.inf).astype(np.float32),
        )
    rows = _rows(mesh_head, surface, camera)
    nearness = _shadow(mesh_head, camera, lighting, rows, lines, caster)
    color = np.zeros((fine.height, fine.width, 3), np.float32)
    maps = SurfaceMaps(mesh_head.texture, NOTHING if surface.relief is None else surface.relief)
    illumination = Illumination(
        _view_axis(fine),
        polynomial(lighting.environment, sh.COSINE),
        polynomial(lighting.environment, REFLECTED),
        light_rows(lighting.lights),
        nearness,
    )
    shade_surface(
        fragments.triangle, fragments.barycentric, triangles, rows, maps, illumination, color
    )
    if surface.is_eye.any():
        shade_below_lids(fragments.triangle, surface.is_eye, np.float32(1 / fine.scale), color)
    image, alpha = _average(color, fragments.triangle, supersample)
    return Rendering(image, alpha, fragments.depth, fragments)


def polynomial(environment: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Weight the orders and return the factors of 1, y, z, x, xy, yz, 3z²−1, xz, x²−y².

    Args:
        environment: (9, 3) spherical harmonics.
        shares: (3,) factors of the orders 0, 1, 2.
    """
    factors = sh.FACTORS * shares[sh.ORDERS]
    return np.ascontiguousarray(environment * factors[:, None], np.float32)


def _rows(mesh, surface, camera):
    rotation = np.asarray(camera.rotation, np.float32).T
    rows = np.zeros((len(mesh.vertices), ROW_WIDTH), np.float32)
    rows[:, NORMAL : NORMAL + 3] = np.asarray(surface.normals_head, np.float32) @ rotation
    rows[:, UV : UV + 2] = mesh.uv
    rows[:, COLOR : COLOR + 3] = 1.0 if mesh.colors is None else mesh.colors
    rows[:, OPEN], rows[:, GLOSS] = surface.openness, surface.gloss
    rows[:, ROUGH], rows[:, SCATTER] = surface.roughness, surface.scatter
    rows[:, ALONG_U : ALONG_U + 3] = surface.texel_slopes[:, :3] @ rotation
    rows[:, ALONG_V : ALONG_V + 3] = surface.texel_slopes[:, 3:] @ rotation
    return rows


def _shadow(mesh, camera, lighting, rows, lines, caster):
    """The first light's shadow map; the mesh's coordinates on it are written into `rows`."""
    if not lighting.softness_mm or not lighting.lights:
        return NOTHING
    toward = np.asarray(lighting.lights[0].direction_eye, np.float64)
    vertices_eye, triangles = camera.head_to_eye(mesh.vertices), mesh.triangles
    casting_eye = vertices_eye
    if caster is not None:
        casting_eye = np.concatenate([vertices_eye, camera.head_to_eye(caster.vertices)])
        triangles = np.concatenate([triangles, caster.triangles + len(vertices_eye)])
    seen = shadow_map(
        casting_eye,
        triangles,
        toward / np.linalg.norm(toward),
        camera.translation_eye,
        lighting.softness_mm,
        lines,
        None if lines is None else camera.head_to_eye(lines.points_head),
    )
    rows[:, SHADOW : SHADOW + 3] = seen.coordinates(vertices_eye)
    return seen.nearness


def _view_axis(camera):
    inverse_focal = 0.0 if camera.focal_px is None else 1.0 / camera.focal_px
    return np.array([*camera.centre_px, inverse_focal], np.float32)


def _average(color, triangle, factor):
    if factor == 1:
        return color, (triangle >= 0).astype(np.float32)
    height, width = triangle.shape[0] // factor, triangle.shape[1] // factor
    image, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    _average_cells(color, triangle, factor, image, alpha)
    return image, alpha


@njit(cache=True)
def _average_cells(color, triangle, factor, image, alpha):
    share = np.float32(1.0 / (factor * factor))
    for row in range(triangle.shape[0]):
        for col in range(triangle.shape[1]):
            if triangle[row, col] >= 0:
                for k in range(3):
                    image[row // factor, col // factor, k] += color[row, col, k] * share
                alpha[row // factor, col // factor] += share
