"""Find a scan's pose and unit, and align it with the head frame: five detected points, then ICP.

Chapter 11. A scan has its own frame and unit. CenterFace finds five points in a rendering of it,
and the z-buffer lifts them onto the surface. The points align the scan with the mean head, and ICP
refines the alignment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.florence.scan_file import Scan
from facelib.detect.faces import NoFaceError, detect_faces
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh, triangle_normals
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.transforms import Similarity
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.render.render import Light, render

SEARCH_PX = 640  # side of the pictures in which the face is detected
GLANCE_PX = 256  # side of the pictures in which the 24 orientations are tried
SEARCH_MM = 260.0  # width of the second picture
LIFT_REACH_PX = 12.0  # a point over a hole takes the depth of the nearest surface within this
UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
UNIT_FACTOR = 1.6  # if a face's size differs from the mean's by more, the unit is another one
NOSE_REACH_MM = 12.0  # the tip lies within this distance of the detected one
ICP_REACH_MM = 140.0
ICP_TRIM = 0.2  # share of the mean face without a match, because of hair, holes and beard
PLAIN_COLOR = (0.7, 0.65, 0.6)
# The camera's lamp, for scans without a texture; a texture contains its own light.
LAMP = Light(np.array([0.2, 0.4, 0.9]), np.array([0.75, 0.75, 0.75]))


@dataclass(frozen=True)
class UprightScan:
    """A scan in the head frame.

    Attributes:
        mesh_head: mm, aligned with the mean head.
        points_head: (5, 3) float64, mm, CenterFace's points: eyes, nose tip, mouth corners, the
            image's left one first.
        nose_tip_head: (3,) float64, mm.
        mean_face_head: (V, 3) float64, mm: the mean face's layout vertices, scaled to this head.
        notes: one sentence per oddity or missing file.
    """

    mesh_head: Mesh
    points_head: np.ndarray
    nose_tip_head: np.ndarray
    mean_face_head: np.ndarray
    notes: tuple[str, ...]

    @property
    def keypoints_head(self) -> np.ndarray:
        """(68, 3) float64, mm: the scaled mean face's keypoints, near the scan's own."""
        return load_layout().keypoints(self.mean_face_head)


def set_upright(scan: Scan) -> UprightScan:
    """Align a scan with the head frame by the five points that CenterFace finds on it.

    Args:
        scan: in any frame whose axes are roughly parallel to the head's; mm, cm or m.

    Raises:
        NoFaceError: if no face is found in any of the 24 orientations.
        ValueError: if the face has no human size in any of the units.
    """
    mesh_scan = scan.mesh_scan
    points_scan, rotation = _find_from_any_side(mesh_scan)
    rough = umeyama(points_scan, _mean_points())
    mm_per_unit = unit_mm(rough.scale)
    rigid = umeyama(points_scan * mm_per_unit, _mean_points(), with_scale=False)
    mesh_head = _moved(mesh_scan, Similarity(mm_per_unit, np.eye(3), np.zeros(3)).then(rigid))
    # The five points are more accurate in a picture straight from the front.
    search = _search_camera()
    refined = umeyama(_find_points(mesh_head, search)[0], _mean_points(), with_scale=False)
    mesh_head = _moved(mesh_head, refined)
    mean_face, to_mean_face = _fit_mean_face(mesh_head)
    mesh_head = _facing_outward(_moved(mesh_head, to_mean_face), search)
    points_head = _find_points(mesh_head, search)[0]
    notes = list(scan.notes)
    if mm_per_unit != 1:
        notes.append(f"the scan is in units of {mm_per_unit:.0f} mm")
    if not np.array_equal(rotation, np.eye(3)):
        notes.append("the scan was rotated upright")
    tip = _nose_tip(mesh_head.vertices, points_head[2])
    return UprightScan(mesh_head, points_head, tip, mean_face, tuple(notes))


def unit_mm(mean_face_per_scan: float) -> float:
    """Return the unit of a scan, mm.

    Args:
        mean_face_per_scan: size of the mean face in mm / size of the scan's face in its unit.

    Raises:
        ValueError: if neither mm, cm nor m gives a human face.
    """
    for unit in UNITS_MM.values():
        if 1 / UNIT_FACTOR < mean_face_per_scan / unit < UNIT_FACTOR:
            return unit
    raise ValueError(
        f"expected a scan in {', '.join(UNITS_MM)}, but its face is {1 / mean_face_per_scan:.3g} "
        "of the mean face's size in mm"
    )


@lru_cache(maxsize=1)
def _mean_points() -> np.ndarray:
    """Return CenterFace's five points on the surface of the mean head: (5, 3) float64, mm."""
    model = load_head()
    keypoints = model.keypoints(model.mean_head)
    eyes = [keypoints[36:42].mean(axis=0), keypoints[42:48].mean(axis=0)]
    points = np.stack([*eyes, keypoints[30], keypoints[48], keypoints[54]])
    # A lifted point of a scan lies on the eyeball, between the lids.
    camera = _search_camera()
    mean_head = Mesh(model.mean_head, model.triangles)
    return camera.image_to_head(
        lift(camera.head_to_image(points)[:, :2], _depth(mean_head, camera))
    )


