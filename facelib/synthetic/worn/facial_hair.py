"""Brows, lashes and beards: short hairs that stand on the posed face and move with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import vertex_normals
from facelib.synthetic.looks.atlas import BROW_LIFT_MM, BROW_SHADE, BROWS
from facelib.synthetic.worn.ribbons import Ribbons, even_lines, join
from facelib.synthetic.worn.torso import outer_skin

BEARDS = ("none", "stubble", "moustache", "goatee", "full")
BROW_REACH_MM = 6.0
# iBUG keypoints of each lid from the nose to the temple.
UPPER_LIDS = ((39, 38, 37, 36), (42, 43, 44, 45))
LOWER_LIDS = ((39, 40, 41, 36), (42, 47, 46, 45))
# Above this curve of y over |x| no beard grows: along the moustache, the cheek, to the sideburn.
BEARD_TOP = ((0, 20, 26, 36, 52, 62, 67, 72), (-36, -38, -50, -54, -42, -22, 0, 14))
N_BEARD, N_BROW = 3000, 700


@dataclass(frozen=True)
class FacialHair:
    """Hair of the face.

    Attributes:
        beard: one of `BEARDS`; stubble is painted on the skin, not grown.
        beard_mm: length of its hairs.
        beard_density: share of the roots that bear a hair, 0..1.
        brow_half_mm: half thickness of the brows.
        brow_mm: length of their hairs.
        brow_density: 0..1.
        lash_mm: length of the upper lashes; 0 for none.
        lashes: how many an upper lid has.
        color: (3,) linear RGB.
        seed: of everything that varies from hair to hair.
    """

    beard: str = "none"
    beard_mm: float = 10.0
    beard_density: float = 0.8
    brow_half_mm: float = 3.0
    brow_mm: float = 7.0
    brow_density: float = 0.7
    lash_mm: float = 7.0
    lashes: int = 26
    color: tuple[float, float, float] = (0.045, 0.024, 0.013)
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the kind of beard."""
        if self.beard not in BEARDS:
            raise ValueError(f"expected a beard of {BEARDS}, got {self.beard!r}")


@dataclass(frozen=True)
class SkinPoints:
    """Points tied to triangles of the head.

    Attributes:
        corners: (R, 3) int32, vertices.
        weights: (R, 3) float32, barycentric.
        points_head: (R, 3) float64, mm, on the mean head.
    """

    corners: np.ndarray
    weights: np.ndarray
    points_head: np.ndarray

    def on(self, values: np.ndarray) -> np.ndarray:
        """Interpolate (N, 3) values of the head's vertices: (R, 3) float32."""
        return np.einsum("rk,rkc->rc", self.weights, np.asarray(values, np.float32)[self.corners])

    def kept(self, which: np.ndarray) -> SkinPoints:
        """Keep some of the points."""
        return SkinPoints(self.corners[which], self.weights[which], self.points_head[which])


def random_facial_hair(
    rng: np.random.Generator, color: np.ndarray, beard: float, brow: np.ndarray, lashes: float
) -> FacialHair:
    """Draw brows, lashes and a beard that fit what `Appearance` paints under them.

    Args:
        rng: draws.
        color: (3,) linear RGB of the hair.
        beard: opacity of the painted beard; 0 is a clean face.
        brow: (3,) opacity, half thickness mm, raggedness mm.
        lashes: opacity of the painted lash line.
    """
    kind = "none" if beard == 0 else "stubble"
    if beard >= 0.5:
        kind = str(rng.choice(BEARDS[2:], p=(0.15, 0.25, 0.6)))
    return FacialHair(
        beard=kind,
        beard_mm=float(np.exp(rng.uniform(np.log(3.5), np.log(28)))),
        beard_density=float(rng.uniform(0.6, 1)),
        brow_half_mm=float(brow[1]),
        brow_mm=float(rng.uniform(5, 9)),
        brow_density=float(np.clip(brow[0] * rng.uniform(0.5, 1.0), 0.2, 1)),
        lash_mm=float(4.5 + 5 * lashes),
        lashes=int(14 + 20 * lashes),
        color=tuple(float(value) for value in np.asarray(color) * 0.8),
        seed=int(rng.integers(2**31)),
    )


