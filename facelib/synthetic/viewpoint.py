"""The viewpoint of a photo: the head's pose, the camera's distance, and the crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facelib.imaging.crop import Crop
from facelib.render.camera import Camera
from facelib.synthetic.settings import POSES, PoseRange

NOMINAL_SCALE = 2.0  # px per mm of the virtual whole photo; the crop sets the final scale


@dataclass(frozen=True)
class Viewpoint:
    """The geometry of one photo.

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


def random_pose_deg(
    rng: np.random.Generator, side: bool, ranges: Sequence[PoseRange] = POSES["thesis"]
) -> np.ndarray:
    """Draw pitch, yaw, roll, degrees, of a front or a side view: (3,) float32.

    Args:
        rng: draws.
        side: whether it is a side view.
        ranges: ranges of poses, all equally likely.
    """
    # A single range draws no number, so that mixtures did not change the pairs of older presets.
    poses = ranges[rng.integers(len(ranges)) if len(ranges) > 1 else 0]
    most = (poses.pitch_deg, poses.front_yaw_deg, poses.roll_deg)
    pitch, yaw, roll = rng.uniform(-1, 1, 3) * most
    if side:
        yaw = rng.choice([-1.0, 1.0]) * rng.uniform(*poses.side_yaw_deg)
    return np.array([pitch, yaw, roll], np.float32)


def frame_head(
    keypoints_head: np.ndarray,
    pose_deg: np.ndarray,
    distance_mm: float,
    size: int,
    rng: np.random.Generator,
) -> Viewpoint:
    """Place a camera and crop the photo around the 68 keypoints as in training (listing A.1).

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
    return Viewpoint(whole.cropped(crop), np.asarray(pose_deg, np.float32))
