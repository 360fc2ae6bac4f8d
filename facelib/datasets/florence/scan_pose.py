"""Turn a scan to face the camera, without a hand: five detected points, then ICP.

Chapter 09. A scan comes in a frame and unit of its own. CenterFace finds five points in a picture
of it, the z-buffer lifts them onto the surface, and they lay the scan on the mean head; ICP does
the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import permutations, product

import numpy as np
from scipy.spatial import cKDTree

from facelib.datasets.florence.scan_file import Scan
from facelib.detect import NoFaceError, detect_faces
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh, triangle_normals
from facelib.geometry.registration import icp, umeyama
from facelib.geometry.transforms import Similarity
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.render.render import Light, render

SEARCH_PX = 640  # side of the pictures in which the face is looked for
GLANCE_PX = 256  # side of the pictures that tell which side of a scan the face is on
SEARCH_MM = 260.0  # what the second picture shows, from side to side
LIFT_REACH_PX = 12.0  # a point over a hole is lifted from the nearest surface within this
UNITS_MM = {"mm": 1.0, "cm": 10.0, "m": 1000.0}
UNIT_FACTOR = 1.6  # a face this much larger or smaller than the mean face is of another unit
NOSE_REACH_MM = 12.0  # the tip lies within this of where the detector sees it
ICP_REACH_MM = 140.0
ICP_TRIM = 0.2  # share of the mean face that hair, holes and beard may keep from a match
GREY = (0.7, 0.65, 0.6)
# The camera's lamp, for scans without a texture; a texture has its own light in it.
LAMP = Light(np.array([0.2, 0.4, 0.9]), np.array([0.75, 0.75, 0.75]))


@dataclass(frozen=True)
class UprightScan:
    """A scan in the head frame.

    Attributes:
        mesh_head: mm; faces the camera, upright; about where the mean head lies.
        points_head: (5, 3) float64, mm, what CenterFace found: eyes, nose tip, mouth corners, the
            image's left one first.
        nose_tip_head: (3,) float64, mm.
        mean_face_head: (V, 3) float64, mm: the mean face's layout vertices, scaled to this head.
        notes: what was missing or odd.
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


def upright(scan: Scan) -> UprightScan:
    """Bring a scan into the head frame by the five points that CenterFace finds on it.

    Args:
        scan: any frame with its axes along the head's, roughly; mm, cm or m.

    Raises:
        NoFaceError: if no face is found from any of the 24 sides.
        ValueError: if the face has no human size in any of the units.
    """
    mesh_scan = scan.mesh_scan
    points_scan, turn = _find_from_any_side(mesh_scan)
    rough = umeyama(points_scan, mean_points())
    mm_per_unit = unit_mm(rough.scale)
    rigid = umeyama(points_scan * mm_per_unit, mean_points(), with_scale=False)
    mesh_head = _moved(mesh_scan, Similarity(mm_per_unit, np.eye(3), np.zeros(3)).then(rigid))
    # Seen straight from the front, the five points are found better.
    search = _search_camera()
    better = umeyama(_find_points(mesh_head, search)[0], mean_points(), with_scale=False)
    mesh_head = _moved(mesh_head, better)
    mean_face, back = _lay_mean_face(mesh_head)
    mesh_head = _outside_out(_moved(mesh_head, back), search)
    points_head = _find_points(mesh_head, search)[0]
    notes = list(scan.notes)
    if mm_per_unit != 1:
        notes.append(f"the scan is in units of {mm_per_unit:.0f} mm")
    if not np.array_equal(turn, np.eye(3)):
        notes.append("the scan was turned upright")
    tip = nose_tip(mesh_head.vertices, points_head[2])
    return UprightScan(mesh_head, points_head, tip, mean_face, tuple(notes))