def grow_facial_hair(
    style: FacialHair, vertices_head: np.ndarray, keypoints_head: np.ndarray
) -> Ribbons:
    """Grow hair on a posed face.

    Args:
        style: what to grow.
        vertices_head: (N, 3) float, mm: the person with their expression.
        keypoints_head: (68, 3) float, mm, of those vertices.

    Returns:
        Ribbons on that face, head frame.
    """
    rng = np.random.default_rng(style.seed)
    normals = vertex_normals(vertices_head, _skin())
    parts = [
        _brows(style, vertices_head, normals, rng),
        _lashes(style, keypoints_head, rng),
        _beard(style, vertices_head, normals, rng),
    ]
    return join([part for part in parts if len(part.first) > 1])


def beard_share(points_head: np.ndarray, kind: str) -> np.ndarray:
    """How densely a beard grows at (..., 3) points of the mean head's skin, 0..1."""
    x, y, z = np.moveaxis(np.asarray(points_head), -1, 0)
    below = np.clip((np.interp(np.abs(x), *BEARD_TOP) - y) / 5, 0, 1)
    full = below * np.clip((z - 4) / 10, 0, 1) * np.clip((y + 112) / 14, 0, 1)
    moustache = np.clip((26 - np.abs(x)) / 5, 0, 1) * np.clip((y + 56) / 6, 0, 1)
    chin = np.clip((27 - np.abs(x)) / 6, 0, 1) * np.clip((z - 52) / 8, 0, 1)
    chin *= np.clip((-y - 62) / 6, 0, 1) + np.clip((np.abs(x) - 20) / 4, 0, 1)
    if kind == "full":
        return full
    if kind == "moustache":
        return full * moustache
    return full * np.clip(moustache + chin, 0, 1) if kind == "goatee" else np.zeros_like(full)


@lru_cache(maxsize=1)
def _skin():
    return outer_skin(load_head())


@lru_cache(maxsize=1)
def _beard_roots():
    model, rng = load_head(), np.random.default_rng(23)
    lips = model.regions["lips"][_skin()].any(axis=1)
    centre = model.mean_head[_skin()].mean(axis=1)
    near = (beard_share(centre, "full") > 0) & ~lips
    return _scatter(model.mean_head, _skin()[near], N_BEARD, rng)


@lru_cache(maxsize=1)
def _brow_roots():
    """Roots near the brows, distance to the brow's line, place along it and its direction."""
    model, rng = load_head(), np.random.default_rng(29)
    keypoints = model.keypoints(model.mean_head)
    lines, directions = [], []
    for brow in BROWS:
        curve = PchipInterpolator(range(5), keypoints[list(brow)] + BROW_LIFT_MM)
        lines.append(curve(np.linspace(0, 4, 65)))
        directions.append(-curve(np.linspace(0, 4, 65), 1))  # from the nose to the temple
    line, direction = np.concatenate(lines), np.concatenate(directions)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centre = model.mean_head[_skin()].mean(axis=1)
    near = cKDTree(line).query(centre)[0] < BROW_REACH_MM + 6
    roots = _scatter(model.mean_head, _skin()[near], 6 * N_BROW, rng)
    distance, index = cKDTree(line).query(roots.points_head)
    kept = np.flatnonzero(distance < BROW_REACH_MM)[: 2 * N_BROW]
    along = 1 - (index[kept] % 65) / 64  # 0 at the nose, 1 at the temple
    return roots.kept(kept), distance[kept], along, direction[index[kept]]


def _scatter(vertices, triangles, count, rng):
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    corners = triangles[rng.choice(len(triangles), count, p=area / area.sum())]
    weights = rng.dirichlet((1, 1, 1), count).astype(np.float32)
    points = np.einsum("rk,rkc->rc", weights, vertices[corners])
    return SkinPoints(corners, weights, points)


def _brows(style, vertices, normals, rng):
    roots, distance, along, direction = _brow_roots()
    thick = style.brow_half_mm * np.interp(along, [0, 0.1, 0.65, 1], [0.7, 1.0, 1.0, 0.4])
    bears = distance < thick * rng.uniform(0.6, 1.15, len(distance))
    bears &= rng.random(len(distance)) < style.brow_density
    roots, along, direction = roots.kept(bears), along[bears], direction[bears]
    up = np.interp(along, [0, 0.3, 1], [1.4, 0.5, -0.15])[:, None]
    comb = direction + up * [0, 1, 0] + rng.normal(0, 0.18, direction.shape)
    length = style.brow_mm * rng.uniform(0.7, 1.1, len(along)) * np.interp(along, [0, 1], [1, 0.8])
    return _stand(roots.on(vertices), roots.on(normals), comb, length, 0.22, 3, style, rng,
                  0.32, "brows")  # fmt: skip


