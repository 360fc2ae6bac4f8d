"""How well a photo shows each texel: squarely, sharply, hidden by nothing, away from contours."""

from __future__ import annotations

import numpy as np

from facelib.avatar.texture.bands import enlarged
from facelib.avatar.texture.unwrap import PageSurface, PosedSurface, SeenPhoto
from facelib.face.headmodel import load_head
from facelib.imaging.crop import Crop
from facelib.imaging.effects import box_mean
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, rasterize

BUFFER_SIDE = 448  # px, of the z-buffer around the head
DEPTH_TOLERANCE_MM = (
    3.0  # by which a visible texel may lie behind the z-buffer, whose px are coarse
)
GRAZING = 0.12  # cosine of the angle of view below which a surface shows nothing
# Photos disagree with the fitted contour by some px, so texels near it may show what lies
# behind it: a jump in depth of so many mm spoils texels within so many mm of it.
CONTOURS_MM = ((12.0, 3.5), (3.0, 0.8))
BEHIND_MM = 1000.0  # depth of the background
STRAIGHTER = 1.5  # power of the cosine: how much a straight view is better than a slanted one
CHIN = 8  # keypoint
JAW_SLOPE = 0.5  # height of the jaw's edge per mm behind the chin
NECK_MM = (12.0, 30.0)  # below that edge: where photos begin to count less, and no longer count
POINT_REACH = 0.03  # of the page: how far a point's visibility reaches
HIDDEN, VISIBLE = 0.15, 0.5  # visibility of points that counts as 0 and as 1


def quality(
    photo: SeenPhoto,
    posed: PosedSurface,
    page: PageSurface,
    fragments: Fragments,
) -> np.ndarray:
    """Rate how well a photo shows each texel of a page.

    Args:
        photo: of `near_head`.
        posed: the surface in this photo.
        page: the skin on the page.
        fragments: of the page.

    Returns:
        (h, w) float32 in 0..1: 1 for a texel seen straight, 0 for one not seen.
    """
    attributes = np.column_stack([posed.vertices_head, posed.normals_head])
    spread = page.spread(fragments, attributes)[fragments.covered]
    points, normals = spread[:, :3], spread[:, 3:]
    facing = _cosine_of_view(photo.camera, points, normals)
    straight = np.clip((facing - GRAZING) / (1 - GRAZING), 0, 1) ** STRAIGHTER
    rated = np.zeros(fragments.triangle.shape, np.float32)
    rated[fragments.covered] = straight * _in_sight(photo, posed, page, points)
    rated[fragments.covered] *= _above_neck(photo.vertices_head, points)
    return rated


def _above_neck(vertices_head: np.ndarray, points_head: np.ndarray) -> np.ndarray:
    """(n,) in 0..1: 1 on the head, 0 on the neck, of whose pose the fit knows nothing."""
    chin = load_head().keypoints(vertices_head)[CHIN]
    jaw = chin[1] + JAW_SLOPE * (chin[2] - points_head[:, 2])
    start, end = NECK_MM
    return np.clip((end - (jaw - points_head[:, 1])) / (end - start), 0, 1).astype(np.float32)


def _cosine_of_view(
    camera: Camera, points_head: np.ndarray, normals_head: np.ndarray
) -> np.ndarray:
    """Cosine of the angle between the normal and the way to the camera: (n,) float32."""
    normals = normals_head @ np.float32(camera.rotation).T
    lengths = np.maximum(np.linalg.norm(normals, axis=1), 1e-6)
    if camera.focal_px is None:
        return normals[:, 2] / lengths
    eye = points_head @ np.float32(camera.rotation).T + np.float32(camera.translation_eye)
    return -np.einsum("nk,nk->n", normals, eye) / (lengths * np.linalg.norm(eye, axis=1))


