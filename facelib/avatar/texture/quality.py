"""How well a photo shows each texel: squarely, hidden by nothing, and away from contours."""

from __future__ import annotations

import numpy as np

from facelib.avatar.texture.bands import enlarged
from facelib.avatar.texture.unwrap import SkinPage
from facelib.avatar.texture.views import BUFFER_SIDE, SeenPhoto, View
from facelib.face.headmodel import load_head
from facelib.imaging.effects import box_mean
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments

DEPTH_TOLERANCE_MM = 3.0  # by which a visible texel may lie behind the coarse pixels of a z-buffer
GRAZING = 0.12  # cosine of the angle of view below which a surface shows nothing
STRAIGHTER = 1.5  # power of the cosine: how much a straight view is better than a slanted one
# Photos disagree with the fitted contour by some px, so texels near it may show what lies behind
# it: a jump in depth of so many mm spoils the texels within so many mm of it. Rims of eyes and
# mouth fit more closely.
CONTOURS_MM = ((12.0, 3.5), (3.0, 0.8))
OPEN_MOUTH_MM = 1.3  # lips this near to teeth that show may be teeth in the photo
BEHIND_MM = 1000.0  # depth of the background
CHIN = 8  # keypoint
JAW_SLOPE = 0.5  # height of the jaw's edge per mm behind the chin
NECK_MM = (8.0, 20.0)  # below that edge: where photos begin to count less, and no longer count
POINT_REACH = 0.03  # of the page: how far a point's visibility reaches
HIDDEN, VISIBLE = 0.15, 0.5  # visibility of points that counts as 0 and as 1
NOTHING_KNOWN = 0.05  # weight of the belief that nothing is hidden


def quality(photo: SeenPhoto, view: View, page: SkinPage, fragments: Fragments) -> np.ndarray:
    """Rate how well a photo shows each texel of a page.

    Args:
        photo: with the head.
        view: of the photo.
        page: the skin on the page.
        fragments: of the page.

    Returns:
        (h, w) float32 in 0..1: 1 for a texel seen straight, 0 for one not seen.
    """
    attributes = np.column_stack([view.vertices_head, view.normals_head])
    spread = page.spread(fragments, attributes)[fragments.covered]
    points_head, normals_head = spread[:, :3], spread[:, 3:]
    facing = cosine_of_view(photo.camera, points_head, normals_head)
    straight = np.clip((facing - GRAZING) / (1 - GRAZING), 0, 1) ** STRAIGHTER
    rated = np.zeros(fragments.triangle.shape, np.float32)
    rated[fragments.covered] = (
        straight * _in_sight(view, points_head) * _above_neck(photo.vertices_head, points_head)
    )
    return rated


def cosine_of_view(camera: Camera, points_head: np.ndarray, normals_head: np.ndarray) -> np.ndarray:
    """Cosine of the angle between a normal and the way to the camera: (n,) float32."""
    rotation = np.float32(camera.rotation).T
    normals = normals_head @ rotation
    lengths = np.maximum(np.sqrt(np.einsum("nk,nk->n", normals, normals)), 1e-6)
    if camera.focal_px is None:
        return normals[:, 2] / lengths
    eye = points_head @ rotation + np.float32(camera.translation_eye)
    lengths *= np.sqrt(np.einsum("nk,nk->n", eye, eye))
    return -np.einsum("nk,nk->n", normals, eye) / lengths


def unoccluded(visibility: np.ndarray, points_uv: np.ndarray, side: int) -> np.ndarray:
    """Spread the visibility of the dense points over a page.

    Where no point is near, such as on the neck, nothing counts as hidden.

    Args:
        visibility: (P,) in 0..1.
        points_uv: (P, 2), the points on the page.
        side: of the page, a multiple of 8.

    Returns:
        (side, side) float32 in 0..1.
    """
    places = (np.arange(side // 8) + 0.5) / (side // 8)
    across, down = (
        np.exp(-(((places[:, None] - along) / POINT_REACH) ** 2) / 2) for along in points_uv.T
    )
    seen = np.clip((visibility - HIDDEN) / (VISIBLE - HIDDEN), 0, 1)
    share = ((down * seen) @ across.T + NOTHING_KNOWN) / (down @ across.T + NOTHING_KNOWN)
    return enlarged(enlarged(enlarged(share.astype(np.float32))))


def _above_neck(vertices_head: np.ndarray, points_head: np.ndarray) -> np.ndarray:
    """(n,) in 0..1: 1 on the head, 0 on the neck, of whose pose the fit knows nothing."""
    chin = load_head().keypoints(vertices_head)[CHIN]
    jaw = np.float32(chin[1]) + np.float32(JAW_SLOPE) * (np.float32(chin[2]) - points_head[:, 2])
    start, end = NECK_MM
    return np.clip((end - (jaw - points_head[:, 1])) / (end - start), 0, 1)


def _in_sight(view: View, points_head: np.ndarray) -> np.ndarray:
    """(n,) in 0..1: whether nothing of the head hides a point, and no contour is near it."""
    x, y, z = view.camera.head_to_image(points_head).T
    columns = np.clip(np.rint(x), 0, BUFFER_SIDE - 1).astype(int)
    rows = np.clip(np.rint(y), 0, BUFFER_SIDE - 1).astype(int)
    near = z > view.buffer.depth[rows, columns] - DEPTH_TOLERANCE_MM * view.camera.scale
    return near * _clear_of_contours(view)[rows, columns]


def _clear_of_contours(view: View) -> np.ndarray:
    """(h, w) float32: 0 near a jump in depth, 1 farther away."""
    px_per_mm = view.camera.scale
    depth_mm = np.where(view.buffer.covered, view.buffer.depth / px_per_mm, -BEHIND_MM)
    inner = view.shows("eyes", "teeth", "mouth")
    (far_mm, wide_mm), (near_mm, narrow_mm) = CONTOURS_MM
    clear = _away_from(_jumps(depth_mm, far_mm, inner), wide_mm * px_per_mm)
    clear *= _away_from(_jumps(depth_mm, near_mm), narrow_mm * px_per_mm)
    return clear * _away_from(view.shows("teeth", "mouth"), OPEN_MOUTH_MM * px_per_mm)


def _away_from(marked: np.ndarray, margin_px: float) -> np.ndarray:
    """(h, w) float32: 0 within a margin of marked pixels, 1 from twice that margin on."""
    reach = max(1, round(margin_px))
    away = box_mean(marked.astype(np.float32), reach) <= 0
    return np.clip(2 * box_mean(away.astype(np.float32), reach) - 1, 0, 1)


def _jumps(depth_mm: np.ndarray, least_mm: float, apart: np.ndarray | None = None) -> np.ndarray:
    """(h, w) bool: pixels next to a jump in depth, unless it is one from or to pixels `apart`."""
    marked = np.zeros(depth_mm.shape, bool)
    for first, second in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        jump = np.abs(depth_mm[first] - depth_mm[second]) > least_mm
        if apart is not None:
            jump &= ~(apart[first] | apart[second])
        marked[first] |= jump
        marked[second] |= jump
    return marked
