"""A camera's effects on light: lens blur, vignette, exposure, white balance, noise, tone, JPEG.

The order is a camera's: the lens blurs the image and darkens its corners, the sensor counts photons
(shot noise) and adds its own error (read noise), software balances the colours, applies the tone
curve and stores eight bits, often as JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from PIL import Image

from facelib.imaging.effects import blurred, grain, jpeg

CURVE_STEPS = 4096
CURVE_REACH = 2.0  # light above twice the exposure's white is white
CURVE_KNEE = 0.7  # light above which the tone curve rolls off
SHARP_PX = 0.8  # a background with a smaller blur is not blurred
LEAST_BLUR_PX, LEAST_GRID = 1.5, 16  # px: smallest blur for choosing its grid; smallest grid
GAMMA_STEPS = 20  # steps per unit of gamma in which backgrounds are linearised


class FilmDraws(NamedTuple):
    """Distributions of `random_film`; lengths in px of a photo 256 px wide."""

    exposure_deviation: float = 0.22  # of its logarithm
    balance: tuple[float, float] = (0.65, 1.05)  # share of the light's colour that is removed
    balance_deviation: float = 0.04  # of the logarithm of each colour's factor
    contrast: tuple[float, float] = (0.2, 0.95)
    gamma: tuple[float, float] = (2.05, 2.4)
    vignette: tuple[float, float] = (1.0, 3.0)  # shapes of a beta distribution ...
    most_vignette: float = 0.5  # ... and its scale
    dark_corners: tuple[float, float] = (0.5, 0.9)  # the vignette ...
    dark_corners_share: float = 0.04  # ... of these photos
    lens_blur_px: tuple[float, float] = (0.5, 0.8)
    missed_focus_px: float = 0.5  # mean further blur ...
    missed_focus_share: float = 0.25  # ... in this share of the photos
    shake_px: float = 1.2  # mean path ...
    shake_share: float = 0.15
    depth_blur_shape: float = 1.3  # of a gamma distribution
    depth_blur_px: float = 2.5  # its scale
    depth_blur_share: float = 0.8
    backdrop: tuple[float, float] = (1.5, 2.0)  # shapes of a beta distribution
    grain: tuple[float, float] = (1.2, 4.0)  # the same; 1 is the grainiest film
    shot_noise: float = 4e-3  # variance of the grainiest film, per unit of light
    read_noise: float = 0.012  # standard deviation of the grainiest film
    read_power: float = 1.5  # of the grain
    read_range: tuple[float, float] = (0.2, 1.0)
    jpeg_quality: tuple[int, int] = (35, 96)  # from, and below
    jpeg_share: float = 0.8


DRAWS = FilmDraws()


@dataclass(frozen=True)
class Film:
    """One photo's camera settings.

    Attributes:
        exposure: factor on the light; 1 maps light 1 to white.
        white_balance: (3,) factors on the colours.
        contrast: strength of the tone curve's S, 0 (none) .. 1.
        gamma: of the display; screens expect 2.2.
        vignette: share of the light that the corners lose.
        blur_px: standard deviation of the lens's blur.
        motion_px: (2,) x and y of the image's motion during the exposure.
        depth_blur_px: radius of the background's blur.
        backdrop: factor on the background's saturation: rooms are duller than drawn textures.
        shot_noise: variance of the noise per unit of light.
        read_noise: standard deviation of the noise in the dark.
        jpeg_quality: 1..95, or 0 for no JPEG.
    """

    exposure: float = 1.0
    white_balance: np.ndarray | tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = 0.0
    gamma: float = 2.2
    vignette: float = 0.0
    blur_px: float = 0.0
    motion_px: tuple[float, float] = (0.0, 0.0)
    depth_blur_px: float = 0.0
    backdrop: float = 1.0
    shot_noise: float = 0.0
    read_noise: float = 0.0
    jpeg_quality: int = 0


def random_film(rng: np.random.Generator, white: np.ndarray, size: int) -> Film:
    """Draw a camera's settings.

    Args:
        rng: draws.
        white: (3,) the light's colour, which the camera balances more or less.
        size: side of the photo, px; blur grows with it.
    """
    scale = size / 256
    angle = rng.uniform(0, 2 * np.pi)
    path = rng.gamma(1.0, DRAWS.shake_px) * (rng.random() < DRAWS.shake_share)
    grainy = rng.beta(*DRAWS.grain)
    return Film(
        exposure=float(np.exp(rng.normal(0.0, DRAWS.exposure_deviation))),
        white_balance=_white_balance(rng, white),
        contrast=float(rng.uniform(*DRAWS.contrast)),
        gamma=float(rng.uniform(*DRAWS.gamma)),
        vignette=_vignette(rng),
        blur_px=scale * _lens_blur_px(rng),
        motion_px=(scale * path * np.cos(angle), scale * path * np.sin(angle)),
        depth_blur_px=float(scale * _depth_blur_px(rng)),
        backdrop=float(rng.beta(*DRAWS.backdrop)),
        shot_noise=float(DRAWS.shot_noise * grainy**2),
        read_noise=_read_noise(rng, grainy),
        jpeg_quality=int(rng.integers(*DRAWS.jpeg_quality))
        if rng.random() < DRAWS.jpeg_share
        else 0,
    )


def _white_balance(rng, white):
    balanced = white ** -rng.uniform(*DRAWS.balance)
    return balanced * np.exp(rng.normal(0, DRAWS.balance_deviation, 3))


def _vignette(rng):
    dark, rare = rng.beta(*DRAWS.vignette) * DRAWS.most_vignette, rng.spawn(1)[0]
    if rare.random() < DRAWS.dark_corners_share:
        dark = rare.uniform(*DRAWS.dark_corners)
    return float(dark)


def _lens_blur_px(rng):
    blur = rng.uniform(*DRAWS.lens_blur_px)
    return blur + rng.gamma(1.0, DRAWS.missed_focus_px) * (rng.random() < DRAWS.missed_focus_share)


def _read_noise(rng, grainy):
    noise = DRAWS.read_noise * grainy**DRAWS.read_power
    return float(noise * rng.uniform(*DRAWS.read_range))


def _depth_blur_px(rng):
    blur = rng.gamma(DRAWS.depth_blur_shape, DRAWS.depth_blur_px)
    return blur * (rng.random() < DRAWS.depth_blur_share)


def expose(
    light: np.ndarray, alpha: np.ndarray, background: np.ndarray, film: Film, rng
) -> np.ndarray:
    """Make a photo file from light.

    Args:
        light: (S, S, 3) float32, linear, the head over black.
        alpha: (S, S) float32, the head's share of each pixel. Only this mask decides where the
            background shows, so a dark face keeps its pixels.
        background: (s, s, 3) float32 in 0..1, as displayed; may be coarser if it is blurred.
        film: settings.
        rng: draws the noise.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    seen = _behind_head(
        light, alpha, out_of_focus(background, film.depth_blur_px, len(light)), film
    )
    seen = moved(blurred(seen, film.blur_px), film.motion_px)
    noise = grain(seen.size, rng)
    photo = np.empty(seen.shape, np.uint8)
    gain = np.asarray(film.white_balance, np.float32)
    curve = tone_curve(film.contrast, film.gamma)
    exposure, corner = np.float32(film.exposure), np.float32(film.vignette)
    shot, read = np.float32(film.shot_noise), np.float32(film.read_noise**2)
    _develop(seen, noise, gain, exposure, corner, shot, read, curve, photo)
    return jpeg(photo, film.jpeg_quality) if film.jpeg_quality else photo


