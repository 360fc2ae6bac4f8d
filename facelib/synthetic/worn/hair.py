"""Hair on the head: a style is drawn at random, its strands are grown about the mean head.

A strand starts at its root in its combing direction and bends down by gravity. The distance field
keeps it outside of head and shoulders, each strand in its own layer of the hair's volume. At the
skin it is led along the surface, so combing, parting and draping need no further rules.

A `HairStyle` sets length, width and curl; the tables below apply to every style.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from facelib.synthetic.worn.hair_kernels import LOOSE_KNOT, Guides, Space, Strands, grow, wind
from facelib.synthetic.worn.hair_shapes import COILS, Ramp, Range, bun, coils, tail
from facelib.synthetic.worn.hair_style import KNOTS, HairStyle
from facelib.synthetic.worn.ribbons import Ribbons, even_lines, join
from facelib.synthetic.worn.scalp import Scalp


class StrandTable(NamedTuple):
    """Properties of strands in all styles."""

    length: Range = (0.8, 1.1)  # factor on the style's, drawn for each strand
    length_ramp: Ramp = Ramp(0.55, 22)  # short at the hairline
    top_normal_y: Range = (0.25, 0.75)  # from sides and back to the top of the head
    back_mm: Range = (0, 50)  # from the sides to the back: depth behind the head's middle
    layer: Range = (0.1, 1)  # share of the volume, before a power that favours the outer layers
    layer_power: float = 0.7
    layer_ramp: Ramp = Ramp(0.35, 25)  # flat at the hairline
    step_mm: float = 16  # length of a straight strand between two of its points
    points_per_winding: float = 4
    points: tuple[int, int] = (4, 16)  # fewest and most steps of a strand
    curl_mm: float = 1.2  # radius of the curls from which windings need points of their own
    width: Range = (0.7, 1.3)  # factor on a ribbon's half width, drawn for each strand
    taper: float = 0.55  # share of it that is lost at the tip
    width_ramp: Ramp = Ramp(0.4, 25)  # single strands show at the hairline
    depth_light: float = 0.4  # share of the light in the innermost layer
    light: Range = (0.72, 1.3)  # drawn for each strand
    root_light: float = 0.75
    hairs_per_mm: float = 2.2  # single hairs that a ribbon shows, per mm of its half width


class Fringe(NamedTuple):
    """The roots of the fringe, and its shape."""

    shortest_mm: float = 4  # a shorter one is not a fringe
    front_mm: float = 22  # roots in front of this z, head frame
    side_mm: float = 52  # with a smaller |x|
    inside_mm: float = 26  # and this near to the hairline
    normal_y: float = 0.1
    reach: float = 1.1  # mm longer per mm behind the hairline: all end at about one height
    length: Range = (0.8, 1.05)
    layer_mm: float = 6  # the fringe is flat
    fan_per_mm: float = 0.008  # sideways per mm of x
    part_per_mm: float = 0.004  # and away from the parting
    down: np.float32 = np.float32(-0.6)  # of the roots' precision


class Curtain(NamedTuple):
    """The roots of hair across one half of the face, and its shape."""

    front_mm: float = -5  # roots in front of this z, head frame
    side_mm: float = 62  # with a smaller |x|
    normal_y: float = 0.05
    reach: float = 0.8  # mm longer per mm behind the hairline
    length: Range = (0.85, 1.1)
    layer_mm: Range = (5, 11)
    aside: float = 0.45  # direction at the root: away from the parting,
    down: float = -0.55
    forward: float = 1.0


class Combing(NamedTuple):
    """Initial directions of strands, mostly along the skin, as vector components, head frame."""

    parted_down: float = -0.25
    parted_forward: float = 0.8  # per unit of `HairStyle.forward`
    crown_mm: tuple[float, float, float] = (0.0, 112.0, -48.0)  # short hair grows around it
    crown_parting: float = 0.5  # share of the parting in short hair
    crown_forward: float = 0.4
    swept_aside: float = 0.25
    side_out: float = 0.1
    side_forward: float = 0.35  # per unit of `HairStyle.forward` ...
    side_upright: float = 0.6  # ... beyond this
    top_normal_y: Range = (0.15, 0.6)  # from combed down to combed along the parting
    jitter: float = 0.12
    jitter_per_curl_mm: float = 0.02
    lift: float = 0.5  # part of the direction away from the skin
    short_lift: float = 0.9


class Curls(NamedTuple):
    """Curls of strands; neighbours have similar phases, as in locks."""

    least_mm: float = 0.3  # radius below which hair is straight
    phase_per_mm: float = 0.09  # rad, deviation of the phase's gradient over the scalp
    phase: float = 0.9  # rad, deviation from strand to strand
    wave: Range = (0.85, 1.15)


STRANDS, FRINGE, CURTAIN = StrandTable(), Fringe(), Curtain()
COMBING, CURLS = Combing(), Curls()
UPRIGHT = ("short", "cropped", "swept")  # kinds that gravity bends less
GRAVITY_OF_UPRIGHT = 0.6
AROUND_CROWN = ("cropped", "short")


def grow_hair(style: HairStyle, scalp: Scalp, cap_mm: float | None = None) -> Ribbons:
    """Grow a style on the mean head.

    Args:
        style: the style to grow.
        scalp: of the mean head.
        cap_mm: height, mm, above which a hat presses the hair flat; None for no hat.

    Returns:
        Ribbons about the mean head, head frame; none for a bald head.
    """
    rng = np.random.default_rng(style.seed)
    rooted = np.flatnonzero(scalp.inside_mm > style.hairline_mm)[: style.strands]
    if style.kind == "bald" or len(rooted) == 0:
        return join([])
    if style.kind == "coily":
        return _coily(style, scalp, rooted, rng, cap_mm)
    roots, normals = scalp.roots_head[rooted], scalp.normals_head[rooted]
    inside = scalp.inside_mm[rooted] - style.hairline_mm
    curtain = _in_curtain(style, roots, normals)
    length, fringe = _lengths(style, roots, normals, inside, rng)
    comb = _combing(style, roots, normals, fringe, curtain, rng)
    layer = style.volume_mm * rng.uniform(*STRANDS.layer, len(roots)) ** STRANDS.layer_power
    layer *= STRANDS.layer_ramp.at(inside)
    layer[fringe] = np.minimum(layer[fringe], FRINGE.layer_mm)
    if curtain.any():
        reach = style.curtain_mm + CURTAIN.reach * inside[curtain]
        length[curtain] = reach * rng.uniform(*CURTAIN.length, curtain.sum())
        layer[curtain] = rng.uniform(*CURTAIN.layer_mm, curtain.sum())
    points = np.empty((len(roots), _point_count(style), 3), np.float32)
    outward = np.empty_like(points)
    field = scalp.field
    grow(
        Space(field.values, field.origin, np.float32(1 / field.step_mm)),
        Strands(
            roots,
            normals,
            *(a.astype(np.float32) for a in (comb, length, layer)),
            fringe=fringe,
            curtain=curtain,
        ),
        Guides(
            np.float32(GRAVITY_OF_UPRIGHT if style.kind in UPRIGHT else 1.0),
            np.array(KNOTS.get(style.knot, LOOSE_KNOT), np.float32),
            np.float32(np.inf if cap_mm is None else cap_mm),
        ),
        points,
        outward,
    )
    points = _curled(style, points, outward, roots, rng)
    grown = _ribbons(style, points, outward, layer / style.volume_mm, rng, inside)
    return join([grown, _tied(style, rng)]) if style.knot else grown


def _point_count(style):
    longest = max(style.top_mm, style.side_mm, style.back_mm)
    windings = longest / style.wave_mm if style.curl_mm > STRANDS.curl_mm else 0
    steps = max(longest / STRANDS.step_mm, STRANDS.points_per_winding * windings)
    return int(np.clip(steps, *STRANDS.points)) + 1


def _lengths(style, roots, normals, inside, rng):
    """Length of every strand, mm, and whether it belongs to the fringe."""
    top = _smoothstep(normals[:, 1], *STRANDS.top_normal_y)
    back = _smoothstep(-roots[:, 2], *STRANDS.back_mm)
    around = style.side_mm + (style.back_mm - style.side_mm) * back
    length = around + (style.top_mm - around) * top
    length = length * rng.uniform(*STRANDS.length, len(roots))
    length *= STRANDS.length_ramp.at(inside)
    fringe = np.zeros(len(roots), bool)
    if style.fringe_mm > FRINGE.shortest_mm:
        fringe = (roots[:, 2] > FRINGE.front_mm) & (np.abs(roots[:, 0]) < FRINGE.side_mm)
        fringe &= (inside < FRINGE.inside_mm) & (normals[:, 1] > FRINGE.normal_y)
        reach = style.fringe_mm + FRINGE.reach * inside
        length[fringe] = (reach * rng.uniform(*FRINGE.length, len(roots)))[fringe]
    return length, fringe


def _in_curtain(style, roots, normals):
    """Whether each strand falls across the face: those beyond the parting, in front."""
    if style.curtain_mm == 0:
        return np.zeros(len(roots), bool)
    side = -np.sign(style.part_mm)
    beyond = (roots[:, 0] - style.part_mm) * side > 0
    inner = np.abs(roots[:, 0]) < CURTAIN.side_mm
    return beyond & inner & (roots[:, 2] > CURTAIN.front_mm) & (normals[:, 1] > CURTAIN.normal_y)


def _combing(style, roots, normals, fringe, curtain, rng):
    """Unit vectors, the initial direction of each strand."""
    top = _smoothstep(normals[:, 1], *COMBING.top_normal_y)[:, None]
    down = _combed_down(style, roots)
    comb = down + (_combed_on_top(style, roots) - down) * top
    comb[fringe] = _combed_over_brow(style, roots[fringe])
    comb[curtain] = [-np.sign(style.part_mm) * CURTAIN.aside, CURTAIN.down, CURTAIN.forward]
    comb += rng.normal(0, COMBING.jitter + COMBING.jitter_per_curl_mm * style.curl_mm, comb.shape)
    comb -= normals * np.einsum("nk,nk->n", comb, normals)[:, None]
    comb /= np.maximum(np.linalg.norm(comb, axis=1, keepdims=True), 1e-6)
    comb += (COMBING.short_lift if style.kind in AROUND_CROWN else COMBING.lift) * normals
    return comb / np.linalg.norm(comb, axis=1, keepdims=True)


def _combed_on_top(style, roots):
    """Away from the parting, around the crown or straight back."""
    if style.kind == "swept":
        return _vectors(COMBING.swept_aside * np.sign(roots[:, 0]), 0.0, -1.0)
    away = np.where(roots[:, 0] > style.part_mm, 1.0, -1.0)
    parted = _vectors(away, COMBING.parted_down, COMBING.parted_forward * style.forward)
    if style.kind not in AROUND_CROWN:
        return parted
    around = roots - np.array(COMBING.crown_mm)
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    around = around * [1, 1, COMBING.crown_forward + style.forward]
    return COMBING.crown_parting * parted + around


def _combed_down(style, roots):
    forward = COMBING.side_forward * (style.forward - COMBING.side_upright)
    return _vectors(COMBING.side_out * np.sign(roots[:, 0]), -1.0, forward)


def _combed_over_brow(style, roots):
    aside = FRINGE.fan_per_mm * roots[:, 0] - FRINGE.part_per_mm * style.part_mm
    return _vectors(aside, FRINGE.down, 1.0)


def _vectors(x, y, z):
    """(N, 3) float64 of x (N,), and y and z that all share."""
    return np.column_stack([x, np.full(len(x), y), np.full(len(x), z)])


def _curled(style, points, outward, roots, rng):
    if style.curl_mm < CURLS.least_mm:
        return points
    phase = (roots * rng.normal(0, CURLS.phase_per_mm, 3)).sum(axis=1)
    phase = phase + rng.normal(0, CURLS.phase, len(roots))
    per_mm = (2 * np.pi / style.wave_mm) * rng.uniform(*CURLS.wave, len(roots))
    wound = points.copy()
    wind(
        wound,
        outward,
        phase.astype(np.float32),
        per_mm.astype(np.float32),
        np.float32(style.curl_mm),
    )
    return wound


def _ribbons(style, points, outward, depth, rng, inside=None):
    """Give strands width and colour: inner ones and roots get less light."""
    count, steps = points.shape[:2]
    along = np.linspace(0, 1, steps)
    width = style.half_width_mm * rng.uniform(*STRANDS.width, (count, 1))
    width = width * (1 - STRANDS.taper * along**3)
    if inside is not None:
        width *= STRANDS.width_ramp.at(inside)[:, None]
    light = STRANDS.depth_light + (1 - STRANDS.depth_light) * depth
    light = (light * rng.uniform(*STRANDS.light, count))[:, None]
    light = light * (STRANDS.root_light + (1 - STRANDS.root_light) * along)
    albedo = light.astype(np.float32)[..., None] * np.float32(style.color)
    hairs = max(2, round(style.half_width_mm * STRANDS.hairs_per_mm))
    return even_lines(points, width, outward, albedo, style.gloss, hairs, "hair")


def _tied(style, rng):
    """The hair tied in the knot."""
    tied = bun if style.bun else tail
    return _ribbons(style, *tied(style, rng), rng)


def _coily(style, scalp, rooted, rng, cap_mm):
    points, outward, depth = coils(style, scalp, rooted, rng, cap_mm)
    grown = _ribbons(style, points, outward, depth, rng)
    fill = COILS.inner_width + (1 - COILS.inner_width) * depth
    fill = np.repeat(fill.astype(np.float32), COILS.points)
    return replace(grown, half_width_mm=grown.half_width_mm * fill)


def _smoothstep(value, low, high):
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
