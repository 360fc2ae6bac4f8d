"""A photo with the ingredients skin, light and film: what `photograph` is for a plain head.

Each ingredient works without the others: without `skin` the page is the plain one and has no
relief, without `light` lights are plain and throw no shadows, without `film` the plain film serves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from facelib.face.headmodel import MorphableModel
from facelib.geometry.mesh import Mesh
from facelib.imaging.backgrounds import describable_textures, random_background
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments
from facelib.render.render import Rendering
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.film import Film, expose, random_film, sharpest_size
from facelib.synthetic.light.lighting import Lighting, plain_lighting, random_lighting
from facelib.synthetic.light.radiance import Surface, render_radiance
from facelib.synthetic.light.shadows import Lines
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.looks.complexion import Complexion
from facelib.synthetic.looks.relief import texel_slopes
from facelib.synthetic.looks.skin_paint import Painting
from facelib.synthetic.scene import develop, random_lights
from facelib.synthetic.worn.ribbons import Overlay

FINE_GRID_BELOW = 200  # px: smaller photos are rendered at twice their size and averaged
METERED_LIGHT = 0.22  # mean linear light of a face that the meter aims at ...
METER_PULL = 0.65  # ... and the exponent that it goes there with: dark skin stays darker than pale
METER_RANGE = (0.4, 4.0)  # smallest and largest exposure that the meter chooses


class Material(NamedTuple):
    """How a surface mirrors and scatters light.

    Attributes:
        gloss: strength of mirrored light; 1 is what skin's refraction gives.
        roughness: GGX's alpha, 0..1.
        scatter: 1 where light travels below the surface as in skin, 0 where it does not.
    """

    gloss: float
    roughness: float
    scatter: float


# Regions of the head whose material is not the person's own skin.
MATERIALS = {
    "lips": Material(1.5, 0.32, 1.0),
    "ears": Material(0.7, 0.5, 1.0),
    "scalp": Material(0.45, 0.6, 0.4),
    "neck": Material(0.6, 0.55, 1.0),
    "mouth_cavity": Material(0.5, 0.3, 0.0),
    "eye_sockets": Material(1.0, 0.3, 1.0),
    "teeth": Material(1.6, 0.22, 0.3),
    "tongue": Material(1.2, 0.35, 0.5),
    "eyeballs": Material(2.4, 0.1, 0.0),
}
PLAIN_SKIN = Material(0.8, 0.42, 1.0)  # where no complexion was drawn
CLOTH = Material(0.15, 0.8, 0.0)  # everything that is no part of the head model
NOSE_GLOSS, NOSE_FRONT_MM = 1.25, 80.0  # the nose shines more in front of this z, head frame
MOUTH_REGIONS = ("mouth_cavity", "teeth", "tongue")  # their darkness is in their colours
# Shares of the sky that are set by hand: the mouth is painted dark already, lids and sockets hide
# an eyeball that the mean head shows, and cloth lies open.
MOUTH_OPENNESS, EYEBALL_OPENNESS, CLOTH_OPENNESS = 0.8, 0.6, 0.9


@dataclass(frozen=True)
class HeadMaterials:
    """Materials of the head's vertices, of everybody.

    Attributes:
        openness: (N,) float32, the share of the sky that the mean head leaves.
        gloss: (N,) float32, relative to skin = 1.
        roughness: (N,) float32; 0 where the person's skin decides.
        scatter: (N,) float32.
        inside: (N,) bool: mouth, teeth and tongue, which keep the darkness of their colours.
        texel_slopes: (N, 6) float32, head frame, 1/mm.
        is_eye: (M,) bool.
    """

    openness: np.ndarray
    gloss: np.ndarray
    roughness: np.ndarray
    scatter: np.ndarray
    inside: np.ndarray
    texel_slopes: np.ndarray
    is_eye: np.ndarray


@dataclass(frozen=True)
class LitPhoto:
    """A photo and what it was taken with.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        fragments: (H·k, W·k), as `render.Rendering.fragments`.
        drawn: light and film, by name.
    """

    image: np.ndarray
    fragments: Fragments
    drawn: dict


def build_materials(model: MorphableModel, atlas: Atlas) -> HeadMaterials:
    """Prepare the head's materials; takes a moment, so keep them."""
    count = len(model.mean_head)
    gloss, roughness = np.ones(count, np.float32), np.zeros(count, np.float32)
    scatter = np.ones(count, np.float32)
    for name, material in MATERIALS.items():
        members = model.regions[name]
        gloss[members], roughness[members], scatter[members] = material
    gloss[model.regions["nose"] & (model.mean_head[:, 2] > NOSE_FRONT_MM)] = NOSE_GLOSS
    inside = np.any([model.regions[name] for name in MOUTH_REGIONS], axis=0)
    openness = atlas.openness()
    openness[inside] = MOUTH_OPENNESS
    openness[model.regions["eyeballs"]] = EYEBALL_OPENNESS
    slopes = texel_slopes(model.mean_head, model.triangles, atlas.uv, atlas.size)
    slopes[inside] = 0
    is_eye = model.regions["eyeballs"][model.triangles].all(axis=1)
    return HeadMaterials(
        openness.astype(np.float32), gloss, roughness, scatter, inside, slopes, is_eye
    )


