"""From a dressed head to a photo: the light that enters the camera, and the film.

This module has the realistic shading and film; `plain` has the simple ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facelib.pairs.annotations import Cover
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.rasterize import Fragments
from facelib.render.render import Light, Rendering
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.light import spherical_harmonics as sh
from facelib.synthetic.light.film import expose, random_film, sharpest_size
from facelib.synthetic.light.lighting import Lighting
from facelib.synthetic.light.material_shading import light_from_around
from facelib.synthetic.light.prints import make_print, random_print
from facelib.synthetic.light.radiance import polynomial, render_radiance
from facelib.synthetic.light.shadows import REACH_MM, SIZE, Lines
from facelib.synthetic.things.drawing import draw_thing, thing_mesh
from facelib.synthetic.worn.outfit import Worn, draw_worn
from facelib.synthetic.worn.ribbons import Ribbons

DrawBackground = Callable[[np.random.Generator, int], np.ndarray]

FINE_GRID_BELOW = 200  # px: smaller photos are rendered at twice their size and averaged
# Things that cast shadows on the skin; brows, lashes and beards are too near to it.
SHADOWY = tuple(NUMBER_OF[name] for name in ("hair", "glasses"))
METERED_LIGHT = 0.22  # the meter's target for the mean linear light of a face ...
METER_PULL = 0.65  # ... and the exponent of its correction: dark skin stays darker than pale
METER_RANGE = (0.4, 4.0)  # the meter's smallest and largest exposure


@dataclass(frozen=True)
class Shot:
    """The light of a head that enters the camera, before any film.

    Attributes:
        image: (S, S, 3) float32, linear RGB over black.
        alpha: (S, S) float32, the head's share of each pixel.
        fragments: (S·k, S·k), as `render.Rendering.fragments`.
        cover: what was drawn over the render; None for nothing.
        drawn: the light, by name; kept among the coefficients.
    """

    image: np.ndarray
    alpha: np.ndarray
    fragments: Fragments
    cover: Cover | None
    drawn: dict


@dataclass(frozen=True)
class Photo:
    """A photo with its ground truth.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        fragments: (S·k, S·k), as `render.Rendering.fragments`.
        cover: what was drawn over the render; None for nothing.
        drawn: light and film, by name; kept among the coefficients.
    """

    image: np.ndarray
    fragments: Fragments
    cover: Cover | None
    drawn: dict


def grid_refinement(camera: Camera) -> int:
    """The factor by which the head is rendered finer than the photo."""
    return 2 if camera.width < FINE_GRID_BELOW else 1


def cover_with(
    rendering: Rendering,
    camera: Camera,
    worn: Worn | None,
    lights: Sequence[Light],
    ambient: np.ndarray | tuple[float, float, float] | None,
    drawn: dict,
) -> Shot:
    """Draw hair and glasses over a render.

    Args:
        rendering: of head and cloth, over black.
        camera: of the photo.
        worn: ribbons and glasses to draw; None for nothing.
        lights: directional, eye frame.
        ambient: (3,) RGB light from everywhere, or (P, 3) for every point of the ribbons.
        drawn: the light, by name.
    """
    if worn is None:
        return Shot(rendering.image, rendering.alpha, rendering.fragments, None, drawn)
    over = draw_worn(rendering, camera, worn, lights, ambient)
    cover = Cover(over.label, over.depth)
    return Shot(over.image, over.alpha, rendering.fragments, cover, drawn)


def shade_lifelike(dressed: Dressed, camera: Camera, lighting: Lighting) -> Shot:
    """Render a head with a surface under an environment's light, with occlusion and shadows.

    Args:
        dressed: with a surface, and perhaps a thing before it.
        camera: of the photo's size.
        lighting: eye frame.
    """
    worn, lines, around = dressed.worn, None, None
    if worn is not None:
        lines = shadow_lines(worn.ribbons)
        normals_eye = worn.ribbons.normals_head @ np.asarray(camera.rotation, np.float32).T
        around = light_from_around(polynomial(lighting.environment, sh.COSINE), normals_eye)
    thing = dressed.thing
    rendering = render_radiance(
        dressed.mesh_head,
        dressed.surface,
        camera,
        lighting,
        grid_refinement(camera),
        lines,
        None if thing is None else thing_mesh(thing.solid),
    )
    drawn = {"lighting": lighting}
    shot = cover_with(rendering, camera, worn, lighting.lights, around, drawn)
    if thing is None:
        return shot
    worn_over = replace(rendering, image=shot.image, alpha=shot.alpha)
    image, alpha, cover = draw_thing(
        worn_over, shot.cover, thing.solid, camera, lighting, dressed.mesh_head
    )
    return replace(shot, image=image, alpha=alpha, cover=cover, drawn=drawn | {"thing": thing.kind})


def shadow_lines(ribbons: Ribbons) -> Lines | None:
    """Return the ribbons that cast shadows, with their width on a shadow map; None without any.

    Every other strand of hair is enough, because shadow maps are blurred.
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


def develop_film(
    shot: Shot,
    lighting: Lighting,
    level: float,
    rng: np.random.Generator,
    draw_background: DrawBackground,
    noise_rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, dict]:
    """Draw a film, expose it by the meter, times the film's own exposure, and make a print.

    Args:
        shot: the light of the head.
        lighting: the light, whose colour the camera balances.
        level: exposure that the meter chose.
        rng: draws film, background and print.
        draw_background: draws an image of a size.
        noise_rng: draws the noise; `rng` by default.

    Returns:
        (S, S, 3) uint8 RGB, and film and print by name.
    """
    way = random_print(rng.spawn(1)[0])
    film = random_film(rng, lighting.white, len(shot.image))
    background = draw_background(rng, sharpest_size(len(shot.image), film.depth_blur_px))
    film = replace(film, exposure=film.exposure * level)
    photo = expose(shot.image, shot.alpha, background, film, noise_rng or rng)
    return make_print(photo, way), {"film": film, "print": way}


def meter(light: np.ndarray, alpha: np.ndarray) -> float:
    """Exposure that a camera would choose for a head, from (S, S, 3) light and (S, S) alpha."""
    size = light.shape[0]
    middle = slice(size // 4, size - size // 4)
    covered = float(alpha[middle, middle].sum())
    if covered < 1:
        return 1.0
    mean = float(light[middle, middle].sum()) / 3 / covered
    return float(np.clip((METERED_LIGHT / max(mean, 1e-4)) ** METER_PULL, *METER_RANGE))
