"""A still image of a scene of meshes, for readers without scripts or 3D graphics."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.render.rasterize import interpolate, rasterize

SIZE_PX = 420
# k3d's camera has its field of view upward; the still image is square and has the same one.
FIELD_OF_VIEW_DEG = 30.0
# Lit from the reader's eye; no part is darker than this, so that all of it shows.
AMBIENT = 0.35
POINT_COLOR = 0xD55E00


def still_image(
    meshes: Sequence[Mesh], camera: Sequence[float], points: np.ndarray | None = None
) -> bytes:
    """Draw meshes once, smoothly shaded, over white.

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
    corners = project(np.concatenate([mesh.vertices for mesh in meshes]), camera)
    fragments = rasterize(corners, triangles, SIZE_PX, SIZE_PX)
    attributes = np.hstack([colors, np.concatenate(normals)]).astype(np.float32)
    drawn = interpolate(fragments, triangles, attributes)  # (S, S, 6): RGB, then the normal
    light = AMBIENT + (1 - AMBIENT) * np.abs(drawn[..., 3:] @ look_at(camera)[1][2])
    image = np.where(fragments.triangle[..., None] >= 0, drawn[..., :3] * light[..., None], 1.0)
    return _webp(image, () if points is None else project(points, camera))


def look_at(camera: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the eye (3,) and the rotation (3, 3) whose rows are right, up and back."""
    eye, target, up = np.reshape(np.asarray(camera, float), (3, 3))
    back = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(up, back)
    right /= np.linalg.norm(right)
    return eye, np.stack([right, np.cross(back, right), back])


def project(points: np.ndarray, camera: Sequence[float]) -> np.ndarray:
    """Project points onto the still image.

    Args:
        points: (N, 3) in the camera's frame, all before the eye.
        camera: nine numbers: eye, target and up vector.

    Returns:
        (N, 3): x right and y down in px of the still image; of two points the nearer has the
        larger z.
    """
    eye, rotation = look_at(camera)
    x, y, z = ((points - eye) @ rotation.T).T
    middle = (SIZE_PX - 1) / 2
    scale = SIZE_PX / 2 / (-z * np.tan(np.radians(FIELD_OF_VIEW_DEG) / 2))
    return np.column_stack([middle + x * scale, middle - y * scale, z])


def _webp(image: np.ndarray, points_image: Sequence[Sequence[float]]) -> bytes:
    picture = Image.fromarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for x, y, _ in points_image:
        pen.ellipse((x - 2, y - 2, x + 2, y + 2), fill=f"#{POINT_COLOR:06x}")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
