"""AFLW2000-3D: read single photos with fitted faces for testing, as cropped photos with points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facelib.datasets.basel.fitted_photo import Skipped, crop_fitted, read_fitted, read_parameters
from facelib.datasets.basel.layout import BaselFace
from facelib.datasets.registry import find_dataset, missing_sentence
from facelib.files.letter_case import any_case, find_any_case
from facelib.files.matfiles import read_mat

N_AFLW_POINTS = 21


@dataclass(frozen=True)
class TestPhoto:
    """A photo of AFLW2000-3D, cropped as in training.

    Attributes:
        photo: (S, S, 3) uint8 RGB.
        keypoints_image: (68, 3) float32 px, crop frame: pt3d_68. The origin of its z is arbitrary,
            so its mean z is set to that of the fitted face's keypoints.
        vertices_image: (V, 3) float32 px, crop frame, lowest z 0.
        pose_deg: (3,) float32 pitch, yaw, roll.
        px_per_mm: crop px per head mm.
        name: the file's name.
    """

    __test__ = False  # for pytest, which collects classes by this name

    photo: np.ndarray
    keypoints_image: np.ndarray
    vertices_image: np.ndarray
    pose_deg: np.ndarray
    px_per_mm: float
    name: str


def read_test_photos(
    root: Path | str, face: BaselFace, size: int = 256
) -> Iterator[TestPhoto | Skipped]:
    """Yield AFLW2000-3D's photos in order of name, with a `Skipped` for each unusable one.

    Args:
        root: holds image00002.jpg, image00002.mat and so on.
        face: the Basel model in our layout.
        size: side of the crops, px.

    Raises:
        FileNotFoundError: if the folder holds no .mat file.
    """
    paths = sorted(Path(root).glob(any_case("*.mat")))
    if not paths:
        raise FileNotFoundError(missing_sentence(find_dataset("AFLW2000"), root))
    for path in paths:
        try:
            yield _test_photo(path, face, size)
        except (ValueError, OSError) as error:
            yield Skipped(ascii(path.stem)[1:-1], str(error))


def _test_photo(path: Path, face: BaselFace, size: int) -> TestPhoto:
    parameters = read_parameters(path, N_AFLW_POINTS)
    keypoints = np.float64(read_mat(path, {"pt3d_68": (3, 68)})["pt3d_68"]).T
    photo = read_fitted(find_any_case(path.parent, f"{path.stem}.jpg"), face, parameters)
    image, vertices_crop, crop = crop_fitted(photo, size, None)
    keypoints_crop = crop.image_to_crop(keypoints)
    fitted_z = photo.keypoints_image[:, 2] - photo.vertices_image[:, 2].min()
    keypoints_crop[:, 2] += fitted_z.mean() * crop.scale - keypoints_crop[:, 2].mean()
    return TestPhoto(
        photo=image,
        keypoints_image=keypoints_crop.astype(np.float32),
        vertices_image=vertices_crop,
        pose_deg=parameters.pose_deg,
        px_per_mm=parameters.px_per_mm * crop.scale,
        name=path.stem,
    )
