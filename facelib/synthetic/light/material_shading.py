"""Light on skin, eyes and cloth: environment, lights, soft shadow, relief and two highlights.

The loop runs once over the covered pixels. Each vertex has a row of `ROW_WIDTH` numbers, which are
interpolated at the pixel. Relief perturbs the normal as in Blinn's bump mapping, but red light on
skin keeps the smooth normal, because it travels furthest below the surface (Ma and others 2007).

Pixels are gathered into blocks, and each number that a pixel needs has its own row in the block, so
that the compiler shades eight pixels with one instruction. All tests in these loops choose between
two values (`a if … else b`, min, max): a branch would prevent that.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from facelib.render.shading import unit
from facelib.synthetic.light.shadows import visibility

# Columns of a vertex's row.
NORMAL = 0  # 3 numbers, eye frame
UV = 3  # 2, texture coordinates, v down
COLOR = 5  # 3, multiplied with the texture
OPEN = 8  # openness to the sky
GLOSS = 9
ROUGH = 10
SCATTER = 11  # 1 skin, 0 anything else
ALONG_U = 12  # 3, eye frame, 1/mm: gradient of the texel's column ...
ALONG_V = 15  # 3: ... and of its row
SHADOW = 18  # 3, column, row (texels) and height (mm) on the shadow map
ROW_WIDTH = 24  # the last three are padding: whole vectors of eight are blended at once

WRAP = (0.28, 0.12, 0.06)  # how far red, green, blue light extend past the terminator
DIELECTRIC = 0.028  # skin's reflectance at normal incidence (refractive index 1.4)
SECOND_LOBE = 0.45  # weight of the oily, sharper one of the two highlights
SHARPER = 0.55  # its roughness relative to the other's
# Smallest |h|² of a highlight: rims lit from behind would be far too bright, but real skin is rough
# at that scale, too.
LEAST_SQUARED_HALF = 0.8
GRAZING_MIRROR = 0.22  # share of Schlick's rise toward grazing angles on a rough surface
LEAST_FACING = 0.02  # smallest cosine between normal and viewing direction

# The shadow of the upper lid's lashes on an eyeball falls off like a Gaussian, that of the lower
# lid exponentially: strength and reach, mm.
UPPER_LID_SHADE, UPPER_LID_MM = 0.75, 1.9
LOWER_LID_SHADE, LOWER_LID_MM = 0.35, 0.7

# A block is one flat array: row r of pixel p is at r + p. Rows are constants, so that the
# compiler can infer that no two overlap.
BLOCK, _ROWS = 64, 26  # pixels, and rows
(
    _SX, _SY, _SZ, _OPEN, _GLOSS, _ROUGH, _SCATTER, _NX, _NY, _NZ, _VX, _VY, _VZ,
    _AR, _AG, _AB, _ER, _EG, _EB, _MR, _MG, _MB, _LIT, _COLUMN, _ROW, _HEIGHT,
) = range(0, _ROWS * BLOCK, BLOCK)  # fmt: skip
_SMOOTH, _BENT, _ALBEDO, _EVEN, _MIRROR, _SHADOW = _SX, _NX, _AR, _ER, _MR, _COLUMN


class SurfaceMaps(NamedTuple):
    """A texture page.

    Attributes:
        page: (h, w, 3) float32 linear albedo.
        relief: (h, w) float32, mm; (1, 1) for none.
    """

    page: np.ndarray
    relief: np.ndarray


class Illumination(NamedTuple):
    """The viewer and all light, eye frame.

    Attributes:
        to_viewer: (3,) float32: view axis x and y on the image, px; 1 / focal (0 = orthographic).
        diffuse: (9, 3) float32: factors of 1, y, z, x, xy, yz, 3z²−1, xz, x²−y² for irradiance/π.
        mirrored: (9, 3) float32: the same for slightly blurred radiance.
        lights: (L, 6) float32: unit direction and colour; the first casts shadows.
        nearness: (S, S) float32 of the shadow map; (1, 1) for none.
    """

    to_viewer: np.ndarray
    diffuse: np.ndarray
    mirrored: np.ndarray
    lights: np.ndarray
    nearness: np.ndarray


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def shade_surface(triangle, barycentric, triangles, rows, maps, illumination, out):
    """Write the linear colour of every covered pixel into `out`; it may exceed 1.

    Args:
        triangle: (H, W) int32, −1 where no triangle is visible.
        barycentric: (H, W, 3) float32.
        triangles: (M, 3) int32.
        rows: (N, ROW_WIDTH) float32.
        maps: `SurfaceMaps`.
        illumination: `Illumination`.
        out: (H, W, 3) float32.
    """
    height, width = triangle.shape
    block = np.zeros(_ROWS * BLOCK, np.float32)
    blended = np.zeros((BLOCK, rows.shape[1]), np.float32)
    where = np.empty((BLOCK, 2), np.int32)
    filled = np.int64(0)  # a literal 0 would have the kernels below compiled twice
    for row in range(height):
        for col in range(width):
            t = triangle[row, col]
            if t < 0:
                continue
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            a, b, c = barycentric[row, col, 0], barycentric[row, col, 1], barycentric[row, col, 2]
            for n in range(rows.shape[1]):
                blended[filled, n] = a * rows[i, n] + b * rows[j, n] + c * rows[k, n]
            where[filled, 0], where[filled, 1] = row, col
            filled += 1
            if filled == BLOCK:
                _shade_block(blended, where, filled, maps, illumination, block, out)
                filled = np.int64(0)
    _shade_block(blended, where, filled, maps, illumination, block, out)


@njit(cache=True, error_model="numpy")
def _shade_block(blended, where, filled, maps, illumination, block, out):
    """Colour the first `filled` of a block's pixels; the content of the others does not matter."""
    lights, nearness = illumination.lights, illumination.nearness
    _gather(blended, where, filled, maps.page, maps.relief, illumination.to_viewer, block)
    _light_around(block, illumination.diffuse, illumination.mirrored)
    for n in range(lights.shape[0]):
        _see_light(block, lights[n], nearness, n == 0 and nearness.shape[0] > 1)
        _add_light(block, lights[n])
    for p in range(filled):
        row, col = where[p, 0], where[p, 1]
        for k in range(3):
            at = k * BLOCK + p
            out[row, col, k] = block[_EVEN + at] * block[_ALBEDO + at] + block[_MIRROR + at]


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def _gather(blended, where, filled, page, relief, to_viewer, block):
    """Interpolate the rows at each pixel into the block, with the ray to the viewer."""
    zero, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    page_h, page_w = np.float32(page.shape[0]), np.float32(page.shape[1])
    for p in range(filled):
        value = blended[p]
        # Texel cell under the pixel: its four corners give both colour and slope.
        x = min(max(value[UV] * page_w - half, zero), page_w - one)
        y = min(max(value[UV + 1] * page_h - half, zero), page_h - one)
        left, top = np.uint32(x), np.uint32(y)
        right = min(left + np.uint32(1), np.uint32(page.shape[1] - 1))
        below = min(top + np.uint32(1), np.uint32(page.shape[0] - 1))
        fx, fy = x - np.float32(left), y - np.float32(top)
        w11 = fx * fy
        w01, w10 = fx - w11, fy - w11
        w00 = one - fx - w10
        for k in range(3):
            upper = w00 * page[top, left, k] + w01 * page[top, right, k]
            lower = w10 * page[below, left, k] + w11 * page[below, right, k]
            block[_ALBEDO + k * BLOCK + p] = (upper + lower) * value[COLOR + k]
        du, dv = zero, zero
        if relief.shape[0] > 1:
            h00, h01 = relief[top, left], relief[top, right]
            h10, h11 = relief[below, left], relief[below, right]
            du = (h01 - h00) * (one - fy) + (h11 - h10) * fy
            dv = (h10 - h00) * (one - fx) + (h11 - h01) * fx
        for k in range(3):
            block[_SMOOTH + k * BLOCK + p] = value[NORMAL + k]
            block[_BENT + k * BLOCK + p] = du * value[ALONG_U + k] + dv * value[ALONG_V + k]
            block[_SHADOW + k * BLOCK + p] = value[SHADOW + k]
        block[_OPEN + p], block[_GLOSS + p] = value[OPEN], value[GLOSS]
        block[_ROUGH + p], block[_SCATTER + p] = value[ROUGH], value[SCATTER]
        block[_VX + p] = (to_viewer[0] - np.float32(where[p, 1])) * to_viewer[2]
        block[_VY + p] = (np.float32(where[p, 0]) - to_viewer[1]) * to_viewer[2]


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def _light_around(block, diffuse, mirrored):
    """Perturb the normals by the relief and start the block's colours with the environment."""
    one, f0 = np.float32(1), np.float32(DIELECTRIC)
    for p in range(BLOCK):
        sx, sy, sz = unit(block[_SX + p], block[_SY + p], block[_SZ + p])
        nx, ny, nz = unit(sx - block[_NX + p], sy - block[_NY + p], sz - block[_NZ + p])
        vx, vy, vz = unit(block[_VX + p], block[_VY + p], one)
        openness, ar, ag, ab = block[_OPEN + p], block[_AR + p], block[_AG + p], block[_AB + p]
        # Skin hides the sky, and reflects some light of its own colour.
        er, eg, eb = _nine(diffuse, nx, ny, nz)
        closed = one - openness
        block[_ER + p] = er * openness * (one + closed * ar)
        block[_EG + p] = eg * openness * (one + closed * ag)
        block[_EB + p] = eb * openness * (one + closed * ab)
        nv = max(nx * vx + ny * vy + nz * vz, np.float32(LEAST_FACING))
        twice = nv + nv
        mr, mg, mb = _nine(mirrored, twice * nx - vx, twice * ny - vy, twice * nz - vz)
        grazing = one - nv
        grazing *= grazing * grazing * grazing * grazing
        edge = max(one - block[_ROUGH + p] - f0, np.float32(0)) * np.float32(GRAZING_MIRROR)
        fresnel = block[_GLOSS + p] * openness * (f0 + edge * grazing)
        block[_MR + p], block[_MG + p], block[_MB + p] = mr * fresnel, mg * fresnel, mb * fresnel
        block[_SX + p], block[_SY + p], block[_SZ + p] = sx, sy, sz
        block[_NX + p], block[_NY + p], block[_NZ + p] = nx, ny, nz
        block[_VX + p], block[_VY + p], block[_VZ + p] = vx, vy, vz


