"""The ground truth of a rendered photo besides its colours.

The small part is stored with every pair: the camera, the 68 keypoints and their visibility. The
large part has values for every pixel: label, normal and depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from facelib.geometry.mesh import Mesh
from facelib.pairs.labels import NUMBER_OF, PAINTED_ON, WORN
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments, interpolate, rasterize

# A keypoint this far behind the drawn surface still counts as visible, mm: a surface slopes as much
# within a pixel. Keypoints of eyes and lips lie in the folds of lids and lips, up to 10 mm inside.
SEEN_WITHIN_MM = np.repeat([2.5, 11.0], [36, 32])
# The same behind something worn, which is not part of the face.
SEEN_BEHIND_MM = 1.5
VIEW = np.dtype(
    [
        ("keypoints_image", "<f4", (68, 3)),
        ("visible", "?", (68,)),
        ("z_origin_px", "<f8"),
        ("rotation", "<f8", (3, 3)),
        ("translation_eye", "<f8", (3,)),
        ("scale", "<f8"),
        ("centre_px", "<f8", (2,)),
        ("focal_px", "<f8"),
    ]
)
PIXEL_ARRAYS = ("segmentation", "normals_eye", "depth_mm")


@dataclass(frozen=True)
class ViewTruth:
    """One photo's camera and keypoints.

    Attributes:
        camera: that took the photo.
        keypoints_image: (68, 3) float32 px, crop frame of this photo; the face's lowest layout
            vertex has z = 0, as in `FacePair.vertices_image`.
        visible: (68,) bool: inside the photo, and not hidden, not even by the face itself.
        z_origin_px: z of the head's origin, from which the camera's own z counts.
    """

    camera: Camera
    keypoints_image: np.ndarray
    visible: np.ndarray
    z_origin_px: float

    def image_to_head(self, points_image: np.ndarray) -> np.ndarray:
        """Convert (N, 3) px, crop frame of this photo, to the head frame: (N, 3) float64, mm."""
        return self.camera.image_to_head(np.asarray(points_image) - [0, 0, self.z_origin_px])

    def head_to_image(self, points_head: np.ndarray) -> np.ndarray:
        """Inverse of `image_to_head`: (N, 3) mm to (N, 3) px."""
        return self.camera.head_to_image(points_head) + [0, 0, self.z_origin_px]

    def record(self) -> np.void:
        """Pack into one record of type `VIEW`."""
        camera = self.camera
        focal = np.nan if camera.focal_px is None else camera.focal_px
        values = (self.keypoints_image, self.visible, self.z_origin_px)
        values += (camera.rotation, camera.translation_eye, camera.scale, camera.centre_px, focal)
        return np.array(values, VIEW)[()]

    @classmethod
    def from_record(cls, record: np.void, size: int) -> ViewTruth:
        """Undo `record`, for a photo of size × size px."""
        focal = float(record["focal_px"])
        camera = Camera(
            record["rotation"].copy(),
            record["translation_eye"].copy(),
            float(record["scale"]),
            size,
            size,
            record["centre_px"].copy(),
            None if np.isnan(focal) else focal,
        )
        keypoints, visible = record["keypoints_image"].copy(), record["visible"].copy()
        return cls(camera, keypoints, visible, float(record["z_origin_px"]))


@dataclass(frozen=True)
class Cover:
    """Things drawn over a render that are not in its mesh: hair, frames, lenses.

    Attributes:
        labels: (S, S) uint8, numbers of `labels.LABELS`; 0 where less than half a pixel is
            covered.
        depth: (S, S) float32 px, image frame's z; −inf elsewhere.
    """

    labels: np.ndarray
    depth: np.ndarray


@dataclass(frozen=True)
class PixelTruth:
    """Label, normal and depth at every pixel's centre of a photo.

    Attributes:
        segmentation: (S, S) uint8, numbers of `facelib.pairs.labels.LABELS`; 0 is background.
        normals_eye: (S, S, 3) float16, unit, eye frame (x right, y up, z toward the viewer), as
            used for shading; 0 on the background and under hair or a frame.
        depth_mm: (S, S) float32, distance along the view axis; inf on the background.
    """

    segmentation: np.ndarray
    normals_eye: np.ndarray
    depth_mm: np.ndarray


def view_truth(
    camera: Camera,
    keypoints_head: np.ndarray,
    layout_vertices_head: np.ndarray,
    fragments: Fragments,
    worn: np.ndarray,
    cover: Cover | None = None,
) -> ViewTruth:
    """Project the keypoints and find the visible ones by the z-buffer.

    Args:
        camera: of the photo.
        keypoints_head: (68, 3) float, mm.
        layout_vertices_head: (V, 3) float, mm; the lowest of them gets z = 0.
        fragments: (S·k, S·k), as `render.Rendering.fragments`, of everything in the photo.
        worn: (M,) bool: the photo's triangles that are not part of the head.
        cover: what is drawn over them; None for nothing.
    """
    z_origin = -float(camera.head_to_image(layout_vertices_head)[:, 2].min())
    keypoints = camera.head_to_image(keypoints_head)
    visible = seen(keypoints, camera, fragments, worn)
    if cover is not None:
        visible &= ~covered(keypoints, camera, cover)
    keypoints[:, 2] += z_origin
    return ViewTruth(camera, keypoints.astype(np.float32), visible, z_origin)


def seen(
    keypoints_image: np.ndarray,
    camera: Camera,
    fragments: Fragments,
    worn: np.ndarray,
    within_mm: np.ndarray = SEEN_WITHIN_MM,
) -> np.ndarray:
    """Find the keypoints with nothing in front of them.

    A keypoint is hidden if all four pixel centres around it show something nearer. A single centre
    may show another surface that begins next to the keypoint.

    Args:
        keypoints_image: (68, 3) float px, from `camera.head_to_image`.
        camera: of the photo.
        fragments: (S·k, S·k), drawn at k times the photo's resolution.
        worn: (M,) bool: the triangles that are not part of the head.
        within_mm: (68,) how far behind the drawn head each may be; pass your own for other points.

    Returns:
        (68,) bool; False outside of the photo.
    """
    height, width = fragments.depth.shape
    fine = width // camera.width
    x, y = ((keypoints_image[:, :2] + 0.5) * fine - 0.5).T
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    column = np.clip(np.floor(np.where(inside, x, 0)).astype(int), 0, width - 2)
    row = np.clip(np.floor(np.where(inside, y, 0)).astype(int), 0, height - 2)
    column, row = column + [[0], [1], [0], [1]], row + [[0], [0], [1], [1]]
    in_front = fragments.depth[row, column] / fine - keypoints_image[:, 2]
    behind_worn = worn[fragments.triangle[row, column]] & np.isfinite(in_front)
    within_mm = np.where(behind_worn, SEEN_BEHIND_MM, within_mm)
    return inside & (in_front <= within_mm * camera.scale).any(axis=0)


def covered(keypoints_image: np.ndarray, camera: Camera, cover: Cover) -> np.ndarray:
    """Find the keypoints covered by something drawn over the render: (68,) bool."""
    edge = (camera.width - 1, camera.height - 1)
    inside = np.clip(np.nan_to_num(keypoints_image[:, :2]), 0, edge)
    column, row = np.rint(inside).astype(int).T
    in_front = cover.depth[row, column] - keypoints_image[:, 2]
    nearer = in_front > SEEN_BEHIND_MM * camera.scale
    return nearer & np.isin(cover.labels[row, column], WORN)


def pixel_truth(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    labels: np.ndarray,
    painted: np.ndarray,
    camera: Camera,
    cover: Cover | None = None,
) -> PixelTruth:
    """Compute label, normal and depth for every pixel of a photo.

    Args:
        mesh_head: everything in the photo, mm.
        normals_head: (N, 3) float, outward, of any length.
        labels: (N,) uint8, the label of each vertex.
        painted: (h, w) uint8, labels painted on the texture page; 0 for none.
        camera: of the photo.
        cover: what is drawn over the mesh; None for nothing.
    """
    vertices, triangles = mesh_head.vertices, mesh_head.triangles
    size = camera.height, camera.width
    image, inverse_w = camera.project(vertices)
    fragments = rasterize(image, triangles, *size, inverse_w, cull_back=True)
    normals = interpolate(fragments, triangles, normals_head @ np.asarray(camera.rotation).T)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)
    segmentation, depth = _segmentation(fragments, mesh_head, labels, painted), fragments.depth
    if cover is not None:
        solid = (cover.labels > 0) & (cover.labels != NUMBER_OF["lens"])
        normals[solid], depth = 0, np.where(solid, cover.depth, depth)
        segmentation = np.where(cover.labels > 0, cover.labels, segmentation)
    depth_mm = -(camera.translation_eye[2] + depth / camera.scale)
    return PixelTruth(segmentation, normals.astype(np.float16), depth_mm.astype(np.float32))


def _segmentation(
    fragments: Fragments, mesh: Mesh, labels: np.ndarray, painted: np.ndarray
) -> np.ndarray:
    out = np.zeros(fragments.triangle.shape, np.uint8)
    _vote(fragments.triangle, fragments.barycentric, mesh.triangles, labels, out)
    uv = interpolate(fragments, mesh.triangles, mesh.uv)
    height, width = painted.shape
    column = np.clip((uv[..., 0] * width).astype(int), 0, width - 1)
    row = np.clip((uv[..., 1] * height).astype(int), 0, height - 1)
    over = painted[row, column]
    return np.where((over > 0) & np.isin(out, PAINTED_ON), over, out)


@njit(cache=True)
def _vote(triangle, barycentric, triangles, labels, out):
    """Give each pixel the label with the largest barycentric weight."""
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            t = triangle[row, col]
            if t < 0:
                continue
            most = np.float32(-1)
            for k in range(3):
                label, share = labels[triangles[t, k]], np.float32(0)
                for other in range(3):
                    if labels[triangles[t, other]] == label:
                        share += barycentric[row, col, other]
                if share > most:
                    most, out[row, col] = share, label
