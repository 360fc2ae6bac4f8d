"""The plain studio: the function of each step whose ingredient is off.

A head without age, sex or origin, simple expressions, flat paint, lights without shadows, a simple
film. Chapter 6 begins with these photos and adds the ingredients one by one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from facelib.face.headmodel import MorphableModel
from facelib.imaging.effects import NOISE_STOCK, grain, to_display
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.synthetic.dressing import Dressed
from facelib.synthetic.light.lens import log_uniform
from facelib.synthetic.light.lighting import Lighting, plain_lighting
from facelib.synthetic.looks.appearance import random_appearance
from facelib.synthetic.looks.atlas import Atlas
from facelib.synthetic.looks.brushes import plain_skin_color
from facelib.synthetic.looks.plain_paint import paint_page
from facelib.synthetic.people.expressions import Recipe, look, raise_action
from facelib.synthetic.people.population import LIMIT
from facelib.synthetic.person import Person
from facelib.synthetic.photo import DrawBackground, Shot, cover_with, grid_refinement
from facelib.synthetic.skin import Skin

N_SHAPE = 60  # coefficients of a plain person's shape
DISTANCE_MM = (400.0, 2500.0)  # from an arm's length to across a room
SHININESS = 24.0
FILM_NOISE_SEED = 5

# Groups of actions with their full strengths; a draw scales a group and each action in it.
RECIPES: dict[str, Recipe] = {
    "neutral": {},
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.6, "eyeSquint": 0.4, "mouthDimple": 0.3},
    "laugh": {
        "mouthSmile": 0.9,
        "jawOpen": 0.45,
        "cheekSquint": 0.8,
        "mouthUpperUp": 0.5,
        "eyeSquint": 0.5,
    },
    "speech_a": {"jawOpen": 0.5, "mouthLowerDown": 0.4, "mouthUpperUp": 0.2},
    "speech_o": {"mouthFunnel": 0.7, "jawOpen": 0.3},
    "speech_u": {"mouthPucker": 0.8, "jawOpen": 0.1},
    "surprise": {"browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.8, "jawOpen": 0.45},
    "frown": {"browDown": 0.9, "mouthFrown": 0.6, "noseSneer": 0.3, "mouthPress": 0.4},
    "sad": {"browInnerUp": 0.8, "mouthFrown": 0.8, "mouthShrugLower": 0.4},
    "blink": {"eyeBlink": 1.0},
}
RECIPE_SHARES = (0.28, 0.17, 0.1, 0.1, 0.06, 0.05, 0.07, 0.07, 0.04, 0.06)
SECOND_RECIPE_SHARE = 0.25
OVERALL_STRENGTH, ACTION_STRENGTH = (0.2, 1.0), (0.6, 1.2)  # of a recipe, and of each action in it
TWITCHES = {"eyeBlink": 0.35, "browInnerUp": 0.25, "mouthPress": 0.2}  # each in half of the faces
BOTH_HALVES = {"Left": 1.0, "Right": 1.0}
UNEVENNESS = (0.8, 1.2)  # of the left and the right half of a face
GAZE, FARTHEST_GAZE = 0.3, 0.8  # standard deviation and limit, 1 = as far as eyes go

AMBIENT = (0.12, 0.5)
MAIN_LIGHT, OTHER_LIGHT = (0.55, 0.85), (0.1, 0.45)  # strengths, times 1 − ambient
LIGHT_BUDGET = 1.15
DIRECTION_SPREAD = (1.0, 0.7, 0.6)
MAIN_DIRECTION, OTHER_DIRECTION = (0.0, 0.45, 0.9), (0.0, 0.45, 0.2)
# A light's colour by its warmth: candle, white, blue sky.
WARMTH, RED, BLUE = (0.0, 0.5, 1.0), (1.2, 1.0, 0.82), (0.6, 1.0, 1.25)

LOG_EXPOSURE, GAMMA = (-0.35, 0.35), (1.9, 2.6)
BLURRED_SHARE, BLUR_PX = 0.4, (0.2, 1.1)  # of photos; standard deviation in a photo of 256 px
MOST_NOISE = 0.03  # standard deviation, of half of the photos


class PlainLight(NamedTuple):
    """Lights without shadows, and ambient light.

    Attributes:
        lights: one to three, eye frame.
        ambient: RGB.
    """

    lights: list[Light]
    ambient: tuple[float, float, float]


def random_person(rng: np.random.Generator, held_out: bool = False) -> Person:
    """Draw a person without age, sex or origin.

    Args:
        rng: draws.
        held_out: unused: only the seed separates these people.
    """
    shape = np.clip(rng.standard_normal(N_SHAPE), -LIMIT, LIMIT)
    return Person(shape, random_appearance(rng))


def draw_no_thing(rng: np.random.Generator, dressed: Dressed) -> None:
    """Leave the view of a face free."""


def random_plain_strengths(rng: np.random.Generator, names: tuple[str, ...]) -> np.ndarray:
    """Draw a plausible expression: one recipe, sometimes a second, small motions, a gaze.

    Args:
        rng: draws.
        names: the head model's actions, in order.

    Returns:
        (len(names),) float64, strengths 0..1.
    """
    strengths = dict.fromkeys(names, 0.0)
    count = 2 if rng.random() < SECOND_RECIPE_SHARE else 1
    for name in rng.choice(list(RECIPES), size=count, replace=False, p=RECIPE_SHARES):
        overall = rng.uniform(*OVERALL_STRENGTH)
        for action, full in RECIPES[name].items():
            amount = full * overall * rng.uniform(*ACTION_STRENGTH)
            raise_action(strengths, action, amount, rng, BOTH_HALVES, UNEVENNESS)
    for action, most in TWITCHES.items():
        amount = rng.uniform(0, most) * (rng.random() < 0.5)
        raise_action(strengths, action, amount, rng, BOTH_HALVES, UNEVENNESS)
    look(strengths, *np.clip(rng.normal(0, GAZE, 2), -FARTHEST_GAZE, FARTHEST_GAZE))
    return np.clip([strengths[name] for name in names], 0, 1)


def draw_expression(
    rng: np.random.Generator, head: MorphableModel, shape: np.ndarray
) -> np.ndarray:
    """Draw strengths of the head model's actions: (E,) float64; the shape is not used."""
    return random_plain_strengths(rng, head.expression_names)