@njit(cache=True, error_model="numpy")
def _see_light(block, light, nearness, shadowy):
    """Write the share of a light that reaches the block's pixels, 0..1, into `_LIT`."""
    dark, half = -np.float32(WRAP[0]), np.float32(0.5)
    for p in range(BLOCK):
        smooth = block[_SX + p] * light[0] + block[_SY + p] * light[1] + block[_SZ + p] * light[2]
        lit = (np.float32(1) + block[_OPEN + p]) * half  # creases get less of the other lights
        block[_LIT + p] = lit if smooth > dark else np.float32(0)
    if shadowy:
        for p in range(BLOCK):
            if block[_LIT + p] > 0:
                block[_LIT + p] = visibility(
                    nearness, block[_COLUMN + p], block[_ROW + p], block[_HEIGHT + p]
                )


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def _add_light(block, light):
    """Add a light to the block's colours."""
    zero, half = np.float32(0), np.float32(0.5)
    wr, wg, wb = np.float32(WRAP[0]), np.float32(WRAP[1]), np.float32(WRAP[2])
    lx, ly, lz, red, green, blue = light[0], light[1], light[2], light[3], light[4], light[5]
    for p in range(BLOCK):
        nx, ny, nz = block[_NX + p], block[_NY + p], block[_NZ + p]
        lit, scatter = block[_LIT + p], block[_SCATTER + p]
        smooth = block[_SX + p] * lx + block[_SY + p] * ly + block[_SZ + p] * lz
        facing = nx * lx + ny * ly + nz * lz
        soft = lit + (np.sqrt(lit) - lit) * scatter * half
        mild = facing + (smooth - facing) * scatter
        block[_ER + p] += soft * max(_wrapped(mild, wr * scatter), zero) * red
        block[_EG + p] += lit * max(_wrapped(facing, wg * scatter), zero) * green
        block[_EB + p] += lit * max(_wrapped(facing, wb * scatter), zero) * blue
        shine = max(facing, zero) * lit * block[_GLOSS + p]
        hx, hy, hz = lx + block[_VX + p], ly + block[_VY + p], lz + block[_VZ + p]
        squared = hx * hx + hy * hy + hz * hz
        scale = np.float32(1) / np.sqrt(max(squared, np.float32(1e-3)))
        nh = (nx * hx + ny * hy + nz * hz) * scale
        lh = (lx * hx + ly * hy + lz * hz) * scale
        shine *= _highlight(nh, lh, squared, block[_ROUGH + p], scatter)
        block[_MR + p] += shine * red
        block[_MG + p] += shine * green
        block[_MB + p] += shine * blue


