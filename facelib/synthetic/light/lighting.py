"""The light that a photo is taken in: an environment all around and one to three lights.

Directions are in the eye frame. The camera is held level, so its y axis is the world's up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facelib.render.render import Light
from facelib.synthetic.light import spherical_harmonics as sh

UP = np.array([0.0, 1.0, 0.0])
PLACES = ("overcast", "sun", "window", "room", "studio", "flash")
PLACE_SHARES = (0.17, 0.16, 0.2, 0.22, 0.15, 0.1)
# A black body's light, linear RGB over green, at these temperatures (Kelvin); 6500 K is white.
KELVIN = (2700.0, 3500.0, 4500.0, 5500.0, 6500.0, 8000.0, 12000.0)
RED = (2.45, 1.71, 1.33, 1.12, 1.0, 0.89, 0.81)
BLUE = (0.24, 0.44, 0.67, 0.86, 1.0, 1.19, 1.50)


@dataclass(frozen=True)
class Lighting:
    """All light on a head.

    Attributes:
        place: the kind of place, one of PLACES, or "plain".
        environment: (9, 3) float64, spherical harmonics of the radiance around, eye frame.
        lights: lights at infinity; the first throws shadows.
        softness_mm: half width of the soft edges of those shadows; 0 for no shadows.
        white: (3,) the light's overall colour, green = 1: what a camera would balance.
    """

    place: str
    environment: np.ndarray
    lights: tuple[Light, ...]
    softness_mm: float
    white: np.ndarray

    @property
    def ambient(self) -> tuple[float, float, float]:
        """Mean radiance from all around, RGB: for what is shaded with one ambient colour."""
        red, green, blue = np.maximum(self.environment[0] / np.sqrt(4 * np.pi), 0.0)
        return float(red), float(green), float(blue)


def plain_lighting(lights: list[Light], ambient: tuple[float, float, float]) -> Lighting:
    """Light that is the same from everywhere, and lights without shadows."""
    return Lighting("plain", sh.uniform(ambient), tuple(lights), 0.0, np.ones(3))


def random_lighting(rng: np.random.Generator) -> Lighting:
    """Draw a place and its light.

    Returns:
        Lighting; before the camera's exposure, a white surface that faces it has about 0.5 to 1.2.
    """
    place = str(rng.choice(PLACES, p=PLACE_SHARES))
    environment, lights, softness_mm = _MAKERS[place](rng)
    turn = rng.uniform(-0.25, 0.25)  # cameras are not quite level
    roll = np.array(
        [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]]
    )
    environment = sh.rotated(environment, roll)
    lights = tuple(Light(roll @ light.direction_eye, light.color) for light in lights)
    return Lighting(place, environment, lights, softness_mm, _white(environment, lights))


def kelvin_color(temperature: float) -> np.ndarray:
    """Return the RGB colour (3,) of light of this temperature, K, with green = 1; 6500 is white."""
    inverse = 1 / np.asarray(KELVIN)
    red = np.interp(-1 / temperature, -inverse, RED)
    return np.array([red, 1.0, np.interp(-1 / temperature, -inverse, BLUE)])


def _overcast(rng):
    """A grey sky, darker ground; hardly a shadow."""
    sky = kelvin_color(rng.uniform(6000, 9000)) * rng.uniform(0.6, 1.0)
    ground = rng.uniform(0.06, 0.28) * rng.uniform([0.8, 0.8, 0.6], [1.1, 1.0, 1.0])
    environment = sh.gradient(UP, sky, ground)
    environment = environment + sh.disc(_toward(rng, 1.6, 0.7), 0.9, sky * rng.uniform(0.1, 0.5))
    return environment, [Light(_toward(rng, 1.2, 0.8), sky * rng.uniform(0.05, 0.25))], 20.0


def _sun(rng):
    """Sun with blue sky, and light from the ground that it shines on."""
    sun = kelvin_color(rng.uniform(3800, 5800)) * rng.uniform(0.55, 1.0)
    sky = kelvin_color(rng.uniform(8000, 12000)) * rng.uniform(0.2, 0.45)
    ground = rng.uniform(0.12, 0.4) * sun * rng.uniform([0.8, 0.75, 0.6], [1.05, 1.0, 1.0])
    lights = [Light(_toward(rng, 1.3, rng.uniform(0.15, 1.1)), sun)]
    return sh.gradient(UP, sky, ground), lights, rng.uniform(2.0, 5.0)


def _window(rng):
    """One large window, a dim room around it."""
    day = kelvin_color(rng.uniform(5500, 8000))
    room = kelvin_color(rng.uniform(3500, 6000)) * rng.uniform(0.08, 0.28)
    at = _toward(rng, 1.5, rng.uniform(-0.1, 0.5))
    environment = sh.gradient(UP, room * 0.8, room * 1.1)
    environment = environment + sh.disc(at, rng.uniform(0.35, 0.75), day * rng.uniform(0.5, 1.4))
    lights = [Light(at, day * rng.uniform(0.3, 0.7))]
    if rng.random() < 0.4:
        lights.append(Light(_toward(rng, 2.2, 0.2), room * rng.uniform(0.5, 1.5)))
    return environment, lights, rng.uniform(7.0, 14.0)


def _room(rng):
    """Lamps at the ceiling and light from the walls."""
    lamp = kelvin_color(rng.uniform(2900, 5500))
    walls = lamp * rng.uniform(0.1, 0.36) * rng.uniform([0.9, 0.9, 0.75], [1.1, 1.0, 1.0])
    environment = sh.gradient(UP, walls * 1.1, walls * rng.uniform(0.4, 0.9))
    lights = [
        Light(_toward(rng, 1.1, rng.uniform(0.3, 1.2)), lamp * rng.uniform(0.3, 0.7))
        for _ in range(int(rng.integers(1, 4)))
    ]
    return environment, lights, rng.uniform(5.0, 12.0)


def _studio(rng):
    """A key light from the side, a weaker fill, often a third light from behind."""
    color = kelvin_color(rng.uniform(4500, 6500))
    side = rng.choice([-1.0, 1.0])
    key = _at(side * rng.uniform(0.2, 1.1), rng.uniform(0.1, 0.8))
    lights = [Light(key, color * rng.uniform(0.55, 0.9))]
    lights.append(Light(_at(-side * rng.uniform(0.2, 1.0), 0.1), color * rng.uniform(0.1, 0.35)))
    if rng.random() < 0.5:
        rim = _at(-side * rng.uniform(2.0, 2.8), rng.uniform(0.1, 0.6))
        lights.append(Light(rim, kelvin_color(rng.uniform(4000, 8000)) * rng.uniform(0.3, 0.8)))
    environment = sh.gradient(UP, color * rng.uniform(0.1, 0.35), color * rng.uniform(0.05, 0.2))
    environment = environment + sh.disc(key, 0.5, color * rng.uniform(0.2, 0.6))
    return environment, lights, rng.uniform(6.0, 16.0)


def _flash(rng):
    """A flash beside the lens in a dim room."""
    room = kelvin_color(rng.uniform(2800, 5000)) * rng.uniform(0.05, 0.3)
    flash = Light(_at(rng.normal(0, 0.06), rng.uniform(0.02, 0.2)), np.full(3, 0.75))
    return sh.gradient(UP, room, room * rng.uniform(0.4, 0.9)), [flash], 2.5


_MAKERS = {
    "overcast": _overcast, "sun": _sun, "window": _window, "room": _room, "studio": _studio,
    "flash": _flash,
}  # fmt: skip


def _toward(rng, spread, height):
    """Unit vector to a light about `height` rad above the horizon, mostly before the face."""
    return _at(rng.normal(0, spread) * 0.7, height + rng.normal(0, 0.15))


def _at(turn, height):
    return np.array([np.sin(turn) * np.cos(height), np.sin(height), np.cos(turn) * np.cos(height)])


def _white(environment, lights):
    light = sh.irradiance(environment, np.array([0.0, 0.0, 1.0]))
    for lamp in lights:
        light = light + np.maximum(lamp.direction_eye[2], 0.0) * lamp.color
    return light / max(light[1], 1e-6)
