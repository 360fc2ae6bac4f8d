"""Random changes of training pairs: rotate, recolour, hide parts (thesis section 2.3).

Beyond the thesis, for real photos: shifted and scaled crops, textures instead of black, and the
faults of cameras and files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from facelib.files.setting import check_types, setting
from facelib.imaging.backgrounds import random_background
from facelib.imaging.effects import grain
from facelib.imaging.imagefiles import to_uint8
from facelib.pairs.change import Change, change_image, change_points
from facelib.pairs.photo_faults import PhotoFaults

N_TEXTURES = 128  # cached per size: drawing a new one takes as long as all other changes
BEST_JPEG = 95  # higher qualities look like the photo itself


@dataclass(frozen=True)
class Augmentation:
    """The ranges of random changes; every draw is uniform and independent for the two photos.

    The defaults are the thesis's recipe, in which everything after `dropout_side` is off.
    """

    rotation_deg: float = setting(
        45.0, "Largest rotation about the crop's centre, either way.", minimum=0.0, maximum=180.0
    )
    # The thesis's text; its code has 0.6 to 1.4.
    channel_scale: tuple[float, float] = setting(
        (0.9, 1.2), "Smallest and largest factor of a colour channel.", minimum=0.0
    )
    dropout_probability: float = setting(
        0.5,
        "Chance of each box that covers a part, black unless textured.",
        option="--dropout",
        minimum=0.0,
        maximum=1.0,
    )
    dropout_boxes: int = setting(1, "Most boxes per photo.", minimum=0)
    dropout_side: tuple[float, float] = setting(
        (0.1, 0.35),
        "Smallest and largest side of a box, share of the crop.",
        minimum=0.0,
        maximum=1.0,
    )
    shift: float = setting(
        0.0, "Largest shift along x and along y, share of the crop.", minimum=0.0, maximum=1.0
    )
    zoom: float = setting(
        0.0, "Largest growth or shrinkage, share of the size.", minimum=0.0, below=1.0
    )
    texture_probability: float = setting(
        0.0,
        "Chance that a box, or the area beyond the photo's edge, shows a texture, not black.",
        minimum=0.0,
        maximum=1.0,
    )
    gamma: float = setting(
        1.0, "Largest exponent on the displayed values, or its inverse; 1 for none.", minimum=1.0
    )
    fault_probability: float = setting(
        0.5, "Chance of each of blur, noise and JPEG.", minimum=0.0, maximum=1.0
    )
    blur: float = setting(
        0.0, "Largest standard deviation of blur, share of the crop.", minimum=0.0, maximum=1.0
    )
    noise: float = setting(
        0.0, "Largest standard deviation of noise, share of white.", minimum=0.0, maximum=1.0
    )
    worst_jpeg: int = setting(
        0, "Lowest JPEG quality, 1 to 95; 0 for no JPEG.", minimum=0, maximum=95
    )

    def __post_init__(self) -> None:
        """Raise ValueError for a value of another type."""
        check_types(self)

    @classmethod
    def for_photos(cls) -> Augmentation:
        """Return the thesis's recipe plus changes for real photos."""
        return cls(
            shift=0.05,
            zoom=0.1,
            texture_probability=0.7,  # below 1: crops beyond a photo's edge are black
            gamma=1.6,
            blur=0.012,
            noise=0.06,
            worst_jpeg=25,
        )


NO_AUGMENTATION = Augmentation(0.0, (1.0, 1.0), 0.0, 0)
PRESETS = {"thesis": Augmentation(), "photos": Augmentation.for_photos()}


