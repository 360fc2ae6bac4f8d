"""The light of a photo: an environment all around and one to three lights.

Directions are in the eye frame. The camera is held level, so its y axis is the world's up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
MOST_ROLL = 0.25  # rad: cameras are not exactly level
NEARER_FRONT = 0.7  # factor on the spread of azimuths: lights are mostly in front of the face
HEIGHT_DEVIATION = 0.15  # rad
LAMP, DIM, LAMP_SOFTNESS_MM = 0.8, 0.15, 8.0  # of `lamp_lighting`: lamp, room, edge of shadows

Range = tuple[float, float]
Colors = tuple[tuple[float, float, float], tuple[float, float, float]]


class Overcast(NamedTuple):
    """Draws under a grey sky; light is RGB radiance, of which white paper in the sun has about 1.

    Here and below, angles are in rad: spread is the standard deviation of azimuths (times
    `NEARER_FRONT`), height is above the horizon, half angles are of round lights.
    """

    sky_kelvin: Range = (6000, 9000)
    sky: Range = (0.6, 1.0)
    ground: Range = (0.06, 0.28)
    ground_color: Colors = ((0.8, 0.8, 0.6), (1.1, 1.0, 1.0))
    bright_spread: float = 1.6  # of the sky's brightest part
    bright_height: float = 0.7
    bright_angle: float = 0.9
    bright: Range = (0.1, 0.5)  # share of the sky's light
    light_spread: float = 1.2
    light_height: float = 0.8
    light: Range = (0.05, 0.25)  # share of the sky's light
    softness_mm: float = 20.0


class Sun(NamedTuple):
    """Draws in the sun."""

    sun_kelvin: Range = (3800, 5800)
    sun: Range = (0.55, 1.0)
    sky_kelvin: Range = (8000, 12000)
    sky: Range = (0.2, 0.45)
    ground: Range = (0.12, 0.4)  # share of the sun's light
    ground_color: Colors = ((0.8, 0.75, 0.6), (1.05, 1.0, 1.0))
    spread: float = 1.3
    height: Range = (0.15, 1.1)
    softness_mm: Range = (2.0, 5.0)


class Window(NamedTuple):
    """Draws at a window."""

    day_kelvin: Range = (5500, 8000)
    room_kelvin: Range = (3500, 6000)
    room: Range = (0.08, 0.28)
    ceiling: float = 0.8  # share of the room's light
    floor: float = 1.1
    spread: float = 1.5
    height: Range = (-0.1, 0.5)
    half_angle: Range = (0.35, 0.75)
    day: Range = (0.5, 1.4)
    light: Range = (0.3, 0.7)
    lamp_share: float = 0.4  # of the rooms with a lamp
    lamp_spread: float = 2.2
    lamp_height: float = 0.2
    lamp: Range = (0.5, 1.5)  # of the room's light
    softness_mm: Range = (7.0, 14.0)


class Room(NamedTuple):
    """Draws in a lit room."""

    lamp_kelvin: Range = (2900, 5500)
    walls: Range = (0.1, 0.36)
    wall_color: Colors = ((0.9, 0.9, 0.75), (1.1, 1.0, 1.0))
    ceiling: float = 1.1  # share of the walls' light
    floor: Range = (0.4, 0.9)
    spread: float = 1.1
    height: Range = (0.3, 1.2)
    lamp: Range = (0.3, 0.7)
    lamps: tuple[int, int] = (1, 4)  # at least, and fewer than
    softness_mm: Range = (5.0, 12.0)


class PortraitStudio(NamedTuple):
    """Draws in a photographer's studio; azimuths are from straight ahead."""

    kelvin: Range = (4500, 6500)
    key_azimuth: Range = (0.2, 1.1)
    key_height: Range = (0.1, 0.8)
    key: Range = (0.55, 0.9)
    fill_azimuth: Range = (0.2, 1.0)
    fill_height: float = 0.1
    fill: Range = (0.1, 0.35)
    rim_share: float = 0.5  # of the studios with a light from behind
    rim_azimuth: Range = (2.0, 2.8)
    rim_height: Range = (0.1, 0.6)
    rim_kelvin: Range = (4000, 8000)
    rim: Range = (0.3, 0.8)
    above: Range = (0.1, 0.35)
    below: Range = (0.05, 0.2)
    softbox_angle: float = 0.5
    softbox: Range = (0.2, 0.6)
    softness_mm: Range = (6.0, 16.0)