def _in_sight(
    photo: SeenPhoto, posed: PosedSurface, page: PageSurface, points_head: np.ndarray
) -> np.ndarray:
    """(n,) in 0..1: whether nothing of the head hides a point, and no contour is near it."""
    places = photo.camera.head_to_image(posed.vertices_head)[:, :2]
    low, high = places.min(axis=0), places.max(axis=0)
    crop = Crop(tuple((low + high) / 2), float((high - low).max()) * 1.06, BUFFER_SIDE)
    camera = photo.camera.cropped(crop)
    image, inverse_w = camera.project(posed.vertices_head)
    triangles = page.surface.triangles
    buffer = rasterize(image, triangles, BUFFER_SIDE, BUFFER_SIDE, inverse_w)
    clear = _clear_of_contours(buffer, page, camera.scale)
    x, y, z = camera.head_to_image(points_head).T
    inside = (x > -0.5) & (y > -0.5) & (x < BUFFER_SIDE - 0.5) & (y < BUFFER_SIDE - 0.5)
    columns = np.clip(np.rint(x), 0, BUFFER_SIDE - 1).astype(int)
    rows = np.clip(np.rint(y), 0, BUFFER_SIDE - 1).astype(int)
    near = z > buffer.depth[rows, columns] - DEPTH_TOLERANCE_MM * camera.scale
    return np.where(inside & near, clear[rows, columns], 0)


def _clear_of_contours(buffer: Fragments, page: PageSurface, px_per_mm: float) -> np.ndarray:
    """(h, w) float32: 0 near a jump in depth, 1 farther away."""
    depth_mm = np.where(buffer.covered, buffer.depth, -BEHIND_MM * px_per_mm) / px_per_mm
    skin = np.zeros(len(page.surface.triangles), bool)
    skin[dict(page.surface.parts)["skin"]] = True
    inner = buffer.covered & ~skin[buffer.triangle]  # eyes and mouth: their rims fit closely
    clear = np.ones(buffer.depth.shape, np.float32)
    for jump_mm, margin_mm in CONTOURS_MM:
        reach = max(1, round(margin_mm * px_per_mm))
        at = _jumps_at(depth_mm, inner, jump_mm, jump_mm == CONTOURS_MM[0][0])
        away = (box_mean(at.astype(np.float32), reach) <= 0).astype(np.float32)
        clear *= np.clip(2 * box_mean(away, reach) - 1, 0, 1)
    return clear


def _jumps_at(depth_mm: np.ndarray, inner: np.ndarray, jump_mm: float, outer: bool) -> np.ndarray:
    """Mark pixels at which depth jumps; with `outer`, leave out jumps from and to inner parts."""
    marked = np.zeros(depth_mm.shape, bool)
    for axis in (0, 1):
        first, second = ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:]))[axis]
        at = np.abs(depth_mm[first] - depth_mm[second]) > jump_mm
        if outer:
            at &= ~(inner[first] | inner[second])
        marked[first] |= at
        marked[second] |= at
    return marked


def unoccluded(visibility: np.ndarray, points_uv: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Spread the visibility of the dense points over a page.

    Where no point is near, such as on the neck, nothing is known and nothing hidden.

    Args:
        visibility: (P,) in 0..1.
        points_uv: (P, 2).
        shape: of the page, a multiple of 8.

    Returns:
        (h, w) float32 in 0..1.
    """
    rows, columns = shape[0] // 8, shape[1] // 8
    v, u = (np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns
    across = np.exp(-(((u[:, None] - points_uv[:, 0]) / POINT_REACH) ** 2) / 2)
    down = np.exp(-(((v[:, None] - points_uv[:, 1]) / POINT_REACH) ** 2) / 2)
    nothing = 0.05
    seen = np.clip((visibility - HIDDEN) / (VISIBLE - HIDDEN), 0, 1)
    share = (down * seen) @ across.T + nothing
    share = (share / (down @ across.T + nothing)).astype(np.float32)
    for _ in range(3):
        share = enlarged(share)
    return share
