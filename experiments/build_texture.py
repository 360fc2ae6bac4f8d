"""Write data/head/texture.npz: what the texture of a person's head takes from the generator.

Maps of the page on the mean head, the places of the dense points on it, and the generator's paint
of eyes, teeth and skin as parts that only await a person's colours.

    python experiments/build_texture.py data/head/texture.npz
"""

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from facelib.face.dense_points import load_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.synthetic.head_pages import head_atlas, head_canvas
from facelib.synthetic.looks.atlas import SKIN_SHARE
from facelib.synthetic.looks.eyes import build_eye_maps, paint_eye
from facelib.synthetic.looks.relief import pore_tile
from facelib.synthetic.worn.scalp import behind_hairline

PAGE = 512
PATCH = 512  # side of the painted eye
HAIR_MM = 32.0  # behind the hairline, at most
BROW_MM = 7.0


def on_page(of_skin: np.ndarray) -> np.ndarray:
    """Bring a map of the atlas's square of skin to the page, whose lower fifth is the strip."""
    rows = np.minimum((np.arange(PAGE) + 0.5) / SKIN_SHARE - 0.5, PAGE - 1)
    grid = np.meshgrid(rows, np.arange(PAGE), indexing="ij")
    return map_coordinates(of_skin.astype(np.float32), grid, order=1, mode="nearest")


def as_bytes(share: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)


def points_on_page(atlas) -> np.ndarray:
    """(P, 2) texture coordinates of the dense points: of the nearest texel on the mean head."""
    layout = load_layout()
    points = load_dense_points().matrix @ (layout.from_head @ load_head().mean_head)
    _, nearest = cKDTree(atlas.position_mm.reshape(-1, 3)).query(points)
    rows, columns = np.divmod(nearest, atlas.size)
    return np.column_stack([(columns + 0.5) / PAGE, (rows + 0.5) / PAGE * SKIN_SHARE])


def features(atlas) -> np.ndarray:
    """Where a face is not plain skin: lips, brows, eyes, nostrils; 0..1."""
    lids = np.maximum(atlas.maps["lids"], atlas.maps["lashes"])
    brows = np.clip(2 - atlas.brow_mm / (BROW_MM / 2), 0, 1)
    mask = np.max([atlas.maps["lips"], np.clip(2 * lids, 0, 1), brows], axis=0)
    return gaussian_filter(mask, 1.5)


def inner_face(atlas) -> np.ndarray:
    """The middle of the face, which no hair, collar or wall covers if the points are visible."""
    x, y, z = np.moveaxis(atlas.position_mm, -1, 0)
    # mm: an ellipse around the face, seen from the front, that ends before the jaw and the temples
    inside = 1 - np.hypot(x / 56, (y + 18) / 72)
    return np.clip(inside * 6, 0, 1) * np.clip((z - 20) / 10, 0, 1)


def eye_paint(atlas) -> dict[str, np.ndarray]:
    """The generator's eye, which is linear in its colours: what each colour is multiplied with."""
    maps = build_eye_maps(atlas)
    shape = np.float32([0.36, 0.6, 0.25])
    layers = []
    for one in range(3):
        colors = np.zeros((3, 3), np.float32)
        colors[one] = 1
        out = np.empty((*maps.radius.shape, 3), np.float32)
        paint_eye(
            maps.radius,
            maps.around_share,
            maps.veins,
            maps.fibres[1],
            colors,
            shape,
            np.float32(0),
            out,
        )
        layers.append(out)
    names = ("eye_iris", "eye_inner", "eye_white")
    return {name: as_bytes(layer / 1.6) for name, layer in zip(names, layers, strict=True)}


def skin_detail(size: int = 512) -> np.ndarray:
    """A seamless tile of pores and mottles, int8, deviation 32: brightness relative to the skin's."""
    rng = np.random.default_rng(5)
    soft = gaussian_filter(rng.normal(size=(size, size)), 2.2, mode="wrap")
    fine = gaussian_filter(rng.normal(size=(size, size)), 0.8, mode="wrap")
    pores = pore_tile(size).astype(float)
    mixed = soft / soft.std() + 0.6 * fine / fine.std() + 0.9 * (pores - pores.mean()) / pores.std()
    return np.clip(np.rint(mixed / mixed.std() * 32), -127, 127).astype(np.int8)


def main(path: Path) -> None:
    head = load_head()
    atlas = head_atlas(head, PAGE)
    eyes = head_atlas(head, 4 * PATCH) if False else atlas
    canvas = head_canvas(head, PAGE)
    position = np.stack([on_page(axis) for axis in np.moveaxis(atlas.position_mm, -1, 0)], axis=-1)
    hair = behind_hairline(position)
    arrays = {
        "points_uv": points_on_page(atlas).astype(np.float32),
        "hair": as_bytes(0.5 + np.clip(hair, -HAIR_MM, HAIR_MM) / (2 * HAIR_MM)),
        "features": as_bytes(on_page(features(atlas))),
        "inner": as_bytes(on_page(inner_face(atlas))),
        "ears": as_bytes(on_page(atlas.maps["ears"])),
        "lips": as_bytes(on_page(atlas.maps["lips"])),
        "lashes": as_bytes(on_page(atlas.maps["lashes"])),
        "height": as_bytes((position[..., 1] + 160) / 320),
        "front": as_bytes((position[..., 2] + 130) / 260),
        "detail": skin_detail(),
        "tooth_light": as_bytes(canvas.teeth.light[..., 0]),
        "tooth_gum": as_bytes(canvas.teeth.gum[..., 0]),
        **eye_paint(eyes),
    }
    np.savez_compressed(path, **arrays)
    print(path, path.stat().st_size, {k: (v.shape, str(v.dtype)) for k, v in arrays.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
