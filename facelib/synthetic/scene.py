"""How a synthetic photo is taken: expression of the face, pose, camera and crop, light, film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from facelib.imaging.crop import Crop
from facelib.imaging.effects import to_display
from facelib.render.camera import Camera
from facelib.render.render import Light

DISTANCE_MM = (400.0, 2500.0)  # from an arm's length to the other side of a room
NOMINAL_SCALE = 2.0  # px per mm of the imagined whole photo; the crop decides the real one

# Actions that go together, with their full strengths; a draw scales them together and one by one.
RECIPES: dict[str, dict[str, float]] = {
    "neutral": {},
    "smile": {"mouthSmile": 0.8, "cheekSquint": 0.6, "eyeSquint": 0.4, "mouthDimple": 0.3},
    "laugh": {
        "mouthSmile": 0.9, "jawOpen": 0.45, "cheekSquint": 0.8, "mouthUpperUp": 0.5,
        "eyeSquint": 0.5,
    },
    "speech_a": {"jawOpen": 0.5, "mouthLowerDown": 0.4, "mouthUpperUp": 0.2},
    "speech_o": {"mouthFunnel": 0.7, "jawOpen": 0.3},
    "speech_u": {"mouthPucker": 0.8, "jawOpen": 0.1},
    "surprise": {"browInnerUp": 0.9, "browOuterUp": 0.8, "eyeWide": 0.8, "jawOpen": 0.45},
    "frown": {"browDown": 0.9, "mouthFrown": 0.6, "noseSneer": 0.3, "mouthPress": 0.4},
    "sad": {"browInnerUp": 0.8, "mouthFrown": 0.8, "mouthShrugLower": 0.4},
    "blink": {"eyeBlink": 1.0},
}  # fmt: skip
RECIPE_SHARES = (0.28, 0.17, 0.1, 0.1, 0.06, 0.05, 0.07, 0.07, 0.04, 0.06)


@dataclass(frozen=True)
class PoseRange:
    """Which poses are drawn, evenly; the sign of a side view's yaw is drawn as well.

    Attributes:
        front_yaw_deg: largest |yaw| of a front view.
        side_yaw_deg: smallest and largest |yaw| of a side view.
        pitch_deg: largest |pitch| of both.
        roll_deg: largest |roll| of both.
    """

    front_yaw_deg: float
    side_yaw_deg: tuple[float, float]
    pitch_deg: float
    roll_deg: float


# The thesis's ranges (section 4.2), and all that counts as a front and as a side, heads nodding and
# tilting as they do in photos that nobody posed for. Hardly one in 20 of those is also one of the
# thesis's: hence half of each.
POSES = {
    "thesis": (PoseRange(14.0, (67.5, 100.0), 9.0, 9.0),),
    "wide": (PoseRange(45.0, (45.0, 100.0), 25.0, 20.0),),
}
POSES["mixed"] = POSES["thesis"] + POSES["wide"]


@dataclass(frozen=True)
class View:
    """One photo's geometry.

    Attributes:
        camera: renders directly into the crop.
        pose_deg: (3,) float32, pitch, yaw, roll.
    """

    camera: Camera
    pose_deg: np.ndarray

    @property
    def distance_mm(self) -> float:
        """From the camera to the head's origin."""
        return -float(self.camera.translation_eye[2])


def random_expression(rng: np.random.Generator, names: tuple[str, ...]) -> np.ndarray:
    """Draw a plausible expression: one recipe, now and then a second, small motions, a gaze.

    Args:
        rng: draws.
        names: the model's actions, in order.

    Returns:
        (len(names),) float64, strengths 0..1.
    """
    strengths = dict.fromkeys(names, 0.0)
    count = 2 if rng.random() < 0.25 else 1
    for recipe in rng.choice(list(RECIPES), size=count, replace=False, p=RECIPE_SHARES):
        overall = rng.uniform(0.2, 1.0)
        for action, full in RECIPES[recipe].items():
            _add(strengths, action, full * overall * rng.uniform(0.6, 1.2), rng)
    for action, most in (("eyeBlink", 0.35), ("browInnerUp", 0.25), ("mouthPress", 0.2)):
        _add(strengths, action, rng.uniform(0, most) * (rng.random() < 0.5), rng)
    _add_gaze(strengths, rng)
    return np.clip([strengths[name] for name in names], 0, 1)


def random_pose_deg(
    rng: np.random.Generator, side: bool, ranges: Sequence[PoseRange] = POSES["thesis"]
) -> np.ndarray:
    """Draw pitch, yaw, roll, degrees, of a front or a side view: (3,) float32.

    Args:
        rng: draws.
        side: whether it is a side view.
        ranges: of poses, each as likely as the others.
    """
    # One range draws nothing: pairs of these presets are what they were before there were mixtures.
    poses = ranges[rng.integers(len(ranges)) if len(ranges) > 1 else 0]
    most = (poses.pitch_deg, poses.front_yaw_deg, poses.roll_deg)
    pitch, yaw, roll = rng.uniform(-1, 1, 3) * most
    if side:
        yaw = rng.choice([-1.0, 1.0]) * rng.uniform(*poses.side_yaw_deg)
    return np.array([pitch, yaw, roll], np.float32)


