"""A stand-in for MICC Florence: scans of synthetic people, in its folders and files.

It imitates a scanner that circles the head: the outermost surface around a vertical axis is sampled
on a grid of angle and height. So the scan has its own triangulation, lies exactly on the true head
before noise is added, and has gaps at folds of the surface, like real scans.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from facelib.datasets.registry import find_dataset, new_stand_in
from facelib.face.headmodel import load_head
from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.geometry.transforms import rotation_from_pose
from facelib.imaging.effects import to_display
from facelib.imaging.imagefiles import write_image
from facelib.render.rasterize import Fragments, interpolate, rasterize
from facelib.synthetic.dressing import dressed_mesh
from facelib.synthetic.head_pages import head_atlas
from facelib.synthetic.looks.atlas import SKIN_SHARE, Atlas
from facelib.synthetic.person import Person
from facelib.synthetic.samples import make_person
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.skin import paint_skin_finely

SPACING_MM = 1.8  # between neighbouring samples on a surface at RADIUS_MM from the axis
FINER = 4  # texels of the texture per sample, along each side
RADIUS_MM = 95.0
AXIS_Z_MM = -5.0  # z of the scanner's vertical axis
HALF_ANGLE = np.radians(115.0)  # reach of the scanner toward the back, on each side
LOWEST_MM, HIGHEST_MM = -170.0, 122.0
MAX_EDGE_MM = 7.0  # a longer edge bridges a fold that the scanner did not reach
FINE_NOISE_MM, SMOOTH_NOISE_MM = 0.10, 0.15
HOLES = (3, 8)  # fewest and most larger holes
HOLE_RADIUS_MM = (2.0, 8.0)
LOST_SHARE = 0.0005  # of all cells, each lost independently
DARK_LOST_SHARE = 0.01  # the same on black surfaces, which reflect no light
QUAD_SHARE = 0.3  # of all cells that stay quads
POSE_DEG, SHIFT_MM = 6.0, 30.0  # spread of the person's pose and position before the scanner
ATLAS_SIZE = 512


@dataclass(frozen=True)
class GridScan:
    """A scan on a grid, in the head frame.

    Attributes:
        points_head: (H, W, 3) float64, mm.
        seen: (H, W) bool: whether the scanner sampled the surface.
        texture: (FINER·H, FINER·W, 3) float32, display colours.
    """

    points_head: np.ndarray
    seen: np.ndarray
    texture: np.ndarray


def write_florence_standin(folder: Path | str, count: int = 20, seed: int = 0) -> int:
    """Write scans of held-out synthetic people as a stand-in for MICC Florence.

    Args:
        folder: new or empty; appears whole or not at all.
        count: how many subjects.
        seed: of all draws; no training set of this seed has these people.

    Returns:
        The number of subjects written.

    Raises:
        ValueError: if the folder is not empty, or a number is out of range.
        OSError: if it cannot be written.
    """
    if count < 1 or seed < 0:
        raise ValueError(
            f"expected a count of at least 1 and a seed of at least 0: {count}, {seed}"
        )
    command = f"python -m facelib standin florence --count {count} --seed {seed}"
    with new_stand_in(folder, find_dataset("florence"), command) as unfinished:
        for index in range(count):
            write_subject(unfinished, index, seed)
    return count


def write_subject(folder: Path, index: int, seed: int) -> Path:
    """Write subject `index` (the first is subject_01) and return its OBJ file's path."""
    rng = subject_generator(index, seed)
    person = make_person(index, SyntheticSettings(seed=seed, held_out=True))
    scan = scan_person(person, rng)
    place = folder / f"subject_{index + 1:02d}" / "Model" / "frontal1" / "obj"
    place.mkdir(parents=True)
    stem = f"standin{index + 1:04d}"
    write_image(place / f"{stem}.jpg", scan.texture)
    (place / f"{stem}.mtl").write_text(f"newmtl skin\nKd 1 1 1\nmap_Kd {stem}.jpg\n", "utf-8")
    path = place / f"{stem}.obj"
    path.write_text(_obj_text(scan, stem, rng), "utf-8")
    return path


