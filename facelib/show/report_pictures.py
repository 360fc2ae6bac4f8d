"""The pictures of a report: data URLs and SVG, drawn with numpy and Pillow alone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from facelib.geometry.mesh import Mesh, edges
from facelib.imaging.crop import Crop
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, interpolate, rasterize
from facelib.render.render import Light, render
from facelib.show.colors import viridis
from facelib.show.report_content import ReportContent, ReportPhoto

PHOTO_PX = 900  # largest side of a photo's cut in the page
MAP_PX = 360
PAGE_PX = 512  # of pictures on the head's uv page
RIM_TEXELS = 4  # by which colours on the page reach beyond their triangles
AROUND_FACE = 1.4  # a photo's cut, in sides of the face's box
PORTRAIT_PX = (300, 380)  # width and height of a picture of the head
PORTRAIT_MM = 1400.0  # how far its camera is
FILLED = 0.88  # share of the picture's height that the head takes
BEHIND = 0.05  # a point this far behind the surface is hidden, in heights of the face
GREY = (0.72, 0.70, 0.68)
LIGHT, AMBIENT = Light(np.array([0.25, 0.5, 1.0]), np.full(3, 0.35)), (0.7, 0.7, 0.7)


def data_url(image: np.ndarray, lossless: bool = False) -> str:
    """Return an image as a URL that holds it: WebP, or PNG where colours must be exact.

    Args:
        image: (H, W, 3) RGB or (H, W, 4) RGBA, float in 0..1 or uint8.
        lossless: write PNG.
    """
    picture = Image.fromarray(image if image.dtype == np.uint8 else to_uint8(image))
    kind, options = ("png", {"optimize": True}) if lossless else ("webp", {"quality": 85})
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def around_face(photo: ReportPhoto) -> Crop:
    """Return the square of a photo that a report shows, around the face and in the photo's px."""
    points = photo.vertices_image[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    side = AROUND_FACE * max(float((high - low).max()), 2.0)
    return Crop(tuple(map(float, (low + high) / 2)), side, max(1, min(PHOTO_PX, round(side))))


def cut(photo: ReportPhoto, crop: Crop) -> np.ndarray:
    """Cut a square out of a photo: (S, S, 3) float32 in 0..1; black outside."""
    pixels = crop.cut(photo.pixels)
    return pixels / 255 if photo.pixels.dtype == np.uint8 else pixels


def overlay(content: ReportContent, photo: ReportPhoto, label: str) -> str:
    """Return a photo with the head, the face's mesh and the keypoints over it, as an SVG element.

    Hidden edges are left out; hidden keypoints are rings.

    Args:
        content: with the head, and the triangles of the face.
        photo: its vertices and keypoints are drawn.
        label: what the picture shows, for readers who cannot see it.
    """
    triangles = content.face_triangles
    crop = around_face(photo)
    size = crop.output_size
    vertices = crop.image_to_crop(photo.vertices_image)
    fragments = rasterize(vertices, triangles, size, size, cull_back=True)
    seen = np.unique(fragments.triangle[fragments.covered])
    lines = vertices[edges(triangles[seen])][..., :2] + 0.5
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in lines.reshape(-1, 4))
    points = crop.image_to_crop(photo.keypoints_image)
    circles = "".join(
        f'<circle class="{"seen" if shown else "hidden"}" cx="{x + 0.5:.1f}" cy="{y + 0.5:.1f}" '
        f'r="{size / 180:.1f}"><title>{number}</title></circle>'
        for number, (x, y, shown) in enumerate(
            zip(*points.T[:2], _visible(points, fragments), strict=True)
        )
    )
    name = html.escape(label)
    return (
        f'<svg class="overlay" viewBox="0 0 {size} {size}" role="img" aria-label="{name}">'
        f'<image width="{size}" height="{size}" href="{data_url(cut(photo, crop))}"/>'
        f"{_drawn_head(content, photo, crop)}"
        f'<path class="mesh" stroke-width="{size / 900:.2f}" d="{path}"/>'
        f'<g class="keypoints" stroke-width="{size / 450:.2f}">{circles}</g></svg>'
    )


