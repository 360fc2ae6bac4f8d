"""The lenses of glasses, drawn last: they tint the picture and reflect lamps and room."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.rasterize import interpolate, rasterize
from facelib.render.render import Light
from facelib.synthetic.worn.glasses import WornGlasses
from facelib.synthetic.worn.ribbons import Overlay

# A lamp in a lens: cosines where its disc begins and is full, about 2 and 1 degrees from its
# middle, how much brighter than the light on a white wall, and the haze about it.
LAMP_EDGE, LAMP_FULL, LAMP_LIGHT, HAZE, HAZE_POWER = 0.9994, 0.9998, 8.0, 0.2, 24
# The reflected room is dark below, brighter toward window or sky.
ROOM_BELOW, ROOM_ABOVE = 0.25, 1.2
DARK = 0.2  # a lens that transmits less hides the eyes


def draw_lenses(
    photo: Overlay,
    camera: Camera,
    worn: WornGlasses,
    lights: Sequence[Light],
    ambient: np.ndarray | tuple[float, float, float],
) -> Overlay:
    """Draw the lenses over a photo: tint the picture behind, and reflect lights and sky.

    Args:
        photo: everything else, drawn with the same camera.
        camera: of the photo.
        worn: glasses on the same head.
        lights: directional, eye frame.
        ambient: (3,) RGB light from all directions.

    Returns:
        Overlay with the lenses, labelled where a lens is the nearest surface: as a dark lens where
        it hides what is behind it.
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
    lens = np.column_stack([worn.lens_normals_head @ rotation.T, worn.lens_tint])
    lens = interpolate(fragments, worn.lens_triangles, lens)[rows, columns]
    mirrored = _mirrored(lens[:, :3], lights, np.asarray(ambient, float))
    tint, mirror = lens[:, 3:], np.asarray(worn.glasses.tint.mirror)
    image, alpha, label = photo.image.copy(), photo.alpha.copy(), photo.label.copy()
    depth = photo.depth.copy()
    image[rows, columns] = image[rows, columns] * tint + mirror * mirrored
    share = tint.mean(axis=1)
    alpha[rows, columns] = 1 - (1 - alpha[rows, columns]) * share
    label[rows, columns] = np.where(share < DARK, NUMBER_OF["dark lens"], NUMBER_OF["lens"])
    depth[rows, columns] = fragments.depth[rows, columns]
    return Overlay(image, alpha, photo.share, label, depth)


def _mirrored(normal, lights, ambient):
    """A lens's reflection at each pixel, (K, 3) RGB, for a view along −z."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    ray = 2 * normal[:, 2:] * normal - [0, 0, 1.0]
    seen = ambient * (ROOM_BELOW + ROOM_ABOVE * np.clip(ray[:, 1:2], 0, 1))
    for light in lights:
        toward = np.asarray(light.direction_eye, float)
        along = np.clip(ray @ (toward / np.linalg.norm(toward)), 0, 1)
        disc = np.clip((along - LAMP_EDGE) / (LAMP_FULL - LAMP_EDGE), 0, 1)
        lamp = LAMP_LIGHT * disc + HAZE * along**HAZE_POWER
        seen = seen + lamp[:, None] * np.asarray(light.color)
    return seen.astype(np.float32)
