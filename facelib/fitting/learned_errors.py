"""An error model learned from a network's answers to photos of people whose heads are known.

Each kind of photo (front or side) has its own model. All photos are mirrored, if need be, such that
the face looks to the image's right; for those that look to the left the model is mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from facelib.face.dense_points import load_dense_points
from facelib.files.atomic import replacing
from facelib.fitting.cameras import first_camera, to_camera
from facelib.fitting.head_prior import HeadPrior
from facelib.fitting.photo_errors import LEAST_OWN, PhotoErrors, upright_root
from facelib.fitting.seen import SeenPoints, blended
from facelib.geometry.transforms import pose_from_rotation

VIEWS = ("front", "side")
SIDE_FROM_DEG = 45.0
N_PATTERNS = 60  # hold 19 of 20 parts of the variance that the head does not explain
RIDGE = 10.0  # photos' worth of belief that errors do not depend on the head
OUTLIER = 6.0  # deviations; larger errors are wrong points, and are learned as being this large
FAR_MM = 1e7  # without perspective


@dataclass(frozen=True)
class LearnedErrors:
    """Models of the errors of all dense points, by view and by the side to which the face looks.

    Attributes:
        right: of front photos and of side photos in which the face looks to the image's right.
        left: of those in which it looks to the left.
        agree_above: log odds above which two photos count as one person's.
        too_sure: by how much a face's shape, whatever its size, is more wrong than a fit with this
            model expects.
    """

    right: tuple[PhotoErrors, PhotoErrors]
    left: tuple[PhotoErrors, PhotoErrors]
    agree_above: float = 0.0
    too_sure: float = 1.0

    def in_photo(self, seen: SeenPoints, prior: HeadPrior) -> PhotoErrors:
        """Choose the model of a photo by the yaw that its points show.

        Raises:
            ValueError: if the points are others than those that the model was learned from.
        """
        if len(seen.places_image) != len(self.right[0].offset):
            n_learned, n_seen = len(self.right[0].offset), len(seen.places_image)
            raise ValueError(f"expected the {n_learned} points of the model, got {n_seen}")
        yaw_deg = _yaw_deg(seen, prior)
        facing = self.right if yaw_deg >= 0 else self.left
        return facing[abs(yaw_deg) > SIDE_FROM_DEG]

    def of_points(self, chosen: np.ndarray) -> LearnedErrors:
        """Return the models of some of the points, by number or mask."""
        right, left = (tuple(e.of_points(chosen) for e in each) for each in (self.right, self.left))
        return replace(self, right=right, left=left)

    def save(self, path: Path, weights_sha256: str) -> None:
        """Write the models, in half precision, with the checksum of the network's weights."""
        arrays = {
            f"{view}_{field.name}": getattr(errors, field.name).astype(np.float16)
            for view, errors in zip(VIEWS, self.right, strict=True)
            for field in fields(errors)
        }
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                agree_above=self.agree_above,
                too_sure=self.too_sure,
                weights_sha256=weights_sha256,
                **arrays,
            )

    @classmethod
    def load(cls, path: Path, prior: HeadPrior) -> tuple[LearnedErrors, str]:
        """Read a file of `save`: the models, and the checksum of the weights they belong to."""
        with np.load(path, allow_pickle=False) as file:
            right = tuple(
                PhotoErrors(*(file[f"{view}_{f.name}"].astype(float) for f in fields(PhotoErrors)))
                for view in VIEWS
            )
            numbers = float(file["agree_above"]), float(file["too_sure"])
            weights_sha256 = str(file["weights_sha256"])
        left = tuple(_mirrored(errors, prior) for errors in right)
        return cls(right, left, *numbers), weights_sha256