def subject_generator(index: int, seed: int) -> np.random.Generator:
    """Return the generator of subject `index`'s scan; the person comes from `make_person`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(7, index)))


def scan_person(person: Person, rng: np.random.Generator) -> GridScan:
    """Scan a person's neutral head.

    Args:
        person: from `synthetic`.
        rng: draws skin, lumps of hair, and noise.
    """
    head = load_head()
    atlas, still = head_atlas(head, ATLAS_SIZE), np.zeros(len(head.expression_names))
    skin = paint_skin_finely(rng, person, still, head, atlas)
    mesh_head = dressed_mesh(head, head.vertices(person.shape), atlas, skin.page)
    fragments = _unrolled(mesh_head)
    fine = interpolate(fragments, mesh_head.triangles, mesh_head.vertices).astype(np.float64)
    uv = interpolate(fragments, mesh_head.triangles, mesh_head.uv)
    normals = vertex_normals(mesh_head.vertices, mesh_head.triangles)
    facing = interpolate(fragments, mesh_head.triangles, normals)
    texture = _baked_texture(mesh_head, fragments, uv, facing, rng)
    every = (slice(FINER // 2, None, FINER),) * 2
    seen, points, outward = fragments.covered[every], fine[every], facing[every].astype(np.float64)
    outward /= np.maximum(np.linalg.norm(outward, axis=2, keepdims=True), 1e-9)
    height = _lump_heights(person, atlas, uv[every], points, rng) + _noise(seen.shape, rng)
    return GridScan(points + outward * height[..., None], seen, texture)


def _unrolled(mesh_head: Mesh) -> Fragments:
    """Rasterise a head in the frame of the scanner: angle right, height down, radius as depth."""
    x, y, z = mesh_head.vertices.astype(np.float64).T
    z = z - AXIS_Z_MM
    angle = np.arctan2(x, z)
    fine_mm = SPACING_MM / FINER
    corners = np.stack([(angle + HALF_ANGLE) * RADIUS_MM, HIGHEST_MM - y, np.hypot(x, z)], axis=1)
    corners[:, :2] /= fine_mm
    # A triangle across the back would cover the whole picture.
    whole = np.ptp(angle[mesh_head.triangles], axis=1) < np.pi
    height = round((HIGHEST_MM - LOWEST_MM) / SPACING_MM) * FINER
    width = round(2 * HALF_ANGLE * RADIUS_MM / SPACING_MM) * FINER
    fragments = rasterize(corners, mesh_head.triangles[whole], height, width, cull_back=True)
    index = np.append(np.flatnonzero(whole), -1)[fragments.triangle].astype(np.int32)
    return Fragments(index, fragments.barycentric, fragments.depth)


def _baked_texture(
    mesh_head: Mesh,
    fragments: Fragments,
    uv: np.ndarray,
    normals_head: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Colour each texel as under the scanner's cameras and lamps: (h, w, 3), display colours."""
    rows_columns = _texels(uv, mesh_head.texture.shape)
    skin = [map_coordinates(c, rows_columns, order=1) for c in np.moveaxis(mesh_head.texture, 2, 0)]
    shade = interpolate(fragments, mesh_head.triangles, mesh_head.colors)
    lamp = np.array([rng.uniform(-0.5, 0.5), 0.4, 0.8])
    light = 0.62 + 0.45 * np.clip(normals_head @ (lamp / np.linalg.norm(lamp)), 0, 1)
    return to_display(np.stack(skin, axis=-1) * shade * light[..., None].astype(np.float32))


