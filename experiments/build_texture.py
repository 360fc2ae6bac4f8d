"""Write data/head/texture.npz: what the texture of a person's head takes from the generator.

Maps of the page, drawn on the mean head; the places of the dense points on it; and the generator's
paint of eyes, teeth and skin, in parts that only await a person's colours.

    python experiments/build_texture.py data/head/texture.npz
"""

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from facelib.avatar.surface import head_surface
from facelib.avatar.texture.bands import filled
from facelib.avatar.texture.paint import WORK
from facelib.avatar.texture.strip import EYE_SCALE
from facelib.avatar.texture.tones import HAIR_MM
from facelib.avatar.texture.unwrap import SkinPage
from facelib.face.dense_points import load_dense_points
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing
from facelib.synthetic.head_pages import head_atlas, head_canvas
from facelib.synthetic.light.occlusion import ambient_occlusion
from facelib.synthetic.looks.atlas import EYES, SKIN_SHARE, Atlas
from facelib.synthetic.looks.canvas import Canvas
from facelib.synthetic.looks.eyes import paint_eye
from facelib.synthetic.looks.relief import pore_tile
from facelib.synthetic.worn.scalp import behind_hairline

BROW_MM = 7.0  # from a brow's middle to where skin begins
FEATURES_BLUR_PX = 1.5
EYE_SHAPE = (0.36, 0.6, 0.25)  # pupil's radius, darkness of the iris's rim, veins
LENS_MM, LENS_LOWER_MM = 27.0, 6.0  # reach of glasses, from so far below the middle of an eye
EYE_PATTERN = 1  # of the generator's irises
# The middle of the face: an ellipse seen from the front, mm, that ends before jaw and temples.
MIDDLE_Y_MM, HALF_WIDTH_MM, HALF_HEIGHT_MM, FRONT_Z_MM = -18, 56, 72, 25
SOFT_TEXELS, FINE_TEXELS = 2.2, 0.8  # blur of the skin's mottles
FINE, PORES = 0.6, 0.9  # weight of the finer ones, and of the pores
STRANDS_TEXELS, LOCKS = ((28, 0.9), (50, 3.5)), 0.8  # blur along and across, weight of the wider
DEVIATION = 32  # of the tiles of detail
SKY_DIRECTIONS = 256


def on_page(of_skin: np.ndarray) -> np.ndarray:
    """Bring a map of the atlas's square of skin to the page, whose lower fifth is the strip."""
    rows = np.minimum((np.arange(WORK) + 0.5) / SKIN_SHARE - 0.5, WORK - 1)
    grid = np.meshgrid(rows, np.arange(WORK), indexing="ij")
    return map_coordinates(of_skin.astype(np.float32), grid, order=1, mode="nearest")


def as_bytes(share: np.ndarray) -> np.ndarray:
    """Store 0..1 as uint8."""
    return np.clip(np.rint(share * 255), 0, 255).astype(np.uint8)


def points_on_page(atlas: Atlas) -> np.ndarray:
    """(P, 2) float32 texture coordinates of the dense points: the nearest texel's."""
    points = load_dense_points().matrix @ (load_layout().from_head @ load_head().mean_head)
    _, nearest = cKDTree(atlas.position_mm.reshape(-1, 3)).query(points)
    rows, columns = np.divmod(nearest, atlas.size)
    return np.float32(np.column_stack([columns + 0.5, (rows + 0.5) * SKIN_SHARE]) / atlas.size)


def features(atlas: Atlas) -> np.ndarray:
    """Where a face is not plain skin: lips, brows and lids; 0..1."""
    lids = np.maximum(atlas.maps["lids"], atlas.maps["lashes"])
    brows = np.clip(2 - 2 * atlas.brow_mm / BROW_MM, 0, 1)
    mask = np.max([atlas.maps["lips"], np.clip(2 * lids, 0, 1), brows], axis=0)
    return gaussian_filter(mask, FEATURES_BLUR_PX)


def inner_face(position_mm: np.ndarray) -> np.ndarray:
    """The middle of the face, which only things cover that the dense points find; 0..1."""
    x, y, z = np.moveaxis(position_mm, -1, 0)
    inside = 1 - np.hypot(x / HALF_WIDTH_MM, (y - MIDDLE_Y_MM) / HALF_HEIGHT_MM)
    return np.clip(6 * inside, 0, 1) * np.clip((z - FRONT_Z_MM) / 10 + 0.5, 0, 1)