def draw_change(size: int, rng: np.random.Generator, settings: Augmentation) -> Change:
    """Draw the change of one photo.

    A setting that is off draws no numbers, and movements are drawn first, so that colour settings
    do not change the vertices.

    Args:
        size: px, side of the photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        The change.
    """
    u = rng.uniform(-1.0, 1.0, 4)
    n_boxes = int((rng.random(settings.dropout_boxes) < settings.dropout_probability).sum())
    sides = np.rint(rng.uniform(*settings.dropout_side, (n_boxes, 2)) * size).astype(np.int64)
    corners = rng.integers(0, np.maximum(size - sides, 0) + 1)
    return Change(
        angle=float(np.deg2rad(settings.rotation_deg) * u[0]),
        zoom=float(1.0 + settings.zoom * u[1]),
        shift_px=settings.shift * size * u[2:],
        channels=rng.uniform(*settings.channel_scale, 3).astype(np.float32),
        boxes=np.concatenate([corners, corners + sides], axis=1),
        fillings=[_draw_texture(width, height, size, rng, settings) for width, height in sides],
        beyond=_draw_texture(size, size, size, rng, settings),
        faults=_draw_faults(size, rng, settings),
    )


def _draw_texture(width, height, size, rng, settings):
    share = settings.texture_probability
    if not share or rng.random() >= share:
        return None
    which, top, left = rng.integers(0, (N_TEXTURES, size, size))
    # A random part of the texture, which is continued periodically.
    moved = np.roll(_textures(size)[which], (-top, -left), axis=(0, 1))
    return moved[:height, :width] * np.float32(1 / 255)


@lru_cache(maxsize=2)
def _textures(size):
    rng = np.random.default_rng(23)
    return np.stack([to_uint8(random_background(rng, size)) for _ in range(N_TEXTURES)])


def _draw_faults(size, rng, settings):
    def has(largest):
        return largest > 0 and rng.random() < settings.fault_probability

    gamma, blur_px, noise, quality = 1.0, 0.0, None, 0
    if settings.gamma != 1.0:
        gamma = settings.gamma ** rng.uniform(-1.0, 1.0)
    if has(settings.blur):
        blur_px = size * rng.uniform(0.0, settings.blur)
    if has(settings.noise):
        deviation = np.float32(rng.uniform(0.0, settings.noise))
        noise = deviation * grain(3 * size**2, rng).reshape(size, size, 3)
    if has(settings.worst_jpeg):
        quality = int(rng.integers(settings.worst_jpeg, BEST_JPEG + 1))
    return PhotoFaults(gamma, blur_px, noise, quality)


def augment(
    front: np.ndarray,
    side: np.ndarray,
    vertices_image: np.ndarray,
    rng: np.random.Generator,
    settings: Augmentation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Change both photos of a pair independently; the vertices follow the front photo.

    Args:
        front: (S, S, 3) RGB, uint8 or float32 in 0..1.
        side: (S, S, 3) RGB, uint8 or float32 in 0..1.
        vertices_image: (V, 3) px, crop frame of the front photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        front and side (S, S, 3) float32 in 0..1, vertices_image (V, 3) float32 px.
    Raises:
        ValueError: if the photos are not square RGB of one size.
    """
    return augment_with_side(front, side, vertices_image, np.zeros((0, 3)), rng, settings)[:3]


def augment_with_side(
    front: np.ndarray,
    side: np.ndarray,
    vertices_image: np.ndarray,
    points_side: np.ndarray,
    rng: np.random.Generator,
    settings: Augmentation,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Augment as `augment` does, with the same draws, and move points of the side photo with it.

    Args:
        front: (S, S, 3), as in `augment`.
        side: (S, S, 3).
        vertices_image: (V, 3).
        points_side: (N, 3) px, crop frame of the side photo.
        rng: draws everything.
        settings: ranges.
    Returns:
        What `augment` returns, and points_side (N, 3) float32 px.
    Raises:
        ValueError: if the photos are not square RGB of one size.
    """
    size = front.shape[0]
    if front.shape != (size, size, 3) or side.shape != front.shape:
        raise ValueError(f"photos must both be (S, S, 3), got {front.shape} and {side.shape}")
    front_change = draw_change(size, rng, settings)
    side_change = draw_change(size, rng, settings)
    return (
        change_image(front, front_change),
        change_image(side, side_change),
        change_points(vertices_image, front_change, size),
        change_points(points_side, side_change, size),
    )
