"""The z-buffer: the triangle that is visible at each pixel, and the point in that triangle.

One kernel draws photos and position maps alike. Its result, `Fragments`, holds a triangle index,
barycentric weights and a depth per pixel. `interpolate` then computes colours, normals and
positions, so every visible pixel is shaded once, no matter how many triangles cover it.
"""

from dataclasses import dataclass

import numpy as np

from facelib.files.kernels import kernel
from facelib.geometry.mesh import checked_triangles

LEAST_POSITIVE = 5e-324  # the smallest number above 0: `>= LEAST_POSITIVE` means `> 0`
SLACK_PX = 1e-6  # far more than rounding moves the end of a row, far less than a pixel …
SLACK = 1e-14  # … unless the triangle is huge: then this part of its distance from the image


@dataclass(frozen=True)
class Fragments:
    """The visible point of a mesh at each pixel.

    Attributes:
        triangle: (H, W) int32, row of `triangles`; −1 where no triangle covers the pixel.
        barycentric: (H, W, 3) float32, weights of the corners, summing to 1; 0 elsewhere.
        depth: (H, W) float32, px, image frame's z (larger is nearer); −inf elsewhere.
    """

    triangle: np.ndarray
    barycentric: np.ndarray
    depth: np.ndarray

    @property
    def covered(self) -> np.ndarray:
        """(H, W) bool: the pixels that a triangle covers."""
        return self.triangle >= 0


def rasterize(
    vertices_image: np.ndarray,
    triangles: np.ndarray,
    height: int,
    width: int,
    inverse_w: np.ndarray | None = None,
    cull_back: bool = False,
) -> Fragments:
    """Find the nearest triangle under every pixel centre.

    Pixel centres lie at whole numbers. A pixel centre on an edge belongs to the triangle whose top
    or left edge it is: a shared edge leaves neither a gap nor a pixel drawn twice. Triangles with a
    corner that is not finite, or not in front of the camera (inverse_w ≤ 0), are left out.

    Args:
        vertices_image: (N, 3) float, px, image frame: x right, y down, larger z nearer.
        triangles: (M, 3) int, counter-clockwise to an eye outside the surface.
        height: image height, px.
        width: image width, px.
        inverse_w: (N,) float, 1 / distance along the view axis in any unit. With it, weights and
            depth are perspective-correct; without it they are linear on the screen.
        cull_back: leave out triangles that face away from the camera.

    Returns:
        Fragments of shape (height, width).

    Raises:
        ValueError: if an array's shape is wrong or a triangle refers to a missing vertex.
    """
    vertices = _checked_vertices(vertices_image)
    triangles = checked_triangles(triangles, len(vertices))
    if height < 1 or width < 1:
        raise ValueError(f"expected a height and width of at least 1, got {height} x {width}")
    perspective = inverse_w is not None
    weights = np.asarray(inverse_w if perspective else np.ones(len(vertices)), dtype=np.float64)
    if weights.shape != (len(vertices),):
        raise ValueError(f"expected inverse_w of shape ({len(vertices)},), got {weights.shape}")
    triangle = np.full((height, width), -1, np.int32)
    barycentric = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), -np.inf, np.float32)
    _rasterize(
        vertices,
        triangles,
        np.ascontiguousarray(weights),
        perspective,
        bool(cull_back),
        triangle,
        barycentric,
        depth,
    )
    return Fragments(triangle, barycentric, depth)


