"""The hairy skin of the mean head, and the space around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import MorphableModel, load_head
from facelib.geometry.mesh import vertex_normals
from facelib.geometry.subdivision import subdivision_matrix
from facelib.synthetic.worn.distance_field import Cage, Grid, build_cage, build_field
from facelib.synthetic.worn.garments import strip
from facelib.synthetic.worn.torso import EDGE, outer_skin, torso_rings

# The hairline's height over the angle around the head's upright axis, from the forehead's middle
# over the temple (sideburn) and the ear to the nape; degrees and mm, head frame.
HAIRLINE_DEG = (0, 15, 30, 42, 52, 60, 68, 74, 79, 84, 106, 112, 125, 150, 180)
HAIRLINE_MM = (84, 87, 84, 68, 44, 24, 10, -2, 6, 24, 24, -14, -44, -58, -62)
AXIS_Z_MM = -5.0
SLANT = 0.8  # the hairline is crossed at a slant: mm across it per mm of height
CLOTH_MM = 5.0  # distance of hair from the torso
N_ROOTS = 5000
OUTERMOST_MM = -14.0  # no hairline is lower than this
ROOT_MARGIN_MM = 8  # triangles whose middle is lower by this have no roots
HEAD_HALVINGS, TORSO_HALVINGS = 2, 3  # subdivisions until points are a few mm apart


@dataclass(frozen=True)
class Scalp:
    """Roots of hair on the mean head, and the distance field that keeps hair outside.

    Attributes:
        roots_head: (R, 3) float32, mm; the first n are spread evenly for any n.
        normals_head: (R, 3) float32, unit.
        inside_mm: (R,) float32: depth behind the hairline.
        field: distance to head and shoulders, mm, and its gradient.
        cage: moves things made around the mean head to a person.
    """

    roots_head: np.ndarray
    normals_head: np.ndarray
    inside_mm: np.ndarray
    field: Grid
    cage: Cage


def behind_hairline(points_head: np.ndarray) -> np.ndarray:
    """Measure how far behind the hairline points of the mean head's skin lie: (...) mm."""
    x, y, z = np.moveaxis(np.asarray(points_head), -1, 0)
    angle = np.degrees(np.arctan2(np.abs(x), z - AXIS_Z_MM))
    return (y - np.interp(angle, HAIRLINE_DEG, HAIRLINE_MM)) * SLANT


@lru_cache(maxsize=1)
def mean_scalp() -> Scalp:
    """Return the shipped head's scalp, made once per process."""
    return _build_scalp(load_head())


def _build_scalp(model: MorphableModel) -> Scalp:
    """Sample the scalp of a model's mean head and measure distances around it; takes seconds."""
    skin = outer_skin(model)
    field = _field(model, skin)
    used = np.unique(skin)
    cage = build_cage(model.mean_head[used], used, len(model.mean_head))
    roots, normals = _roots(model, skin)
    return Scalp(roots, normals, behind_hairline(roots).astype(np.float32), field, cage)


def _field(model, skin):
    """Distance to the head and to clothed shoulders."""
    head = model.mean_head
    for _ in range(HEAD_HALVINGS):
        matrix, skin = subdivision_matrix(skin, len(head))
        head = matrix @ head
    used = np.unique(skin)
    points, normals = [head[used]], [vertex_normals(head, skin)[used]]
    torso = strip(torso_rings()[EDGE:], 0.0, "clothes", closed=True)
    body, faces = torso.vertices_head, torso.triangles
    for _ in range(TORSO_HALVINGS):
        matrix, faces = subdivision_matrix(faces, len(body))
        body = matrix @ body
    outward = vertex_normals(body, faces)
    points.append(body + CLOTH_MM * outward)
    normals.append(outward)
    return build_field(np.concatenate(points), np.concatenate(normals))


def _roots(model, skin):
    """Random points of the hairy skin, ordered so that each is far from all before it."""
    rng = np.random.default_rng(17)
    hairy = ~model.regions["ears"][skin].any(axis=1)
    centre = model.mean_head[skin].mean(axis=1)
    skin = skin[hairy & (behind_hairline(centre) > OUTERMOST_MM - ROOT_MARGIN_MM)]
    a, b, c = np.moveaxis(model.mean_head[skin], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(skin), N_ROOTS, p=area / area.sum())
    weights = rng.dirichlet((1, 1, 1), N_ROOTS)[..., None]
    roots = (model.mean_head[skin[chosen]] * weights).sum(axis=1)
    normals = vertex_normals(model.mean_head, skin)[skin[chosen]]
    normals = (normals * weights).sum(axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    order = _farthest_first(roots)
    order = order[behind_hairline(roots[order]) > OUTERMOST_MM]
    return roots[order].astype(np.float32), normals[order].astype(np.float32)


def _farthest_first(points):
    """Order of farthest-point sampling: (N,) int."""
    nearest = np.full(len(points), np.inf)
    order = np.zeros(len(points), int)
    x, y, z = np.ascontiguousarray(points.T)  # three rows are faster than an array of triples
    for n in range(1, len(points)):
        last = order[n - 1]
        square = np.square(x - x[last]) + np.square(y - y[last]) + np.square(z - z[last])
        np.minimum(nearest, square, out=nearest)
        order[n] = np.argmax(nearest)
    return order