@njit(cache=True, inline="always")
def _wrapped(facing, wrap):
    return (facing + wrap) / (np.float32(1) + wrap)


@njit(cache=True, inline="always", error_model="numpy")
def _highlight(nh, lh, squared, rough, scatter):
    """π times two GGX lobes with Kelemen's visibility and Schlick's Fresnel term.

    h = l + v is the half vector; nh and lh are its cosines to normal and light, `squared` is |h|².
    """
    away = np.float32(1) - lh
    square = away * away
    f0 = np.float32(DIELECTRIC)
    fresnel = f0 + (np.float32(1) - f0) * square * square * away
    second = np.float32(SECOND_LOBE) * scatter
    lobes = (np.float32(1) - second) * _ggx(nh, rough)
    lobes += second * _ggx(nh, rough * np.float32(SHARPER))
    return lobes * fresnel / max(squared, np.float32(LEAST_SQUARED_HALF))


@njit(cache=True, inline="always", error_model="numpy")
def _ggx(nh, rough):
    squared = rough * rough
    below = nh * nh * (squared - np.float32(1)) + np.float32(1)
    return squared / (below * below)


@njit(cache=True)
def light_from_around(light, normals):
    """Return an environment's light at (N, 3) float32 unit normals, none below 0: (N, 3) float32.

    Args:
        light: (9, 3) float32, as `diffuse` of `shade_surface`.
        normals: eye frame.
    """
    out = np.empty_like(normals)
    for i in range(len(normals)):
        out[i, 0], out[i, 1], out[i, 2] = _nine(light, normals[i, 0], normals[i, 1], normals[i, 2])
    return out


@njit(cache=True, inline="always")
def _nine(light, x, y, z):
    """RGB of second-order light from a direction, none below 0."""
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


@njit(cache=True)
def shade_below_lids(triangle, is_eye, per_px, out):
    """Darken eyeballs near the lids, whose lashes and edges hide the sky.

    Args:
        triangle: (H, W) int32.
        is_eye: (M,) bool, the eyeballs' triangles.
        per_px: mm per px.
        out: (H, W, 3) float32, darkened in place.
    """
    height, width = triangle.shape
    upper, lower = np.float32(per_px / UPPER_LID_MM), np.float32(per_px / LOWER_LID_MM)
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
                share = one - np.float32(UPPER_LID_SHADE) * np.exp(-above * above)
                share *= one - np.float32(LOWER_LID_SHADE) * np.exp(-under)
                for k in range(3):
                    out[inside, col, k] *= share