class Flash(NamedTuple):
    """Draws with a flash."""

    room_kelvin: Range = (2800, 5000)
    room: Range = (0.05, 0.3)
    floor: Range = (0.4, 0.9)  # share of the room's light
    azimuth_deviation: float = 0.06
    height: Range = (0.02, 0.2)
    light: float = 0.75
    softness_mm: float = 2.5


OVERCAST, SUN, WINDOW, ROOM, STUDIO, FLASH = (
    place() for place in (Overcast, Sun, Window, Room, PortraitStudio, Flash)
)


@dataclass(frozen=True)
class Lighting:
    """All light on a head.

    Attributes:
        place: the kind of place, one of PLACES, or "plain".
        environment: (9, 3) float64, spherical harmonics of the radiance around, eye frame.
        lights: lights at infinity; the first casts shadows.
        softness_mm: half width of the soft edges of those shadows; 0 for no shadows.
        white: (3,) the light's overall colour, green = 1, for the white balance.
    """

    place: str
    environment: np.ndarray
    lights: tuple[Light, ...]
    softness_mm: float
    white: np.ndarray

    @property
    def ambient(self) -> tuple[float, float, float]:
        """Mean radiance from all directions, RGB, for shading with one ambient colour."""
        red, green, blue = np.maximum(self.environment[0] / np.sqrt(4 * np.pi), 0.0)
        return float(red), float(green), float(blue)


def plain_lighting(lights: list[Light], ambient: tuple[float, float, float]) -> Lighting:
    """Uniform ambient light, and lights without shadows."""
    return Lighting("plain", sh.uniform(ambient), tuple(lights), 0.0, np.ones(3))


def lamp_lighting(azimuth_deg: float, height_deg: float = 20.0) -> Lighting:
    """One lamp in a dim room, to see what the direction of light does.

    Args:
        azimuth_deg: of the lamp, 0 from the camera and toward +x.
        height_deg: of the lamp above the horizon.
    """
    lamp = Light(_at(*np.radians([azimuth_deg, height_deg])), np.full(3, LAMP))
    environment = sh.uniform((DIM, DIM, DIM))
    return Lighting("lamp", environment, (lamp,), LAMP_SOFTNESS_MM, np.ones(3))


def random_lighting(rng: np.random.Generator) -> Lighting:
    """Draw a place and its light.

    Returns:
        Lighting; before the camera's exposure, a white surface that faces it has about 0.5 to 1.2.
    """
    place = str(rng.choice(PLACES, p=PLACE_SHARES))
    environment, lights, softness_mm = _MAKERS[place](rng)
    angle = rng.uniform(-MOST_ROLL, MOST_ROLL)
    c, s = np.cos(angle), np.sin(angle)
    roll = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]])
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
    sky = kelvin_color(rng.uniform(*OVERCAST.sky_kelvin)) * rng.uniform(*OVERCAST.sky)
    ground = rng.uniform(*OVERCAST.ground) * rng.uniform(*OVERCAST.ground_color)
    brightest = _toward(rng, OVERCAST.bright_spread, OVERCAST.bright_height)
    bright = sh.disc(brightest, OVERCAST.bright_angle, sky * rng.uniform(*OVERCAST.bright))
    light = Light(
        _toward(rng, OVERCAST.light_spread, OVERCAST.light_height),
        sky * rng.uniform(*OVERCAST.light),
    )
    return sh.gradient(UP, sky, ground) + bright, [light], OVERCAST.softness_mm


def _sun(rng):
    """Sun with blue sky, and light from the sunlit ground."""
    sun = kelvin_color(rng.uniform(*SUN.sun_kelvin)) * rng.uniform(*SUN.sun)
    sky = kelvin_color(rng.uniform(*SUN.sky_kelvin)) * rng.uniform(*SUN.sky)
    ground = rng.uniform(*SUN.ground) * sun * rng.uniform(*SUN.ground_color)
    lights = [Light(_toward(rng, SUN.spread, rng.uniform(*SUN.height)), sun)]
    return sh.gradient(UP, sky, ground), lights, rng.uniform(*SUN.softness_mm)


