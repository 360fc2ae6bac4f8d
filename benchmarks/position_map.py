"""Time a 256×256 position map made from vertices on one core.

`position_map` multiplies by a matrix of three weights per row that is computed once per layout. The
baselines are the same product by scipy, and what face3d and the thesis do per face: rasterise
the layout and blend its corners.

    OMP_NUM_THREADS=1 python benchmarks/position_map.py
"""

import time
from collections.abc import Callable

import numpy as np
from timing import milliseconds

from facelib.face.headmodel import load_head
from facelib.face.layout import UVLayout, load_layout
from facelib.render.rasterize import interpolate, rasterize

SIZE = 256
TARGET_MS = 1.5
REPEATS = 200


def calls(layout: UVLayout) -> dict[str, Callable]:
    """Return the ways to a position map, the baselines first, and the way back."""
    size, head = layout.size, load_head().mean_head.astype(np.float32)
    vertices = (layout.from_head @ head).astype(np.float32)
    corners = np.column_stack([layout.uv * size - 0.5, np.zeros(len(layout.uv))])
    position_map = layout.position_map(vertices)

    def rasterised():
        fragments = rasterize(corners, layout.triangles, size, size)
        return interpolate(fragments, layout.triangles, vertices)

    return {
        "baseline: rasterise and interpolate": rasterised,
        "baseline: scipy's csr product": lambda: layout.matrix @ vertices,
        "position_map": lambda: layout.position_map(vertices),
        "position_map from the whole head's vertices": lambda: layout.position_map(
            (layout.from_head @ head).astype(np.float32)
        ),
        "vertices: read a map out": lambda: layout.vertices(position_map),
    }


def main() -> None:
    """Print how long each takes."""
    layout = load_layout(SIZE)
    start = time.perf_counter()
    kinds = calls(layout)
    print(f"first map, computing the matrix: {time.perf_counter() - start:.2f} s")
    start = time.perf_counter()
    kinds["vertices: read a map out"]()
    print(f"first read-out, computing its matrix: {time.perf_counter() - start:.2f} s")
    n_vertices = len(layout.uv)
    print(f"{n_vertices} vertices, {layout.coverage.mean():.0%} of {SIZE}x{SIZE}, one core")
    for name, function in kinds.items():
        median, fastest = milliseconds(function, REPEATS)
        verdict = ""
        if name.startswith("position_map"):
            verdict = f"  (target {TARGET_MS} ms: {'met' if median <= TARGET_MS else 'MISSED'})"
        print(f"{name:45s} {median:6.2f} ms, fastest {fastest:.2f} ms{verdict}")


if __name__ == "__main__":
    main()
