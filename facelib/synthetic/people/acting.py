"""A head with an expression: the linear model, corrected where faces are not linear.

Actions add up in the model. Eyes, lids and lips need more: an eye rotates about its centre, lids
stop when they meet, and so do lips. Each correction works on any head of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.geometry.transforms import rotation_from_pose

SIDES = {"Left": 1.0, "Right": -1.0}  # the person's own; the sign of x there
SEAL_MM = 1.0  # closed lids overlap by this much, so that no gap remains between triangles
SLACK_MM = 0.3  # smallest motion of a lid to divide by: at its corners it hardly moves
LID_RINGS = 2  # a lid's visible edge lies this many vertices before the rim of the socket
LIPS_MM = 0.05  # gap between lips that would otherwise cross
MOUTH_ALBEDO = 0.45  # of lips, gums and teeth together
MIDDLE_OF_MOUTH = 0.7  # share of its width where lips may not cross; the corners hardly open


@dataclass(frozen=True)
class Rim:
    """The edge of an opening in the skin, cut at its corners.

    Attributes:
        upper: vertex numbers from small to large x.
        lower: the same along the lower edge; both begin and end at the corners.
    """

    upper: np.ndarray
    lower: np.ndarray

    def gap_mm(self, vertices_head: np.ndarray, x_mm: np.ndarray) -> np.ndarray:
        """How far the upper edge is above the lower one at (P,) x: (P,), mm."""
        upper, lower = vertices_head[self.upper], vertices_head[self.lower]
        return _along(x_mm, upper, upper[:, 1]) - _along(x_mm, lower, lower[:, 1])


@dataclass(frozen=True)
class Eye:
    """One eye of a head model.

    Attributes:
        side: "Left" or "Right", the person's own.
        ball: vertex numbers of the eyeball.
        lids: their visible edges, which meet in a blink.
        blinking: vertex numbers that a blink moves.
        reach_rad: the eye's rotation at full strength of In, Out, Up and Down.
    """

    side: str
    ball: np.ndarray
    lids: Rim
    blinking: np.ndarray
    reach_rad: dict[str, float]


def act(
    model: MorphableModel, shape: np.ndarray | None, strengths: np.ndarray | None
) -> np.ndarray:
    """Build a head with an expression.

    Args:
        model: the head model, with ARKit's actions.
        shape: (k,) coefficients, standard deviations.
        strengths: (E,) of the model's actions, 0..1; `settle_lips` first keeps lips apart.

    Returns:
        (N, 3) float64, mm, head frame: the linear model except for eyeballs and blinking lids.
    """
    strengths = np.zeros(len(model.expression_names)) if strengths is None else strengths
    by_name = dict(zip(model.expression_names, strengths, strict=True))
    both = eyes(model)
    blinks = [f"eyeBlink{eye.side}" for eye in both]
    unblinking = [0.0 if name in blinks else by_name[name] for name in by_name]
    vertices_head = model.vertices(shape, np.array(unblinking))
    for eye, blink in zip(both, blinks, strict=True):
        ball = _linear_vertices(model, eye.ball, shape)
        vertices_head[eye.ball] = rotated(ball, _gaze(eye, by_name))
        if by_name[blink] > 0:
            basis = model.expression_basis[model.expression_names.index(blink)]
            _close(vertices_head, eye, basis, by_name[blink])
    return vertices_head


def _gaze(eye: Eye, strengths: dict[str, float]) -> tuple[float, float]:
    """Return an eye's rotation, rad: up, and to the image's right."""
    reach = eye.reach_rad.items()
    amount = {way: strengths[f"eyeLook{way}{eye.side}"] * most for way, most in reach}
    across = SIDES[eye.side] * (amount["Out"] - amount["In"])
    return amount["Up"] - amount["Down"], across


def rotated(ball: np.ndarray, angles: tuple[float, float]) -> np.ndarray:
    """Rotate an eyeball (P, 3) about its centre by the two angles of its gaze, rad."""
    up, across = angles
    centre = sphere_centre(ball)
    return (ball - centre) @ rotation_from_pose(up, across, 0.0).T + centre


def sphere_centre(points: np.ndarray) -> np.ndarray:
    """Centre (3,) of the best-fitting sphere of (P, 3) points: |p|² = 2 p·c + const."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    return np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0][:3]