def _nose_tip(vertices_head: np.ndarray, detected_head: np.ndarray) -> np.ndarray:
    """Return the most protruding vertex near the detected nose tip: (3,) float64, mm.

    Args:
        vertices_head: (N, 3) float, mm.
        detected_head: (3,) float, mm, returned if no vertex is near.
    """
    vertices = np.asarray(vertices_head, dtype=np.float64)
    near = vertices[np.linalg.norm(vertices - detected_head, axis=1) < NOSE_REACH_MM]
    return near[np.argmax(near[:, 2])] if len(near) else np.asarray(detected_head, dtype=np.float64)


def scan_picture(mesh_head: Mesh, camera: Camera, cull_back: bool = True) -> np.ndarray:
    """Render a scan over black: (H, W, 3) float32, display colours."""
    if mesh_head.texture is not None and mesh_head.uv is not None:
        return render(mesh_head, camera, [], (1, 1, 1), supersample=2, cull_back=cull_back).image
    color = np.tile(np.float32(PLAIN_COLOR), (len(mesh_head.vertices), 1))
    plain = replace(mesh_head, colors=color if mesh_head.colors is None else mesh_head.colors)
    lamps, ambient = [LAMP], (0.25, 0.25, 0.25)
    return render(plain, camera, lamps, ambient, supersample=2, cull_back=cull_back).image


