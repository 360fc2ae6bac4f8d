"""Draw a thing over a photo of a head, with the same light and soft shadows.

A thing hides what is behind it, by the depth of head, hair and glasses; where it touches the face
it also keeps the light of the surroundings away.
"""

from __future__ import annotations

import numpy as np

from facelib.geometry.mesh import Mesh
from facelib.imaging.effects import box_mean
from facelib.pairs.annotations import Cover
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments
from facelib.render.render import Rendering
from facelib.synthetic.light.lighting import Lighting
from facelib.synthetic.light.radiance import Surface, render_radiance
from facelib.synthetic.things.solids import Solid

GIVES_MM = 22.0  # how far hands press hair down
WHITE = np.ones((1, 1, 3), np.float32)
CONTACT, CONTACT_MM, TOUCHING_MM = 0.5, 7.0, 30.0  # share of light lost, reach, largest depth


def thing_mesh(solid: Solid) -> Mesh:
    """Return a shape as a mesh for `render_radiance`."""
    uv = np.zeros((len(solid.vertices), 2), np.float32)
    return Mesh(solid.vertices, solid.triangles, uv, WHITE, solid.colors)


def draw_thing(
    photo: Rendering,
    cover: Cover | None,
    solid: Solid,
    camera: Camera,
    lighting: Lighting,
    caster: Mesh,
) -> tuple[np.ndarray, np.ndarray, Cover]:
    """Draw a thing over a photo.

    Args:
        photo: of the head with what is worn, over black; its fragments are the head's.
        cover: what is worn; None for nothing.
        solid: the thing, head frame, mm.
        camera: of the photo's size.
        lighting: eye frame.
        caster: the head, whose shadow falls on the thing.

    Returns:
        (S, S, 3) linear light, (S, S) alpha, and the cover with the thing.
    """
    size, fine = photo.alpha.shape, len(photo.depth) // len(photo.alpha)
    if cover is None:
        cover = Cover(np.zeros(size, np.uint8), np.full(size, -np.inf, np.float32))
    pressed = cover.depth - np.float32(GIVES_MM * camera.scale)
    pressed = np.repeat(np.repeat(pressed, fine, axis=0), fine, axis=1) * fine
    behind = np.maximum(photo.depth, pressed)
    mesh = thing_mesh(solid)
    drawn = render_radiance(
        mesh, _surface(solid), camera, lighting, fine, caster=caster, behind=behind
    )
    if not drawn.alpha.any():
        return photo.image, photo.alpha, cover
    depth, triangle = _nearest(drawn.fragments, fine)
    scene = behind.reshape(size[0], fine, size[1], fine).max(axis=(1, 3)) / fine
    with np.errstate(invalid="ignore"):
        touching = depth - scene < TOUCHING_MM * camera.scale
    reach = max(round(CONTACT_MM * camera.scale / 2), 1)
    near = box_mean(box_mean((touching & (triangle >= 0)).astype(np.float32), reach), reach)
    rest = (1 - drawn.alpha)[..., None]
    image = drawn.image + photo.image * rest * (1 - np.float32(CONTACT) * near[..., None])
    most = drawn.alpha >= 0.5
    labels = np.where(most, solid.labels[triangle], cover.labels)
    over = Cover(labels, np.where(most, depth, cover.depth).astype(np.float32))
    return image, drawn.alpha + photo.alpha * rest[..., 0], over


def _surface(solid):
    gloss, roughness, scatter, openness = solid.finish.T.astype(np.float32)
    slopes = np.zeros((len(gloss), 6), np.float32)
    no_eye = np.zeros(len(solid.triangles), bool)
    return Surface(solid.normals, openness, gloss, roughness, scatter, slopes, None, no_eye)


def _nearest(fragments: Fragments, fine: int):
    """The nearest depth in each pixel of the photo, px, and its triangle: (S, S) each."""
    size = fragments.depth.shape[0] // fine
    cells = fragments.depth.reshape(size, fine, size, fine).swapaxes(1, 2).reshape(size, size, -1)
    triangles = fragments.triangle.reshape(size, fine, size, fine).swapaxes(1, 2)
    first = cells.argmax(axis=-1)[..., None]
    triangle = np.take_along_axis(triangles.reshape(size, size, -1), first, -1)[..., 0]
    return np.take_along_axis(cells, first, -1)[..., 0] / fine, triangle
