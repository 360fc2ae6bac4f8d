"""Teeth: two rows of single teeth of usual widths, and the gums around them.

In the head model each row is one band. The separation of the teeth is painted: a dark line at each
gap, whose positions along the arch are the sums of the teeth's widths, and gums between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from facelib.face.headmodel import MorphableModel
from facelib.render.rasterize import interpolate, rasterize
from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas
from facelib.synthetic.looks.falloff import soft_step

# Widths of crowns from the middle to the last molar, mm.
UPPER_MM = (8.5, 6.5, 7.5, 7.0, 7.0, 10.0, 9.0, 8.5)
LOWER_MM = (5.0, 5.5, 7.0, 7.0, 7.0, 11.0, 10.5, 10.0)
CROWN_MM = (10.0, 9.0)  # height of the upper and the lower front teeth
GAP_MM, GAP_SHADE = 0.5, 0.35  # half width of the line between two teeth and how dark it is
PAPILLA_MM, PAPILLA_HALF_MM = 2.2, 1.5  # how far gums reach in between, and how wide
GUM_EDGE_MM = 0.3
ENAMEL = ((0.76, 0.68, 0.59), (0.64, 0.54, 0.39))  # linear RGB, of white and of yellow teeth
GUM = (0.36, 0.13, 0.12)


@dataclass(frozen=True)
class TeethMaps:
    """The maps that the teeth of all people share, on their patch of the page.

    Attributes:
        light: (s, s, 1) float32: 1 on a tooth, less in the gaps.
        gum: (s, s, 1) float32: 1 where gums cover the root.
    """

    light: np.ndarray
    gum: np.ndarray


def build_teeth(atlas: Atlas, model: MorphableModel) -> TeethMaps:
    """Prepare the maps of teeth for a page."""
    size = atlas.size // 4
    members = model.regions["teeth"]
    triangles = model.triangles[members[model.triangles].all(axis=1)]
    # The teeth's patch is the third of four below the skin's square.
    pixels = atlas.uv * [atlas.size, atlas.size / SKIN_SHARE] - [2 * size, atlas.size] - 0.5
    fragments = rasterize(np.column_stack([pixels, 0 * pixels[:, 0]]), triangles, size, size)
    upper = np.zeros(len(model.mean_head))
    upper[_upper_row(model)] = 1.0
    points = interpolate(fragments, triangles, np.column_stack([model.mean_head, upper]))
    rows, columns = distance_transform_edt(
        ~fragments.covered, return_distances=False, return_indices=True
    )
    x, y, z, upper = np.moveaxis(points[rows, columns], -1, 0)
    light, gum = np.ones((size, size), np.float32), np.zeros((size, size), np.float32)
    for row, widths, crown_mm, up in (
        (1, UPPER_MM, CROWN_MM[0], 1),
        (0, LOWER_MM, CROWN_MM[1], -1),
    ):
        here = np.rint(upper) == row
        gap_mm = _to_gap(_along_arch(x[here], z[here]), widths)
        edge = (up * y[here]).min()
        root_mm = (
            up * y[here] - edge - crown_mm + PAPILLA_MM * np.exp(-((gap_mm / PAPILLA_HALF_MM) ** 2))
        )
        light[here] = 1 - GAP_SHADE * np.exp(-((gap_mm / GAP_MM) ** 2))
        gum[here] = soft_step(root_mm, GUM_EDGE_MM)
    return TeethMaps(light[..., None], gum[..., None])


def paint_teeth(maps: TeethMaps, rng: np.random.Generator) -> np.ndarray:
    """Paint a person's teeth.

    Args:
        maps: of the page.
        rng: draws their whiteness.

    Returns:
        (s, s, 3) float32, linear RGB.
    """
    white, yellow = np.float32(ENAMEL)
    enamel = (white + (yellow - white) * np.float32(rng.random())) * maps.light
    return enamel + (np.float32(GUM) - enamel) * maps.gum


def _upper_row(model):
    """Vertices of the upper teeth: of the mesh's two pieces, the higher one."""
    members = np.flatnonzero(model.regions["teeth"])
    inside = model.triangles[np.isin(model.triangles, members).all(axis=1)]
    edges = np.concatenate([inside[:, [0, 1]], inside[:, [1, 2]]])
    count = len(model.mean_head)
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
    piece = connected_components(graph, directed=False)[1][members]
    return max(
        (members[piece == number] for number in np.unique(piece)),
        key=lambda vertices: model.mean_head[vertices, 1].mean(),
    )


def _along_arch(x, z):
    """Length of a parabola through the row's front and ends, from the middle to |x|, mm."""
    front, end_x, end_z = z.max(), np.abs(x).max(), z.min()
    slope = 2 * (front - end_z) / end_x**2  # dz/dx = −slope · x
    t = slope * np.abs(x)
    return (t * np.sqrt(1 + t**2) + np.arcsinh(t)) / (2 * slope)


def _to_gap(along_mm, widths):
    """Distance to the nearest gap between teeth, mm; the first lies in the middle."""
    gaps = np.append(0.0, np.cumsum(widths))
    return np.abs(along_mm[:, None] - gaps).min(axis=1)
