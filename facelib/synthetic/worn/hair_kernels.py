"""The compiled loops of `hair`: they grow strands step by step, and wind them into curls."""

from typing import NamedTuple

import numpy as np
from numba import njit

from facelib.synthetic.worn.distance_field import blend_cell, cell

LOOSE_KNOT = (np.nan, np.nan, np.nan)
KNOT_PULL = 0.7  # how far a tied strand bends toward the knot with each step
GRAVITY, GRAVITY_MM = 0.45, 60.0  # how far it bends down with each step, from this length on

# Hair outside of fringe and curtain is pushed out of this box before the face, sideways and back.
FACE_FRONT_MM, FACE_TOP_MM, FACE_SIDE_MM, FACE_LOW_MM = 15.0, 82.0, 62.0, -110.0
PUSH_ASIDE, PUSH_BACK = 0.9, 0.35

# Hair across the face stays off lashes and lips, and falls outward below the eyes.
CURTAIN_OFF_MM, CURTAIN_ASIDE = 5.0, 0.3

# A strand leaves the skin gradually, up to its layer; distances from the skin, mm.
FIRST_MM, RISE = 1.0, 0.8  # at the root, and rise per mm of length
NEAREST_MM = 1.2
CAPPED_MM = 2.0  # under a hat
# A fringe ends above the eyes, and keeps off the brow within this height above its end.
EYES_MM, BROW_MM, FRINGE_OFF_MM = 26.0, 14.0, 3.0
# Combed hair stays on the head: it sinks to its layer by at most this share of a step where the
# skin faces up (y of its normal); free hair only falls.
CLING, HANGING = 0.5, -0.1
SPARE_MM = 0.02  # spacing of points after a strand's end, since lines need a direction

LOCK_MM = 18.0  # length over which a curl reaches its radius
CURL_HEIGHT = 0.7  # of a curl over its width


class Space(NamedTuple):
    """The distance field around head and shoulders, as `distance_field.Grid`.

    Attributes:
        field: (X, Y, Z, 4) float32, distance, mm, and its gradient.
        origin: (3,) float32, mm.
        per_mm: float32, nodes per mm.
    """

    field: np.ndarray
    origin: np.ndarray
    per_mm: np.float32


class Strands(NamedTuple):
    """The properties of each strand, around the mean head, head frame.

    Attributes:
        roots: (S, 3) float32, mm.
        normals: (S, 3) float32, unit.
        comb: (S, 3) float32, unit: a strand's initial direction.
        length: (S,) float32, mm.
        layer: (S,) float32, mm: a strand's distance from the skin.
        fringe: (S,) bool: whether it is part of the fringe.
        curtain: (S,) bool: whether it falls across the face.
    """

    roots: np.ndarray
    normals: np.ndarray
    comb: np.ndarray
    length: np.ndarray
    layer: np.ndarray
    fringe: np.ndarray
    curtain: np.ndarray


class Guides(NamedTuple):
    """The influences on all strands.

    Attributes:
        gravity: float32, factor on gravity.
        knot: (3,) float32, mm, where strands are led to; `LOOSE_KNOT` for loose hair.
        cap: float32, mm: above this height hair is flat.
    """

    gravity: np.float32
    knot: np.ndarray
    cap: np.float32


