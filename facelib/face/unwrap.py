"""Unwrapping: cut the face out of the head, close its holes, and flatten it onto the unit square.

This is the geometry; chapter 4 draws it step by step. `experiments/build_layout.py` adds names and
keypoints and writes the shipped layout.

The flattening is Tutte's: pin the boundary to a convex curve and make every inner vertex a
weighted mean of its neighbours. With positive weights it cannot fold (Tutte 1963; Floater 2003).
The weights start as mean value coordinates and are then lowered where triangles come out too small,
which spreads the texels evenly over the face (Yoshizawa, Belyaev and Seidel 2004).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix, diags, identity, vstack
from scipy.sparse.linalg import spsolve

from facelib.geometry.mesh import boundary_loops

if TYPE_CHECKING:
    from facelib.face.headmodel import MorphableModel

# The face that is cut out of the mean head: an oval, seen from an axis inside it, above the neck.
AXIS_Z_MM = -15.0  # the vertical axis about which azimuths are measured
SIDE_DEG = 74.0  # azimuth of the oval's sides, just before the ears
HAIRLINE_MM = 76.0  # y of its top
OVAL_POWER = 4  # |azimuth / side|^p + |y / hairline|^p < 1
LOWEST_MM = -106.0  # y of the cut below the chin
THROAT_Z_MM, THROAT_SLOPE = -20.0, -0.55  # z > this + slope · y keeps the jaw, drops the throat
EYE_FROM_MM = 5.0  # a hole whose centre is this far from the plane of symmetry is an eye
SYMMETRY_MM = 1e-3  # a vertex this near to the plane of symmetry counts as on it
CORNER_POWER = 8  # |x|^p + |y|^p = 1: the rounded square that the boundary is pinned to
MARGIN = 0.012  # free border of the unit square, about three of 256 texels
MOUTH_OPENING = 0.12  # of jawOpen, in the pose that is flattened: closed lips have no area
SOFTENING_STEPS = 40
FEATURE_SCALE = 1.2  # eyes, nose and lips are enlarged by this factor in the map


@dataclass(frozen=True)
class Patch:
    """The face as a disc: no holes, one boundary.

    Attributes:
        from_head: (V, N) csr, patch vertices as weighted sums of the head's vertices.
        triangles: (T, 3) int32 of patch vertices, counter-clockwise from outside.
        mirror: (V,) int, each vertex's twin across the plane of symmetry.
    """

    from_head: csr_matrix
    triangles: np.ndarray
    mirror: np.ndarray


def _face_vertices(model: MorphableModel) -> np.ndarray:
    """Choose the skin from ear to ear and from the hairline to under the chin. (N,) bool."""
    x, y, z = model.mean_head.T
    regions = model.regions
    inner = ("ears", "eyeballs", "mouth_cavity", "eye_sockets", "teeth", "tongue")
    skin = ~np.any([regions[name] for name in inner], axis=0)
    rims = regions["lips"] | regions["eyes"]
    azimuth_deg = np.degrees(np.arctan2(np.abs(x), z - AXIS_Z_MM))
    height = np.where(y > 0, y / HAIRLINE_MM, 0)
    front = (azimuth_deg / SIDE_DEG) ** OVAL_POWER + height**OVAL_POWER < 1
    above_neck = (y > LOWEST_MM) & (z > THROAT_SLOPE * y + THROAT_Z_MM)
    return (skin | rims) & front & above_neck


def cut_face(model: MorphableModel) -> Patch:
    """Cut the face out of the head and close the holes of eyes and mouth with membranes."""
    chosen = _face_vertices(model)
    chosen[model.keypoint_triangles] = True
    inside = _largest_disc(model.triangles[chosen[model.triangles].all(1)])
    kept = np.unique(inside)
    renumber = np.full(len(model.mean_head), -1)
    renumber[kept] = np.arange(len(kept))
    rows = [csr_matrix(identity(len(model.mean_head)))[kept]]
    triangles, mirror = [renumber[inside]], [renumber[model.mirror[kept]]]
    if (mirror[0] < 0).any():
        raise ValueError("the face patch is not symmetric")
    loops = sorted(boundary_loops(inside), key=len)[:-1]
    for weights, faces, twins in _membranes(model, loops, len(kept), renumber):
        rows.append(weights)
        triangles.append(faces)
        mirror.append(twins)
    return Patch(
        csr_matrix(vstack(rows)),
        np.concatenate(triangles).astype(np.int32),
        np.concatenate(mirror),
    )


def _largest_disc(triangles: np.ndarray) -> np.ndarray:
    """Drop triangles attached by a vertex or a single edge only, until there are none."""
    while True:
        directed = np.concatenate([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
        edges, counts = np.unique(np.sort(directed, 1), axis=0, return_counts=True)
        border = {tuple(edge) for edge in edges[counts == 1]}
        on_border = np.array(
            [[tuple(sorted(t[[i, (i + 1) % 3]])) in border for i in range(3)] for t in triangles]
        )
        loose = on_border.sum(1) >= 2
        if not loose.any():
            return triangles
        triangles = triangles[~loose]


def _membranes(model: MorphableModel, loops: list[np.ndarray], start: int, renumber: np.ndarray):
    """Yield new vertex rows, triangles and twins for each hole; left and right correspond."""
    centres = np.array([model.mean_head[loop].mean(0) for loop in loops])
    sizes = [_membrane_size(centre, len(loop)) for centre, loop in zip(centres, loops, strict=True)]
    starts = start + np.cumsum([0, *sizes])
    twin_of = [int(np.linalg.norm(centres * [-1, 1, 1] - c, axis=1).argmin()) for c in centres]
    for index, loop in enumerate(loops):
        is_eye = abs(centres[index][0]) > EYE_FROM_MM
        rings = _eye_rings(model, loop) if is_eye else _mean_row(loop, len(model.mean_head))
        first, twin_first = starts[index], starts[twin_of[index]]
        twin_loop = loops[twin_of[index]]
        order = np.array([int(np.flatnonzero(twin_loop == model.mirror[v])[0]) for v in loop])
        n_rings = (rings.shape[0] - 1) // len(loop)
        twins = [twin_first + ring * len(loop) + order for ring in range(n_rings)]
        twins.append([twin_first + n_rings * len(loop)])
        yield rings, _fan(renumber[loop], first, n_rings), np.concatenate(twins)


def _membrane_size(centre: np.ndarray, n_loop: int) -> int:
    """Vertices that close a hole: an eye gets a ring and a pole, the mouth a centre."""
    return n_loop + 1 if abs(centre[0]) > EYE_FROM_MM else 1


def _fan(loop: np.ndarray, first: int, n_rings: int) -> np.ndarray:
    """Triangles between a hole's rim (as `boundary_loops` orders it), its rings and its centre."""
    n = len(loop)
    rings = [loop] + [first + ring * n + np.arange(n) for ring in range(n_rings)]
    centre = first + n_rings * n
    faces = []
    for outer, inner in pairwise(rings):
        a, b, c, d = outer, np.roll(outer, -1), inner, np.roll(inner, -1)
        faces += [np.stack([b, a, c], 1), np.stack([b, c, d], 1)]
    last = rings[-1]
    faces.append(np.stack([np.roll(last, -1), last, np.full(n, centre)], 1))
    return np.concatenate(faces)