def around_eyes(position_mm: np.ndarray, keypoints_head: np.ndarray) -> np.ndarray:
    """Around each eye, as far as glasses reach: 1, else 0."""
    middles = np.array([keypoints_head[list(eye)].mean(axis=0) for eye in EYES])
    distance = cKDTree(middles - [0, LENS_LOWER_MM, 0]).query(position_mm)[0]
    return (distance < LENS_MM).astype(float)


def eye_paint(canvas: Canvas) -> dict[str, np.ndarray]:
    """The generator's eye, which is linear in its colours: what each of them is multiplied with."""
    eyes, layers = canvas.eyes, {}
    places = eyes.radius, eyes.around_share, eyes.veins, eyes.fibres[EYE_PATTERN]
    for number, name in enumerate(("eye_iris", "eye_inner", "eye_white")):
        colors = np.zeros((3, 3), np.float32)
        colors[number] = 1
        out = np.empty((*eyes.radius.shape, 3), np.float32)
        paint_eye(*places, colors, np.float32(EYE_SHAPE), np.float32(0), out)
        layers[name] = as_bytes(out / EYE_SCALE)
    return layers


def skin_detail() -> np.ndarray:
    """A seamless tile of pores and mottles: int8 of deviation DEVIATION."""
    noise = np.random.default_rng(5).normal(size=(2, WORK, WORK))
    soft, fine = (
        gaussian_filter(each, blur, mode="wrap")
        for each, blur in zip(noise, (SOFT_TEXELS, FINE_TEXELS), strict=True)
    )
    pores = pore_tile(WORK)
    mixed = soft / soft.std() + FINE * fine / fine.std()
    mixed += PORES * (pores - pores.mean()) / pores.std()
    return np.clip(np.rint(mixed / mixed.std() * DEVIATION), -127, 127).astype(np.int8)


def strands() -> np.ndarray:
    """A seamless tile of hair that grows down the page: int8 of deviation DEVIATION."""
    noise = np.random.default_rng(6).normal(size=(2, WORK, WORK))
    fine, locks = (
        gaussian_filter(each, blur, mode="wrap")
        for each, blur in zip(noise, STRANDS_TEXELS, strict=True)
    )
    mixed = fine / fine.std() + LOCKS * locks / locks.std()
    return np.clip(np.rint(mixed / mixed.std() * DEVIATION), -127, 127).astype(np.int8)


def from_mean_head(of_head: np.ndarray) -> np.ndarray:
    """Bring (N, C) values of the head to the page, (WORK, WORK, C), and continue them around it."""
    surface = head_surface(1)
    page = SkinPage.of(surface)
    fragments = page.fragments(WORK)
    of_vertices = (surface.from_head @ of_head.astype(np.float32)).astype(np.float32)
    return filled(page.spread(fragments, of_vertices), fragments.covered.astype(np.float32))


def texture_parts() -> dict[str, np.ndarray]:
    """Make all maps, paints and tiles, by their names in the file."""
    head = load_head()
    atlas, canvas = head_atlas(head, WORK), head_canvas(head, WORK)
    position_mm = from_mean_head(head.mean_head)
    sky = ambient_occlusion(head.mean_head, head.triangles, SKY_DIRECTIONS)
    return {
        "points_uv": points_on_page(atlas),
        "hair": as_bytes(behind_hairline(position_mm) / HAIR_MM + 0.5),
        "features": as_bytes(on_page(features(atlas))),
        "inner": as_bytes(inner_face(position_mm)),
        "ears": as_bytes(on_page(atlas.maps["ears"])),
        "beard": as_bytes(on_page(np.clip(2 * atlas.maps["beard"], 0, 1))),
        "eyes": as_bytes(around_eyes(position_mm, head.keypoints(head.mean_head))),
        "lips": as_bytes(on_page(atlas.maps["lips"])),
        "sky": as_bytes(from_mean_head(sky[:, None])[..., 0]),
        "detail": skin_detail(),
        "strands": strands(),
        "tooth_light": as_bytes(canvas.teeth.light[..., 0]),
        "tooth_gum": as_bytes(canvas.teeth.gum[..., 0]),
        **eye_paint(canvas),
    }


def main(path: Path) -> None:
    """Make all parts and write them."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **texture_parts())
    print(f"{path}: {path.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