@njit(cache=True, error_model="numpy")
def grow(space, strands, guides, points, outward):
    """Grow strands from their roots about the mean head; see facelib.synthetic.worn.hair.

    Args:
        space: `Space`.
        strands: `Strands`.
        guides: `Guides`.
        points: (S, P, 3) float32, written, mm, head frame.
        outward: (S, P, 3) float32, written: unit, away from the head.
    """
    field, origin, per_mm = space
    roots, normals, comb, length, layer, fringe, curtain = strands
    gravity, knot, cap = guides
    one, zero = np.float32(1), np.float32(0)
    steps = points.shape[1] - 1
    tied = not np.isnan(knot[0])
    for n in range(roots.shape[0]):
        x, y, z = roots[n, 0], roots[n, 1], roots[n, 2]
        dx, dy, dz = comb[n, 0], comb[n, 1], comb[n, 2]
        h = length[n] / np.float32(steps)
        for k in range(3):  # not slices, whose errors have texts that numba compiles for seconds
            points[n, 0, k], outward[n, 0, k] = roots[n, k], normals[n, k]
        for j in range(1, steps + 1):
            done = np.float32(j) * h
            ox, oy, oz = x, y, z
            if tied:
                kx, ky, kz = knot[0] - x, knot[1] - y, knot[2] - z
                far = np.sqrt(kx * kx + ky * ky + kz * kz)
                if far < h:
                    for k in range(3):
                        points[n, j, k] = points[n, j - 1, k] + np.float32(SPARE_MM)
                        outward[n, j, k] = outward[n, j - 1, k]
                    continue
                pull = np.float32(KNOT_PULL)
                dx += (kx / far - dx) * pull
                dy += (ky / far - dy) * pull
                dz += (kz / far - dz) * pull
            else:
                # Long hair follows gravity after a few centimetres.
                heavy = min(done / np.float32(GRAVITY_MM), one) * np.float32(GRAVITY) * gravity
                dx, dy, dz = dx * (one - heavy), dy * (one - heavy) - heavy, dz * (one - heavy)
                before_face = z > FACE_FRONT_MM and FACE_LOW_MM < y < FACE_TOP_MM
                if curtain[n] and before_face and y < np.float32(EYES_MM):
                    outward_x = comb[n, 0] > 0
                    dx += np.float32(CURTAIN_ASIDE) if outward_x else np.float32(-CURTAIN_ASIDE)
                free = not fringe[n] and not curtain[n]
                if free and before_face and abs(x) < FACE_SIDE_MM:
                    dx += np.float32(PUSH_ASIDE) if x > 0 else np.float32(-PUSH_ASIDE)
                    dz -= np.float32(PUSH_BACK)
            size = one / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-9))
            x, y, z = x + dx * size * h, y + dy * size * h, z + dz * size * h
            want = min(layer[n], np.float32(FIRST_MM) + np.float32(RISE) * done)
            if y > cap:
                want = min(want, np.float32(CAPPED_MM))
            if fringe[n] and y < EYES_MM + BROW_MM:
                want = max(want, np.float32(FRINGE_OFF_MM))
            if curtain[n] and z > FACE_FRONT_MM:
                want = max(want, np.float32(CURTAIN_OFF_MM))
            want = max(want, np.float32(NEAREST_MM))
            gx, gy, gz = outward[n, j - 1]
            for _ in range(2):
                i0, i1, i2, u, v, w = cell(field, origin, per_mm, x, y, z)
                distance = blend_cell(field, i0, i1, i2, u, v, w, 0)
                gx = blend_cell(field, i0, i1, i2, u, v, w, 1)
                gy = blend_cell(field, i0, i1, i2, u, v, w, 2)
                gz = blend_cell(field, i0, i1, i2, u, v, w, 3)
                move = want - distance
                if move < zero:
                    cling = np.float32(CLING) * h if gy > np.float32(HANGING) else zero
                    move = max(move, -cling)
                    x, y, z = x + gx * move, y + gy * move, z + gz * move
                    break
                x, y, z = x + gx * move, y + gy * move, z + gz * move
            points[n, j, 0], points[n, j, 1], points[n, j, 2] = x, y, z
            size = one / np.sqrt(gx * gx + gy * gy + gz * gz + np.float32(1e-9))
            outward[n, j, 0], outward[n, j, 1], outward[n, j, 2] = gx * size, gy * size, gz * size
            dx, dy, dz = x - ox, y - oy, z - oz
            size = one / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-9))
            dx, dy, dz = dx * size, dy * size, dz * size
            if fringe[n] and y < EYES_MM:
                for i in range(j + 1, steps + 1):
                    for k in range(3):
                        points[n, i, k] = points[n, i - 1, k] + np.float32(SPARE_MM)
                        outward[n, i, k] = outward[n, j, k]
                break


@njit(cache=True, error_model="numpy")
def wind(points, outward, phase, per_mm, radius):
    """Wind strands about their own line, in place.

    Args:
        points: (S, P, 3) float32, mm.
        outward: (S, P, 3) float32, unit.
        phase: (S,) float32, rad.
        per_mm: (S,) float32, rad/mm.
        radius: float32, mm.
    """
    one = np.float32(1)
    for n in range(points.shape[0]):
        travelled = np.float32(0)
        lx, ly, lz = points[n, 0]
        for j in range(1, points.shape[1]):
            x, y, z = points[n, j]
            ax, ay, az = x - lx, y - ly, z - lz
            lx, ly, lz = x, y, z
            step = np.sqrt(ax * ax + ay * ay + az * az) + np.float32(1e-6)
            travelled += step
            gx, gy, gz = outward[n, j]
            sx, sy, sz = ay * gz - az * gy, az * gx - ax * gz, ax * gy - ay * gx
            angle = phase[n] + per_mm[n] * travelled
            size = radius * min(travelled / np.float32(LOCK_MM), one)
            aside = size * np.sin(angle) / step
            up = size * np.float32(CURL_HEIGHT) * (one + np.cos(angle))
            points[n, j, 0] = x + aside * sx + up * gx
            points[n, j, 1] = y + aside * sy + up * gy
            points[n, j, 2] = z + aside * sz + up * gz
