"""Brows, lashes and beards: short hairs on the posed face, which move with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import vertex_normals
from facelib.synthetic.looks.atlas import BROW_LIFT_MM, BROW_SHADE, BROW_STEPS, BROWS
from facelib.synthetic.worn.lashes import grow_lashes
from facelib.synthetic.worn.ribbons import Ribbons, even_lines, join
from facelib.synthetic.worn.torso import outer_skin

BEARDS = ("none", "stubble", "moustache", "goatee", "full")
GROWN_SHARES = (0.15, 0.25, 0.6)  # of moustache, goatee and full among beards that are grown
GROWN_FROM = 0.5  # opacity of the painted beard above which hairs are grown, not stubble
N_BEARD, N_BROW = 3000, 700

# No beard grows above this curve of y over |x|: along the moustache, the cheek, to the
# sideburn.
BEARD_TOP_MM = ((0, 20, 26, 36, 52, 62, 67, 72), (-36, -38, -50, -54, -42, -22, 0, 14))


class Band(NamedTuple):
    """The beginning of a beard along a coordinate.

    Attributes:
        from_mm: coordinate where the density is 0.
        over_mm: distance from there to full density.
    """

    from_mm: float
    over_mm: float

    def above(self, coordinate_mm: np.ndarray) -> np.ndarray:
        """Rise from 0 at `from_mm` to 1 with the coordinate."""
        return np.clip((coordinate_mm - self.from_mm) / self.over_mm, 0, 1)

    def below(self, coordinate_mm: np.ndarray) -> np.ndarray:
        """Rise from 0 at `from_mm` to 1 against the coordinate."""
        return np.clip((self.from_mm - coordinate_mm) / self.over_mm, 0, 1)


BEARD_TOP_FADE_MM = 5  # distance below the upper edge over which a beard becomes dense
BEARD_BACK, BEARD_LOW = Band(4, 10), Band(-112, 14)  # in z and y
MOUSTACHE_SIDE, MOUSTACHE_LOW = Band(26, 5), Band(-56, 6)  # in |x| and y
GOATEE_SIDE, GOATEE_BACK = Band(27, 6), Band(52, 8)  # in |x| and z
GOATEE_TOP, GOATEE_CORNER = Band(-62, 6), Band(20, 4)  # below the lip, y; mouth's corners, |x|


class Growth(NamedTuple):
    """The shape of short hairs.

    Attributes:
        label: what they are.
        half_width_mm: of a hair at its root.
        points: of its line.
        jitter: deviation of its direction.
        length: factor on the style's length, drawn for each hair.
        shade: share of the colour of hair.
    """

    label: str
    half_width_mm: float
    points: int
    jitter: float
    length: tuple[float, float]
    shade: float


BROW = Growth("brows", 0.32, 3, 0.18, (0.7, 1.1), BROW_SHADE)
BEARD = Growth("beard", 0.45, 4, 0.3, (0.6, 1.1), 1.0)

# All short hairs leave the skin in an arc: its height and reach, in lengths.
OFF_SKIN_MM, ARC, REACH = 0.3, np.pi * 0.6, 0.9
ROOT_LIGHT, TIP_LIGHT, LIGHT = 0.7, 0.4, (0.6, 1.3)  # more at the tip; drawn for each hair
TAPER, WIDTH, HAIR_GLOSS = 0.6, (0.7, 1.3), 0.08

# Brows, along the line from the nose, 0, to the temple, 1.
BROW_REACH_MM, BROW_MARGIN_MM = 6.0, 6  # distance of roots from the line; margin for triangles
BROW_THICKNESS = ((0, 0.1, 0.65, 1), (0.7, 1.0, 1.0, 0.4))
BROW_EDGE = (0.6, 1.15)  # raggedness of its edges
BROW_UP = ((0, 0.3, 1), (1.4, 0.5, -0.15))  # upward part of the hairs' direction along it
BROW_LENGTH = ((0, 1), (1, 0.8))
BROW_STANDS = 0.22  # how far they stand off the skin

# Beards are combed down, and aside.
BEARD_ASIDE, BEARD_DOWN, BEARD_IN = 0.25, -1.0, -0.1
LIP_MM, LIP_ASIDE_PER_MM, LIP_LENGTH_MM = -50, 0.035, 9.0  # moustaches: above this y
BEARD_LENGTH_MM = ((20, 60), (28, 8))  # the longest hair at |x|: shorter on the cheeks
BEARD_STANDS = ((4, 25), (0.6, 0.45))  # short beards stand off more


class FacialHairDraws(NamedTuple):
    """Distributions of `random_facial_hair`."""

    beard_mm: tuple[float, float] = (3.5, 28)  # every ratio is equally likely
    beard_density: tuple[float, float] = (0.6, 1)
    brow_mm: tuple[float, float] = (5, 9)
    brow_thinned: tuple[float, float] = (0.5, 1.0)  # factor on the painted brow's opacity
    brow_density: tuple[float, float] = (0.2, 1)
    lash_mm: tuple[float, float] = (4.5, 5)  # and how much more with the painted lashes' opacity
    lashes: tuple[float, float] = (14, 20)
    shade: float = 0.8  # share of the colour of hair


DRAWS = FacialHairDraws()


@dataclass(frozen=True)
class FacialHair:
    """Hair of the face.

    Attributes:
        beard: one of `BEARDS`; stubble is painted on the skin, not grown.
        beard_mm: length of its hairs.
        beard_density: share of the roots with a hair, 0..1.
        brow_half_mm: half thickness of the brows.
        brow_mm: length of their hairs.
        brow_density: 0..1.
        lash_mm: length of the upper lashes; 0 for none.
        lashes: number of lashes of an upper lid.
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
    """Points attached to triangles of the head.

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
    """Draw brows, lashes and a beard that fit the painted ones of `Appearance`.

    Args:
        rng: draws.
        color: (3,) linear RGB of the hair.
        beard: opacity of the painted beard; 0 is a clean face.
        brow: (3,) opacity, half thickness mm, raggedness mm.
        lashes: opacity of the painted lash line.
    """
    kind = "none" if beard == 0 else "stubble"
    if beard >= GROWN_FROM:
        kind = str(rng.choice(BEARDS[2:], p=GROWN_SHARES))
    return FacialHair(
        beard=kind,
        beard_mm=float(np.exp(rng.uniform(*np.log(DRAWS.beard_mm)))),
        beard_density=float(rng.uniform(*DRAWS.beard_density)),
        brow_half_mm=float(brow[1]),
        brow_mm=float(rng.uniform(*DRAWS.brow_mm)),
        brow_density=float(
            np.clip(brow[0] * rng.uniform(*DRAWS.brow_thinned), *DRAWS.brow_density)
        ),
        lash_mm=float(DRAWS.lash_mm[0] + DRAWS.lash_mm[1] * lashes),
        lashes=int(DRAWS.lashes[0] + DRAWS.lashes[1] * lashes),
        color=tuple(float(value) for value in np.asarray(color) * DRAWS.shade),
        seed=int(rng.integers(2**31)),
    )


def grow_facial_hair(
    style: FacialHair, vertices_head: np.ndarray, keypoints_head: np.ndarray
) -> Ribbons:
    """Grow hair on a posed face.

    Args:
        style: brows, lashes and beard to grow.
        vertices_head: (N, 3) float, mm: the person with their expression.
        keypoints_head: (68, 3) float, mm, of those vertices.

    Returns:
        Ribbons on that face, head frame.
    """
    rng = np.random.default_rng(style.seed)
    normals = vertex_normals(vertices_head, _skin())
    parts = [
        _brows(style, vertices_head, normals, rng),
        grow_lashes(keypoints_head, style.lashes, style.lash_mm, style.color, rng),
        _beard(style, vertices_head, normals, rng),
    ]
    return join([part for part in parts if len(part.first) > 1])


def beard_share(points_head: np.ndarray, kind: str) -> np.ndarray:
    """Density of a beard at (..., 3) points of the mean head's skin, 0..1."""
    x, y, z = np.moveaxis(np.asarray(points_head), -1, 0)
    aside = np.abs(x)
    full = np.clip((np.interp(aside, *BEARD_TOP_MM) - y) / BEARD_TOP_FADE_MM, 0, 1)
    full = full * BEARD_BACK.above(z) * BEARD_LOW.above(y)
    moustache = MOUSTACHE_SIDE.below(aside) * MOUSTACHE_LOW.above(y)
    chin = GOATEE_SIDE.below(aside) * GOATEE_BACK.above(z)
    chin *= GOATEE_TOP.below(y) + GOATEE_CORNER.above(aside)
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
        fine = np.linspace(0, 4, BROW_STEPS)
        lines.append(curve(fine))
        directions.append(-curve(fine, 1))  # from the nose to the temple
    line, direction = np.concatenate(lines), np.concatenate(directions)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    centre = model.mean_head[_skin()].mean(axis=1)
    near = cKDTree(line).query(centre)[0] < BROW_REACH_MM + BROW_MARGIN_MM
    roots = _scatter(model.mean_head, _skin()[near], 6 * N_BROW, rng)
    distance, index = cKDTree(line).query(roots.points_head)
    kept = np.flatnonzero(distance < BROW_REACH_MM)[: 2 * N_BROW]
    along = 1 - (index[kept] % BROW_STEPS) / (BROW_STEPS - 1)  # 0 at the nose, 1 at the temple
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
    thick = style.brow_half_mm * np.interp(along, *BROW_THICKNESS)
    bears = distance < thick * rng.uniform(*BROW_EDGE, len(distance))
    bears &= rng.random(len(distance)) < style.brow_density
    roots, along, direction = roots.kept(bears), along[bears], direction[bears]
    up = np.interp(along, *BROW_UP)[:, None]
    comb = direction + up * [0, 1, 0] + rng.normal(0, BROW.jitter, direction.shape)
    length = style.brow_mm * rng.uniform(*BROW.length, len(along)) * np.interp(along, *BROW_LENGTH)
    lines = _stand(roots.on(vertices), roots.on(normals), comb, length, BROW_STANDS, BROW.points)
    return _hairs(*lines, BROW, style, rng)


