"""A photo of a mesh: camera, lights, textured smooth shading, background."""

from dataclasses import dataclass, replace

import numpy as np

from facelib.mesh import Mesh, vertex_normals
from facelib.rasterize import Fragments, rasterize
from facelib.shading import composite_pixels, shade_pixels
from facelib.transforms import checked_points, rotation_from_pose


@dataclass(frozen=True)
class Camera:
    """Where the head stands before the eye, and how the eye's view lands on the image.

    Attributes:
        rotation: (3, 3), head → eye.
        translation_eye: (3,), mm: the head's origin in the eye frame.
        scale: image px per mm at the head's origin.
        width: image width, px.
        height: image height, px.
        centre_px: (2,), x and y where the view axis meets the image.
        focal_px: focal length in px, or None for an orthographic camera.
    """

    rotation: np.ndarray
    translation_eye: np.ndarray
    scale: float
    width: int
    height: int
    centre_px: np.ndarray
    focal_px: float | None = None

    @classmethod
    def perspective(
        cls,
        pose: tuple[float, float, float],
        distance_mm: float,
        focal_px: float,
        width: int = 256,
        height: int = 256,
        centre_px: tuple[float, float] | None = None,
    ) -> "Camera":
        """Look at the head from a distance, straight along the view axis.

        Args:
            pose: pitch, yaw, roll of the head, rad (see `rotation_from_pose`).
            distance_mm: from the eye to the head's origin.
            focal_px: focal length, px.
            width: image width, px.
            height: image height, px.
            centre_px: where the head's origin appears; the image's middle by default.

        Raises:
            ValueError: if the distance or the focal length is not positive.
        """
        if not (distance_mm > 0 and focal_px > 0):
            raise ValueError(
                f"expected a positive distance and focal length, got {distance_mm} and {focal_px}"
            )
        return cls(
            rotation_from_pose(*pose),
            np.array([0.0, 0.0, -float(distance_mm)]),
            float(focal_px / distance_mm),
            width,
            height,
            _centre(centre_px, width, height),
            float(focal_px),
        )

    @classmethod
    def orthographic(
        cls,
        pose: tuple[float, float, float],
        scale: float,
        width: int = 256,
        height: int = 256,
        centre_px: tuple[float, float] | None = None,
    ) -> "Camera":
        """Look at the head from infinitely far: parallel rays, `scale` px per mm.

        Args:
            pose: pitch, yaw, roll of the head, rad.
            scale: px per mm.
            width: image width, px.
            height: image height, px.
            centre_px: where the head's origin appears; the image's middle by default.

        Raises:
            ValueError: if the scale is not positive.
        """
        if not scale > 0:
            raise ValueError(f"expected a positive scale, got {scale}")
        centre = _centre(centre_px, width, height)
        return cls(rotation_from_pose(*pose), np.zeros(3), float(scale), width, height, centre)

    def head_to_eye(self, points_head: np.ndarray) -> np.ndarray:
        """Move (N, 3) points, mm, from the head frame to the eye frame; returns float64."""
        return checked_points(points_head) @ np.asarray(self.rotation).T + self.translation_eye

    def head_to_image(self, points_head: np.ndarray) -> np.ndarray:
        """Project points onto the image (eq. 4.1, keeping a depth that is linear in mm).

        Args:
            points_head: (N, 3) float, mm.

        Returns:
            (N, 3) float64, px; z is 0 at the depth of the head's origin, toward the camera.
            Points in or behind the eye's plane come out as NaN.
        """
        points_eye = self.head_to_eye(points_head)
        return self._eye_to_image(points_eye, self._px_per_mm(points_eye[:, 2]))

    def image_to_head(self, points_image: np.ndarray) -> np.ndarray:
        """Undo `head_to_image`: (N, 3) px to (N, 3) mm, float64."""
        points = checked_points(points_image)
        z_eye = points[:, 2] / self.scale + self.translation_eye[2]
        centred = (points[:, :2] - np.asarray(self.centre_px)) * [1.0, -1.0]
        xy_eye = centred / self._px_per_mm(z_eye)[:, None]
        points_eye = np.column_stack([xy_eye, z_eye])
        return (points_eye - self.translation_eye) @ np.asarray(self.rotation)

    def inverse_w(self, points_head: np.ndarray) -> np.ndarray | None:
        """(N,) 1/mm, for perspective-correct `rasterize`; None for an orthographic camera."""
        return self.project(points_head)[1]

    def project(self, points_head: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return `head_to_image` and `inverse_w` of the same (N, 3) points, mm."""
        points_eye = self.head_to_eye(points_head)
        per_mm = self._px_per_mm(points_eye[:, 2])
        inverse_w = None if self.focal_px is None else per_mm / self.focal_px
        return self._eye_to_image(points_eye, per_mm), inverse_w

    def frustum(
        self, near: float | None = None, far: float | None = None
    ) -> tuple[float, float, float, float, float, float]:
        """Return left, right, bottom, top, near, far in mm for `transforms.extended_view`.

        Args:
            near: distance of the near plane; half the head's distance by default.
            far: distance of the far plane; twice the head's distance by default.

        Raises:
            ValueError: for an orthographic camera, whose view is no pyramid.
        """
        if self.focal_px is None:
            raise ValueError("expected a perspective camera, got an orthographic one")
        distance = -float(self.translation_eye[2])
        near = distance / 2 if near is None else near
        far = distance * 2 if far is None else far
        mm_per_px = near / self.focal_px
        x, y = float(self.centre_px[0]), float(self.centre_px[1])
        left, right = -0.5 - x, self.width - 0.5 - x
        bottom, top = y - (self.height - 0.5), y + 0.5
        sides = (left * mm_per_px, right * mm_per_px, bottom * mm_per_px, top * mm_per_px)
        return (*sides, float(near), float(far))

    def enlarged(self, factor: int) -> "Camera":
        """Return the same view on an image `factor` times as wide and high."""
        return replace(
            self,
            scale=self.scale * factor,
            width=self.width * factor,
            height=self.height * factor,
            centre_px=(np.asarray(self.centre_px) + 0.5) * factor - 0.5,
            focal_px=None if self.focal_px is None else self.focal_px * factor,
        )

    def _eye_to_image(self, points_eye: np.ndarray, per_mm: np.ndarray) -> np.ndarray:
        points_image = np.empty_like(points_eye)
        points_image[:, 0] = points_eye[:, 0] * per_mm + self.centre_px[0]
        points_image[:, 1] = self.centre_px[1] - points_eye[:, 1] * per_mm
        points_image[:, 2] = (points_eye[:, 2] - self.translation_eye[2]) * self.scale
        points_image[np.isnan(per_mm), 2] = np.nan
        return points_image

    def _px_per_mm(self, z_eye: np.ndarray) -> np.ndarray:
        if self.focal_px is None:
            return np.full(z_eye.shape, self.scale)
        return np.divide(self.focal_px, -z_eye, out=np.full(z_eye.shape, np.nan), where=z_eye < 0)


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
    """What `render` returns.

    Attributes:
        image: (H, W, 3) float32 RGB in 0..1.
        alpha: (H, W) float32 in 0..1: how much of the pixel the mesh covers.
        depth: (H·s, W·s) float32, px of that grid, image frame's z; −inf where no mesh is.
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
    to 0..1; albedo = texture × vertex colour, each 1 where the mesh has none. Colours are taken and
    returned as they are: no gamma.

    Args:
        mesh_head: vertices in mm, head frame.
        camera: where the head stands and what size the image has.
        lights: directional lights in the eye frame, so they stay while the head turns.
        ambient: (3,) RGB light from everywhere.
        background: (H, W, 3) or (3,) RGB; black by default.
        specular: strength of the highlight, one number or (N,), one a vertex.
        supersample: draw on a grid this many times finer and average.
        normals: (N, 3) head frame, where the mesh's own would be split at texture seams.
        shininess: exponent of the highlight; larger is smaller and sharper.
        cull_back: leave out triangles seen from inside.

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
    colors = np.ones((n_vertices, 3)) if mesh.colors is None else mesh.colors
    centre_x, centre_y = camera.centre_px
    inverse_focal = 0.0 if camera.focal_px is None else 1.0 / camera.focal_px
    shade_pixels(
        fragments.triangle,
        fragments.barycentric,
        mesh.triangles,
        _float32(np.asarray(normals) @ np.asarray(camera.rotation).T),
        _float32(colors),
        _specular_per_vertex(specular, n_vertices),
        _float32(mesh.uv if textured else np.zeros((0, 2))),
        _float32(mesh.texture if textured else np.zeros((1, 1, 3))),
        _float32([centre_x, centre_y, inverse_focal]),
        _light_rows(lights),
        _rgb("ambient", ambient),
        np.float32(shininess),
        out,
    )


def _specular_per_vertex(specular, n_vertices: int) -> np.ndarray:
    if np.shape(specular) not in ((), (n_vertices,)):
        raise ValueError(f"expected specular () or ({n_vertices},), got {np.shape(specular)}")
    if not np.any(specular):
        return np.zeros(0, np.float32)
    return _float32(np.broadcast_to(specular, n_vertices))


def _light_rows(lights) -> np.ndarray:
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
    image, alpha = np.empty((*size, 3), np.float32), np.empty(size, np.float32)
    composite_pixels(
        color, fragments.triangle, behind if behind.ndim == 3 else behind[None, None], image, alpha
    )
    return image, alpha


def _centre(centre_px, width: int, height: int) -> np.ndarray:
    middle = ((width - 1) / 2, (height - 1) / 2)
    return np.asarray(middle if centre_px is None else centre_px, dtype=np.float64)


def _rgb(name: str, color) -> np.ndarray:
    if np.shape(color) != (3,):
        raise ValueError(f"expected {name} (3,), got {np.shape(color)}")
    return _float32(color)


def _float32(array) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.float32)
