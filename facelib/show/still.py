"""A still image of a scene of meshes, for readers without scripts or 3D graphics."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.rasterize import interpolate, rasterize

WIDTH_PX, HEIGHT_PX = 672, 420
FIELD_OF_VIEW_DEG = 30.0  # vertical, as k3d's
MARGIN = 1.06  # free space around the meshes, as in the book's live views
# Light comes from the eye; no part is darker than this.
AMBIENT = 0.35
POINT_COLOR = 0xD55E00


def fitting_camera(vertices: np.ndarray, yaw: float, pitch: float) -> list[float]:
    """Return the camera that looks at a scene from as near as shows all of it.

    Args:
        vertices: (N, 3) of the scene, in a right-handed frame with y up.
        yaw: of the direction from which the camera looks, radians around y.
        pitch: of that direction, radians upward.

    Returns:
        Nine numbers: eye, target and up vector, as k3d takes them.
    """
    target = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    back = [np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
    axes = _eye_axes(np.array(back), np.array([0.0, 1.0, 0.0]))
    x, y, z = axes @ (vertices - target).T
    high = np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2) / MARGIN
    wide = high * WIDTH_PX / HEIGHT_PX
    distance = (z + np.maximum(np.abs(x) / wide, np.abs(y) / high)).max()
    return [float(number) for number in (*(target + distance * axes[2]), *target, 0, 1, 0)]


def draw_still(
    meshes: Sequence[Mesh], camera: Sequence[float], points: np.ndarray | None = None
) -> np.ndarray:
    """Draw meshes once, smoothly shaded; where there is none, the image is transparent.

    Args:
        meshes: with colors, all in one right-handed frame.
        camera: nine numbers: eye, target and up vector in that frame, as k3d takes them.
        points: (P, 3) in that frame, drawn over the meshes.

    Returns:
        (H, W, 4) uint8.
    """
    firsts = np.cumsum([0, *[len(mesh.vertices) for mesh in meshes[:-1]]])
    triangles = [m.triangles + first for m, first in zip(meshes, firsts, strict=True)]
    triangles = np.concatenate(triangles).astype(np.int32)
    normals = [vertex_normals(mesh.vertices, mesh.triangles) for mesh in meshes]
    colors = np.concatenate([mesh.colors for mesh in meshes])
    view = camera_looking(*np.reshape(np.asarray(camera, float), (3, 3)))
    corners, inverse_w = view.project(np.concatenate([mesh.vertices for mesh in meshes]))
    fragments = rasterize(corners, triangles, HEIGHT_PX, WIDTH_PX, inverse_w)
    attributes = np.hstack([colors, np.concatenate(normals)]).astype(np.float32)
    drawn = interpolate(fragments, triangles, attributes)  # (H, W, 6): RGB, then the normal
    light = AMBIENT + (1 - AMBIENT) * np.abs(drawn[..., 3:] @ view.rotation[2])
    there = (fragments.triangle >= 0)[..., None]
    image = np.where(there, np.dstack([drawn[..., :3] * light[..., None], there]), (1, 1, 1, 0))
    picture = Image.fromarray(to_uint8(image))
    pen = ImageDraw.Draw(picture)
    for x, y, _ in () if points is None else view.head_to_image(points):
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=f"#{POINT_COLOR:06x}")
    return np.asarray(picture)


def trimmed_webp(image: np.ndarray) -> bytes:
    """Return a WebP file of an image without the transparent border around what is drawn.

    Args:
        image: (H, W, 4) uint8 with something drawn.
    """
    picture = Image.fromarray(image)
    buffer = io.BytesIO()
    picture.crop(picture.getbbox()).save(buffer, "WEBP", quality=80)
    return buffer.getvalue()


def camera_looking(eye: np.ndarray, target: np.ndarray, up: np.ndarray) -> Camera:
    """Return the still image's camera, for points in the scene's frame.

    Args:
        eye: (3,), where the camera is.
        target: (3,), the point in the middle of the image.
        up: (3,), any vector that points upward in the image.
    """
    back = (eye - target) / np.linalg.norm(eye - target)
    rotation = _eye_axes(back, up)
    focal_px = HEIGHT_PX / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    middle = np.array([(WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2])
    return Camera(rotation, -rotation @ eye, 1.0, WIDTH_PX, HEIGHT_PX, middle, float(focal_px))


def _eye_axes(back: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the rotation to the eye frame, whose rows point right, up and back."""
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back])