def learn_errors(
    photos: Sequence[SeenPoints],
    true_places: Sequence[np.ndarray],
    coefficients: np.ndarray,
    prior: HeadPrior,
) -> LearnedErrors:
    """Learn the errors of the dense points: a ridge regression on the head, then a PCA.

    Args:
        photos: the points that the network found in S photos, front and side in any order.
        true_places: S times (N, 2) px, where they are.
        coefficients: (S, K + E) of the heads in the photos.
        prior: the heads.
    """
    yaws_deg = np.array([_yaw_deg(seen, prior) for seen in photos])
    rows = []
    for seen, true, yaw_deg in zip(photos, true_places, yaws_deg, strict=True):
        if yaw_deg < 0:
            seen, true = _mirrored_photo(seen), _mirrored_places(true, seen.width)
        mean_points = blended(seen, prior.mean_head)
        root = upright_root(seen.places_image, seen.covariance_px2, mean_points)
        rows.append(np.linalg.solve(root, (seen.places_image - true)[..., None])[..., 0])
    white = np.stack(rows).clip(-OUTLIER, OUTLIER)
    flipped = (yaws_deg < 0)[:, None]
    coefficients = np.where(flipped, coefficients @ prior.mirror.T, coefficients)
    is_side = np.abs(yaws_deg) > SIDE_FROM_DEG
    right = tuple(_regress(white[k], coefficients[k], prior) for k in (~is_side, is_side))
    return LearnedErrors(right, tuple(_mirrored(errors, prior) for errors in right))


def _regress(white: np.ndarray, coefficients: np.ndarray, prior: HeadPrior) -> PhotoErrors:
    """Explain (S, N, 2) errors by the head; the rest by its principal components."""
    n_photos, n_points, _ = white.shape
    root = np.linalg.cholesky(prior.covariance)
    heads = np.linalg.solve(root, (coefficients - prior.likeliest).T).T
    offset = white.reshape(n_photos, -1).mean(axis=0)
    mean_head = heads.mean(axis=0)
    off, heads = white.reshape(n_photos, -1) - offset, heads - mean_head
    slope = np.linalg.solve(heads.T @ heads + RIDGE * np.eye(heads.shape[1]), heads.T @ off)
    rest = off - heads @ slope
    covariance = rest.T @ rest / n_photos
    sizes, directions = np.linalg.eigh(covariance)
    patterns = directions[:, -N_PATTERNS:] * np.sqrt(sizes[-N_PATTERNS:].clip(0))
    own = np.diag(covariance) - np.square(patterns).sum(axis=1)
    return PhotoErrors(
        offset=(offset - mean_head @ slope).reshape(n_points, 2),
        slope=np.linalg.solve(root.T, slope).T.reshape(n_points, 2, -1),
        patterns=patterns.reshape(n_points, 2, -1),
        own=np.maximum(own, LEAST_OWN).reshape(n_points, 2),
    )


def _yaw_deg(seen: SeenPoints, prior: HeadPrior) -> float:
    """Estimate the yaw by weak perspective from the mean head."""
    camera = first_camera(seen, prior.mean_head, np.log(FAR_MM))
    return float(np.degrees(pose_from_rotation(to_camera(camera, seen).rotation)[1]))


def _mirrored(errors: PhotoErrors, prior: HeadPrior) -> PhotoErrors:
    """Return the errors of the mirrored photos, in which a point has its twin's, x reversed."""
    twin, flip = load_dense_points().mirror, np.array([-1.0, 1.0])
    return PhotoErrors(
        offset=errors.offset[twin] * flip,
        slope=errors.slope[twin] @ prior.mirror * flip[:, None],
        patterns=errors.patterns[twin] * flip[:, None],
        own=errors.own[twin],
    )


def _mirrored_photo(seen: SeenPoints) -> SeenPoints:
    twin = load_dense_points().mirror
    return replace(
        seen,
        places_image=_mirrored_places(seen.places_image, seen.width),
        covariance_px2=seen.covariance_px2[twin] * [[1, -1], [-1, 1]],
        visibility=seen.visibility[twin],
    )


def _mirrored_places(places_image: np.ndarray, width: int) -> np.ndarray:
    return places_image[load_dense_points().mirror] * [-1, 1] + [width - 1, 0]