def make_surface(
    mesh_head: Mesh,
    normals_head: np.ndarray,
    materials: HeadMaterials,
    skin: Complexion | None = None,
    painting: Painting | None = None,
    bare: np.ndarray | None = None,
) -> Surface:
    """Give a dressed mesh, whose head comes first, its surface.

    Args:
        mesh_head: head and whatever it wears.
        normals_head: (N, 3) float, outward.
        materials: of the head's vertices.
        skin: whose oil and roughness count; plain skin if none.
        painting: whose relief counts; none if none.
        bare: (N,) bool: vertices that are skin though no part of the head; none if none.
    """
    count, head = len(mesh_head.vertices), len(materials.openness)
    gloss, roughness = (skin.oil, skin.roughness) if skin else PLAIN_SKIN[:2]
    is_eye = np.zeros(len(mesh_head.triangles), bool)
    is_eye[: len(materials.is_eye)] = materials.is_eye
    own = materials.roughness > 0
    others = np.tile(np.float32(CLOTH), (count - head, 1))
    if bare is not None:
        others[bare[head:]] = MATERIALS["neck"]
    return Surface(
        normals_head,
        _extended(materials.openness, np.full(count - head, CLOTH_OPENNESS)),
        _extended(materials.gloss * np.where(own, 1.0, gloss), others[:, 0]),
        _extended(np.where(own, materials.roughness, roughness), others[:, 1]),
        _extended(materials.scatter, others[:, 2]),
        np.concatenate([materials.texel_slopes, np.zeros((count - head, 6), np.float32)]),
        painting.relief if painting else None,
        is_eye,
    )


def with_colors(mesh_head: Mesh, materials: HeadMaterials) -> Mesh:
    """Return the mesh with its head darkened by openness when lit, not by its vertex colours."""
    colors = np.array(mesh_head.colors)
    colors[: len(materials.inside)][~materials.inside] = 1.0
    return replace(mesh_head, colors=colors)


def photograph_lit(
    mesh_head: Mesh,
    surface: Surface,
    camera: Camera,
    ingredients: Ingredients,
    rng: np.random.Generator,
    overlay: Callable[[Rendering, Lighting], Overlay] | None = None,
    lighting: Lighting | None = None,
    lines: Lines | None = None,
) -> LitPhoto:
    """Take a photo of a head.

    Args:
        mesh_head: textured head, mm.
        surface: of the same vertices.
        camera: of the photo's size.
        ingredients: whether light and film are drawn or plain.
        rng: draws light, background and film.
        overlay: draws hair or glasses over the head, under the same light, before the film.
        lighting: instead of one that is drawn.
        lines: the same hair and glasses, to throw their shadows.
    """
    if lighting is None:
        lighting = (
            random_lighting(rng) if ingredients.light else plain_lighting(*random_lights(rng))
        )
    fine = 2 if camera.width < FINE_GRID_BELOW else 1
    shot = render_radiance(mesh_head, surface, camera, lighting, fine, lines)
    fragments = shot.fragments
    if overlay is not None:
        shot = overlay(shot, lighting)
    if ingredients.film:
        film = random_film(rng, lighting.white, camera.width)
        side = sharpest_size(camera.width, film.depth_blur_px)
        background = random_background(rng, side, describable_textures())
        film = metered(film, shot.image, shot.alpha)
        image = expose(shot.image, shot.alpha, background, film, rng)
        return LitPhoto(image, fragments, {"lighting": lighting, "film": film})
    background = random_background(rng, camera.width, describable_textures())
    level = meter(shot.image, shot.alpha) if ingredients.light else 1.0
    light = np.minimum(shot.image * np.float32(level), 1)
    image = develop(light, shot.alpha, background, rng)
    return LitPhoto(image, fragments, {"lighting": lighting})


def meter(light: np.ndarray, alpha: np.ndarray) -> float:
    """Exposure that a camera would choose for the head, of (S, S, 3) light and (S, S) alpha."""
    size = light.shape[0]
    middle = slice(size // 4, size - size // 4)
    covered = float(alpha[middle, middle].sum())
    if covered < 1:
        return 1.0
    mean = float(light[middle, middle].sum()) / 3 / covered
    return float(np.clip((METERED_LIGHT / max(mean, 1e-4)) ** METER_PULL, *METER_RANGE))


def metered(film: Film, light: np.ndarray, alpha: np.ndarray) -> Film:
    """Return the film with the meter's exposure times its own."""
    return replace(film, exposure=film.exposure * meter(light, alpha))


def _extended(values, others):
    return np.concatenate([values, others]).astype(np.float32)