def unit_mm(mean_face_per_scan: float) -> float:
    """Return the unit of a scan, mm.

    Args:
        mean_face_per_scan: how much larger the mean face in mm is than the scan in its unit.

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
def mean_points() -> np.ndarray:
    """Where CenterFace's five points lie on the surface of the mean head: (5, 3) float64, mm."""
    model = load_head()
    keypoints = model.keypoints(model.mean_head)
    eyes = [keypoints[36:42].mean(axis=0), keypoints[42:48].mean(axis=0)]
    points = np.stack([*eyes, keypoints[30], keypoints[48], keypoints[54]])
    # Between the lids lies the eyeball, which is what a lifted point of a scan lies on.
    camera = _search_camera()
    mean_head = Mesh(model.mean_head, model.triangles)
    return camera.image_to_head(
        lift(camera.head_to_image(points)[:, :2], _depth(mean_head, camera))
    )


def nose_tip(vertices_head: np.ndarray, seen_head: np.ndarray) -> np.ndarray:
    """Return the vertex that lies farthest out near where the detector saw the tip: (3,) float64.

    Args:
        vertices_head: (N, 3) float, mm.
        seen_head: (3,) float, mm.
    """
    vertices = np.asarray(vertices_head, dtype=np.float64)
    near = vertices[np.linalg.norm(vertices - seen_head, axis=1) < NOSE_REACH_MM]
    return near[np.argmax(near[:, 2])] if len(near) else np.asarray(seen_head, dtype=np.float64)


def scan_picture(mesh_head: Mesh, camera: Camera, cull_back: bool = True) -> np.ndarray:
    """Draw a scan on black: (H, W, 3) float32, as displayed."""
    if mesh_head.texture is not None and mesh_head.uv is not None:
        return render(mesh_head, camera, [], (1, 1, 1), supersample=2, cull_back=cull_back).image
    grey = np.tile(np.float32(GREY), (len(mesh_head.vertices), 1))
    plain = replace(mesh_head, colors=grey if mesh_head.colors is None else mesh_head.colors)
    lamps, ambient = [LAMP], (0.25, 0.25, 0.25)
    return render(plain, camera, lamps, ambient, supersample=2, cull_back=cull_back).image


def _find_from_any_side(mesh_scan: Mesh) -> tuple[np.ndarray, np.ndarray]:
    """Find the five points (5, 3) on a scan as it lies or, if there is none, on its other sides."""
    low, high = mesh_scan.vertices.min(axis=0), mesh_scan.vertices.max(axis=0)
    extent = float((high - low).max())
    if not extent > 0:
        raise ValueError("expected a scan with an extent, got a single point")
    to_middle = Similarity(1 / extent, np.eye(3), -(high + low) / 2 / extent)
    as_it_lies, *others = quarter_turns()
    try:
        return _find_turned(mesh_scan, to_middle, as_it_lies, SEARCH_PX)[0], as_it_lies
    except NoFaceError:
        turn = max(others, key=lambda turn: _score_turned(mesh_scan, to_middle, turn))
    return _find_turned(mesh_scan, to_middle, turn, SEARCH_PX)[0], turn


def _find_turned(
    mesh_scan: Mesh, to_middle: Similarity, turn: np.ndarray, size: int
) -> tuple[np.ndarray, float]:
    """Find the five points (5, 3) of the turned scan, scan frame, and CenterFace's score."""
    camera = Camera.orthographic((0, 0, 0), 0.95 * size, size, size)
    way = to_middle.then(Similarity(1.0, turn, np.zeros(3)))
    points, score = _find_points(_moved(mesh_scan, way), camera)
    return way.inverse().apply(points), score


def _score_turned(mesh_scan: Mesh, to_middle: Similarity, turn: np.ndarray) -> float:
    """How sure CenterFace is of a face on the turned scan in a small picture; 0 without one."""
    try:
        return _find_turned(mesh_scan, to_middle, turn, GLANCE_PX)[1]
    except NoFaceError:
        return 0.0