def settle_lips(
    model: MorphableModel, shape: np.ndarray | None, strengths: np.ndarray
) -> np.ndarray:
    """Open the jaw just enough to keep the lips from crossing.

    Real lips deform; a linear model lets them cross. The gap between them is linear in the jaw's
    strength, so the smallest sufficient strength is a quotient.

    Args:
        model: the head model.
        shape: (k,) coefficients.
        strengths: (E,), 0..1.

    Returns:
        (E,) strengths, with a larger jawOpen where the lips would have crossed.
    """
    rim = lip_rim(model)
    jaw = model.expression_names.index("jawOpen")
    edge = np.concatenate([rim.upper, rim.lower])
    vertices_head = np.zeros_like(model.mean_head)  # only the rows in use are filled
    vertices_head[edge] = _linear_vertices(model, edge, shape, strengths)
    ends = vertices_head[rim.upper[[0, -1]], 0]
    reach = MIDDLE_OF_MOUTH / 2 * (ends[1] - ends[0])
    x_mm = ends.mean() + np.linspace(-reach, reach, 31)
    gap = rim.gap_mm(vertices_head, x_mm)
    opening = rim.gap_mm(vertices_head + model.expression_basis[jaw], x_mm) - gap
    settled = np.array(strengths, float)
    settled[jaw] = min(settled[jaw] + max(0.0, float(((LIPS_MM - gap) / opening).max())), 1.0)
    return settled


def mouth_light(model: MorphableModel, vertices_head: np.ndarray) -> np.ndarray:
    """The share of the outside light that reaches every vertex through the lips.

    A round opening of radius r has the form factor F = r² / (r² + d²) at depth d behind it; the
    lips' opening is treated as the disc of the same area, bent along the lips: d counts from them
    straight in front. Lips, gums and teeth of albedo ρ reflect the light among each other, which
    raises F to F / (1 − ρ(1 − F)).

    Args:
        model: the head model.
        vertices_head: (N, 3) mm, the acting head.

    Returns:
        (N,) float32: 1 outside the mouth, less on teeth, tongue and the mouth's walls.
    """
    rim = lip_rim(model)
    edge = vertices_head[np.concatenate([rim.upper, rim.lower])]
    x_mm = np.linspace(edge[:, 0].min(), edge[:, 0].max(), 24)
    area = np.maximum(rim.gap_mm(vertices_head, x_mm), 0).sum() * (x_mm[1] - x_mm[0])
    radius2 = area / np.pi
    inside = np.any([model.regions[name] for name in ("mouth_cavity", "teeth", "tongue")], axis=0)
    behind = vertices_head[inside]
    depth = np.maximum(_along(behind[:, 0], edge, edge[:, 2]) - behind[:, 2], 0)
    direct = radius2 / (radius2 + depth**2 + 1e-9)
    light = np.ones(len(vertices_head), np.float32)
    light[inside] = direct / (1 - MOUTH_ALBEDO * (1 - direct))
    return light


@lru_cache(maxsize=2)
def lip_rim(model: MorphableModel) -> Rim:
    """Return the edge between lips and mouth."""
    return _rim(model, model.regions["mouth_cavity"])


@lru_cache(maxsize=2)
def eyes(model: MorphableModel) -> tuple[Eye, Eye]:
    """Return the left and the right eye."""
    return _eye(model, "Left"), _eye(model, "Right")


def _close(vertices_head, eye, basis, closure):
    """Slide the upper lid down over the eyeball, in place: closure 1 closes any eye.

    MakeHuman's blink moves all people's lids by the same vectors, which leaves some eyes open and
    moves other lids onto the cheek. Here that motion only gives each vertex's share. The lid moves
    by the person's own gap, and along the eyeball.
    """
    moving = vertices_head[eye.blinking]
    gap = eye.lids.gap_mm(vertices_head, moving[:, 0]) + SEAL_MM
    edge = vertices_head[eye.lids.upper]
    travel = _along(moving[:, 0], edge, -basis[eye.lids.upper, 1])
    share = np.clip(-basis[eye.blinking, 1] / np.maximum(travel, SLACK_MM), 0, 1)
    centre = sphere_centre(vertices_head[eye.ball])
    y, z = (moving[:, 1:] - centre[1:]).T
    lower = y - closure * share * gap
    in_front = (z > 0) & (lower**2 < y**2 + z**2)
    moving[:, 1] = lower + centre[1]
    around = np.sqrt(np.where(in_front, y**2 + z**2 - lower**2, 0))
    moving[:, 2] = np.where(in_front, around, z) + centre[2]
    vertices_head[eye.blinking] = moving


