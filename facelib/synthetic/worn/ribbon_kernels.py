"""The compiled loops of `ribbons`: light on the points of lines, drawing, averaging."""

from typing import NamedTuple

import numpy as np
from numba import njit

WRAP = 0.45  # light that reaches around the volume, since hair transmits some
SKY_BELOW = 0.2  # loss of sky light from facing up to level, and again from level to down
FIBRE_LEAST = 0.35  # share of the diffuse light that reaches a fibre along which light travels
SHINE, SHINE_TINT = 2.0, 0.35  # the highlight in the hair's colour, and in the light's own
# A ribbon shows single hairs; each ends somewhere before or after its tip, and has a tone.
HAIR_END, HAIR_END_RANGE = 0.62, 0.4  # share of the ribbon's length
HAIR_TONE, HAIR_TONE_RANGE = 0.7, 0.6
TONE_SEED = 97  # different from the seeds of the ends
# Half width of a hair at the root, and its decrease to the tip, relative to the hairs' distance.
HAIR_HALF, HAIR_TAPER = 0.58, 0.3
WIRE_RIM_DARK = 0.6  # how much darker a wire's rim is than its middle
END_SLACK = 0.25  # how far a piece of a line reaches beyond its ends, half widths
STEEP = 0.05  # of a piece's direction: flatter ones cannot narrow a row


class ScreenLines(NamedTuple):
    """N points in S lines, as `ribbons.Ribbons`, projected and lit.

    Attributes:
        screen: (N, 3) float32, px of the fine grid.
        half_px: (N,) float32.
        first: (S + 1,) int32.
        hairs: (S,) int32; 0 is a solid wire.
        lit: (N, 3) float32, colour of every point.
    """

    screen: np.ndarray
    half_px: np.ndarray
    first: np.ndarray
    hairs: np.ndarray
    lit: np.ndarray


class FineGrid(NamedTuple):
    """The grid on which lines are drawn.

    Attributes:
        line: (H, W) int32: the line seen there, −1 for none.
        color: (H, W, 3) float32: its colour there.
        depth: (H, W) float32, px of this grid: of the line or of what was there already.
    """

    line: np.ndarray
    color: np.ndarray
    depth: np.ndarray


class Overlay(NamedTuple):
    """A photo with ribbons over it.

    Attributes:
        image: (H, W, 3) float32, linear RGB over black, not clipped.
        alpha: (H, W) float32, share of the pixel that anything covers.
        share: (H, W) float32, share that ribbons cover.
        label: (H, W) uint8: what the nearest ribbon in the pixel is, where ribbons cover at least
            half of it; 0 elsewhere.
        depth: (H, W) float32, px, image frame's z of that ribbon; −inf elsewhere.
    """

    image: np.ndarray
    alpha: np.ndarray
    share: np.ndarray
    label: np.ndarray
    depth: np.ndarray


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def light_points(points, first, normals, albedo, gloss, lights, ambient, out):
    """Write the colour of every point, (N, 3), lit as part of a fibre; all in the eye frame."""
    one, zero, wrap = np.float32(1), np.float32(0), np.float32(WRAP)
    for s in range(first.shape[0] - 1):
        for i in range(first[s], first[s + 1]):
            before, after = max(i - 1, first[s]), min(i + 1, first[s + 1] - 1)
            tx = points[after, 0] - points[before, 0]
            ty = points[after, 1] - points[before, 1]
            tz = points[after, 2] - points[before, 2]
            scale = one / np.sqrt(tx * tx + ty * ty + tz * tz + np.float32(1e-12))
            tx, ty, tz = tx * scale, ty * scale, tz * scale
            sky = np.float32(1 - SKY_BELOW) + np.float32(SKY_BELOW) * normals[i, 1]
            red, green, blue = ambient[i, 0] * sky, ambient[i, 1] * sky, ambient[i, 2] * sky
            shine_r, shine_g, shine_b = zero, zero, zero
            for n in range(lights.shape[0]):
                lx, ly, lz = lights[n, 0], lights[n, 1], lights[n, 2]
                facing = normals[i, 0] * lx + normals[i, 1] * ly + normals[i, 2] * lz
                facing = (facing + wrap) / (one + wrap)
                if facing <= zero:
                    continue
                along = tx * lx + ty * ly + tz * lz
                across = np.sqrt(max(one - along * along, zero))
                fibre = np.float32(FIBRE_LEAST) + np.float32(1 - FIBRE_LEAST) * across
                diffuse = facing * fibre
                red += diffuse * lights[n, 3]
                green += diffuse * lights[n, 4]
                blue += diffuse * lights[n, 5]
                hz = lz + one
                scale = one / np.sqrt(lx * lx + ly * ly + hz * hz + np.float32(1e-12))
                along = (tx * lx + ty * ly + tz * hz) * scale
                band = max(one - along * along, zero)
                band *= band
                band *= band
                shine = gloss[s] * facing * band * band * band
                shine_r += shine * lights[n, 3]
                shine_g += shine * lights[n, 4]
                shine_b += shine * lights[n, 5]
            own, tint = np.float32(SHINE), np.float32(SHINE_TINT)
            out[i, 0] = albedo[i, 0] * (red + shine_r * own) + shine_r * tint
            out[i, 1] = albedo[i, 1] * (green + shine_g * own) + shine_g * tint
            out[i, 2] = albedo[i, 2] * (blue + shine_b * own) + shine_b * tint


