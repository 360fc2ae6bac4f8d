"""Take a photo of a dressed head: lights, render, what is drawn over it, background, film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.geometry.mesh import Mesh
from facelib.imaging.backgrounds import random_background
from facelib.pairs.annotations import Cover
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments
from facelib.render.render import render
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light import spherical_harmonics as sh
from facelib.synthetic.light.lighting import Lighting
from facelib.synthetic.light.material_shading import light_from_around
from facelib.synthetic.light.radiance import polynomial
from facelib.synthetic.light.shadows import REACH_MM, SIZE, Lines
from facelib.synthetic.lit_photo import FINE_GRID_BELOW, photograph_lit
from facelib.synthetic.scene import develop, random_lights
from facelib.synthetic.worn.outfit import Worn, draw_worn
from facelib.synthetic.worn.ribbons import Overlay, Ribbons

# What throws shadows on the skin; brows, lashes and beards lie on it.
SHADOWY = tuple(NUMBER_OF[name] for name in ("hair", "glasses"))


@dataclass(frozen=True)
class Photo:
    """What a photograph leaves behind.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        fragments: (S·k, S·k), as `render.Rendering.fragments`.
        drawn: all that was drawn to light and develop it, by name; kept among the coefficients.
        cover: what was drawn over the render; None for nothing.
    """

    image: np.ndarray
    fragments: Fragments
    drawn: dict
    cover: Cover | None = None


def photograph(
    dressed: Dressed,
    camera: Camera,
    ingredients: Ingredients,
    rng: np.random.Generator,
    lighting: Lighting | None = None,
) -> Photo:
    """Take a photo of a head under random light before a random background.

    Args:
        dressed: who is photographed.
        camera: of the photo's size.
        ingredients: whether light and film are drawn or plain.
        rng: draws light, background and film.
        lighting: instead of one that is drawn; only for a head with a surface.
    """
    if dressed.surface is None:
        parts = dressed.mesh_head, dressed.normals_head, dressed.gloss
        return photograph_plain(*parts, camera, rng, dressed.worn)
    return _lit(dressed, camera, ingredients, rng, lighting)


def photograph_plain(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    gloss: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
    worn: Worn | None = None,
) -> Photo:
    """Take a photo without any ingredient of light or film.

    Args:
        mesh_head: textured head, mm.
        normals_head: (N, 3) float, outward.
        gloss: (N,) float32, strength of the highlights.
        camera: of the photo's size.
        rng: draws light, background and film.
        worn: what is drawn over the render: hair and glasses.
    """
    lights, ambient = random_lights(rng)
    shot = render(
        mesh_head,
        camera,
        lights,
        ambient,
        specular=gloss,
        supersample=2 if camera.width < FINE_GRID_BELOW else 1,
        normals=normals_head,
        shininess=24.0,
        cull_back=True,
    )
    fragments, cover = shot.fragments, None
    if worn is not None:
        shot = draw_worn(shot, camera, worn, lights, ambient)
        cover = _cover(shot)
    background = random_background(rng, camera.width)
    image = develop(shot.image, shot.alpha, background, rng)
    return Photo(image, fragments, {"lights": lights, "ambient": ambient}, cover)


def shadow_lines(ribbons: Ribbons) -> Lines | None:
    """Return the ribbons that throw shadows, as wide as on a shadow map; None where none does.

    Of hair it is every other strand: what shadow maps blur needs no more.
    """
    chosen = np.isin(ribbons.label, SHADOWY)
    chosen[1::2] &= ribbons.label[1::2] != NUMBER_OF["hair"]
    if not chosen.any():
        return None
    counts = np.diff(ribbons.first)
    points = np.repeat(chosen, counts)
    wide_mm = np.maximum.reduceat(ribbons.half_width_mm, ribbons.first[:-1])[chosen] * 2
    return Lines(
        ribbons.points_head[points],
        np.append(0, np.cumsum(counts[chosen])).astype(np.int32),
        np.clip(np.rint(wide_mm * SIZE / (2 * REACH_MM)), 1, 3).astype(np.int32),
    )


def _lit(dressed, camera, ingredients, rng, lighting) -> Photo:
    drawn_over, worn = [], dressed.worn
    lines = worn and shadow_lines(worn.ribbons)

    def overlay(shot, lighting):
        normals_eye = worn.ribbons.normals_head @ np.asarray(camera.rotation, np.float32).T
        around = light_from_around(polynomial(lighting.environment, sh.COSINE), normals_eye)
        drawn_over.append(draw_worn(shot, camera, worn, lighting.lights, around))
        return drawn_over[0]

    taken = photograph_lit(
        dressed.mesh_head,
        dressed.surface,
        camera,
        ingredients,
        rng,
        worn and overlay,
        lines=lines,
        lighting=lighting,
    )
    cover = _cover(drawn_over[0]) if drawn_over else None
    return Photo(taken.image, taken.fragments, taken.drawn, cover)


def _cover(overlay: Overlay) -> Cover:
    return Cover(overlay.label, overlay.depth)