def _beard(style, vertices, normals, rng):
    roots = _beard_roots()
    share = beard_share(roots.points_head, style.beard)
    bears = rng.random(len(share)) < share * style.beard_density
    roots = roots.kept(bears)
    points = roots.on(vertices)
    comb = np.column_stack([0.25 * np.sign(points[:, 0]), np.full(len(points), -1.0),
                            np.full(len(points), -0.1)])  # fmt: skip
    comb += rng.normal(0, 0.3, comb.shape)
    lip = roots.points_head[:, 1] > -50
    comb[lip, 0] += 0.035 * points[lip, 0]
    most = np.where(lip, 9.0, np.interp(np.abs(roots.points_head[:, 0]), [20, 60], [28, 8]))
    length = np.minimum(style.beard_mm, most) * rng.uniform(0.6, 1.1, len(points))
    stands = float(np.interp(style.beard_mm, [4, 25], [0.6, 0.45]))
    return _stand(points, roots.on(normals), comb, length, stands, 4, style, rng, 0.45, "beard")


def _stand(points, normals, comb, length, stands, steps, style, rng, half_width, label):
    """Hairs that leave the skin and bend over to the way they are combed."""
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    comb = comb - normals * np.einsum("nk,nk->n", comb, normals)[:, None]
    comb /= np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
    s = np.linspace(0, 1, steps)[:, None]
    reach = length[:, None, None]
    rise = stands * np.sin(s * np.pi * 0.6) * reach
    lines = points[:, None] + normals[:, None] * (0.3 + rise) + comb[:, None] * s * reach * 0.9
    light = (0.7 + 0.4 * s[:, 0]) * rng.uniform(0.6, 1.3, (len(points), 1))
    color = np.asarray(style.color) * (BROW_SHADE if label == "brows" else 1.0)
    albedo = light[..., None] * color
    width = half_width * (1 - 0.6 * s[:, 0] ** 2) * rng.uniform(0.7, 1.3, (len(points), 1))
    return even_lines(lines, width, normals[:, None], albedo, 0.08, 1, label)


def _lashes(style, keypoints, rng):
    lines = []
    for lids, count, long in (
        (UPPER_LIDS, style.lashes, 1.0),
        (LOWER_LIDS, style.lashes // 2, 0.5),
    ):
        for lid in lids:
            if count and style.lash_mm:
                upper = long == 1.0
                lines.append(_lid_lashes(keypoints, lid, count, style.lash_mm * long, upper, rng))
    lines = np.concatenate(lines) if lines else np.zeros((0, 4, 3))
    width = np.linspace(0.16, 0.06, 4)
    color = np.asarray(style.color) * (0.5 * BROW_SHADE)
    return even_lines(lines, width, [0.0, 0.3, 0.95], color, 0.05, 1, "lashes")


def _lid_lashes(keypoints, lid, count, length_mm, upper, rng):
    """Lashes of one lid: they fan out, and turn down as the eye closes."""
    at = np.sort(rng.uniform(0.25, 3.0, count))
    points, side = _cubic(at) @ keypoints[list(lid)], np.sign(keypoints[lid[0], 0])
    width = np.linalg.norm(keypoints[lid[3]] - keypoints[lid[0]])
    others = UPPER_LIDS + LOWER_LIDS
    twin = others[(others.index(lid) + 2) % 4]
    gap = abs(keypoints[list(lid[1:3]), 1].mean() - keypoints[list(twin[1:3]), 1].mean())
    opened = np.clip(gap / width / 0.3, 0, 1)
    fan = (at / 3 - 0.35)[:, None] * np.array([side, 0.0, 0.0]) * 0.9
    rise = (0.75 * opened - 0.45) if upper else -0.5
    s = np.linspace(0, 1, 4)[None, :, None]
    length = length_mm * np.interp(at, [0, 1.5, 3], [0.7, 1, 1.1])
    reach = (length * rng.uniform(0.75, 1.1, count))[:, None, None]
    curve = np.array([0, 0.45 if upper else 0.1, 0])
    out = (fan + [0, rise - 0.2, 0.8])[:, None] * s + curve * s**2
    return points[:, None] + [0, 0, 0.4] + out * reach


def _cubic(at):
    """Weights of four points, numbered 0..3, in the cubic through them: (K, 4) at places (K,)."""
    weights = np.ones((len(at), 4))
    for own in range(4):
        for other in range(4):
            if other != own:
                weights[:, own] *= (at - other) / (own - other)
    return weights
