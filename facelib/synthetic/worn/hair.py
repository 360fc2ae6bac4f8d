"""Hair on the head: a style is drawn at random, its strands are grown about the mean head.

A strand starts at its root along the way it is combed, gives in to gravity, and is kept outside of
head and shoulders by their distance field, each strand in a layer of its own of the hair's volume.
Where it meets the skin it is led along it, so combing, parting and draping need no more rules.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from facelib.synthetic.worn.hair_kernels import grow, wind
from facelib.synthetic.worn.hair_style import KNOTS, HairStyle
from facelib.synthetic.worn.ribbons import Ribbons, even_lines, join
from facelib.synthetic.worn.scalp import Scalp

CROWN = np.array([0.0, 112.0, -48.0])  # where short hair turns about, mm, head frame


def grow_hair(style: HairStyle, scalp: Scalp, cap_mm: float | None = None) -> Ribbons:
    """Grow a style on the mean head.

    Args:
        style: what to grow.
        scalp: of the mean head.
        cap_mm: presses the hair flat under a hat above this height, mm; None for no hat.

    Returns:
        Ribbons about the mean head, head frame; none for a bald head.
    """
    rng = np.random.default_rng(style.seed)
    rooted = np.flatnonzero(scalp.inside_mm > style.hairline_mm)[: style.strands]
    if style.kind == "bald" or len(rooted) == 0:
        return join([])
    if style.kind == "coily":
        return _coils(style, scalp, rooted, rng, cap_mm)
    roots, normals = scalp.roots_head[rooted], scalp.normals_head[rooted]
    inside = scalp.inside_mm[rooted] - style.hairline_mm
    length, front = _lengths(style, roots, normals, inside, rng)
    comb = _combing(style, roots, normals, front, rng)
    layer = style.volume_mm * rng.uniform(0.1, 1, len(roots)) ** 0.7
    layer *= np.clip(0.35 + inside / 25, 0, 1)
    layer[front] = np.minimum(layer[front], 6)
    knot = np.array(KNOTS.get(style.knot, (np.nan,) * 3), np.float32)
    points = np.empty((len(roots), _point_count(style), 3), np.float32)
    outward = np.empty_like(points)
    grow(
        scalp.field.values, scalp.field.origin, np.float32(1 / scalp.field.step_mm), roots, normals,
        _float32(comb), _float32(length), _float32(layer), front,
        np.float32(0.5 if style.kind in ("short", "cropped", "swept") else 1.0), knot,
        np.float32(np.inf if cap_mm is None else cap_mm), points, outward,
    )  # fmt: skip
    points = _curled(style, points, outward, roots, rng)
    grown = _ribbons(style, points, outward, layer / style.volume_mm, rng, inside)
    return join([grown, _tail(style, scalp, rng)]) if style.knot else grown


def _point_count(style):
    longest = max(style.top_mm, style.side_mm, style.back_mm)
    turns = longest / style.wave_mm if style.curl_mm > 1.2 else 0
    return int(np.clip(max(longest / 16, 4 * turns), 4, 16)) + 1


def _lengths(style, roots, normals, inside, rng):
    """Length of every strand, mm, and whether it belongs to the fringe."""
    top = _smooth(normals[:, 1], 0.25, 0.75)
    back = _smooth(-roots[:, 2], 0, 50)
    around = style.side_mm + (style.back_mm - style.side_mm) * back
    length = (around + (style.top_mm - around) * top) * rng.uniform(0.8, 1.1, len(roots))
    length *= np.clip(0.55 + inside / 22, 0, 1)
    front = np.zeros(len(roots), bool)
    if style.fringe_mm > 4:
        front = (roots[:, 2] > 22) & (np.abs(roots[:, 0]) < 52) & (inside < 26)
        front &= normals[:, 1] > 0.1
        # To the same height from everywhere: longer the farther back the root lies.
        reach = style.fringe_mm + 1.1 * inside
        length[front] = (reach * rng.uniform(0.8, 1.05, len(roots)))[front]
    return length, front


def _combing(style, roots, normals, front, rng):
    """The way each strand sets out: unit vectors, mostly along the skin."""
    away = np.where(roots[:, 0] > style.part_mm, 1.0, -1.0)
    side = np.sign(roots[:, 0])
    parted = np.column_stack(
        [away, np.full(len(away), -0.25), np.full(len(away), 0.8 * style.forward)]
    )
    if style.kind in ("cropped", "short"):  # about the crown, with a bias along the parting
        turned = roots - CROWN
        turned /= np.linalg.norm(turned, axis=1, keepdims=True)
        parted = 0.5 * parted + turned * [1, 1, 0.4 + style.forward]
    if style.kind == "swept":
        parted = np.column_stack([0.25 * side, np.zeros(len(side)), np.full(len(side), -1.0)])
    down = np.column_stack([0.1 * side, np.full(len(side), -1.0), 0.35 * (style.forward - 0.6)
                            * np.ones(len(side))])  # fmt: skip
    top = _smooth(normals[:, 1], 0.15, 0.6)[:, None]
    comb = down + (parted - down) * top
    over_brow = np.column_stack([0.008 * roots[:, 0] - 0.004 * style.part_mm, -0.6 + 0 * side,
                                 1 + 0 * side])  # fmt: skip
    comb[front] = over_brow[front]
    comb += rng.normal(0, 0.12 + 0.02 * style.curl_mm, comb.shape)
    comb -= normals * np.einsum("nk,nk->n", comb, normals)[:, None]
    comb /= np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
    lift = 0.9 if style.kind in ("cropped", "short") else 0.5
    comb += lift * normals
    return comb / np.linalg.norm(comb, axis=1, keepdims=True)


def _curled(style, points, outward, roots, rng):
    """Wind strands about their own line: neighbours nearly in step, as locks are."""
    if style.curl_mm < 0.3:
        return points
    phase = (roots * rng.normal(0, 0.09, 3)).sum(axis=1) + rng.normal(0, 0.9, len(roots))
    per_mm = (2 * np.pi / style.wave_mm) * rng.uniform(0.85, 1.15, len(roots))
    wound = points.copy()
    wind(wound, outward, _float32(phase), _float32(per_mm), np.float32(style.curl_mm))
    return wound


def _ribbons(style, points, outward, depth, rng, inside=None):
    """Give strands width and colour: inner ones and roots get less light."""
    count, steps = points.shape[:2]
    along = np.linspace(0, 1, steps)
    width = style.half_width_mm * rng.uniform(0.7, 1.3, (count, 1)) * (1 - 0.55 * along**3)
    if inside is not None:  # thin at the hairline, where single strands are seen
        width *= np.clip(0.4 + inside / 25, 0, 1)[:, None]
    light = ((0.4 + 0.6 * depth) * rng.uniform(0.72, 1.3, count))[:, None] * (0.75 + 0.25 * along)
    albedo = _float32(light)[..., None] * np.float32(style.color)
    hairs = max(2, round(style.half_width_mm * 2.2))
    return even_lines(points, width, outward, albedo, style.gloss, hairs, "hair")


def _tail(style, scalp, rng):
    """What hangs from the knot, or is rolled up there."""
    knot, count, steps = np.array(KNOTS[style.knot]), 220, 12
    if style.bun:
        axis = rng.normal(size=(2, count, 3)) + np.array([[[0, 0, 2.0]], [[0, 0, 0]]])
        u = axis[0] / np.linalg.norm(axis[0], axis=1, keepdims=True)
        v = np.cross(u, axis[1])
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        turn = np.linspace(0, np.pi * 0.9, steps)[:, None] + rng.uniform(0, 6.28, (count, 1, 1))
        outward = np.cos(turn) * u[:, None] + np.sin(turn) * v[:, None]
        points = knot + [0, 0, -12] + outward * rng.uniform(16, 29, (count, 1, 1))
        return _ribbons(style, _float32(points), outward, rng.uniform(0.5, 1, count), rng)
    start = rng.normal(0, 5, (count, 3))
    spread = rng.normal(0, 1, (count, 3)) * [14, 6, 10]
    s = np.linspace(0, 1, steps)[:, None]
    long = style.back_mm * rng.uniform(0.75, 1.1, (count, 1, 1))
    fall = np.concatenate([0 * s, 26 * np.sin(np.minimum(s * 8, np.pi / 2)) * 0.6 - 1.0 * s, 0 * s],
                          axis=1)  # fmt: skip
    points = knot + start[:, None] + fall + spread[:, None] * np.sin(s * 2.4)
    points = points + np.concatenate([0 * s, -s, -0.22 * np.sin(s * 1.6)], axis=1) * long
    outward = spread / np.linalg.norm(spread, axis=1, keepdims=True) + [0, 0, -0.7]
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    outward = np.repeat(outward[:, None], steps, axis=1)
    return _ribbons(style, _float32(points), outward, rng.uniform(0.5, 1, count), rng)


def _coils(style, scalp, rooted, rng, cap_mm):
    """Tight curls: short arcs throughout a thick volume."""
    chosen = np.resize(rooted, style.strands)
    roots, normals = scalp.roots_head[chosen], scalp.normals_head[chosen]
    inside = scalp.inside_mm[chosen] - style.hairline_mm
    share = rng.uniform(0, 1, style.strands) ** 0.75
    room = style.volume_mm * np.clip(0.12 + inside / 30, 0, 1)
    lumps = 1 + 0.12 * np.sin(roots @ rng.normal(0, 0.12, (3, 3)).T).sum(axis=1)
    middle = roots + normals * (2.5 + share * room * lumps)[:, None]
    middle += rng.normal(0, 1.5, middle.shape)
    if cap_mm is not None:
        keep = middle[:, 1] < cap_mm
        middle, normals, share = middle[keep], normals[keep], share[keep]
    u, v = rng.normal(size=(2, len(middle), 1, 3))
    u /= np.linalg.norm(u, axis=2, keepdims=True)
    v = np.cross(u, v)
    v /= np.linalg.norm(v, axis=2, keepdims=True)
    turn = np.linspace(0, 4.4, 6)[:, None] + rng.uniform(0, 6.28, (len(middle), 1, 1))
    radius = rng.uniform(1.6, 4.2, (len(middle), 1, 1))
    points = middle[:, None] + radius * (np.cos(turn) * u + np.sin(turn) * v)
    outward = np.repeat(normals[:, None], 6, axis=1)
    grown = _ribbons(style, _float32(points), outward, share, rng)
    # Inner curls are drawn broad: they fill the volume.
    fill = np.repeat((2.2 - 1.2 * share).astype(np.float32), 6)
    return replace(grown, half_width_mm=grown.half_width_mm * fill)


def _smooth(value, low, high):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _float32(array):
    return np.ascontiguousarray(array, dtype=np.float32)