def _drawn_head(content: ReportContent, photo: ReportPhoto, crop: Crop) -> str:
    """Return the head as the photo's camera sees it, as an SVG image; nothing without a camera."""
    if photo.camera is None:
        return ""
    small = Crop(crop.centre_px, crop.size_px, min(MAP_PX, crop.output_size))
    drawn = render(
        content.head,
        photo.camera.cropped(small),
        [LIGHT],
        ambient=AMBIENT,
        supersample=2,
        normals=content.normals_head,
    )
    picture = np.dstack([drawn.image / np.maximum(drawn.alpha, 0.01)[..., None], drawn.alpha])
    size = crop.output_size
    return f'<image class="head" width="{size}" height="{size}" href="{data_url(picture)}"/>'


def _visible(points: np.ndarray, fragments: Fragments) -> np.ndarray:
    """(K,) bool: points (K, 3) on the surface, or where there is none."""
    last = np.array(fragments.depth.shape)[:, None] - 1
    rows, columns = np.clip(np.round(points[:, 1::-1]).astype(int).T, 0, last)
    behind = fragments.depth[rows, columns] - points[:, 2]
    return behind < BEHIND * np.ptp(points[:, 1])


def portraits(
    head: Mesh,
    normals_head: np.ndarray,
    yaws_deg: Sequence[float],
    colors: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the head from several directions, in one row.

    Args:
        head: with a texture or colours, in any unit.
        normals_head: (N, 3) float32 of its vertices, alike across the seams of its texture.
        yaws_deg: the head's yaw in each picture.
        colors: (N, 3) RGB by vertex, instead of the texture.

    Returns:
        (H, W, 4) float32 RGBA, transparent around the head.
    """
    painted = Mesh(head.vertices, head.triangles, colors=colors) if colors is not None else head
    width, height = PORTRAIT_PX
    low, high = head.vertices.min(axis=0), head.vertices.max(axis=0)
    focal = FILLED * height / max(high[1] - low[1], 1e-6) * PORTRAIT_MM
    centred = replace(painted, vertices=painted.vertices - (low + high) / 2)
    drawn = [
        render(
            centred,
            Camera.perspective((0.0, np.radians(yaw), 0.0), PORTRAIT_MM, focal, width, height),
            [LIGHT],
            ambient=AMBIENT,
            supersample=2,
            normals=normals_head,
        )
        for yaw in yaws_deg
    ]
    over_black = np.concatenate([each.image for each in drawn], axis=1)
    alpha = np.concatenate([each.alpha for each in drawn], axis=1)[..., None]
    color = np.divide(over_black, alpha, out=np.ones_like(over_black), where=alpha > 0)
    return np.concatenate([color, alpha], axis=2)


def painted_page(head: Mesh, colors: np.ndarray) -> np.ndarray:
    """Paint a colour per vertex, (N, 3), onto the head's uv page: (PAGE_PX, PAGE_PX, 3) float32."""
    corners = np.column_stack([head.uv * PAGE_PX - 0.5, np.zeros(len(head.uv))])
    fragments = rasterize(corners, head.triangles, PAGE_PX, PAGE_PX)
    drawn = interpolate(fragments, head.triangles, colors.astype(np.float32))
    return _widened(np.where(fragments.covered[..., None], drawn, 0), fragments.covered)


def _widened(page: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Continue colours over the rims of what is covered, which a viewer's filter blends in."""
    weights = covered.astype(np.float32)[..., None]
    for _ in range(RIM_TEXELS):
        colors, shares = map(_neighbours, (page * weights, weights))
        page = np.where(weights > 0, page, colors / np.maximum(shares, 1e-6))
        weights = np.maximum(weights, (shares > 0).astype(np.float32))
    return np.where(weights > 0, page, np.float32(GREY))


def _neighbours(values: np.ndarray) -> np.ndarray:
    """Add up the four neighbours of each texel: (S, S, C)."""
    wide = np.pad(values, ((1, 1), (1, 1), (0, 0)))
    return wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]


def depth_and_normals(
    content: ReportContent, photo: ReportPhoto
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Draw the fitted head's depth and normals as the photo's camera sees them.

    Args:
        content: with the head and its normals.
        photo: with a camera.

    Returns:
        Depth in viridis and normals, each (MAP_PX, MAP_PX, 3) float32 over white, and the depths at
        the scale's ends, mm behind the nearest point: the nearest has the last colour.
    """
    head, whole = content.head, around_face(photo)
    crop = Crop(whole.centre_px, whole.size_px, MAP_PX)
    camera = photo.camera.cropped(crop)
    corners, inverse_w = camera.project(head.vertices)
    fragments = rasterize(corners, head.triangles, MAP_PX, MAP_PX, inverse_w)
    covered = fragments.covered[..., None]
    behind_mm = (np.max(fragments.depth) - fragments.depth) / camera.scale
    farthest = float(np.ceil(behind_mm[fragments.covered].max(initial=1.0) / 10) * 10)
    depth = np.where(covered, viridis(-behind_mm, -farthest, 0.0), 1.0)
    normals = content.normals_head @ camera.rotation.T.astype(np.float32)
    drawn = interpolate(fragments, head.triangles, normals)
    drawn /= np.maximum(np.linalg.norm(drawn, axis=2, keepdims=True), 1e-6)
    return depth, np.where(covered, (drawn + 1) / 2, 1.0), (farthest, 0.0)


def position_map_picture(position_map: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """Draw x, y, z of a position map as red, green, blue, each from its least to its largest."""
    points = position_map[covered]
    low, high = points.min(axis=0), points.max(axis=0)
    picture = (position_map - low) / np.maximum(high - low, 1e-6)
    return np.where(covered[..., None], np.clip(picture, 0, 1), 1.0).astype(np.float32)


def camera_plan(photos: Sequence[ReportPhoto]) -> str:
    """Return a plan of the head, seen from above, with the cameras around it, as SVG.

    Distances are drawn by their root, so that near and far cameras both fit.
    """
    placed = []
    for photo in photos:
        eye = -photo.camera.rotation.T @ photo.camera.translation_eye  # mm, head frame
        direction = np.array([eye[0], eye[2]]) / max(float(np.hypot(eye[0], eye[2])), 1e-6)
        placed.append((photo, direction, float(np.linalg.norm(eye))))
    farthest = max(distance for *_, distance in placed)
    drawn, leftmost = [], min(float(direction[0]) for _, direction, _ in placed)
    for photo, direction, distance in placed:
        x, y = 150 + direction * (55 + 65 * np.sqrt(distance / farthest))
        angle = np.degrees(np.arctan2(direction[1], direction[0]))
        # Names on outer sides: two cameras may be in nearly one place.
        name_x, anchor = (x - 18, "end") if direction[0] == leftmost else (x + 18, "start")
        drawn.append(
            f'<line class="ray" x1="150" y1="150" x2="{x:.0f}" y2="{y:.0f}"/>'
            f'<g transform="translate({x:.0f} {y:.0f}) rotate({angle:.0f})">'
            '<rect x="-6" y="-9" width="16" height="18" rx="2"/><path d="M-6 0l-7-7v14z"/></g>'
            f'<text x="{name_x:.0f}" y="{y + 5:.0f}" text-anchor="{anchor}">{photo.view}, '
            f"{distance / 1000:.1f} m</text>"
        )
    names = " and ".join(f"the {photo.view} camera" for photo in photos)
    return (
        f'<svg class="plan" viewBox="-70 60 440 230" fill="currentColor" role="img" '
        f'aria-label="Plan seen from above: the head in the middle, {names} around it">'
        '<ellipse cx="150" cy="146" rx="27" ry="34" fill="none" stroke="currentColor"/>'
        f'<path d="M143 178l7 12 7-12z"/>{"".join(drawn)}</svg>'
    )