def tone_curve(contrast: float, gamma: float = 2.2) -> np.ndarray:
    """Return the tone curve from light 0 .. CURVE_REACH to display values: (CURVE_STEPS,) uint8.

    Up to CURVE_KNEE it is a display's power law with an S from `contrast`; above that a
    shoulder rolls off, so that highlights lose colour before they are clipped.
    """
    light = np.linspace(0, CURVE_REACH, CURVE_STEPS)
    knee, rest = CURVE_KNEE, 1 - CURVE_KNEE
    over = np.maximum(light - knee, 0) / rest
    rolled = np.where(light > knee, knee + rest * (1 - np.exp(-over)), light)
    display = np.clip(rolled, 0, 1) ** (1 / gamma)
    bent = display + contrast * display * (1 - display) * (2 * display - 1)
    return np.rint(np.clip(bent, 0, 1) * 255).astype(np.uint8)


def _behind_head(light, alpha, background, film):
    """Add a displayed background behind linear light.

    Args:
        light: (S, S, 3) float32, the head over black.
        alpha: (S, S) float32.
        background: (S, S, 3) uint8, already exposed well: it is divided by the exposure and the
            white balance that follow.
        film: the film, whose exposure, balance and gamma follow.

    Returns:
        (S, S, 3) float32, linear.
    """
    out = np.empty_like(light)
    undo = np.float32(1 / film.exposure) / np.asarray(film.white_balance, np.float32)
    backdrop = np.float32(film.backdrop)
    _composite(light, alpha, background, _linear_table(film.gamma), undo, backdrop, out)
    return out