def _lump_heights(
    person: Person,
    atlas: Atlas,
    uv: np.ndarray,
    points_head: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the height of hair and beard above the skin, (H, W) mm, in lumps as in real scans."""
    looks = person.appearance
    rows_columns = _texels(uv, (atlas.size / SKIN_SHARE, atlas.size))
    depth = map_coordinates(atlas.hairline_mm, rows_columns, order=1, mode="nearest")
    beard = map_coordinates(atlas.maps["beard"], rows_columns, order=1, mode="nearest")
    waves = np.zeros(points_head.shape[:2])
    for length_mm in (16, 22, 30, 45):
        wave_vector = rng.normal(size=3)
        wave_vector *= 2 * np.pi / length_mm / np.linalg.norm(wave_vector)
        waves += np.sin(points_head @ wave_vector + rng.uniform(0, 2 * np.pi)) / 4
    on_head = np.clip((depth - looks.hairline_mm) / 12, 0, 1) * (looks.hair > 0.2)
    thick_mm = rng.uniform(3, 10)
    hair_mm = on_head * thick_mm * (1 + 0.8 * waves)
    return hair_mm + beard * max(looks.beard - 0.4, 0) * (2 + waves)


def _noise(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return the scanner's error along the normals: (H, W) mm, a smooth part and a fine one."""
    smooth = gaussian_filter(rng.standard_normal(shape), 3)
    fine = rng.standard_normal(shape)
    return SMOOTH_NOISE_MM * smooth / smooth.std() + FINE_NOISE_MM * fine


def _cells(scan: GridScan, rng: np.random.Generator) -> np.ndarray:
    """Return the grid's cells that the scan keeps, (C, 4) int, counter-clockwise from outside.

    Cells with an unseen corner and cells stretched over a fold are omitted, and so are random
    holes, most of them on dark surfaces, which reflect little light.
    """
    height, width = scan.seen.shape
    index = np.arange(height * width).reshape(height, width)
    corners = np.stack([index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]], axis=-1)
    points = scan.points_head.reshape(-1, 3)[corners]  # (H−1, W−1, 4, 3)
    longest = np.linalg.norm(points - np.roll(points, 1, axis=2), axis=3).max(axis=2)
    kept = scan.seen.ravel()[corners].all(axis=2) & (longest < MAX_EDGE_MM)
    bright = scan.texture[FINER - 1 :: FINER, FINER - 1 :: FINER][: height - 1, : width - 1]
    dark = (1 - bright.mean(axis=2)) ** 4
    kept &= rng.random(kept.shape) > LOST_SHARE + DARK_LOST_SHARE * dark
    middles = points.mean(axis=2)
    candidates = np.argwhere(kept)
    odds = dark[kept] / dark[kept].sum()
    for row, column in rng.choice(candidates, rng.integers(*HOLES), p=odds):
        stretch = rng.uniform(0.5, 1.0, 3)
        distances = np.linalg.norm((middles - middles[row, column]) / stretch, axis=2)
        kept &= distances > rng.uniform(*HOLE_RADIUS_MM)
    return corners[kept]


def _obj_text(scan: GridScan, stem: str, rng: np.random.Generator) -> str:
    """Write a scan as OBJ, triangles and quads mixed, in a random pose before the scanner."""
    quads = _cells(scan, rng)
    used, quads = np.unique(quads, return_inverse=True)
    quads = quads.reshape(-1, 4) + 1
    rotation = rotation_from_pose(*np.radians(rng.uniform(-POSE_DEG, POSE_DEG, 3)))
    points = scan.points_head.reshape(-1, 3)[used] @ rotation.T + rng.normal(0, SHIFT_MM, 3)
    height, width = scan.seen.shape
    row, column = np.divmod(used, width)
    uv = np.stack([(column + 0.625) / width, 1 - (row + 0.625) / height], axis=1)
    lines = [f"mtllib {stem}.mtl", "usemtl skin"]
    lines += [f"v {x:.4f} {y:.4f} {z:.4f}" for x, y, z in points]
    lines += [f"vt {u:.6f} {v:.6f}" for u, v in uv]
    cuts = rng.random((len(quads), 2)) < (QUAD_SHARE, 0.5)
    for quad, (whole, other) in zip(quads, cuts, strict=True):
        for face in _faces(quad.tolist(), whole, other):
            lines.append("f " + " ".join(f"{k}/{k}" for k in face))
    return "\n".join(lines) + "\n"


def _faces(quad: list[int], whole: bool, other: bool) -> list[list[int]]:
    """Keep a quad, or cut it along one of its two diagonals."""
    if whole:
        return [quad]
    a, b, c, d = quad if other else quad[1:] + quad[:1]
    return [[a, b, c], [a, c, d]]


def _texels(uv: np.ndarray, shape: tuple[float, ...]) -> list[np.ndarray]:
    """Return rows and columns in a texture of this shape."""
    return [uv[..., 1] * shape[0] - 0.5, uv[..., 0] * shape[1] - 0.5]
