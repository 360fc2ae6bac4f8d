"""Glasses: rims, bridge and temples as wires, lenses that tint and mirror.

Glasses are stiff, so they are not carried along with the skin: they are put on a person's nose and
ears. Rims are drawn as ribbons (`ribbons`); lenses let light through, so they come last.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.face.headmodel import load_head
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.rasterize import interpolate, rasterize
from facelib.synthetic.worn.ribbons import Overlay, Ribbons, even_lines, join
from facelib.synthetic.worn.torso import outer_skin

# Outline of a lens by shape: exponent of the superellipse, height over width, and how far it is
# drawn out at the lower outer side (aviator) or the upper outer side (cat eye).
SHAPES = {"round": (2.0, 0.97, 0.0, 0.0), "oval": (2.2, 0.7, 0.0, 0.0),
          "rectangle": (4.5, 0.62, 0.0, 0.0), "square": (3.6, 0.8, 0.0, 0.0),
          "aviator": (2.6, 0.86, 0.16, -0.05), "cat_eye": (2.8, 0.72, 0.0, 0.2),
          "browline": (2.8, 0.76, 0.0, 0.0)}  # fmt: skip
FRAME_COLORS = (
    (0.008, 0.008, 0.01), (0.03, 0.012, 0.006), (0.10, 0.04, 0.015), (0.35, 0.33, 0.3),
    (0.45, 0.30, 0.10), (0.02, 0.03, 0.10), (0.15, 0.01, 0.015), (0.6, 0.58, 0.55),
)  # fmt: skip
FRAME_SHARES = (0.34, 0.14, 0.12, 0.12, 0.1, 0.06, 0.06, 0.06)
OUTLINE = 28  # points of a rim
FRAME_GLOSS = 0.5
TEMPLE = 9  # points of a temple
BASE_MM = 130.0  # radius of a lens's sphere
WRAP_MM = 900.0  # the frame bends about the face: x²/WRAP_MM back
TILT = 0.12  # rad: the lower rim lies nearer to the cheek
# A lamp in a lens: cosines where its disc begins and is full, about 2 and 1 degrees from its
# middle, how much brighter than the light on a white wall, and the haze about it.
LAMP_EDGE, LAMP_FULL, LAMP_LIGHT, HAZE = 0.9994, 0.9998, 8.0, 0.2


@dataclass(frozen=True)
class Glasses:
    """A pair of glasses.

    Attributes:
        shape: a key of SHAPES.
        lens_mm: width of a lens.
        bridge_mm: gap between the lenses.
        rim_mm: half width of the rim; 0 is rimless.
        temple_mm: half width of the temples.
        color: (3,) linear RGB of the frame.
        tint: (3,) share of the light that a lens lets through.
        mirror: share of the light that a lens throws back.
    """

    shape: str = "rectangle"
    lens_mm: float = 50.0
    bridge_mm: float = 18.0
    rim_mm: float = 1.2
    temple_mm: float = 1.6
    color: tuple[float, float, float] = (0.008, 0.008, 0.01)
    tint: tuple[float, float, float] = (0.94, 0.95, 0.94)
    mirror: float = 0.03

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.shape not in SHAPES:
            raise ValueError(f"expected a shape of {tuple(SHAPES)}, got {self.shape!r}")


@dataclass(frozen=True)
class WornGlasses:
    """Glasses on a nose.

    Attributes:
        frame: rims, bridge and temples.
        lens_head: (2·(OUTLINE + 1), 3) float64, mm: both lenses' outline and middle.
        lens_normals_head: the same shape, unit.
        lens_triangles: (2·OUTLINE, 3) int32.
        glasses: which.
    """

    frame: Ribbons
    lens_head: np.ndarray
    lens_normals_head: np.ndarray
    lens_triangles: np.ndarray
    glasses: Glasses


def random_glasses(rng: np.random.Generator) -> Glasses:
    """Draw glasses: wire, plastic or rimless, now and then sunglasses."""
    plastic = rng.random() < 0.6
    rim = rng.uniform(1.3, 2.8) if plastic else rng.uniform(0.45, 0.8)
    shape = str(rng.choice(list(SHAPES)))
    if rng.random() < 0.08 and shape != "browline":
        rim = 0.0
    color = np.array(FRAME_COLORS[rng.choice(len(FRAME_COLORS), p=FRAME_SHARES)])
    tint = rng.uniform(0.88, 0.98) * np.ones(3)
    if rng.random() < 0.16:
        tint = rng.uniform(0.03, 0.3) * rng.uniform([0.8, 0.8, 0.6], [1.3, 1.1, 1.1])
    return Glasses(
        shape=shape,
        lens_mm=float(rng.uniform(45, 55)),
        bridge_mm=float(rng.uniform(15, 20)),
        rim_mm=float(rim),
        temple_mm=float(rng.uniform(1.4, 3.2) if plastic else rng.uniform(0.6, 1.2)),
        color=tuple(float(v) for v in np.clip(color * rng.uniform(0.7, 1.3, 3), 0, 1)),
        tint=tuple(float(v) for v in np.minimum(tint, 1)),
        mirror=float(rng.uniform(0.01, 0.045)),  # coated glass to two bare surfaces, less the rim
    )


def put_on(glasses: Glasses, vertices_head: np.ndarray, keypoints_head: np.ndarray) -> WornGlasses:
    """Put glasses on a person's nose and ears.

    Args:
        glasses: which.
        vertices_head: (N, 3) float, mm: the person.
        keypoints_head: (68, 3) float, mm, of those vertices.
    """
    eyes = np.stack([keypoints_head[36:42].mean(axis=0), keypoints_head[42:48].mean(axis=0)])
    middle_y = eyes[:, 1].mean() - 5.5
    # In front of brows, lids and the nose's bridge, with room for the lashes.
    front = max(keypoints_head[17:27, 2].max() + 2.0, eyes[:, 2].max() + 17.0)
    scale = np.clip(np.ptp(eyes[:, 0]) / 61.0, 0.85, 1.2)
    outlines, lenses = [], []
    for side in (-1.0, 1.0):
        outline = _outline(glasses, scale)
        flat = np.column_stack([side * outline[:, 0], outline[:, 1], np.zeros(OUTLINE)])
        outlines.append(_bent(flat, middle_y, front))
        middle = np.array([[side * (glasses.bridge_mm + glasses.lens_mm) / 2 * scale, 0, 0]])
        lenses.append(np.concatenate([outlines[-1], _bent(middle, middle_y, front) + [0, 0, 1.5]]))
    bridge = _bridge(outlines, keypoints_head)
    temples = [_temple(outlines[k], vertices_head, side) for k, side in ((0, -1), (1, 1))]
    frame = _frame(glasses, outlines, bridge, temples)
    here = np.arange(OUTLINE)
    fan = np.column_stack([here, (here + 1) % OUTLINE, np.full(OUTLINE, OUTLINE)])
    triangles = np.concatenate([fan, fan + OUTLINE + 1]).astype(np.int32)
    lens = np.concatenate(lenses)
    return WornGlasses(frame, lens, _lens_normals(lens), triangles, glasses)


def draw_lenses(photo: Overlay, camera: Camera, worn: WornGlasses, lights, ambient) -> Overlay:
    """Lay the lenses over a photo: what lies behind is tinted, lights and the sky are mirrored.

    Args:
        photo: everything else, drawn with the same camera.
        camera: of the photo.
        worn: glasses on the same head.
        lights: directional, eye frame.
        ambient: (3,) RGB light from everywhere.

    Returns:
        Overlay with the lenses, labelled where they are what the pixel shows first.
    """
    points = worn.lens_head
    shape = photo.alpha.shape
    fragments = rasterize(
        camera.head_to_image(points), worn.lens_triangles, *shape, camera.inverse_w(points)
    )
    rows, columns = np.nonzero(fragments.covered & (fragments.depth > photo.depth))
    if len(rows) == 0:
        return photo
    rotation = np.asarray(camera.rotation)
    normal = interpolate(fragments, worn.lens_triangles, worn.lens_normals_head @ rotation.T)
    mirrored = _mirrored(normal[rows, columns], lights, np.asarray(ambient, float))
    tint, mirror = np.asarray(worn.glasses.tint), worn.glasses.mirror
    image, alpha, label = photo.image.copy(), photo.alpha.copy(), photo.label.copy()
    depth = photo.depth.copy()
    image[rows, columns] = image[rows, columns] * tint + mirror * mirrored
    alpha[rows, columns] = 1 - (1 - alpha[rows, columns]) * tint.mean()
    label[rows, columns] = NUMBER_OF["lens"]
    depth[rows, columns] = fragments.depth[rows, columns]
    return Overlay(image, alpha, photo.share, label, depth)


def _outline(glasses, scale):
    """One lens's rim, (OUTLINE, 2) mm: x away from the nose, y up, about the eyes' height."""
    power, ratio, droop, lift = SHAPES[glasses.shape]
    turn = np.linspace(0, 2 * np.pi, OUTLINE, endpoint=False)
    x, y = np.cos(turn), np.sin(turn)
    radius = (np.abs(x) ** power + np.abs(y) ** power) ** (-1 / power)
    x, y = x * radius, y * radius
    x = x + droop * np.clip(-y, 0, 1) * 0.5
    y = y + lift * np.clip(x, 0, 1) ** 2 - droop * np.clip(-y, 0, 1) * np.clip(0.4 - x, 0, 1) * 0.2
    half = glasses.lens_mm / 2
    centre = (glasses.bridge_mm + glasses.lens_mm) / 2
    return scale * np.column_stack([centre + half * x, half * ratio * y])


def _bent(flat, middle_y, front):
    """Bend a flat frame about the face, tilt it and put it before the eyes."""
    x, y = flat[:, 0], flat[:, 1]
    return np.column_stack([x, middle_y + y, front - x**2 / WRAP_MM + TILT * y])


def _bridge(outlines, keypoints):
    """An arch from rim to rim over the nose."""
    ends = []
    for outline in outlines:
        upper = outline[:, 1] > outline[:, 1].mean() + 0.05 * np.ptp(outline[:, 1])
        inner = np.flatnonzero(upper)[np.argmin(np.abs(outline[upper, 0]))]
        ends.append(outline[inner])
    s = np.linspace(0, 1, 9)[:, None]
    arch = ends[0] + (ends[1] - ends[0]) * s
    middle = arch[4]
    nose = np.interp(middle[1], keypoints[[28, 27], 1], keypoints[[28, 27], 2])
    rise = np.array([0.0, 2.0, max(nose + 2.5 - middle[2], 0.0)])
    return arch + rise * np.sin(np.pi * s)


def _temple(outline, vertices, side):
    """From the rim's outer corner over the ear and down behind it, outside of the head."""
    corner = outline[np.argmax(outline[:, 0] * side + 0.7 * outline[:, 1])]
    rest = vertices[_ear_rest()[0 if side < 0 else 1]] + [0, 2.0, 0]
    s = np.linspace(0, 1, TEMPLE - 2)[:, None]
    line = corner + (rest - corner) * s
    line[:, 0] += side * 3.0 * np.sin(np.pi * s[:, 0]) ** 0.5
    tail = rest + np.array([[0, -9, -9], [-2.0 * side, -26, -15]])
    line = np.concatenate([line, tail])
    others = vertices[_head_sides()]
    others = others[others[:, 0] * side > 20]
    away = np.abs(others[None, :, 1:] - line[:, None, 1:]).max(axis=2) < 7
    widest = np.where(away, others[None, :, 0] * side, -np.inf).max(axis=1)
    line[:, 0] = side * np.maximum(line[:, 0] * side, np.where(widest > 0, widest + 1.2, 0))
    return line