def _mean_row(members: np.ndarray, n: int) -> csr_matrix:
    """(1, n) csr that averages some vertices."""
    weights = np.full(len(members), 1 / len(members))
    return csr_matrix((weights, (np.zeros(len(members), int), members)), shape=(1, n))


def _eye_rings(model: MorphableModel, loop: np.ndarray) -> csr_matrix:
    """A ring half way to the pole, and the pole: linear in the vertices, and on the eyeball.

    The pole is the eyeball's centre moved toward the lids' centre, not the eyeball's front vertex,
    which moves with the gaze.
    """
    n = len(model.mean_head)
    side = np.sign(model.mean_head[loop].mean(0)[0])
    members = np.flatnonzero(model.regions["eyeballs"] & (model.mean_head[:, 0] * side > 0))
    centre, lids = _mean_row(members, n), _mean_row(loop, n)
    points = model.mean_head
    radius = np.linalg.norm(points[members] - centre @ points, axis=1).max()
    axis = lids - centre
    length = np.linalg.norm(axis @ points)
    pole = centre + axis * (radius / length)
    rim = csr_matrix(identity(n))[loop]
    ones = csr_matrix(np.ones((len(loop), 1)))
    half = (rim + ones @ pole) * 0.5
    short = radius - np.linalg.norm(half @ points - centre @ points, axis=1).mean()
    return csr_matrix(vstack([half + ones @ axis * (short / length), pole]))