def quarter_turns() -> list[np.ndarray]:
    """Return the 24 rotations that take axes to axes, the identity first: (3, 3) float64 each."""
    turns = []
    for order, signs in product(permutations(range(3)), product((1.0, -1.0), repeat=3)):
        turn = np.eye(3)[list(order)] * np.array(signs)[:, None]
        if np.linalg.det(turn) > 0:
            turns.append(turn)
    return turns


def _find_points(mesh: Mesh, camera: Camera) -> tuple[np.ndarray, float]:
    """Find CenterFace's five points in a picture and lift them: (5, 3) mm, and its score."""
    faces = detect_faces(scan_picture(mesh, camera, cull_back=False))
    if not faces:
        raise NoFaceError("no face found")
    points_image = lift(faces[0].landmarks, _depth(mesh, camera))
    # Through an open back, the inside of a face looks like a face, but its nose points away.
    if points_image[2, 2] < points_image[[0, 1, 3, 4], 2].mean():
        raise NoFaceError("a face seen from inside")
    return camera.image_to_head(points_image), faces[0].score


def _depth(mesh: Mesh, camera: Camera) -> np.ndarray:
    corners = camera.head_to_image(mesh.vertices)
    return rasterize(corners, mesh.triangles, camera.height, camera.width).depth


def _search_camera() -> Camera:
    """Return the camera that looks straight at a head in the head frame."""
    return Camera.orthographic((0, 0, 0), SEARCH_PX / SEARCH_MM, SEARCH_PX, SEARCH_PX)


def lift(points_px: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Give points of a picture the depth of the surface under them.

    Args:
        points_px: (K, 2) float, x and y.
        depth: (H, W) float, the z-buffer, px; −inf where there is no surface.

    Returns:
        (K, 3) float64, px, image frame.

    Raises:
        NoFaceError: if a point is farther from any surface than a hole is wide.
    """
    rows, columns = np.nonzero(np.isfinite(depth))
    if len(rows) == 0:
        raise NoFaceError("no surface below the points")
    away, nearest = cKDTree(np.stack([columns, rows], axis=1)).query(points_px)
    if away.max() > LIFT_REACH_PX:
        raise NoFaceError("no surface below the points")
    return np.column_stack([points_px, depth[rows[nearest], columns[nearest]]])


def _lay_mean_face(mesh_head: Mesh) -> tuple[np.ndarray, Similarity]:
    """Scale the mean face to a scan, and find the rigid motion that takes the scan onto it.

    The scan's own size is kept: of the similarity mean face → scan, turn and place are undone on
    the scan, and the scale is done to the mean face.
    """
    layout = load_layout()
    mean_face = layout.references_head[0].astype(np.float64)
    middle = layout.keypoints(mean_face).mean(axis=0)
    near = np.linalg.norm(mesh_head.vertices - middle, axis=1) < ICP_REACH_MM
    source = mean_face[layout.labels["face"] & ~layout.labels["membrane"]]
    target = mesh_head.vertices[near].astype(np.float64)
    start = icp(source, target, max_iterations=20, tolerance=1e-3, trim=ICP_TRIM).similarity
    laid = icp(
        source, target, start, with_scale=True, max_iterations=40, tolerance=1e-4, trim=ICP_TRIM
    ).similarity
    back = Similarity(1.0, laid.rotation, laid.translation).inverse()
    return laid.scale * mean_face, back


def _moved(mesh: Mesh, motion: Similarity) -> Mesh:
    return replace(mesh, vertices=motion.apply(mesh.vertices).astype(np.float32))


def _outside_out(mesh_head: Mesh, camera: Camera) -> Mesh:
    """Turn the triangles over if those that the camera sees show their backs."""
    image = camera.head_to_image(mesh_head.vertices)
    seen = rasterize(image, mesh_head.triangles, camera.height, camera.width).triangle
    visible = mesh_head.triangles[np.unique(seen[seen >= 0])]
    if np.median(triangle_normals(mesh_head.vertices, visible)[:, 2]) >= 0:
        return mesh_head
    return replace(mesh_head, triangles=mesh_head.triangles[:, ::-1])
