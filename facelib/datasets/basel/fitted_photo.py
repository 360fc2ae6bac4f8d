"""A photo with fitted parameters of the Basel model, as 300W-LP and AFLW2000-3D store it.

The files' own frames: the face in µm, rotated by R = Rx·Ry·Rz, scaled to px, y up from the photo's
lower edge. Only `place` flips y.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facelib.datasets.basel.files import UM_PER_MM
from facelib.datasets.basel.layout import BaselFace
from facelib.files.matfiles import Shape, read_mat
from facelib.files.reading import in_a_line
from facelib.geometry.transforms import pose_from_rotation, rotation_x, rotation_y, rotation_z
from facelib.imaging.crop import Crop
from facelib.imaging.opening import decode_image

MAX_PIXELS = 4096**2  # of a photo; real ones have 450 x 450
POSE_SHAPE = (1, 7)
INNER = slice(17, 68)  # keypoints that do not slide along the cheek when the head rotates
FARTHEST = 0.15  # median distance of keypoints and pt2d, in keypoint box sides


@dataclass(frozen=True)
class Skipped:
    """A photo or pair that was skipped, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Parameters:
    """The parameters of a photo, from its .mat file.

    Attributes:
        rotation: (3, 3) float64, model frame → eye.
        yaw: rad, with the file's sign: positive toward the image's left.
        translation_px: (3,) float64.
        scale: px per µm.
        shape_para: (199,) float64, BFM's units.
        exp_para: (29,) float64.
        keypoints_image: (68, 2) float64 px, annotated or fitted; (21, 2) in AFLW2000-3D, where −1
            marks a hidden one.
    """

    rotation: np.ndarray
    yaw: float
    translation_px: np.ndarray
    scale: float
    shape_para: np.ndarray
    exp_para: np.ndarray
    keypoints_image: np.ndarray

    @property
    def px_per_mm(self) -> float:
        """Photo px per head mm."""
        return self.scale * UM_PER_MM

    @property
    def pose_deg(self) -> np.ndarray:
        """(3,) float32 pitch, yaw, roll in facelib's order and signs, degrees."""
        return np.degrees(pose_from_rotation(self.rotation)).astype(np.float32)


@dataclass(frozen=True)
class FittedPhoto:
    """A photo and the face that was fitted to it.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        vertices_image: (V, 3) float64 px, layout vertices, image frame; z toward the camera.
        keypoints_image: (68, 3) float64 px, the model's.
        parameters: the file's parameters.
    """

    image: np.ndarray
    vertices_image: np.ndarray
    keypoints_image: np.ndarray
    parameters: Parameters


def rotation_from_angles(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Compose the files' rotation R = Rx·Ry·Rz, whose yaw and roll count the other way than ours.

    Args:
        pitch: rad; positive tilts the face up.
        yaw: rad; positive rotates the face to the image's left.
        roll: rad; positive rotates the head clockwise in the image.

    Returns:
        (3, 3) float64, model frame → eye.
    """
    return rotation_x(-pitch) @ rotation_y(-yaw) @ rotation_z(-roll)


def read_parameters(path: Path | str, n_keypoints: int = 68) -> Parameters:
    """Read a .mat file of 300W-LP (68 keypoints) or AFLW2000-3D (21).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or an array is missing, of another shape, not finite, or out
            of range.
    """
    wanted: dict[str, Shape] = {
        "Pose_Para": POSE_SHAPE, "Shape_Para": (199, 1), "Exp_Para": (29, 1),
        "pt2d": (2, n_keypoints),
    }  # fmt: skip
    arrays = {name: np.float64(array) for name, array in read_mat(path, wanted).items()}
    pose = arrays["Pose_Para"].ravel()
    if not 0 < pose[6] < 1 or np.abs(pose[:3]).max() > 2 * np.pi:
        raise ValueError(
            f"expected angles in rad and a scale in px per µm in Pose_Para of {path}, got "
            f"{in_a_line(pose)}"
        )
    return Parameters(
        rotation=rotation_from_angles(*pose[:3]),
        yaw=float(pose[1]),
        translation_px=pose[3:6],
        scale=float(pose[6]),
        shape_para=arrays["Shape_Para"].ravel(),
        exp_para=arrays["Exp_Para"].ravel(),
        keypoints_image=arrays["pt2d"].T,
    )


def place(points: np.ndarray, parameters: Parameters, height: int) -> np.ndarray:
    """Project points of the model onto the photo: rotate, scale, shift, y down.

    Args:
        points: (N, 3) float, mm, the model's frame.
        parameters: of the photo.
        height: height of the photo, px.

    Returns:
        (N, 3) float64 px, image frame; z toward the camera, same scale as x and y.
    """
    upward = parameters.px_per_mm * (points @ parameters.rotation.T) + parameters.translation_px
    return upward * [1, -1, 1] + [0, height - 1, 0]


def read_fitted(path: Path, face: BaselFace, parameters: Parameters) -> FittedPhoto:
    """Read a photo, build its face and check that the two belong together.

    Args:
        path: of the photo.
        face: the Basel model in our layout.
        parameters: of the photo.

    Raises:
        FileNotFoundError: if the photo is missing.
        ValueError: if it is damaged or too large, or the face is not in it.
    """
    image = _read_photo(path)
    vertices, keypoints = face.vertices(parameters.shape_para, parameters.exp_para)
    height = len(image)
    keypoints_image = place(keypoints, parameters, height)
    _check_consistent(path, image, keypoints_image[:, :2], parameters.keypoints_image)
    return FittedPhoto(image, place(vertices, parameters, height), keypoints_image, parameters)


def _read_photo(path: Path) -> np.ndarray:
    """Read a photo as (H, W, 3) uint8.

    Unlike `read_image` it keeps bytes, which makes cropping twice as fast, and ignores the file's
    EXIF orientation: the parameters refer to the pixels as stored.
    """
    return decode_image(path, lambda picture: np.asarray(picture.convert("RGB")), MAX_PIXELS)


def _check_consistent(path, image, keypoints, annotated) -> None:
    low, high = keypoints.min(axis=0), keypoints.max(axis=0)
    box = (high - low).mean()
    if (high < 0).any() or (low > image.shape[1::-1]).any() or not 8 < box < 4 * len(image):
        raise ValueError(
            f"expected a face in {path}, but its parameters put it at {low.round()} to "
            f"{high.round()} px"
        )
    if len(annotated) == 68:
        apart = np.linalg.norm(keypoints - annotated, axis=1)[INNER]
        if np.median(apart) > FARTHEST * box:
            raise ValueError(
                f"expected pt2d of {path} on the fitted face, but they are {np.median(apart):.0f} "
                "px apart; were the photos fitted with another model?"
            )


def crop_fitted(
    photo: FittedPhoto, size: int, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray, Crop]:
    """Crop a photo around its keypoints as in listing A.1, and move the vertices with it.

    Args:
        photo: the photo with its face.
        size: side of the crop, px.
        rng: jitters the crop; None: no jitter.

    Returns:
        (size, size, 3) uint8; (V, 3) float32 px, crop frame, lowest z 0; and the crop.
    """
    crop = Crop.around_keypoints(photo.keypoints_image, size)
    if rng is not None:
        crop = crop.jittered(rng)
    vertices_crop = crop.image_to_crop(photo.vertices_image)
    vertices_crop[:, 2] -= vertices_crop[:, 2].min()
    cut = (crop.cut(photo.image) + np.float32(0.5)).astype(np.uint8)
    return cut, vertices_crop.astype(np.float32), crop
