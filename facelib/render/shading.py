"""Light on visible pixels: interpolated normals, textures, Lambert's law and Blinn's highlight.

The loop runs once over the pixels that `rasterize` found covered, so its cost does not grow with
the number of triangles.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class ShadedMesh(NamedTuple):
    """The reflectance of a mesh, per vertex or from its texture.

    Attributes:
        normals_eye: (N, 3) float32, eye frame; of any length.
        albedo: (N, 3) float32, multiplied with the texture; an empty array means 1.
        specular: (N,) float32, strength of the highlight; an empty array means none.
        shininess: float32, exponent of Blinn's highlight.
        uv: (N, 2) float32, v down; an empty array means no texture.
        texture: (h, w, 3) float32.
    """

    normals_eye: np.ndarray
    albedo: np.ndarray
    specular: np.ndarray
    shininess: np.float32
    uv: np.ndarray
    texture: np.ndarray


class PlainIllumination(NamedTuple):
    """The viewer and all light, eye frame.

    Attributes:
        to_viewer: (3,) float32: view axis x and y on the image, px; 1 / focal (0 = orthographic).
        lights: (L, 6) float32: unit direction toward the light and its colour.
        ambient: (3,) float32.
    """

    to_viewer: np.ndarray
    lights: np.ndarray
    ambient: np.ndarray


@njit(cache=True, error_model="numpy", fastmath={"contract", "arcp", "nsz"})
def shade_pixels(triangle, barycentric, triangles, mesh, illumination, out):
    """Write the colour of every covered pixel into `out`.

    Args:
        triangle: (H, W) int32, −1 where no triangle is visible.
        barycentric: (H, W, 3) float32.
        triangles: (M, 3) int32.
        mesh: `ShadedMesh`.
        illumination: `PlainIllumination`.
        out: (H, W, 3) float32, written where triangle ≥ 0, not clipped.
    """
    normals_eye, albedo, specular, shininess, uv, texture = mesh
    to_viewer, lights, ambient = illumination
    height, width = triangle.shape
    colored, textured, shiny = albedo.shape[0] > 0, uv.shape[0] > 0, specular.shape[0] > 0
    for row in range(height):
        for col in range(width):
            t = triangle[row, col]
            if t < 0:
                continue
            i, j, k = corners(triangles, t)
            a, b, c = barycentric[row, col, 0], barycentric[row, col, 1], barycentric[row, col, 2]
            vx, vy, vz = np.float32(0), np.float32(0), np.float32(1)
            if shiny:
                vx, vy, vz = _toward_viewer(row, col, to_viewer)
            nx, ny, nz = vx, vy, vz
            if lights.shape[0] > 0:
                nx, ny, nz = unit(
                    a * normals_eye[i, 0] + b * normals_eye[j, 0] + c * normals_eye[k, 0],
                    a * normals_eye[i, 1] + b * normals_eye[j, 1] + c * normals_eye[k, 1],
                    a * normals_eye[i, 2] + b * normals_eye[j, 2] + c * normals_eye[k, 2],
                )
            red, green, blue = ambient[0], ambient[1], ambient[2]
            shine_r, shine_g, shine_b = np.float32(0), np.float32(0), np.float32(0)
            strength = np.float32(0)
            if shiny:
                strength = a * specular[i] + b * specular[j] + c * specular[k]
            for n in range(lights.shape[0]):
                lx, ly, lz = lights[n, 0], lights[n, 1], lights[n, 2]
                facing = nx * lx + ny * ly + nz * lz
                if facing <= 0:
                    continue
                red += facing * lights[n, 3]
                green += facing * lights[n, 4]
                blue += facing * lights[n, 5]
                if strength > 0:
                    hx, hy, hz = unit(lx + vx, ly + vy, lz + vz)
                    along = nx * hx + ny * hy + nz * hz
                    if along > 0:
                        shine = strength * along**shininess
                        shine_r += shine * lights[n, 3]
                        shine_g += shine * lights[n, 4]
                        shine_b += shine * lights[n, 5]
            if colored:
                red *= a * albedo[i, 0] + b * albedo[j, 0] + c * albedo[k, 0]
                green *= a * albedo[i, 1] + b * albedo[j, 1] + c * albedo[k, 1]
                blue *= a * albedo[i, 2] + b * albedo[j, 2] + c * albedo[k, 2]
            if textured:
                u = a * uv[i, 0] + b * uv[j, 0] + c * uv[k, 0]
                v = a * uv[i, 1] + b * uv[j, 1] + c * uv[k, 1]
                tr, tg, tb = bilinear(texture, u, v)
                red, green, blue = red * tr, green * tg, blue * tb
            out[row, col, 0] = red + shine_r
            out[row, col, 1] = green + shine_g
            out[row, col, 2] = blue + shine_b


@njit(cache=True, error_model="numpy")
def composite_pixels(color, triangle, background, image, alpha):
    """Average a fine grid's covered pixels into `image`, over the background.

    Args:
        color: (H·s, W·s, 3) float32, read where triangle ≥ 0; clipped to 0..1 as it is read.
        triangle: (H·s, W·s) int32.
        background: (H, W, 3) float32, or (1, 1, 3) for one colour everywhere.
        image: (H, W, 3) float32, written, 0..1.
        alpha: (H, W) float32, written, the covered share.
    """
    height, width = alpha.shape
    factor = triangle.shape[0] // height
    per_pixel = np.float32(factor * factor)
    zero, one = np.float32(0), np.float32(1)
    plain = background.shape[0] == 1
    for row in range(height):
        for col in range(width):
            i, j = (0, 0) if plain else (row, col)
            if factor == 1:
                shown = triangle[row, col] >= 0
                alpha[row, col] = one if shown else zero
                for k in range(3):
                    value = color[row, col, k] if shown else background[i, j, k]
                    image[row, col, k] = min(max(value, zero), one)
                continue
            red, green, blue, covered = zero, zero, zero, zero
            for y in range(row * factor, (row + 1) * factor):
                for x in range(col * factor, (col + 1) * factor):
                    if triangle[y, x] >= 0:
                        red += min(max(color[y, x, 0], zero), one)
                        green += min(max(color[y, x, 1], zero), one)
                        blue += min(max(color[y, x, 2], zero), one)
                        covered += one
            share = one / per_pixel
            alpha[row, col] = covered / per_pixel
            rest = one - covered / per_pixel
            image[row, col, 0] = min(max(red * share + rest * background[i, j, 0], zero), one)
            image[row, col, 1] = min(max(green * share + rest * background[i, j, 1], zero), one)
            image[row, col, 2] = min(max(blue * share + rest * background[i, j, 2], zero), one)


@njit(cache=True, inline="always")
def corners(triangles, t):
    """Return a triangle's corners, unsigned, so that nobody looks whether to count from the end."""
    t = np.uintp(t)
    return np.uintp(triangles[t, 0]), np.uintp(triangles[t, 1]), np.uintp(triangles[t, 2])