@lru_cache(maxsize=1)
def _ear_rest():
    """Vertices where each ear's upper edge meets the head: what temples lie on."""
    model = load_head()
    found = []
    for side in (-1, 1):
        ear = np.flatnonzero(model.regions["ears"] & (model.mean_head[:, 0] * side > 0))
        points = model.mean_head[ear]
        high = points[:, 1] > points[:, 1].max() - 9
        found.append(int(ear[high][np.argmin(points[high, 0] * side)]))
    return tuple(found)


@lru_cache(maxsize=1)
def _head_sides():
    """Skin of the head without the ears."""
    used = np.unique(outer_skin(load_head()))
    return used[~load_head().regions["ears"][used]]


def _frame(glasses, outlines, bridge, temples):
    color = np.asarray(glasses.color)
    forward, parts = np.array([0, 0, 1.0]), []
    if glasses.rim_mm > 0:
        rims = np.stack([np.concatenate([rim, rim[:2]]) for rim in outlines])
        width = np.full(rims.shape[1], glasses.rim_mm)
        if glasses.shape == "browline":
            upper = np.sin(np.linspace(0, 2 * np.pi, OUTLINE, endpoint=False)) > 0.2
            thin = np.where(upper, glasses.rim_mm * 1.4, min(glasses.rim_mm, 0.5))
            width = np.concatenate([thin, thin[:2]])
        parts.append(even_lines(rims, width, forward, color, FRAME_GLOSS, 0, "glasses"))
    thick = np.clip(glasses.rim_mm, 0.7, 1.8)
    parts.append(even_lines(bridge[None], thick, forward, color, FRAME_GLOSS, 0, "glasses"))
    for line, side in zip(temples, (-1.0, 1.0), strict=True):
        normal = np.array([side, 0.0, 0.0])
        width = glasses.temple_mm * np.linspace(1.1, 0.9, len(line))
        parts.append(even_lines(line[None], width, normal, color, FRAME_GLOSS, 0, "glasses"))
    return join(parts)