def sharpest_size(size: int, radius_px: float) -> int:
    """Return the side of the grid, px, that is enough for a background with this blur."""
    if radius_px < SHARP_PX:
        return size
    return max(int(size / max(radius_px, LEAST_BLUR_PX)), LEAST_GRID)


def out_of_focus(background: np.ndarray, radius_px: float, size: int) -> np.ndarray:
    """Blur a displayed image over a radius and resize it to (size, size, 3) uint8.

    Args:
        background: (s, s, 3) float32 in 0..1 with s from `sharpest_size` up to `size`.
        radius_px: of the blur, in px of the result.
        size: px.
    """
    # Halves are rounded up, not to even as in `to_uint8`: a seed's pairs depend on the last bit.
    image = Image.fromarray((background * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    small = sharpest_size(size, radius_px)
    for side, way in ((small, Image.Resampling.BILINEAR), (size, Image.Resampling.BICUBIC)):
        if image.width != side:
            image = image.resize((side, side), way)
    return np.array(image)


def moved(image: np.ndarray, path_px: tuple[float, float]) -> np.ndarray:
    """Average (H, W, 3) float32 along a straight path of (x, y) px; borders repeat."""
    steps = int(np.ceil(np.hypot(*path_px))) + 1
    if steps < 2:
        return image
    shifts = np.rint(np.outer(np.linspace(-0.5, 0.5, steps), path_px)).astype(np.int64)
    total = np.zeros_like(image)
    _add_shifted(image, shifts, np.float32(1 / steps), total)
    return total


@lru_cache(maxsize=8)
def _power_table(gamma_steps):
    return (np.linspace(0, 1, 256) ** (gamma_steps / GAMMA_STEPS)).astype(np.float32)


def _linear_table(gamma):
    """Linear light of a display's 256 values, (256,) float32."""
    return _power_table(round(gamma * GAMMA_STEPS))


@njit(cache=True)
def _composite(light, alpha, background, linear, undo, saturation, out):
    third, half, top = np.float32(1 / 3), np.float32(0.5), np.float32(255)
    for row in range(light.shape[0]):
        for col in range(light.shape[1]):
            rest = np.float32(1) - alpha[row, col]
            for k in range(3):
                out[row, col, k] = light[row, col, k]
            if rest > 0:
                grey = np.float32(background[row, col, 0]) + np.float32(background[row, col, 1])
                grey = (grey + np.float32(background[row, col, 2])) * third
                for k in range(3):
                    shown = grey + (np.float32(background[row, col, k]) - grey) * saturation
                    shown = min(max(shown + half, np.float32(0)), top)
                    out[row, col, k] += rest * linear[int(shown)] * undo[k]


@njit(cache=True)
def _add_shifted(image, shifts, share, total):
    """Add the image, moved by each (x, y), times `share`; borders repeat."""
    height, width = image.shape[:2]
    for n in range(len(shifts)):
        for row in range(height):
            source = image[min(max(row - shifts[n, 1], 0), height - 1)]
            for col in range(width):
                at = min(max(col - shifts[n, 0], 0), width - 1)
                for k in range(3):
                    total[row, col, k] += source[at, k] * share


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz", "nnan"})
def _develop(light, noise, gain, exposure, vignette, shot, read, curve, out):
    height, width = light.shape[:2]
    steps = np.float32((len(curve) - 1) / CURVE_REACH)
    last, zero, half = np.float32(len(curve) - 1), np.float32(0), np.float32(0.5)
    middle_y, middle_x = np.float32(height - 1) * half, np.float32(width - 1) * half
    per = np.float32(1) / (middle_x * middle_x + middle_y * middle_y + np.float32(1e-9))
    factor, gains = np.empty(3 * width, np.float32), np.empty(3 * width, np.float32)
    index = np.empty(3 * width, np.int32)
    for i in range(3 * width):
        gains[i] = gain[i % 3] * steps
    for row in range(height):
        y = np.float32(row) - middle_y
        for i in range(3 * width):
            x = np.float32(i // 3) - middle_x
            factor[i] = exposure * (np.float32(1) - vignette * (x * x + y * y) * per)
        flat, grain = light[row].reshape(-1), noise[3 * width * row : 3 * width * (row + 1)]
        for i in range(3 * width):
            value = max(flat[i], zero) * factor[i]
            value = (value + grain[i] * np.sqrt(shot * value + read)) * gains[i]
            index[i] = int(min(max(value, zero), last))
        shown = out[row].reshape(-1)
        for i in range(3 * width):
            shown[i] = curve[index[i]]
