"""Light on skin and eyes: environment, up to three lights, soft shadow, relief and two highlights.

The loop runs once over the covered pixels. Each vertex carries a row of `COLUMNS` numbers that are
blended at the pixel; relief bends the normal as Blinn's bump mapping does, but red light on skin
keeps the smooth normal, because it travels furthest below (Ma and others 2007).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from facelib.light.shadows import visibility

# A vertex's row: normal (eye), texture coordinates, colour, openness to the sky, gloss, roughness,
# scatter (1 skin, 0 else), the eye-frame gradients of texel column and row (1/mm), shadow coords.
COLUMNS = 24  # the last three are padding: whole vectors of eight are blended at once
NORMAL, UV, COLOR, OPEN, GLOSS, ROUGH, SCATTER, ALONG_U, ALONG_V, SHADOW = (
    0, 3, 5, 8, 9, 10, 11, 12, 15, 18,
)  # fmt: skip
WRAP = (0.28, 0.12, 0.06)  # how far red, green, blue light creep past the terminator
DIELECTRIC = 0.028  # share that skin mirrors head on (refractive index 1.4)
SECOND_LOBE = 0.45  # weight of the oily, sharper one of the two highlights
SHARPER = 0.55  # its roughness beside the other's


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def shade_surface(
    triangle,
    barycentric,
    triangles,
    rows,
    page,
    relief,
    to_viewer,
    diffuse,
    mirrored,
    lights,
    nearness,
    out,
):
    """Write the linear colour of every covered pixel into `out`; it may exceed 1.

    Args:
        triangle: (H, W) int32, −1 where nothing is.
        barycentric: (H, W, 3) float32.
        triangles: (M, 3) int32.
        rows: (N, COLUMNS) float32.
        page: (h, w, 3) float32 linear albedo.
        relief: (h, w) float32, mm; (1, 1) for none.
        to_viewer: (3,) float32: view axis x and y on the image, px; 1 / focal (0 = orthographic).
        diffuse: (9, 3) float32: factors of 1, y, z, x, xy, yz, 3z²−1, xz, x²−y² for irradiance/π.
        mirrored: (9, 3) float32: the same for slightly blurred radiance.
        lights: (L, 6) float32: unit direction, eye frame, and colour; the first throws shadows.
        nearness: (S, S) float32 of the shadow map; (1, 1) for none.
        out: (H, W, 3) float32.
    """
    height, width = triangle.shape
    value = np.empty(COLUMNS, np.float32)
    one, zero, half = np.float32(1), np.float32(0), np.float32(0.5)
    bumpy, shadowy = relief.shape[0] > 1, nearness.shape[0] > 1
    f0 = np.float32(DIELECTRIC)
    wr, wg, wb = np.float32(WRAP[0]), np.float32(WRAP[1]), np.float32(WRAP[2])
    page_h, page_w = np.float32(page.shape[0]), np.float32(page.shape[1])
    for row in range(height):
        for col in range(width):
            t = triangle[row, col]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            a, b, c = barycentric[row, col, 0], barycentric[row, col, 1], barycentric[row, col, 2]
            for n in range(COLUMNS):
                value[n] = a * rows[i, n] + b * rows[j, n] + c * rows[k, n]
            # Texel cell under the pixel: its four corners give both colour and slope.
            x = min(max(value[UV] * page_w - half, zero), page_w - one)
            y = min(max(value[UV + 1] * page_h - half, zero), page_h - one)
            left, top = int(x), int(y)
            right = min(left + 1, page.shape[1] - 1)
            below = min(top + 1, page.shape[0] - 1)
            fx, fy = x - np.float32(left), y - np.float32(top)
            w11 = fx * fy
            w01, w10 = fx - w11, fy - w11
            w00 = one - fx - w10
            ar = w00 * page[top, left, 0] + w01 * page[top, right, 0]
            ar += w10 * page[below, left, 0] + w11 * page[below, right, 0]
            ag = w00 * page[top, left, 1] + w01 * page[top, right, 1]
            ag += w10 * page[below, left, 1] + w11 * page[below, right, 1]
            ab = w00 * page[top, left, 2] + w01 * page[top, right, 2]
            ab += w10 * page[below, left, 2] + w11 * page[below, right, 2]
            ar, ag, ab = ar * value[COLOR], ag * value[COLOR + 1], ab * value[COLOR + 2]
            sx, sy, sz = _unit(value[NORMAL], value[NORMAL + 1], value[NORMAL + 2])
            nx, ny, nz = sx, sy, sz
            if bumpy:
                h00, h01 = relief[top, left], relief[top, right]
                h10, h11 = relief[below, left], relief[below, right]
                du = (h01 - h00) * (one - fy) + (h11 - h10) * fy
                dv = (h10 - h00) * (one - fx) + (h11 - h01) * fx
                nx, ny, nz = _unit(
                    sx - du * value[ALONG_U] - dv * value[ALONG_V],
                    sy - du * value[ALONG_U + 1] - dv * value[ALONG_V + 1],
                    sz - du * value[ALONG_U + 2] - dv * value[ALONG_V + 2],
                )
            vx, vy, vz = _unit(
                (to_viewer[0] - np.float32(col)) * to_viewer[2],
                (np.float32(row) - to_viewer[1]) * to_viewer[2],
                one,
            )
            openness, gloss = value[OPEN], value[GLOSS]
            rough, scatter = value[ROUGH], value[SCATTER]
            # What stands in the way of the sky is skin too and passes on some light of its colour.
            er, eg, eb = _nine(diffuse, nx, ny, nz)
            closed = one - openness
            er *= openness * (one + closed * ar)
            eg *= openness * (one + closed * ag)
            eb *= openness * (one + closed * ab)
            nv = max(nx * vx + ny * vy + nz * vz, np.float32(0.02))
            mr, mg, mb = _nine(
                mirrored,
                np.float32(2) * nv * nx - vx,
                np.float32(2) * nv * ny - vy,
                np.float32(2) * nv * nz - vz,
            )
            grazing = one - nv
            grazing *= grazing * grazing * grazing * grazing
            fresnel = (
                gloss * openness * (f0 + max(one - rough - f0, zero) * np.float32(0.22) * grazing)
            )
            mr, mg, mb = mr * fresnel, mg * fresnel, mb * fresnel
            for n in range(lights.shape[0]):
                lx, ly, lz = lights[n, 0], lights[n, 1], lights[n, 2]
                smooth = sx * lx + sy * ly + sz * lz
                if smooth <= -wr:
                    continue
                lit = (one + openness) * half  # creases see less of the other lights
                if n == 0 and shadowy:
                    lit = visibility(nearness, value[SHADOW], value[SHADOW + 1], value[SHADOW + 2])
                if lit <= zero:
                    continue
                facing = nx * lx + ny * ly + nz * lz
                soft = lit + (np.sqrt(lit) - lit) * scatter * half
                mild = facing + (smooth - facing) * scatter
                er += soft * max(_wrapped(mild, wr * scatter), zero) * lights[n, 3]
                eg += lit * max(_wrapped(facing, wg * scatter), zero) * lights[n, 4]
                eb += lit * max(_wrapped(facing, wb * scatter), zero) * lights[n, 5]
                if facing > zero and gloss > zero:
                    shine = (
                        facing
                        * lit
                        * gloss
                        * _highlight(lx, ly, lz, vx, vy, vz, nx, ny, nz, rough, scatter)
                    )
                    mr += shine * lights[n, 3]
                    mg += shine * lights[n, 4]
                    mb += shine * lights[n, 5]
            out[row, col, 0] = er * ar + mr
            out[row, col, 1] = eg * ag + mg
            out[row, col, 2] = eb * ab + mb


@njit(cache=True, inline="always")
def _wrapped(facing, wrap):
    return (facing + wrap) / (np.float32(1) + wrap)


@njit(cache=True, inline="always", error_model="numpy")
def _highlight(lx, ly, lz, vx, vy, vz, nx, ny, nz, rough, scatter):
    """π times two GGX lobes with Kelemen's visibility and Schlick's Fresnel term."""
    hx, hy, hz = lx + vx, ly + vy, lz + vz
    squared = hx * hx + hy * hy + hz * hz
    if squared < np.float32(1e-3):
        return np.float32(0)
    scale = np.float32(1) / np.sqrt(squared)
    nh = (nx * hx + ny * hy + nz * hz) * scale
    lh = (lx * hx + ly * hy + lz * hz) * scale
    away = np.float32(1) - lh
    square = away * away
    f0 = np.float32(DIELECTRIC)
    fresnel = f0 + (np.float32(1) - f0) * square * square * away
    second = np.float32(SECOND_LOBE) * scatter
    lobes = (np.float32(1) - second) * _ggx(nh, rough)
    lobes += second * _ggx(nh, rough * np.float32(SHARPER))
    # Rims lit from behind would outshine all else: real skin is rough at that scale too.
    return lobes * fresnel / max(squared, np.float32(0.8))


@njit(cache=True, inline="always", error_model="numpy")
def _ggx(nh, rough):
    squared = rough * rough
    below = nh * nh * (squared - np.float32(1)) + np.float32(1)
    return squared / (below * below)


@njit(cache=True, inline="always")
def _nine(light, x, y, z):
    """The three colours of second-order light at a direction, none below 0."""
    xy, yz, xz = x * y, y * z, x * z
    zz, xx = np.float32(3) * z * z - np.float32(1), x * x - y * y
    zero = np.float32(0)
    red = light[0, 0] + light[1, 0] * y + light[2, 0] * z + light[3, 0] * x + light[4, 0] * xy
    red += light[5, 0] * yz + light[6, 0] * zz + light[7, 0] * xz + light[8, 0] * xx
    green = light[0, 1] + light[1, 1] * y + light[2, 1] * z + light[3, 1] * x + light[4, 1] * xy
    green += light[5, 1] * yz + light[6, 1] * zz + light[7, 1] * xz + light[8, 1] * xx
    blue = light[0, 2] + light[1, 2] * y + light[2, 2] * z + light[3, 2] * x + light[4, 2] * xy
    blue += light[5, 2] * yz + light[6, 2] * zz + light[7, 2] * xz + light[8, 2] * xx
    return max(red, zero), max(green, zero), max(blue, zero)


@njit(cache=True, inline="always")
def _unit(x, y, z):
    squared = x * x + y * y + z * z
    scale = np.float32(1) / np.sqrt(squared) if squared > 0 else np.float32(0)
    return x * scale, y * scale, z * scale


@njit(cache=True)
def shade_below_lids(triangle, is_eye, per_px, out):
    """Darken eyeballs below the upper lid, whose lashes and edge keep the sky from them.

    Args:
        triangle: (H, W) int32.
        is_eye: (M,) bool, the eyeballs' triangles.
        per_px: mm a px.
        out: (H, W, 3) float32, darkened in place.
    """
    height, width = triangle.shape
    upper, lower = np.float32(per_px / 1.9), np.float32(per_px / 0.7)
    one = np.float32(1)
    for col in range(width):
        row = 0
        while row < height:
            if triangle[row, col] < 0 or not is_eye[triangle[row, col]]:
                row += 1
                continue
            first = row
            while row < height and triangle[row, col] >= 0 and is_eye[triangle[row, col]]:
                row += 1
            for inside in range(first, row):
                above = (np.float32(inside - first) + np.float32(0.5)) * upper
                under = (np.float32(row - inside) - np.float32(0.5)) * lower
                share = one - np.float32(0.75) * np.exp(-above * above)
                share *= one - np.float32(0.35) * np.exp(-under)
                for k in range(3):
                    out[inside, col, k] *= share