def random_distance_mm(rng: np.random.Generator) -> float:
    """Draw how far the camera stands; every ratio of distances is equally likely."""
    return float(np.exp(rng.uniform(*np.log(DISTANCE_MM))))


def frame_view(
    keypoints_head: np.ndarray,
    pose_deg: np.ndarray,
    distance_mm: float,
    size: int,
    rng: np.random.Generator,
) -> View:
    """Point a camera and cut the photo about the 68 keypoints as in training (listing A.1).

    Args:
        keypoints_head: (68, 3) float, mm.
        pose_deg: (3,) pitch, yaw, roll.
        distance_mm: from the camera to the head's origin.
        size: side of the crop, px.
        rng: jitters the crop.
    """
    pose = tuple(np.radians(np.asarray(pose_deg, float)))
    whole = Camera.perspective(pose, distance_mm, NOMINAL_SCALE * distance_mm)
    crop = Crop.around_keypoints(whole.head_to_image(keypoints_head), size).jittered(rng)
    return View(whole.cropped(crop), np.asarray(pose_deg, np.float32))


def random_lights(rng: np.random.Generator) -> tuple[list[Light], tuple[float, float, float]]:
    """Draw one to three lights and light from everywhere.

    Returns:
        lights, and ambient RGB; a white surface that faces the first light has about 0.6 to 1.1.
    """
    ambient = rng.uniform(0.12, 0.5)
    lights = []
    for k in range(int(rng.integers(1, 4))):
        direction = rng.normal(size=3) * (1.0, 0.7, 0.6) + (0.0, 0.45, 0.9 if k == 0 else 0.2)
        strength = (rng.uniform(0.55, 0.85) if k == 0 else rng.uniform(0.1, 0.45)) * (
            1.15 - ambient
        )
        lights.append(Light(direction, strength * _tint(rng)))
    return lights, tuple(ambient * _tint(rng))


def develop(
    linear: np.ndarray, alpha: np.ndarray, background: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Make a photo file of linear light: exposure, contrast, background, blur, noise.

    Args:
        linear: (S, S, 3) float32 render over black.
        alpha: (S, S) float32, the head's share of each pixel.
        background: (S, S, 3) float32, as displayed.
        rng: draws.

    Returns:
        (S, S, 3) uint8 RGB.
    """
    size = linear.shape[0]
    share = alpha[..., None]
    head = linear / np.maximum(share, np.float32(1e-3))
    photo = to_display(head, np.exp(rng.uniform(-0.35, 0.35)), rng.uniform(1.9, 2.6))
    photo = photo * share + background * (1 - share)
    if rng.random() < 0.4:
        sigma = rng.uniform(0.2, 1.1) * size / 256
        photo = gaussian_filter(photo, (sigma, sigma, 0), truncate=2.5)
    noise = rng.uniform(0, 0.03) * rng.choice([0, 1])
    if noise:
        photo = photo + _film_grain(rng, size) * np.float32(noise)
    return (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)


@lru_cache(maxsize=1)
def _film_tile():
    noise = np.random.default_rng(5).standard_normal(2**20, np.float32)
    return np.append(noise, noise)


def _film_grain(rng, size):
    """(size, size, 3) noise of standard deviation 1: a random stretch of one long strip."""
    start, count = rng.integers(0, 2**20), size * size * 3
    if count > 2**20:
        return rng.standard_normal((size, size, 3), np.float32)
    return _film_tile()[start : start + count].reshape(size, size, 3)


def _add(strengths, action, strength, rng):
    """Raise an action, or its left and right halves by nearly the same amount."""
    if action in strengths:
        strengths[action] += strength
        return
    for half in ("Left", "Right"):
        if action + half in strengths:
            strengths[action + half] += strength * rng.uniform(0.8, 1.2)


def _add_gaze(strengths, rng):
    across, up = np.clip(rng.normal(0, 0.3, 2), -0.8, 0.8)
    sides = {"Left": "Out" if across > 0 else "In", "Right": "In" if across > 0 else "Out"}
    for half, way in sides.items():
        for name, value in (
            (f"eyeLook{way}{half}", abs(across)),
            (f"eyeLookUp{half}", up),
            (f"eyeLookDown{half}", -up),
        ):
            if name in strengths:
                strengths[name] += max(value, 0.0)


def _tint(rng):
    """A light's colour from candle (0) to blue sky (1), mostly near white."""
    warmth = rng.beta(3, 3)
    return np.array(
        [
            np.interp(warmth, [0, 0.5, 1], [1.2, 1.0, 0.82]),
            1.0,
            np.interp(warmth, [0, 0.5, 1], [0.6, 1.0, 1.25]),
        ]
    )