def random_distance_mm(rng: np.random.Generator) -> float:
    """Draw the camera's distance, log-uniformly."""
    return log_uniform(rng, DISTANCE_MM)


def paint_skin_plainly(
    rng: np.random.Generator,
    person: Person,
    strengths: np.ndarray,
    head: MorphableModel,
    atlas: Atlas,
) -> Skin:
    """Paint a person's looks on a smooth page; draws nothing and ignores the expression."""
    looks = person.appearance
    bare = plain_skin_color(*np.array([looks.melanin, looks.blood]))
    return Skin(paint_page(looks, atlas), bare)


def random_lights(rng: np.random.Generator) -> PlainLight:
    """Draw one to three lights and ambient light.

    A white surface that faces the first light has about 0.6 to 1.1.
    """
    ambient = rng.uniform(*AMBIENT)
    lights = []
    for k in range(int(rng.integers(1, 4))):
        toward = MAIN_DIRECTION if k == 0 else OTHER_DIRECTION
        direction = rng.normal(size=3) * DIRECTION_SPREAD + toward
        strength = rng.uniform(*(MAIN_LIGHT if k == 0 else OTHER_LIGHT)) * (LIGHT_BUDGET - ambient)
        lights.append(Light(direction, strength * _tint(rng)))
    return PlainLight(lights, tuple(ambient * _tint(rng)))


def random_plain_lighting(rng: np.random.Generator) -> Lighting:
    """Draw plain lights for a head with a surface."""
    return plain_lighting(*random_lights(rng))


def shade(dressed: Dressed, camera: Camera, light: PlainLight) -> Shot:
    """Render with smooth Lambert shading and Blinn's highlight, as in chapter 2.

    Args:
        dressed: the person to photograph.
        camera: of the photo's size.
        light: eye frame.
    """
    rendering = render(
        dressed.mesh_head,
        camera,
        light.lights,
        light.ambient,
        specular=dressed.gloss,
        supersample=grid_refinement(camera),
        normals=dressed.normals_head,
        shininess=SHININESS,
        cull_back=True,
    )
    drawn = {"lights": light.lights, "ambient": light.ambient}
    return cover_with(rendering, camera, dressed.worn, light.lights, light.ambient, drawn)


def no_meter(light: np.ndarray, alpha: np.ndarray) -> float:
    """Expose every photo alike: 1."""
    return 1.0


def develop(
    shot: Shot,
    light: PlainLight | Lighting,
    level: float,
    rng: np.random.Generator,
    draw_background: DrawBackground,
    noise_rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, dict]:
    """Add a background behind the head, and draw exposure, contrast, blur and noise.

    Args:
        shot: the head.
        light: not used by this film.
        level: exposure that the meter chose.
        rng: draws.
        draw_background: draws an image of a size.
        noise_rng: draws the noise's pattern; `rng` by default.

    Returns:
        (S, S, 3) uint8 RGB, and an empty dict.
    """
    size = len(shot.image)
    background = draw_background(rng, size)
    share = shot.alpha[..., None]
    head = np.minimum(shot.image * np.float32(level), 1) / np.maximum(share, np.float32(1e-3))
    photo = to_display(head, np.exp(rng.uniform(*LOG_EXPOSURE)), rng.uniform(*GAMMA))
    photo = photo * share + background * (1 - share)
    if rng.random() < BLURRED_SHARE:
        sigma = rng.uniform(*BLUR_PX) * size / 256
        photo = gaussian_filter(photo, (sigma, sigma, 0), truncate=2.5)
    noise = rng.uniform(0, MOST_NOISE) * rng.choice([0, 1])
    if noise:
        photo = photo + _noise(noise_rng or rng, photo.size).reshape(photo.shape) * np.float32(
            noise
        )
    return (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8), {}


def _noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Standard normal numbers: (count,) float32."""
    stretch = grain(count, rng, FILM_NOISE_SEED)
    # Photos larger than the stock draw their own numbers, so that a seed's pairs do not change.
    return stretch if count <= NOISE_STOCK else rng.standard_normal(count, np.float32)


def _tint(rng: np.random.Generator) -> np.ndarray:
    """A light's colour from candle (0) to blue sky (1), mostly near white."""
    warmth = rng.beta(3, 3)
    return np.array([np.interp(warmth, WARMTH, RED), 1.0, np.interp(warmth, WARMTH, BLUE)])