def _beard(style, vertices, normals, rng):
    roots = _beard_roots()
    share = beard_share(roots.points_head, style.beard)
    bears = rng.random(len(share)) < share * style.beard_density
    roots = roots.kept(bears)
    points = roots.on(vertices)
    comb = np.tile([0, BEARD_DOWN, BEARD_IN], (len(points), 1))
    comb[:, 0] = BEARD_ASIDE * np.sign(points[:, 0])
    comb += rng.normal(0, BEARD.jitter, comb.shape)
    lip = roots.points_head[:, 1] > LIP_MM
    comb[lip, 0] += LIP_ASIDE_PER_MM * points[lip, 0]
    longest = np.interp(np.abs(roots.points_head[:, 0]), *BEARD_LENGTH_MM)
    longest = np.where(lip, LIP_LENGTH_MM, longest)
    length = np.minimum(style.beard_mm, longest) * rng.uniform(*BEARD.length, len(points))
    stands = float(np.interp(style.beard_mm, *BEARD_STANDS))
    lines = _stand(points, roots.on(normals), comb, length, stands, BEARD.points)
    return _hairs(*lines, BEARD, style, rng)


def _stand(points, normals, comb, length, stands, count):
    """Lines that leave the skin and bend into the combing direction, and the skin's normals.

    Args:
        points: (R, 3), mm: roots.
        normals: (R, 3), of the skin there.
        comb: (R, 3), directions.
        length: (R,), mm.
        stands: how far hairs stand off the skin, in lengths.
        count: of points per line.
    """
    normals = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    comb = comb - normals * np.einsum("nk,nk->n", comb, normals)[:, None]
    comb /= np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
    s = np.linspace(0, 1, count)[:, None]
    length = length[:, None, None]
    rise = OFF_SKIN_MM + stands * np.sin(s * ARC) * length
    lines = points[:, None] + normals[:, None] * rise + comb[:, None] * s * length * REACH
    return lines, normals


def _hairs(lines, normals, growth, style, rng):
    """Give hairs their colour and width."""
    s = np.linspace(0, 1, growth.points)
    light = (ROOT_LIGHT + TIP_LIGHT * s) * rng.uniform(*LIGHT, (len(lines), 1))
    albedo = light[..., None] * (np.asarray(style.color) * growth.shade)
    width = growth.half_width_mm * (1 - TAPER * s**2) * rng.uniform(*WIDTH, (len(lines), 1))
    return even_lines(lines, width, normals[:, None], albedo, HAIR_GLOSS, 1, growth.label)