def _linear_vertices(model, members, shape, strengths=None):
    """Compute only some vertices of the linear model: (len(members), 3), mm."""
    vertices = model.mean_head[members]
    for coefficients, basis in ((shape, model.shape_basis), (strengths, model.expression_basis)):
        if coefficients is not None:
            coefficients = np.asarray(coefficients, np.float32)
            vertices = vertices + np.tensordot(coefficients, basis[: len(coefficients), members], 1)
    return vertices


def _along(x_mm, edge, values):
    order = np.argsort(edge[:, 0])
    return np.interp(x_mm, edge[order, 0], values[order])


def _eye(model, side):
    on_side = model.mean_head[:, 0] * SIDES[side] > 0
    ball = np.flatnonzero(model.regions["eyeballs"] & on_side)
    blink = model.expression_basis[model.expression_names.index(f"eyeBlink{side}")]
    lids = _visible_edge(model, _rim(model, model.regions["eye_sockets"] & on_side))
    centre = sphere_centre(model.mean_head[ball])
    front = ball[model.mean_head[ball, 2].argmax()]
    radius = np.linalg.norm(model.mean_head[front] - centre)
    reach_rad = {}
    for way in ("In", "Out", "Up", "Down"):
        moved = model.expression_basis[model.expression_names.index(f"eyeLook{way}{side}")]
        reach_rad[way] = float(np.arcsin(np.linalg.norm(moved[front, :2]) / radius))
    return Eye(side, ball, lids, np.flatnonzero(np.abs(blink).max(1) > 1e-3), reach_rad)


def _rim(model, hollow):
    """Follow the edge between the skin and a cavity behind it."""
    inside = np.any(
        [model.regions[n] for n in ("eye_sockets", "mouth_cavity", "eyeballs", "teeth", "tongue")],
        axis=0,
    )
    triangles = model.triangles
    crossing = triangles[hollow[triangles].any(1) & ~inside[triangles].all(1)]
    edges = crossing[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    edges = np.unique(np.sort(edges[~inside[edges].any(1)], axis=1), axis=0)
    loop = _ordered(edges)
    x = model.mean_head[loop, 0]
    loop = np.roll(loop, -x.argmin())
    far = int(model.mean_head[loop, 0].argmax())
    one, other = loop[: far + 1], np.append(loop[far:], loop[0])[::-1]
    if model.mean_head[one, 1].mean() < model.mean_head[other, 1].mean():
        one, other = other, one
    return Rim(upper=one, lower=other)


def _visible_edge(model, rim):
    """Go from a socket's rim over the lid's thickness to the edge that is seen from the front."""
    upper, lower = rim.upper.copy(), rim.lower.copy()
    for line, sign in ((upper, -1.0), (lower, 1.0)):
        for i in range(1, len(line) - 1):
            near = _outward(model, line[i])
            line[i] = near[(sign * model.mean_head[near, 1]).argmax()]
    return Rim(upper, lower)


def _outward(model, start):
    """Vertices of the lid that are at most LID_RINGS edges from one on the rim, in its column."""
    found = np.array([start])
    for _ in range(LID_RINGS):
        found = np.unique(model.triangles[np.isin(model.triangles, found).any(1)])
    offset = model.mean_head[found] - model.mean_head[start]
    lid = model.regions["eyes"][found] & (np.abs(offset[:, 0]) < 2) & (offset[:, 2] > 1)
    return found[lid] if lid.any() else np.array([start])


def _ordered(edges):
    """Chain edges (E, 2) that form one ring: vertex numbers in order."""
    neighbours = {}
    for a, b in edges.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    if any(len(n) != 2 for n in neighbours.values()):
        raise ValueError("expected an opening with a simple edge in the head model")
    ring = [int(edges[0, 0])]
    previous, current = None, ring[0]
    while True:
        following = next(n for n in neighbours[current] if n != previous)
        if following == ring[0]:
            break
        ring.append(following)
        previous, current = current, following
    if len(ring) != len(neighbours):
        raise ValueError("expected an opening with one edge in the head model")
    return np.array(ring)
