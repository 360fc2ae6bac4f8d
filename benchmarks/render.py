"""Time a 256×256 textured render of a head-sized mesh on one core.

The baseline is the usual compiled loop, as in face3d (`render_texture`): for every triangle, a test
and three weights for every pixel of its box, a z-buffer, and a bilinear texture look-up for each
pixel that passes. It neither shades nor computes normals nor corrects for perspective.

The verdict compares medians. The fastest calls are compared, too: they show the ratio of a quiet
moment, since other programs and other guests of the same host only add time.

    OMP_NUM_THREADS=1 python benchmarks/render.py
"""

import time
from collections.abc import Callable

import numpy as np
import trimesh
from numba import njit
from timing import in_turn

from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.render.camera import Camera
from facelib.render.render import Light, render

SIZE = 256
TARGET_MS = 15.0
TARGET_RATIO = 1.5
REPEATS = 250


@njit(cache=True)
def baseline(vertices, triangles, uv, texture, image, depth):
    """Draw in face3d's way: `mesh_core.cpp`, `_render_texture_core`, in numba."""
    height, width = depth.shape
    for t in range(triangles.shape[0]):
        i, j, k = triangles[t]
        x0, y0, x1, y1 = vertices[i, 0], vertices[i, 1], vertices[j, 0], vertices[j, 1]
        x2, y2 = vertices[k, 0], vertices[k, 1]
        left, right = max(np.ceil(min(x0, x1, x2)), 0), min(np.floor(max(x0, x1, x2)), width - 1)
        top, bottom = max(np.ceil(min(y0, y1, y2)), 0), min(np.floor(max(y0, y1, y2)), height - 1)
        for y in range(int(top), int(bottom) + 1):
            for x in range(int(left), int(right) + 1):
                ax, ay, bx, by = x2 - x0, y2 - y0, x1 - x0, y1 - y0
                cx, cy = x - x0, y - y0
                aa, ab, ac = ax * ax + ay * ay, ax * bx + ay * by, ax * cx + ay * cy
                bb, bc = bx * bx + by * by, bx * cx + by * cy
                determinant = aa * bb - ab * ab
                inverse = 0.0 if determinant == 0 else 1 / determinant
                wk, wj = (bb * ac - ab * bc) * inverse, (aa * bc - ab * ac) * inverse
                wi = 1 - wk - wj
                if wk < 0 or wj < 0 or wi <= 0:
                    continue
                z = wi * vertices[i, 2] + wj * vertices[j, 2] + wk * vertices[k, 2]
                if z <= depth[y, x]:
                    continue
                depth[y, x] = z
                u = wi * uv[i, 0] + wj * uv[j, 0] + wk * uv[k, 0]
                v = wi * uv[i, 1] + wj * uv[j, 1] + wk * uv[k, 1]
                u = min(max(u, 0.0), texture.shape[1] - 1.0)
                v = min(max(v, 0.0), texture.shape[0] - 1.0)
                u0, v0 = int(np.floor(u)), int(np.floor(v))
                u1, v1 = int(np.ceil(u)), int(np.ceil(v))
                fu, fv = u - u0, v - v0
                for c in range(3):
                    image[y, x, c] = (
                        texture[v0, u0, c] * (1 - fu) * (1 - fv)
                        + texture[v0, u1, c] * fu * (1 - fv)
                        + texture[v1, u0, c] * (1 - fu) * fv
                        + texture[v1, u1, c] * fu * fv
                    )


def head_sized_mesh() -> Mesh:
    """Return an ellipsoid with about the vertices, triangles and size of a head, and a texture."""
    sphere = trimesh.creation.uv_sphere(radius=1.0, count=[51, 50])
    unit = np.array(sphere.vertices)
    u = np.arctan2(unit[:, 0], unit[:, 2]) / (2 * np.pi) + 0.5
    v = np.arccos(np.clip(unit[:, 1], -1, 1)) / np.pi
    y, x = np.mgrid[0:512, 0:512] / 512
    texture = np.stack([0.5 + 0.4 * np.sin(40 * x), 0.5 + 0.4 * np.cos(30 * y), x], axis=-1)
    uv = np.column_stack([u, v]).astype(np.float32)
    return Mesh(unit * [75.0, 110.0, 95.0], sphere.faces, uv, texture.astype(np.float32))


def calls(size: int = SIZE) -> dict[str, Callable]:
    """Return the ways to draw the mesh at a size, the baseline first."""
    mesh = head_sized_mesh()
    camera = Camera.perspective((0.1, 0.3, 0.05), 600.0, 600.0 * size / SIZE, size, size)
    lights = [
        Light(np.array([1.0, 1, 1]), np.full(3, 0.6)),
        Light(np.array([-1.0, 0, 1]), np.full(3, 0.2)),
    ]
    background = np.full((size, size, 3), 0.5, np.float32)
    normals = vertex_normals(mesh.vertices, mesh.triangles)
    texels = mesh.uv * np.array(mesh.texture.shape[1::-1]) - 0.5

    def ours(**settings):
        return render(mesh, camera, lights, background=background, **settings)

    def theirs():
        image, depth = background.copy(), np.full((size, size), -np.inf)
        baseline(
            camera.head_to_image(mesh.vertices), mesh.triangles, texels, mesh.texture, image, depth
        )

    return {
        "baseline: face3d's loop in numba, texture only": theirs,
        "render: the texture alone, seen from outside": lambda: render(
            mesh, camera, [], (1, 1, 1), background, normals=normals, cull_back=True
        ),
        "render: perspective, normals, 2 lights, texture": ours,
        "the same with back faces left out": lambda: ours(cull_back=True),
        "the same with a highlight": lambda: ours(specular=0.3),
        "the same with supersample=2": lambda: ours(supersample=2),
    }


def main() -> None:
    """Print how long each takes."""
    rows = calls()
    start = time.perf_counter()
    covered = rows["render: perspective, normals, 2 lights, texture"]().alpha.mean()
    print(f"first call, compiling or loading the cache: {time.perf_counter() - start:.2f} s")
    print(f"{SIZE}x{SIZE} px, {covered:.0%} covered, one core")
    times = in_turn(rows, REPEATS)
    base = next(iter(times))
    for name, each in times.items():
        median, fastest = np.median(each), min(each)
        ratio = f"{median / np.median(times[base]):.2f} x baseline"
        print(f"{name:<50} median {median:6.2f} ms, fastest {fastest:6.2f} ms, {ratio}")
    same_job = times["render: the texture alone, seen from outside"]
    fastest = min(times[base]) / min(same_job)
    median = np.median(times[base]) / np.median(same_job)
    verdict = "met" if median >= TARGET_RATIO else "MISSED"
    print(f"the same job is {median:.2f} times as fast; target {TARGET_RATIO}: {verdict}")
    print(f"by the fastest calls: {fastest:.2f}")
    slowest = np.median(times["render: perspective, normals, 2 lights, texture"])
    print(f"target {TARGET_MS} ms: {'met' if slowest <= TARGET_MS else 'MISSED'}")


if __name__ == "__main__":
    main()