def _find_from_any_side(mesh_scan: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Find the five points on a scan in its own orientation or, if there is no face, in another.

    Returns:
        points (5, 3) float64, scan frame; and the rotation that brought the face to the camera.
    """
    low, high = mesh_scan.vertices.min(axis=0), mesh_scan.vertices.max(axis=0)
    extent = float((high - low).max())
    if not extent > 0:
        raise ValueError("expected a scan with an extent, got a single point")
    to_unit_box = Similarity(1 / extent, np.eye(3), -(high + low) / 2 / extent)
    identity, *others = axis_rotations()
    try:
        return _find_rotated(mesh_scan, to_unit_box, identity, SEARCH_PX)[0], identity
    except NoFaceError:
        best = max(others, key=lambda each: _score_rotated(mesh_scan, to_unit_box, each))
    return _find_rotated(mesh_scan, to_unit_box, best, SEARCH_PX)[0], best


def _find_rotated(
    mesh_scan: Mesh, to_unit_box: Similarity, rotation: np.ndarray, size: int
) -> tuple[np.ndarray, float]:
    """Find the five points (5, 3) of the rotated scan, scan frame, and CenterFace's score."""
    camera = Camera.orthographic((0, 0, 0), 0.95 * size, size, size)
    to_view = to_unit_box.then(Similarity(1.0, rotation, np.zeros(3)))
    points, score = _find_points(_moved(mesh_scan, to_view), camera)
    return to_view.inverse().apply(points), score


def _score_rotated(mesh_scan: Mesh, to_unit_box: Similarity, rotation: np.ndarray) -> float:
    """Return CenterFace's score for the rotated scan in a small picture; 0 without a face."""
    try:
        return _find_rotated(mesh_scan, to_unit_box, rotation, GLANCE_PX)[1]
    except NoFaceError:
        return 0.0


def axis_rotations() -> list[np.ndarray]:
    """Return the 24 rotations that map axes to axes, the identity first: (3, 3) float64 each."""
    rotations = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        rotation = np.eye(3)[list(order)] * np.array(signs)[:, None]
        if np.linalg.det(rotation) > 0:
            rotations.append(rotation)
    return rotations


def _find_points(mesh: Mesh, camera: Camera) -> tuple[np.ndarray, float]:
    """Find CenterFace's five points in a picture and lift them: (5, 3) mm, and its score."""
    faces = detect_faces(scan_picture(mesh, camera, cull_back=False))
    if not faces:
        raise NoFaceError("no face found")
    points_image = lift(faces[0].landmarks, _depth(mesh, camera))
    # Through an open back, the inside of a face resembles a face, but its nose points away.
    if points_image[2, 2] < points_image[[0, 1, 3, 4], 2].mean():
        raise NoFaceError("a face seen from inside")
    return camera.image_to_head(points_image), faces[0].score


def _depth(mesh: Mesh, camera: Camera) -> np.ndarray:
    corners = camera.head_to_image(mesh.vertices)
    return rasterize(corners, mesh.triangles, camera.height, camera.width).depth


def _search_camera() -> Camera:
    """Return the frontal camera of a head in the head frame."""
    return Camera.orthographic((0, 0, 0), SEARCH_PX / SEARCH_MM, SEARCH_PX, SEARCH_PX)


def lift(points_px: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Give image points the depth of the surface under them.

    Args:
        points_px: (K, 2) float, x and y.
        depth: (H, W) float, the z-buffer, px; −inf where there is no surface.

    Returns:
        (K, 3) float64, px, image frame.

    Raises:
        NoFaceError: if a point is farther than `LIFT_REACH_PX` from any surface.
    """
    rows, columns = np.nonzero(np.isfinite(depth))
    if len(rows) == 0:
        raise NoFaceError("no surface below the points")
    distances, nearest = cKDTree(np.stack([columns, rows], axis=1)).query(points_px)
    if distances.max() > LIFT_REACH_PX:
        raise NoFaceError("no surface below the points")
    return np.column_stack([points_px, depth[rows[nearest], columns[nearest]]])


def _fit_mean_face(mesh_head: Mesh) -> tuple[np.ndarray, Similarity]:
    """Scale the mean face to a scan, and find the rigid motion that takes the scan onto it.

    The scan keeps its size: of the similarity mean face → scan, the scale is applied to the mean
    face, and the inverse of the rigid part to the scan.
    """
    layout = load_layout()
    mean_face = layout.references_head[0].astype(np.float64)
    middle = layout.keypoints(mean_face).mean(axis=0)
    near = np.linalg.norm(mesh_head.vertices - middle, axis=1) < ICP_REACH_MM
    source = mean_face[layout.labels["face"] & ~layout.labels["membrane"]]
    target = mesh_head.vertices[near].astype(np.float64)
    start = icp(source, target, max_iterations=20, tolerance=1e-3, trim=ICP_TRIM).similarity
    to_scan = icp(
        source, target, start, with_scale=True, max_iterations=40, tolerance=1e-4, trim=ICP_TRIM
    ).similarity
    to_mean_face = Similarity(1.0, to_scan.rotation, to_scan.translation).inverse()
    return to_scan.scale * mean_face, to_mean_face


def _moved(mesh: Mesh, motion: Similarity) -> Mesh:
    return replace(mesh, vertices=motion.apply(mesh.vertices).astype(np.float32))


def _facing_outward(mesh_head: Mesh, camera: Camera) -> Mesh:
    """Reverse the winding of all triangles if the visible ones face away from the camera."""
    image = camera.head_to_image(mesh_head.vertices)
    drawn = rasterize(image, mesh_head.triangles, camera.height, camera.width).triangle
    visible = mesh_head.triangles[np.unique(drawn[drawn >= 0])]
    if np.median(triangle_normals(mesh_head.vertices, visible)[:, 2]) >= 0:
        return mesh_head
    return replace(mesh_head, triangles=mesh_head.triangles[:, ::-1])
