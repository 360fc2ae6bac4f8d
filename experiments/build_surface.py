"""Build data/head/surface.npz: the smooth surfaces of the head that are given away.

    python experiments/build_surface.py data/head/surface.npz

It takes a few seconds. All cuts are made on the mean head, so they are alike for all heads.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from makehuman.mesh import unfold_skin
from scipy import sparse

from facelib.avatar.surface import DETAILS, MOUTH_PATCH, PARTS, REGIONS, UV_STEPS
from facelib.face.headmodel import MorphableModel, load_head
from facelib.files.atomic import replacing
from facelib.geometry.clipping import clip
from facelib.geometry.mesh import boundary_loops, edges, triangle_normals
from facelib.geometry.subdivision import limit_matrix, loop_matrix
from facelib.synthetic.head_pages import head_atlas
from facelib.synthetic.looks.atlas import skin_on_page

# The neck ends at this plane of the mean head, just above the head model's jagged rim.
NECK_Y, NECK_SLOPE = -125, -0.2  # mm at z = 0, and per mm of z
N_COSINES = 5  # of the face's outline
GROWTH = 0.5  # of eyeballs
LEAST_COSINE = np.cos(np.radians(60))  # between triangles that meet without a crease
SHIFT_DEG, SHIFT_FROM_DEG, SHIFT_TO_DEG = 35, 90, 175  # of the back, and where off the axis
WIDEST_DEG = 15  # triangles that span a larger angle around the page's middle are drawn together
SKIN, EYES, TEETH, MOUTH = range(4)  # of PARTS
CAVITY, BASE = 4, 5  # further charts of the page: the mouth's cavity; what closes the neck
PART_OF_CHART = np.array([SKIN, EYES, TEETH, MOUTH, MOUTH, SKIN])
N_CHARTS = len(PART_OF_CHART)


class Level(NamedTuple):
    """The head, subdivided so many times, or a piece of that.

    Attributes:
        from_head: (V, N) csr: vertices from the model's.
        step: (V, U) csr: vertices from those of the level before.
        triangles: (T, 3) int.
        charts: (T,) int: where each lies on the page.
    """

    from_head: sparse.csr_array
    step: sparse.csr_array
    triangles: np.ndarray
    charts: np.ndarray


def rim_edges(triangles: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the edges, (C, 2), between triangles with a corner inside and triangles without."""
    enters = inside[triangles].any(axis=1)
    outer, inner = edges(triangles[~enters]), edges(triangles[enters])
    return np.array(sorted(set(map(tuple, outer.tolist())) & set(map(tuple, inner.tolist()))))


def levels(head: MorphableModel) -> list[Level]:
    """Subdivide by Loop's scheme, with creases along lids, lips and the edges of teeth."""
    triangles, regions, n = head.triangles, head.regions, len(head.mean_head)
    creases = [rim_edges(triangles, regions[name]) for name in ("eye_sockets", "mouth_cavity")]
    teeth = triangles[regions["teeth"][triangles].all(axis=1)]
    creases.append(_sharp_edges(head.mean_head, teeth))
    creases = np.concatenate(creases)
    charts = np.full(len(triangles), SKIN)
    for name, chart in (("eyeballs", EYES), ("teeth", TEETH), ("tongue", MOUTH)):
        charts[regions[name][triangles].any(axis=1)] = chart
    charts[regions["mouth_cavity"][triangles].any(axis=1)] = CAVITY
    identity = sparse.csr_array(sparse.eye_array(n))
    found = [Level(identity, identity, triangles, charts)]
    grown = _grown(triangles, regions["eyeballs"])
    for _ in DETAILS[1:]:
        last = found[-1]
        step, finer, creases = loop_matrix(last.triangles, last.from_head.shape[0], creases)
        step = step @ grown if len(found) == 1 else step
        found.append(Level(step @ last.from_head, step, finer, np.repeat(last.charts, 4)))
    return found


