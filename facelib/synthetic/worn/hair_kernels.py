"""The compiled loops of `hair`: strands grow step by step, and are wound into curls."""

import numpy as np
from numba import njit

from facelib.synthetic.worn.distance_field import blend_cell, cell

FACE_SIDE_MM = 62.0  # hair that is kept out of the face stays outside of this |x|
EYES_MM = 26.0  # a fringe ends above this height


@njit(cache=True, error_model="numpy")
def grow(field, origin, per_mm, roots, normals, comb, length, layer, front, stiff, knot, cap,
          points, outward):  # fmt: skip
    """Grow strands from their roots about the mean head; see facelib.synthetic.worn.hair.

    Args:
        field: (X, Y, Z, 4) float32, distance and gradient; `origin` and `per_mm` as in `Grid`.
        origin: (3,) float32, mm.
        per_mm: float32, nodes a mm.
        roots: (S, 3) float32, mm.
        normals: (S, 3) float32, unit.
        comb: (S, 3) float32, unit: the way a strand sets out.
        length: (S,) float32, mm.
        layer: (S,) float32, mm: how far off the skin a strand comes to lie.
        front: (S,) bool: whether it is part of the fringe.
        stiff: float32; below 1 hair gives in less to gravity.
        knot: (3,) float32, mm, where strands are led to; NaN for loose hair.
        cap: float32, mm: above this height hair lies flat.
        points: (S, P, 3) float32, written.
        outward: (S, P, 3) float32, written: unit, away from the head.
    """
    one, zero = np.float32(1), np.float32(0)
    steps = points.shape[1] - 1
    tied = not np.isnan(knot[0])
    for n in range(roots.shape[0]):
        x, y, z = roots[n, 0], roots[n, 1], roots[n, 2]
        dx, dy, dz = comb[n, 0], comb[n, 1], comb[n, 2]
        h = length[n] / np.float32(steps)
        points[n, 0] = roots[n]
        outward[n, 0] = normals[n]
        for j in range(1, steps + 1):
            done = np.float32(j) * h
            ox, oy, oz = x, y, z
            if tied:
                kx, ky, kz = knot[0] - x, knot[1] - y, knot[2] - z
                far = np.sqrt(kx * kx + ky * ky + kz * kz)
                if far < h:
                    points[n, j] = points[n, j - 1]
                    points[n, j] += np.float32(0.02)
                    outward[n, j] = outward[n, j - 1]
                    continue
                pull = np.float32(0.7)
                dx += (kx / far - dx) * pull
                dy += (ky / far - dy) * pull
                dz += (kz / far - dz) * pull
            else:
                # Stiff short hair stands; long hair follows gravity after a few centimetres.
                heavy = min(done / np.float32(60), one) * np.float32(0.45) * (
                    np.float32(0.6) if stiff < one else one)  # fmt: skip
                dx, dy, dz = dx * (one - heavy), dy * (one - heavy) - heavy, dz * (one - heavy)
                if not front[n] and z > 15 and y < 82 and abs(x) < FACE_SIDE_MM and y > -110:
                    push = np.float32(0.9) if x > 0 else np.float32(-0.9)
                    dx += push
                    dz -= np.float32(0.35)
            size = one / np.sqrt(dx * dx + dy * dy + dz * dz + np.float32(1e-9))
            x, y, z = x + dx * size * h, y + dy * size * h, z + dz * size * h
            want = min(layer[n], one + np.float32(0.8) * done)
            if y > cap:
                want = min(want, np.float32(2.0))
            if front[n] and y < EYES_MM + np.float32(14):
                want = max(want, np.float32(3))
            want = max(want, np.float32(1.2))
            gx, gy, gz = outward[n, j - 1]
            for _ in range(2):
                i0, i1, i2, u, v, w = cell(field, origin, per_mm, x, y, z)
                distance = blend_cell(field, i0, i1, i2, u, v, w, 0)
                gx = blend_cell(field, i0, i1, i2, u, v, w, 1)
                gy = blend_cell(field, i0, i1, i2, u, v, w, 2)
                gz = blend_cell(field, i0, i1, i2, u, v, w, 3)
                move = want - distance
                if move < zero:
                    # Combed hair lies on the head; where it hangs free it only falls.
                    cling = np.float32(0.5) * h if gy > np.float32(-0.1) else zero
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
            if front[n] and y < EYES_MM:
                for k in range(j + 1, steps + 1):
                    points[n, k] = points[n, k - 1]
                    points[n, k] += np.float32(0.02)
                    outward[n, k] = outward[n, j]
                break


@njit(cache=True, error_model="numpy")
def wind(points, outward, phase, per_mm, radius):
    """Move points off their strand's line, around it, in place."""
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
            turn = phase[n] + per_mm[n] * travelled
            size = radius * min(travelled / np.float32(18), one)
            aside, up = size * np.sin(turn) / step, size * np.float32(0.7) * (one + np.cos(turn))
            points[n, j, 0] = x + aside * sx + up * gx
            points[n, j, 1] = y + aside * sy + up * gy
            points[n, j, 2] = z + aside * sz + up * gz