def _window(rng):
    """One large window, a dim room around it."""
    day = kelvin_color(rng.uniform(*WINDOW.day_kelvin))
    room = kelvin_color(rng.uniform(*WINDOW.room_kelvin)) * rng.uniform(*WINDOW.room)
    window = _toward(rng, WINDOW.spread, rng.uniform(*WINDOW.height))
    environment = sh.gradient(UP, room * WINDOW.ceiling, room * WINDOW.floor)
    half_angle = rng.uniform(*WINDOW.half_angle)
    environment = environment + sh.disc(window, half_angle, day * rng.uniform(*WINDOW.day))
    lights = [Light(window, day * rng.uniform(*WINDOW.light))]
    if rng.random() < WINDOW.lamp_share:
        toward = _toward(rng, WINDOW.lamp_spread, WINDOW.lamp_height)
        lights.append(Light(toward, room * rng.uniform(*WINDOW.lamp)))
    return environment, lights, rng.uniform(*WINDOW.softness_mm)


def _room(rng):
    """Lamps at the ceiling and light from the walls."""
    lamp = kelvin_color(rng.uniform(*ROOM.lamp_kelvin))
    walls = lamp * rng.uniform(*ROOM.walls) * rng.uniform(*ROOM.wall_color)
    environment = sh.gradient(UP, walls * ROOM.ceiling, walls * rng.uniform(*ROOM.floor))
    lights = [
        Light(_toward(rng, ROOM.spread, rng.uniform(*ROOM.height)), lamp * rng.uniform(*ROOM.lamp))
        for _ in range(int(rng.integers(*ROOM.lamps)))
    ]
    return environment, lights, rng.uniform(*ROOM.softness_mm)


def _studio(rng):
    """A key light from the side, a weaker fill, often a third light from behind."""
    color = kelvin_color(rng.uniform(*STUDIO.kelvin))
    side = rng.choice([-1.0, 1.0])
    key = _at(side * rng.uniform(*STUDIO.key_azimuth), rng.uniform(*STUDIO.key_height))
    lights = [Light(key, color * rng.uniform(*STUDIO.key))]
    fill = _at(-side * rng.uniform(*STUDIO.fill_azimuth), STUDIO.fill_height)
    lights.append(Light(fill, color * rng.uniform(*STUDIO.fill)))
    if rng.random() < STUDIO.rim_share:
        rim = _at(-side * rng.uniform(*STUDIO.rim_azimuth), rng.uniform(*STUDIO.rim_height))
        rim_color = kelvin_color(rng.uniform(*STUDIO.rim_kelvin))
        lights.append(Light(rim, rim_color * rng.uniform(*STUDIO.rim)))
    above, below = color * rng.uniform(*STUDIO.above), color * rng.uniform(*STUDIO.below)
    softbox = sh.disc(key, STUDIO.softbox_angle, color * rng.uniform(*STUDIO.softbox))
    return sh.gradient(UP, above, below) + softbox, lights, rng.uniform(*STUDIO.softness_mm)


def _flash(rng):
    """A flash close to the lens in a dim room."""
    room = kelvin_color(rng.uniform(*FLASH.room_kelvin)) * rng.uniform(*FLASH.room)
    toward = _at(rng.normal(0, FLASH.azimuth_deviation), rng.uniform(*FLASH.height))
    flash = Light(toward, np.full(3, FLASH.light))
    environment = sh.gradient(UP, room, room * rng.uniform(*FLASH.floor))
    return environment, [flash], FLASH.softness_mm


_MAKERS = {
    "overcast": _overcast,
    "sun": _sun,
    "window": _window,
    "room": _room,
    "studio": _studio,
    "flash": _flash,
}


def _toward(rng, spread, height):
    """Draw the unit vector to a light about `height` above the horizon."""
    return _at(rng.normal(0, spread) * NEARER_FRONT, height + rng.normal(0, HEIGHT_DEVIATION))


def _at(azimuth, height):
    """Unit vector at an azimuth, 0 from the camera and toward +x, and a height, rad."""
    flat = np.cos(height)
    return np.array([np.sin(azimuth) * flat, np.sin(height), np.cos(azimuth) * flat])


def _white(environment, lights):
    """Colour of a white surface that faces the camera, green = 1."""
    light = sh.irradiance(environment, np.array([0.0, 0.0, 1.0]))
    for lamp in lights:
        light = light + np.maximum(lamp.direction_eye[2], 0.0) * lamp.color
    return light / max(light[1], 1e-6)