@njit(cache=True, inline="always")
def unit(x, y, z):
    """Scale a vector, given as three numbers, to length 1; 0 stays 0."""
    squared = x * x + y * y + z * z
    scale = np.float32(1) / np.sqrt(squared) if squared > 0 else np.float32(0)
    return x * scale, y * scale, z * scale


@njit(cache=True, inline="always")
def _toward_viewer(row, col, to_viewer):
    """Unit vector from the surface back along the pixel's ray, eye frame (y up, image y down)."""
    x = (to_viewer[0] - np.float32(col)) * to_viewer[2]
    y = (np.float32(row) - to_viewer[1]) * to_viewer[2]
    return unit(x, y, np.float32(1))


@njit(cache=True, inline="always")
def bilinear(texture, u, v):
    """Texture colour at (u, v); texel centres at half steps, edge texels repeated outside."""
    height, width = texture.shape[0], texture.shape[1]
    x = min(max(u * np.float32(width) - np.float32(0.5), np.float32(0)), np.float32(width - 1))
    y = min(max(v * np.float32(height) - np.float32(0.5), np.float32(0)), np.float32(height - 1))
    left, top = int(x), int(y)
    fx, fy = x - np.float32(left), y - np.float32(top)
    right, bottom = np.uintp(min(left + 1, width - 1)), np.uintp(min(top + 1, height - 1))
    left, top = np.uintp(left), np.uintp(top)
    w11 = fx * fy
    w01, w10 = fx - w11, fy - w11
    w00 = np.float32(1) - fx - w10
    return (
        w00 * texture[top, left, 0]
        + w01 * texture[top, right, 0]
        + w10 * texture[bottom, left, 0]
        + w11 * texture[bottom, right, 0],
        w00 * texture[top, left, 1]
        + w01 * texture[top, right, 1]
        + w10 * texture[bottom, left, 1]
        + w11 * texture[bottom, right, 1],
        w00 * texture[top, left, 2]
        + w01 * texture[top, right, 2]
        + w10 * texture[bottom, left, 2]
        + w11 * texture[bottom, right, 2],
    )