def _lens_normals(lens):
    """Normals of two spheres that the lenses are cut from."""
    normals = []
    for part in (lens[: OUTLINE + 1], lens[OUTLINE + 1 :]):
        offset = part[:, :2] - part[-1, :2]
        normal = np.column_stack([offset / BASE_MM, np.ones(len(part))])
        normal[:, 1] -= TILT
        normals.append(normal / np.linalg.norm(normal, axis=1, keepdims=True))
    return np.concatenate(normals)


def _mirrored(normal, lights, ambient):
    """What a lens mirrors at each pixel: (K, 3); the viewer looks along −z."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    ray = 2 * normal[:, 2:] * normal - [0, 0, 1.0]
    # The wearer looks at a room: dark below, brighter toward window or sky.
    seen = ambient * (0.25 + 1.2 * np.clip(ray[:, 1:2], 0, 1))
    for light in lights:
        toward = np.asarray(light.direction_eye, float)
        along = np.clip(ray @ (toward / np.linalg.norm(toward)), 0, 1)
        disc = np.clip((along - LAMP_EDGE) / (LAMP_FULL - LAMP_EDGE), 0, 1)
        lamp = LAMP_LIGHT * disc + HAZE * along**24
        seen = seen + lamp[:, None] * np.asarray(light.color)
    return seen.astype(np.float32)