def interpolate(fragments: Fragments, triangles: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Blend the corners' attributes at every covered pixel.

    Args:
        fragments: from `rasterize`, with the same triangles.
        triangles: (M, 3) int.
        attributes: (N, C) float, one row per vertex.

    Returns:
        (H, W, C) float32; 0 where no triangle covers the pixel.

    Raises:
        ValueError: if attributes are not (N, C) or a triangle refers to a missing row.
    """
    attributes = np.ascontiguousarray(attributes, dtype=np.float32)
    if attributes.ndim != 2:
        raise ValueError(f"expected attributes (N, C), got {attributes.shape}")
    triangles = checked_triangles(triangles, len(attributes))
    if fragments.triangle.size and fragments.triangle.max() >= len(triangles):
        raise ValueError(
            f"expected the triangles that were rasterized, got only {len(triangles)} of them"
        )
    out = np.zeros((*fragments.triangle.shape, attributes.shape[1]), np.float32)
    _interpolate(fragments.triangle, fragments.barycentric, triangles, attributes, out)
    return out


def _checked_vertices(vertices: np.ndarray) -> np.ndarray:
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"expected vertices_image (N, 3), got {vertices.shape}")
    return vertices


@kernel(inline="always")
def _edge(ax, ay, bx, by, sign):
    """Coefficients of the edge function A·(x − X) + B·(y − Y), positive inside the triangle.

    The edge always starts at its smaller end (X, Y), so both triangles that share it compute
    bitwise opposite values, and the value is exactly 0 at both ends: no pixel is missed.

    Returns:
        A, B, X, Y, 1 / A (0 for a horizontal edge), and the smallest value that counts as inside;
        pixels on the edge itself have 0.
    """
    if ax > bx or (ax == bx and ay > by):
        ax, ay, bx, by = bx, by, ax, ay
        sign = -sign
    a = sign * (ay - by)
    b = sign * (bx - ax)
    owns = a > 0.0 or (a == 0.0 and b > 0.0)
    per_a = 1.0 / a if a != 0.0 else 0.0
    return a, b, ax, ay, per_a, 0.0 if owns else LEAST_POSITIVE


@kernel(inline="always")
def _narrowed(low, high, per_a, r, x):
    """The part of low..high where a·(column − x) + r may be positive, with some slack."""
    crossing = x - r * per_a
    slack = SLACK_PX + SLACK * abs(x)
    if per_a > 0.0:
        low = max(low, crossing - slack)
    elif per_a < 0.0:
        high = min(high, crossing + slack)
    return low, high


@kernel()
def _rasterize(vertices, triangles, inverse_w, perspective, cull, triangle, barycentric, depth):
    height, width = triangle.shape
    for t in range(triangles.shape[0]):
        i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = vertices[i0, 0], vertices[i0, 1], vertices[i0, 2]
        x1, y1, z1 = vertices[i1, 0], vertices[i1, 1], vertices[i1, 2]
        x2, y2, z2 = vertices[i2, 0], vertices[i2, 1], vertices[i2, 2]
        # Triangles counter-clockwise to the eye have a negative area, because y points down.
        area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
        if area == 0.0 or not np.isfinite(area + z0 + z1 + z2) or (cull and area > 0.0):
            continue
        left, right = max(np.ceil(min(x0, x1, x2)), 0.0), min(np.floor(max(x0, x1, x2)), width - 1)
        top, bottom = max(np.ceil(min(y0, y1, y2)), 0.0), min(np.floor(max(y0, y1, y2)), height - 1)
        q0, q1, q2 = inverse_w[i0], inverse_w[i1], inverse_w[i2]
        if left > right or top > bottom or not min(q0, q1, q2) > 0.0:
            continue
        sign = 1.0 if area > 0.0 else -1.0
        a0, b0, ox0, oy0, per0, least0 = _edge(x1, y1, x2, y2, sign)
        a1, b1, ox1, oy1, per1, least1 = _edge(x2, y2, x0, y0, sign)
        a2, b2, ox2, oy2, per2, least2 = _edge(x0, y0, x1, y1, sign)
        for row in range(int(top), int(bottom) + 1):
            r0, r1, r2 = b0 * (row - oy0), b1 * (row - oy1), b2 * (row - oy2)
            low, high = _narrowed(left, right, per0, r0, ox0)
            low, high = _narrowed(low, high, per1, r1, ox1)
            low, high = _narrowed(low, high, per2, r2, ox2)
            if not low <= high:  # a crossing may be too far away for an integer
                continue
            for col in range(int(np.ceil(low)), int(np.floor(high)) + 1):
                e0 = a0 * (col - ox0) + r0
                e1 = a1 * (col - ox1) + r1
                e2 = a2 * (col - ox2) + r2
                if e0 < least0 or e1 < least1 or e2 < least2:
                    continue
                if perspective:
                    e0, e1, e2 = e0 * q0, e1 * q1, e2 * q2
                total = e0 + e1 + e2
                if total <= 0.0:
                    continue
                share = 1.0 / total
                w0, w1, w2 = e0 * share, e1 * share, e2 * share
                z = np.float32(w0 * z0 + w1 * z1 + w2 * z2)
                if z > depth[row, col]:
                    depth[row, col] = z
                    triangle[row, col] = t
                    barycentric[row, col, 0] = w0
                    barycentric[row, col, 1] = w1
                    barycentric[row, col, 2] = w2


@kernel()
def _interpolate(triangle, barycentric, triangles, attributes, out):
    height, width = triangle.shape
    for row in range(height):
        for col in range(width):
            t = triangle[row, col]
            if t < 0:
                continue
            i0, i1, i2 = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1, w2 = barycentric[row, col]
            for k in range(attributes.shape[1]):
                out[row, col, k] = (
                    w0 * attributes[i0, k] + w1 * attributes[i1, k] + w2 * attributes[i2, k]
                )