@njit(cache=True, inline="always")
def _noise(a, b):
    """A pseudo-random number in 0..1, a hash of two integers."""
    x = np.uint32(a) * np.uint32(2654435761) + np.uint32(b) * np.uint32(2246822519)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return np.float32(x & np.uint32(0xFFFF)) * np.float32(1 / 65536)


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def draw_lines(order, lines, fine_grid):
    """Draw lines into a z-buffer.

    Args:
        order: (S,) int: the lines in drawing order.
        lines: `ScreenLines`.
        fine_grid: `FineGrid`, with the depth of the existing picture; updated.
    """
    screen, half_px, first, hairs, lit = lines
    line, color, depth = fine_grid
    height, width = depth.shape
    zero, one, mid = np.float32(0), np.float32(1), np.float32(0.5)
    most_hairs = 0
    for s in range(len(hairs)):
        most_hairs = max(most_hairs, hairs[s])
    ends, tones = np.empty(most_hairs + 1, np.float32), np.empty(most_hairs + 1, np.float32)
    for s in order:
        count = hairs[s]
        steps = np.float32(first[s + 1] - first[s] - 1)
        combed = False
        for i in range(first[s], first[s + 1] - 1):
            x0, y0, z0 = screen[i, 0], screen[i, 1], screen[i, 2]
            dx, dy, dz = screen[i + 1, 0] - x0, screen[i + 1, 1] - y0, screen[i + 1, 2] - z0
            h0, h1 = half_px[i], half_px[i + 1]
            most = max(h0, h1)
            left, right = min(x0, x0 + dx) - most, max(x0, x0 + dx) + most
            top, bottom = min(y0, y0 + dy) - most, max(y0, y0 + dy) + most
            if not (right >= 0 and bottom >= 0 and left < width and top < height):
                continue
            # A piece that is hidden at both ends and between them is skipped.
            if (
                _behind(x0, y0, z0 + most, depth)
                and _behind(x0 + dx, y0 + dy, z0 + dz + most, depth)
                and _behind(x0 + mid * dx, y0 + mid * dy, z0 + mid * dz + most, depth)
            ):
                continue
            if count > 0 and not combed:
                combed = True
                for n in range(count + 1):  # where each hair ends, and how light it is
                    ends[n] = np.float32(HAIR_END) + np.float32(HAIR_END_RANGE) * _noise(s, n)
                    noise = _noise(s, n + TONE_SEED)
                    tones[n] = np.float32(HAIR_TONE) + np.float32(HAIR_TONE_RANGE) * noise
            squared = max(dx * dx + dy * dy, np.float32(1e-6))
            length = np.sqrt(squared)
            ux, uy = dx / length, dy / length
            tx, ty, widening = dx / squared, dy / squared, h1 - h0
            slack = np.float32(END_SLACK) * most / max(length, one)
            done = np.float32(i - first[s])
            nearest = max(z0, z0 + dz) + most
            r0, g0, b0 = lit[i, 0], lit[i, 1], lit[i, 2]
            dr, dg, db = lit[i + 1, 0] - r0, lit[i + 1, 1] - g0, lit[i + 1, 2] - b0
            for row in range(int(max(np.ceil(top), 0)), int(min(np.floor(bottom), height - 1)) + 1):
                py = np.float32(row) - y0
                low, high = left, right
                if abs(uy) > np.float32(STEEP):  # |ux·py − uy·px| ≤ most
                    low, high = _narrowed(low, high, x0, ux * py, uy, -most, most)
                if abs(ux) > np.float32(STEEP):  # −slack ≤ px·tx + py·ty ≤ 1 + slack
                    low, high = _narrowed(low, high, x0, -py * ty, tx, -slack, one + slack)
                for col in range(
                    int(max(np.ceil(low), 0)), int(min(np.floor(high), width - 1)) + 1
                ):
                    if nearest <= depth[row, col]:
                        continue
                    px = np.float32(col) - x0
                    t = px * tx + py * ty
                    if t < -slack or t > one + slack:
                        continue
                    t = min(max(t, zero), one)
                    half = h0 + widening * t
                    aside = ux * py - uy * px
                    z = z0 + dz * t
                    if aside > half or aside < -half or z + half <= depth[row, col]:
                        continue
                    across = aside / half
                    z += half * (one - across * across)
                    if z <= depth[row, col]:
                        continue
                    tone = one - np.float32(WIRE_RIM_DARK) * across * across
                    if count > 0:
                        along = (done + t) / steps
                        strand = (across + one) * mid * np.float32(count)
                        which = int(strand)
                        if along > ends[which]:
                            continue
                        off = abs(strand - np.float32(which) - mid)
                        if off > np.float32(HAIR_HALF) - np.float32(HAIR_TAPER) * along * along:
                            continue
                        tone = tones[which]
                    depth[row, col], line[row, col] = z, s
                    color[row, col, 0] = tone * (r0 + dr * t)
                    color[row, col, 1] = tone * (g0 + dg * t)
                    color[row, col, 2] = tone * (b0 + db * t)


