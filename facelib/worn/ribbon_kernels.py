"""The compiled loops of facelib.worn.ribbons: light on the points of lines, drawing, averaging."""

import numpy as np
from numba import njit

WRAP = 0.45  # light that reaches around the volume: hair lets some through


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
            # Less of the sky reaches what looks down.
            sky = np.float32(0.8) + np.float32(0.2) * normals[i, 1]
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
                diffuse = facing * (np.float32(0.35) + np.float32(0.65) * across)
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
            # The highlight takes on some of the hair's colour.
            tint = np.float32(0.35)
            out[i, 0] = albedo[i, 0] * (red + shine_r * np.float32(2)) + shine_r * tint
            out[i, 1] = albedo[i, 1] * (green + shine_g * np.float32(2)) + shine_g * tint
            out[i, 2] = albedo[i, 2] * (blue + shine_b * np.float32(2)) + shine_b * tint


@njit(cache=True, inline="always")
def _noise(a, b):
    """A number in 0..1 that two integers decide."""
    x = np.uint32(a) * np.uint32(2654435761) + np.uint32(b) * np.uint32(2246822519)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return np.float32(x & np.uint32(0xFFFF)) * np.float32(1 / 65536)


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def draw_lines(order, screen, half_px, first, hairs, depth, point, place, line):
    """Draw lines into a z-buffer.

    Args:
        order: (S,) int: which line is drawn when.
        screen: (N, 3) float32, px of this grid.
        half_px: (N,) float32.
        first: (S + 1,) int32.
        hairs: (S,) int32.
        depth: (H, W) float32, what is there already; updated.
        point: (H, W) int32, written: the point that starts the piece of line seen there.
        place: (H, W, 2) float32, written: where along the piece, 0..1, and across it, −1..1.
        line: (H, W) int32, written.
    """
    height, width = depth.shape
    one, mid = np.float32(1), np.float32(0.5)
    for s in order:
        count = hairs[s]
        steps = np.float32(first[s + 1] - first[s] - 1)
        for i in range(first[s], first[s + 1] - 1):
            x0, y0, z0 = screen[i, 0], screen[i, 1], screen[i, 2]
            dx, dy, dz = screen[i + 1, 0] - x0, screen[i + 1, 1] - y0, screen[i + 1, 2] - z0
            h0, h1 = half_px[i], half_px[i + 1]
            most = max(h0, h1)
            left, right = min(x0, x0 + dx) - most, max(x0, x0 + dx) + most
            top, bottom = min(y0, y0 + dy) - most, max(y0, y0 + dy) + most
            if not (right >= 0 and bottom >= 0 and left < width and top < height):
                continue
            # What is hidden at both ends and between them is not worth a look at every pixel.
            if (
                _behind(x0, y0, z0 + most, depth)
                and _behind(x0 + dx, y0 + dy, z0 + dz + most, depth)
                and _behind(x0 + mid * dx, y0 + mid * dy, z0 + mid * dz + most, depth)
            ):
                continue
            squared = max(dx * dx + dy * dy, np.float32(1e-6))
            length = np.sqrt(squared)
            ux, uy = dx / length, dy / length
            tx, ty, widening = dx / squared, dy / squared, h1 - h0
            slack = np.float32(0.25) * most / max(length, one)
            done = np.float32(i - first[s])
            for row in range(int(max(np.ceil(top), 0)), int(min(np.floor(bottom), height - 1)) + 1):
                py = np.float32(row) - y0
                low, high = left, right
                if abs(uy) > np.float32(0.05):  # |ux·py − uy·px| ≤ most
                    a = x0 + (ux * py - most) / uy
                    b = x0 + (ux * py + most) / uy
                    low, high = max(low, min(a, b)), min(high, max(a, b))
                for col in range(
                    int(max(np.ceil(low), 0)), int(min(np.floor(high), width - 1)) + 1
                ):
                    px = np.float32(col) - x0
                    t = px * tx + py * ty
                    if t < -slack or t > one + slack:
                        continue
                    t = min(max(t, np.float32(0)), one)
                    half = h0 + widening * t
                    aside = ux * py - uy * px
                    z = z0 + dz * t
                    if aside > half or aside < -half or z + half <= depth[row, col]:
                        continue
                    across = aside / half
                    z += half * (one - across * across)
                    if z <= depth[row, col]:
                        continue
                    if count > 0:
                        along = (done + t) / steps
                        strand = (across + one) * np.float32(0.5) * np.float32(count)
                        which = int(strand)
                        if along > np.float32(0.62) + np.float32(0.4) * _noise(s, which):
                            continue
                        off = abs(strand - np.float32(which) - np.float32(0.5))
                        if off > np.float32(0.58) - np.float32(0.3) * along * along:
                            continue
                    depth[row, col] = z
                    point[row, col] = i
                    line[row, col] = s
                    place[row, col, 0] = t
                    place[row, col, 1] = across


@njit(cache=True, inline="always")
def _behind(x, y, z, depth):
    """Whether a point lies behind what is drawn there."""
    row, col = int(y), int(x)
    if row < 0 or col < 0 or row >= depth.shape[0] or col >= depth.shape[1]:
        return False
    return z < depth[row, col]


@njit(cache=True)
def enlarge(base, factor, out):
    """Repeat every depth factor × factor times; depth counts in px, so it grows as well."""
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            out[row, col] = base[row // factor, col // factor] * np.float32(factor)


@njit(cache=True, error_model="numpy")
def compose(
    point, place, line, depth, lit, hairs, labels, shade, image, alpha, share, label, nearest
):
    """Average the fine grid's lines over `image` and `alpha`; write what they are and how near."""
    height, width = alpha.shape
    factor = point.shape[0] // height
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
                    i = point[y, x]
                    if i < 0:
                        continue
                    covered += 1
                    s, t, across = line[y, x], place[y, x, 0], place[y, x, 1]
                    if hairs[s] > 0:
                        which = int((across + one) * np.float32(0.5) * np.float32(hairs[s]))
                        tone = np.float32(0.7) + np.float32(0.6) * _noise(s, which + 97)
                    else:
                        tone = one - np.float32(0.6) * across * across
                    red += tone * (lit[i, 0] + (lit[i + 1, 0] - lit[i, 0]) * t)
                    green += tone * (lit[i, 1] + (lit[i + 1, 1] - lit[i, 1]) * t)
                    blue += tone * (lit[i, 2] + (lit[i + 1, 2] - lit[i, 2]) * t)
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
