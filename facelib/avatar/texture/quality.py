"""How well a photo shows each texel: squarely, hidden by nothing, and away from contours."""

from __future__ import annotations

import math

import numpy as np

from facelib.avatar.texture.bands import enlarged
from facelib.avatar.texture.unwrap import SkinPage
from facelib.avatar.texture.views import SeenPhoto, View
from facelib.face.headmodel import load_head
from facelib.files.kernels import kernel
from facelib.imaging.effects import box_mean
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments

DEPTH_TOLERANCE_MM = 3.0  # by which a visible texel may lie behind the coarse pixels of a z-buffer
GRAZING = 0.12  # cosine of the angle of view below which a surface shows nothing
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
    eye_from_head = np.column_stack([photo.camera.rotation, photo.camera.translation_eye])
    rated = np.zeros(fragments.triangle.shape, np.float32)
    buffer = view.buffer.depth, _clear_of_contours(view)
    chin = load_head().keypoints(photo.vertices_head)[CHIN]
    _rate(
        fragments.triangle, fragments.barycentric, page.triangles, view.vertices_head,
        view.normals_head, np.float32(eye_from_head), _lens(view.camera),
        *buffer, np.float32(chin), rated,
    )  # fmt: skip
    return rated


def _lens(camera: Camera) -> np.ndarray:
    """(4,) float32: focal length, or 0 for parallel rays; px per mm; x and y of the view axis."""
    return np.float32([camera.focal_px or 0, camera.scale, *camera.centre_px])


@kernel()
def _rate(
    triangle, barycentric, triangles, vertices, normals, eye_from_head, lens, depth, clear, chin,
    out,
):  # fmt: skip
    """Rate all texels of a page.

    Args:
        triangle: (h, w) int32, below 0 where there is no skin.
        barycentric: (h, w, 3) float32.
        triangles: (M, 3) int32.
        vertices: (V, 3) float32, mm, head frame.
        normals: (V, 3) float32, head frame.
        eye_from_head: (3, 4) float32, the camera's pose.
        lens: (4,) float32, `_lens` of the z-buffer's camera.
        depth: (b, b) float32, the z-buffer, px.
        clear: (b, b) float32, 0 near contours.
        chin: (3,) float32, mm, head frame.
        out: (h, w) float32, written.
    """
    zero, one, half, slope = np.float32(0), np.float32(1), np.float32(0.5), np.float32(JAW_SLOPE)
    grazing, tolerance = np.float32(GRAZING), np.float32(DEPTH_TOLERANCE_MM) * lens[1]
    neck_start, neck_end = np.float32(NECK_MM[0]), np.float32(NECK_MM[1])
    last = np.float32(depth.shape[0] - 1)
    m, z_head = eye_from_head, eye_from_head[2, 3]
    for row in range(triangle.shape[0]):
        for col in range(triangle.shape[1]):
            t = triangle[row, col]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            r, s, u = barycentric[row, col]
            x = r * vertices[i, 0] + s * vertices[j, 0] + u * vertices[k, 0]
            y = r * vertices[i, 1] + s * vertices[j, 1] + u * vertices[k, 1]
            z = r * vertices[i, 2] + s * vertices[j, 2] + u * vertices[k, 2]
            above = (neck_end - (chin[1] + slope * (chin[2] - z) - y)) / (neck_end - neck_start)
            if above <= zero:
                continue
            nx = r * normals[i, 0] + s * normals[j, 0] + u * normals[k, 0]
            ny = r * normals[i, 1] + s * normals[j, 1] + u * normals[k, 1]
            nz = r * normals[i, 2] + s * normals[j, 2] + u * normals[k, 2]
            # The way to the eye, in the head's axes: the same angle with less to rotate.
            ex, ey, ez = m[2, 0], m[2, 1], m[2, 2]
            x_eye = m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3]
            y_eye = m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3]
            z_eye = m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + z_head
            if lens[0] > zero:
                ex = -(m[0, 0] * x_eye + m[1, 0] * y_eye + m[2, 0] * z_eye)
                ey = -(m[0, 1] * x_eye + m[1, 1] * y_eye + m[2, 1] * z_eye)
                ez = -(m[0, 2] * x_eye + m[1, 2] * y_eye + m[2, 2] * z_eye)
                if z_eye >= zero:
                    continue
            lengths = math.sqrt((nx * nx + ny * ny + nz * nz) * (ex * ex + ey * ey + ez * ez))
            facing = (nx * ex + ny * ey + nz * ez) / max(lengths, np.float32(1e-6))
            straight = (facing - grazing) / (one - grazing)
            if not straight > zero:
                continue
            per_mm = lens[1] if lens[0] == zero else lens[0] / -z_eye
            across = min(max(x_eye * per_mm + lens[2], zero), last)
            down = min(max(lens[3] - y_eye * per_mm, zero), last)
            b, c = int(down + half), int(across + half)
            if (z_eye - z_head) * lens[1] > depth[b, c] - tolerance:
                straight = min(straight, one)
                # To the power of 1.5: how much a straight view is better than a slanted one.
                out[row, col] = straight * math.sqrt(straight) * clear[b, c] * min(above, one)


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