@njit(cache=True, inline="always", error_model="numpy")
def _narrowed(low, high, start, offset, rise, least, most):
    """The part of low..high where (x − start)·rise − offset is between `least` and `most`."""
    a, b = start + (offset + least) / rise, start + (offset + most) / rise
    return max(low, min(a, b)), min(high, max(a, b))


@njit(cache=True, inline="always")
def _behind(x, y, z, depth):
    """Whether a point is behind the existing picture."""
    row, col = int(y), int(x)
    if row < 0 or col < 0 or row >= depth.shape[0] or col >= depth.shape[1]:
        return False
    return z < depth[row, col]


@njit(cache=True)
def enlarge(base, out):
    """Repeat depths until they fill the finer grid; depth counts in px, so it grows as well."""
    factor = out.shape[0] // base.shape[0]
    for row in range(base.shape[0]):
        for col in range(base.shape[1]):
            value = base[row, col] * np.float32(factor)
            for y in range(row * factor, (row + 1) * factor):
                for x in range(col * factor, (col + 1) * factor):
                    out[y, x] = value


@njit(cache=True, error_model="numpy")
def compose(fine_grid, labels, shade, overlay):
    """Average the fine grid's lines over a photo.

    Args:
        fine_grid: `FineGrid`.
        labels: (S,) uint8, of the lines.
        shade: (H/2, W/2) float32, share of the photo's light that lines block.
        overlay: `Overlay`; image and alpha are the photo's, and updated; the rest is written.
    """
    line, color, depth = fine_grid
    image, alpha, share, label, nearest = overlay
    height, width = alpha.shape
    factor = line.shape[0] // height
    part = np.float32(1 / (factor * factor))
    one = np.float32(1)
    for row in range(height):
        for col in range(width):
            light = one - shade[row // 2, col // 2]
            if light < one:
                for k in range(3):
                    image[row, col, k] *= light
            covered = 0
            red, green, blue = np.float32(0), np.float32(0), np.float32(0)
            for y in range(row * factor, (row + 1) * factor):
                for x in range(col * factor, (col + 1) * factor):
                    s = line[y, x]
                    if s < 0:
                        continue
                    covered += 1
                    red += color[y, x, 0]
                    green += color[y, x, 1]
                    blue += color[y, x, 2]
                    if depth[y, x] > nearest[row, col]:
                        nearest[row, col] = depth[y, x]
                        label[row, col] = labels[s]
            if covered == 0:
                continue
            mine = np.float32(covered) * part
            rest = one - mine
            share[row, col] = mine
            image[row, col, 0] = image[row, col, 0] * rest + red * part
            image[row, col, 1] = image[row, col, 1] * rest + green * part
            image[row, col, 2] = image[row, col, 2] * rest + blue * part
            alpha[row, col] = alpha[row, col] * rest + mine
            nearest[row, col] /= np.float32(factor)
            if 2 * covered < factor * factor:
                label[row, col] = 0
                nearest[row, col] = -np.inf
