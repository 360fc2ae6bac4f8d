"""A still image of a scene of meshes, for readers without scripts or 3D graphics."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.imaging.imagefiles import to_uint8
from facelib.render.camera import Camera
from facelib.render.rasterize import interpolate, rasterize

SIZE_PX = 420
# Vertical, as k3d's; the still image is square.
FIELD_OF_VIEW_DEG = 30.0
# Light comes from the eye; no part is darker than this.
AMBIENT = 0.35
POINT_COLOR = 0xD55E00


def still_image(
    meshes: Sequence[Mesh], camera: Sequence[float], points: np.ndarray | None = None
) -> bytes:
    """Draw meshes once, smoothly shaded; where there is none, the image is transparent.

    Args:
        meshes: with colors, all in one right-handed frame.
        camera: nine numbers: eye, target and up vector in that frame, as k3d takes them.
        points: (P, 3) in that frame, drawn over the meshes.

    Returns:
        A WebP file's bytes.
    """
    firsts = np.cumsum([0, *[len(mesh.vertices) for mesh in meshes[:-1]]])
    triangles = [m.triangles + first for m, first in zip(meshes, firsts, strict=True)]
    triangles = np.concatenate(triangles).astype(np.int32)
    normals = [vertex_normals(mesh.vertices, mesh.triangles) for mesh in meshes]
    colors = np.concatenate([mesh.colors for mesh in meshes])
    view = camera_looking(*np.reshape(np.asarray(camera, float), (3, 3)))
    corners, inverse_w = view.project(np.concatenate([mesh.vertices for mesh in meshes]))
    fragments = rasterize(corners, triangles, SIZE_PX, SIZE_PX, inverse_w)
    attributes = np.hstack([colors, np.concatenate(normals)]).astype(np.float32)
    drawn = interpolate(fragments, triangles, attributes)  # (S, S, 6): RGB, then the normal
    light = AMBIENT + (1 - AMBIENT) * np.abs(drawn[..., 3:] @ view.rotation[2])
    there = (fragments.triangle >= 0)[..., None]
    image = np.where(there, np.dstack([drawn[..., :3] * light[..., None], there]), (1, 1, 1, 0))
    return _webp(image, () if points is None else view.head_to_image(points))


def camera_looking(eye: np.ndarray, target: np.ndarray, up: np.ndarray) -> Camera:
    """Return the still image's camera, for points in the scene's frame.

    Args:
        eye: (3,), where the camera is.
        target: (3,), the point in the middle of the image.
        up: (3,), any vector that points upward in the image.
    """
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(back, right), back])
    focal_px = SIZE_PX / 2 / np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2)
    middle = np.full(2, (SIZE_PX - 1) / 2)
    return Camera(rotation, -rotation @ eye, 1.0, SIZE_PX, SIZE_PX, middle, float(focal_px))


def _webp(image: np.ndarray, points_image: Sequence[Sequence[float]]) -> bytes:
    picture = Image.fromarray(to_uint8(image))
    pen = ImageDraw.Draw(picture)
    for x, y, _ in points_image:
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=f"#{POINT_COLOR:06x}")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