def flatten(
    vertices: np.ndarray, patch: Patch, room: np.ndarray, steps: int = SOFTENING_STEPS
) -> np.ndarray:
    """Flatten the patch onto the unit square.

    Args:
        vertices: (V, 3) patch vertices to flatten, mm, head frame.
        patch: the disc.
        room: (V,) factor by which lengths around a vertex should be enlarged in the map.
        steps: largest number of solutions; 1 keeps the mean value weights.

    Returns:
        (V, 2) float64, uv frame: u right, v down.
    """
    loop = max(boundary_loops(patch.triangles), key=len)
    pinned = _pin_to_square(vertices, loop)
    weights = mean_value_weights(vertices, patch.triangles)
    best, best_stretch = None, np.inf
    for _ in range(steps):
        square = tutte(weights, loop, pinned)
        square = (square + square[patch.mirror] * [-1, 1]) / 2
        stretch = vertex_stretch(vertices, square, patch.triangles) * room
        total = np.mean(stretch**2)
        if total >= best_stretch:
            break
        best, best_stretch = square, total
        weights = weights @ diags(1 / np.sqrt(stretch / stretch.mean()))
    return 0.5 + best * [0.5 - MARGIN, -(0.5 - MARGIN)]


def _pin_to_square(vertices: np.ndarray, loop: np.ndarray) -> np.ndarray:
    """Place the boundary on a rounded square by arc length, symmetrically."""
    points = vertices[loop]
    middle = np.abs(points[:, 0]) < SYMMETRY_MM
    top = np.flatnonzero(middle)[points[middle, 1].argmax()]
    loop_order = np.roll(np.arange(len(loop)), -top)
    points = points[loop_order]
    steps = np.linalg.norm(np.roll(points, -1, 0) - points, axis=1)
    bottom = np.flatnonzero(np.abs(points[:, 0]) < SYMMETRY_MM)
    bottom = bottom[points[bottom, 1].argmin()]
    travelled = np.concatenate([[0], np.cumsum(steps)[:-1]])
    length = steps.sum()
    first, rest = travelled[bottom], length - travelled[bottom]
    share = np.where(
        np.arange(len(loop)) <= bottom,
        travelled / first / 2,
        0.5 + (travelled - first) / rest / 2,
    )
    clockwise = 1 if points[len(points) // 4, 0] > 0 else -1
    square = _rounded_square(share * clockwise)
    placed = np.empty_like(square)
    placed[loop_order] = square
    return placed


def _rounded_square(share: np.ndarray) -> np.ndarray:
    """Points of |x|^p + |y|^p = 1 at shares of its length, clockwise from the top middle, y up."""
    angle = np.linspace(0, 2 * np.pi, 20001)
    direction = np.stack([np.sin(angle), np.cos(angle)], 1)
    norm = (np.abs(direction) ** CORNER_POWER).sum(1, keepdims=True) ** (1 / CORNER_POWER)
    curve = direction / norm
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    share = np.mod(share, 1)
    return np.stack([np.interp(share, length / length[-1], curve[:, i]) for i in range(2)], 1)


def mean_value_weights(vertices: np.ndarray, triangles: np.ndarray) -> csr_matrix:
    """Floater's weights (tan(α/2) + tan(β/2)) / |edge| per directed edge: (V, V) csr, all > 0."""
    rows, columns, values = [], [], []
    for i in range(3):
        a, b, c = (vertices[triangles[:, (i + k) % 3]] for k in range(3))
        to_b, to_c = b - a, c - a
        length_b = np.maximum(np.linalg.norm(to_b, axis=1), 1e-2)
        length_c = np.maximum(np.linalg.norm(to_c, axis=1), 1e-2)
        cosine = np.clip((to_b * to_c).sum(1) / (length_b * length_c), -0.999, 0.999)
        half_tangent = np.sqrt((1 - cosine) / (1 + cosine))
        for corner, length in ((1, length_b), (2, length_c)):
            rows.append(triangles[:, i])
            columns.append(triangles[:, (i + corner) % 3])
            values.append(np.maximum(half_tangent, 1e-2) / length)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return csr_matrix(entries, shape=(len(vertices), len(vertices)))


def tutte(weights: csr_matrix, loop: np.ndarray, pinned: np.ndarray) -> np.ndarray:
    """Tutte's embedding: every inner vertex is the weighted mean of its neighbours.

    Args:
        weights: (V, V) csr, positive, one per directed edge; rows need not sum to 1.
        loop: (B,) int, boundary vertices.
        pinned: (B, 2) their positions on a convex curve.

    Returns:
        (V, 2) float64. No triangle is flipped.
    """
    n = weights.shape[0]
    inner = np.setdiff1d(np.arange(n), loop)
    share = diags(1 / np.asarray(weights.sum(1)).ravel()) @ weights
    system = csr_matrix(identity(n) - share)[inner]
    flat = np.zeros((n, 2))
    flat[loop] = pinned
    flat[inner] = spsolve(system[:, inner].tocsc(), -(system[:, loop] @ pinned))
    return flat


def vertex_stretch(vertices: np.ndarray, flat: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Mean length of surface per length of map around each vertex (Sander's L2 stretch): (V,)."""
    a, b, c = (flat[triangles[:, i]] for i in range(3))
    p, q, r = (vertices[triangles[:, i]] for i in range(3))
    twice = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    twice = np.where(np.abs(twice) < 1e-12, 1e-12, twice)[:, None]
    along_x = (p * (b - c)[:, 1:] + q * (c - a)[:, 1:] + r * (a - b)[:, 1:]) / twice
    along_y = (p * (c - b)[:, :1] + q * (a - c)[:, :1] + r * (b - a)[:, :1]) / twice
    squared = ((along_x**2).sum(1) + (along_y**2).sum(1)) / 2
    area = np.linalg.norm(np.cross(q - p, r - p), axis=1) + 1e-3
    total, weight = np.zeros(len(vertices)), np.zeros(len(vertices))
    for i in range(3):
        np.add.at(total, triangles[:, i], squared * area)
        np.add.at(weight, triangles[:, i], area)
    return np.sqrt(total / weight)


def unwrap(model: MorphableModel) -> tuple[Patch, np.ndarray]:
    """Cut and flatten a head's face: the patch and its (V, 2) uv coordinates."""
    patch = cut_face(model)
    opened = model.vertices(expression=model.expression(jawOpen=MOUTH_OPENING))
    features = np.any([model.regions[name] for name in ("eyes", "nose", "lips")], axis=0)
    is_feature = patch.from_head @ features.astype(float)
    room = 1 + (FEATURE_SCALE - 1) * np.clip(is_feature, 0, 1)
    return patch, flatten(patch.from_head @ opened, patch, room)