def _sharp_edges(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Return the edges, (C, 2), at which two triangles meet more sharply than LEAST_COSINE."""
    directed = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2).tolist()
    triangle_of = {(a, b): k // 3 for k, (a, b) in enumerate(directed)}
    normals = triangle_normals(vertices, triangles)
    return np.array(
        [
            (a, b)
            for (a, b), k in triangle_of.items()
            if a < b and normals[k] @ normals[triangle_of.get((b, a), k)] < LEAST_COSINE
        ]
    )


def _grown(triangles: np.ndarray, members: np.ndarray) -> sparse.csr_array:
    """Push eyeballs out before Loop's scheme, which shrinks them: (N, N).

    They are so coarse that their surface would lie 0.4 mm inside the model's facets, away from the
    lids. Half of the way that a vertex goes to its limit, taken the other way, makes up for it.
    """
    n = len(members)
    identity = sparse.eye_array(n)
    way = identity - limit_matrix(triangles, n)
    grown = sparse.csr_array(identity + sparse.diags_array(GROWTH * members) @ way)
    grown.eliminate_zeros()
    return grown


def above_neck(points_head: np.ndarray) -> np.ndarray:
    """Height above the plane that ends the neck, mm."""
    return points_head[:, 1] - NECK_Y - NECK_SLOPE * points_head[:, 2]


def inside_face(head: MorphableModel, points_head: np.ndarray) -> np.ndarray:
    """Distance inside the face's outline on the unfolded mean head; negative outside.

    The outline is the border of the model's region, rounded: as a function of the angle from the
    chin, its distance from the middle gets a few cosines, which also make it symmetric.
    """
    names = ("face", "eye_sockets", "mouth_cavity")
    inside = np.any([head.regions[name] for name in names], axis=0)
    border = np.unique(rim_edges(head.triangles, ~inside))
    distance, cosines = _around_middle(head.mean_head[border])
    outline = np.linalg.lstsq(cosines, distance, rcond=None)[0]
    distance, cosines = _around_middle(points_head)
    return cosines @ outline - distance


def _around_middle(points_head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return distances from the unfolding's middle, (N,), and cosines of the angle, (N, C)."""
    x, y = (unfold_skin(points_head) - 0.5).T
    return np.hypot(x, y), np.cos(np.outer(np.arctan2(x, y), np.arange(N_COSINES)))


def cavity_on_page(points_head: np.ndarray) -> np.ndarray:
    """Place the mouth's cavity: u by the distance from the mouth's middle, v by the depth."""
    (left, top), (right, bottom) = MOUTH_PATCH
    x, z = points_head[:, 0], points_head[:, 2]
    across, depth = x / (2 * np.abs(x).max()) + 0.5, (z.max() - z) / np.ptp(z)
    return np.column_stack([left + (right - left) * across, top + (bottom - top) * depth])


def unfold(points_head: np.ndarray) -> np.ndarray:
    """Unfold the skin as the model does, but with the back of the head shifted: (V, 2), v down.

    One point cannot be unfolded. The model has it at the nape, on the hairline; here it lies in the
    hair, for directions far from the face's axis first rotate about the x axis. In front of the
    ears nothing changes, so that the generator's painters find the face where they expect it.
    """
    off = 360 * np.linalg.norm(unfold_skin(points_head) - 0.5, axis=1)  # from the axis, degrees
    share = np.clip((off - SHIFT_FROM_DEG) / (SHIFT_TO_DEG - SHIFT_FROM_DEG), 0, 1)
    angle = np.radians(SHIFT_DEG) * share**2 * (3 - 2 * share)
    x, y, z = points_head.T
    up, out = np.cos(angle) * y + np.sin(angle) * z, np.cos(angle) * z - np.sin(angle) * y
    return unfold_skin(np.column_stack([x, up, out]))


def drawn_together(uv_corners: np.ndarray) -> np.ndarray:
    """Bring the corners of skin triangles near the point that cannot be unfolded together.

    That point is the whole border of the unfolded disc. Corners keep their distance from the
    middle, and their angles around it come so close to the mean that they span WIDEST_DEG.

    Args:
        uv_corners: (K, 3, 2), as `unfold_skin` places them.
    """
    x, y = np.moveaxis(uv_corners - 0.5, -1, 0)
    unit = np.exp(1j * np.arctan2(y, x))
    mean = np.angle(unit.sum(axis=1, keepdims=True))
    off = np.angle(unit * np.exp(-1j * mean))
    off *= np.minimum(1, np.radians(WIDEST_DEG) / np.ptp(off, axis=1, keepdims=True))
    radius = np.hypot(x, y)
    return 0.5 + radius[..., None] * np.stack([np.cos(mean + off), np.sin(mean + off)], axis=-1)


def angle_spanned(uv_corners: np.ndarray) -> np.ndarray:
    """Degrees that triangles span around the page's middle; 0 where the middle is in or near."""
    x, y = np.moveaxis(uv_corners - 0.5, -1, 0)
    angle = np.arctan2(y, x)
    spans = np.abs(np.angle(np.exp(1j * (angle - np.roll(angle, 1, axis=1)))))
    return np.degrees(spans.max(axis=1)) * (np.hypot(x, y).min(axis=1) > 0.3)


def cut(head: MorphableModel, level: Level, region: str) -> Level:
    """Cut the head off below the neck, and close it there; or cut the face out."""
    mean = level.from_head @ head.mean_head
    skin = np.isin(np.arange(len(mean)), level.triangles[level.charts == SKIN])
    keep = above_neck(mean)
    if region == "face":
        keep = np.minimum(keep, inside_face(head, mean))
    matrix, triangles, parents = clip(level.triangles, np.where(skin, keep, 1))
    charts = level.charts[parents]
    if region == "head":
        (rim,) = boundary_loops(triangles[np.isin(charts, (SKIN, CAVITY))])
        middle = sparse.csr_array(matrix[rim].mean(axis=0)[None])
        base = np.column_stack([np.roll(rim, -1), rim, np.full(len(rim), matrix.shape[0])])
        matrix = sparse.vstack([matrix, middle], format="csr")
        triangles = np.concatenate([triangles, base])
        charts = np.append(charts, np.full(len(base), BASE))
    order = np.argsort(PART_OF_CHART[charts], kind="stable")
    return Level(matrix @ level.from_head, matrix @ level.step, triangles[order], charts[order])


def laid_out(head: MorphableModel, piece: Level) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place a piece of the surface on the page.

    Returns:
        triangles (T, 3), places (V,), of which of the piece's vertices each vertex is a copy, and
        uv (V, 2).
    """
    mean, triangles, charts = piece.from_head @ head.mean_head, piece.triangles, piece.charts
    unfolded = unfold(mean)
    page_of_chart = np.empty((N_CHARTS, len(mean), 2))
    page_of_chart[[SKIN, BASE]] = skin_on_page(unfolded)
    page_of_chart[[EYES, TEETH, MOUTH]] = piece.from_head @ head_atlas(head, 8).uv
    cavity = np.unique(triangles[charts == CAVITY])
    page_of_chart[CAVITY, cavity] = cavity_on_page(mean[cavity])

    wide = (charts == SKIN) & (angle_spanned(unfolded[triangles]) > WIDEST_DEG)
    alone = wide | (charts == BASE)  # triangles that share no vertices
    own_chart = np.where(alone, N_CHARTS + np.arange(len(charts)), charts)
    corners, first = _numbered(own_chart[:, None] * len(mean) + triangles)
    places = triangles.ravel()[first]
    uv = page_of_chart[np.repeat(charts, 3)[first], places]
    together = drawn_together(unfolded[triangles[wide]])
    uv[corners[wide].ravel()] = skin_on_page(together.reshape(-1, 2))
    base = corners[charts == BASE]
    uv[base[:, 2]] = uv[base[:, :2]].mean(axis=1)  # the base has the colours of the neck's rim
    return corners, places, uv


def surface(head: MorphableModel, level: Level, region: str, name: str) -> dict[str, np.ndarray]:
    """Return the arrays of a level's region for the file."""
    piece = cut(head, level, region)
    triangles, places, uv = laid_out(head, piece)
    in_base = np.zeros(len(places), bool)
    in_base[triangles[piece.charts == BASE]] = True
    smooth = np.where(in_base, -1 - np.arange(len(places)), places)  # the base is flat
    _, first_at, place_number = np.unique(smooth, return_index=True, return_inverse=True)
    twin = first_at[place_number]
    copies = np.flatnonzero(twin != np.arange(len(twin)))
    counts = np.bincount(PART_OF_CHART[piece.charts], minlength=len(PARTS))
    print(f"{name}: {len(uv)} vertices, {len(triangles)} triangles, {len(copies)} copies")
    return {
        **packed(name, piece.step[places]),
        f"{name}.triangles": _small(triangles),
        f"{name}.uv": np.round(np.clip(uv, 0, 1) * UV_STEPS).astype(np.uint16),
        f"{name}.copies": _small(np.stack([copies, twin[copies]])),
        f"{name}.stops": np.cumsum(counts),
    }


def _numbered(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number keys in the order in which they first appear; return also where each does."""
    _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(first)
    return np.argsort(order)[numbers].reshape(keys.shape), first[order]


def packed(name: str, matrix: sparse.csr_array) -> dict[str, np.ndarray]:
    """Arrays of a matrix for the file."""
    matrix.sort_indices()
    return {
        f"{name}.counts": np.diff(matrix.indptr).astype(np.uint16),
        f"{name}.columns": _small(matrix.indices),
        f"{name}.weights": matrix.data.astype(np.float32),
        f"{name}.n_columns": np.int32(matrix.shape[1]),
    }


def _small(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype(np.uint16 if numbers.max(initial=0) < 2**16 else np.int32)


def build(head: MorphableModel) -> dict[str, np.ndarray]:
    """Return the arrays of surface.npz."""
    found = levels(head)
    arrays = packed("loop1", found[1].step)
    for region in REGIONS:
        for detail in DETAILS:
            arrays |= surface(head, found[detail], region, f"{region}{detail}")
    return arrays


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    arrays = build(load_head())
    with replacing(output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    print(f"{output}: {output.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
