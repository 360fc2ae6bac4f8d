"""Score the whole way from a photo to 68 points, on photos whose points are known.

Unlike `landmarks`, which is given the crop, this starts with the detector: a face that is not found
is counted, and left out of the means. Chapter 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facelib.datasets.annotated_photos import AnnotatedPhoto, read_points
from facelib.detect.centerface import Detection
from facelib.detect.faces import find_faces
from facelib.evaluation.intervals import estimate
from facelib.evaluation.landmarks import YAW_BINS_DEG, landmark_nme
from facelib.files.tables import markdown
from facelib.imaging.imagefiles import read_photo
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.reconstruct import reconstruct

INNER = np.arange(17, 68)  # without the jaw's outline, whose points people place differently
OUTER_EYES = 36, 45
FAILED_ABOVE = 0.1  # of the distance between the outer corners of the eyes, by custom


@dataclass(frozen=True)
class PhotoScore:
    """The errors on one photo; all NaN if the face was not found.

    Attributes:
        name: of the photo's file.
        yaw_deg: |yaw| that the fit found: the files know none.
        by_eyes: mean distance of all 68 points / the distance between the eyes' outer corners.
        inner_by_eyes: the same of the inner 51.
        by_box: mean distance of all 68 / the square root of the area of the true points' box.
    """

    name: str
    yaw_deg: float = np.nan
    by_eyes: float = np.nan
    inner_by_eyes: float = np.nan
    by_box: float = np.nan

    @property
    def found(self) -> bool:
        """Whether the face was found."""
        return not np.isnan(self.by_eyes)


def score_photo(given: AnnotatedPhoto, network: DenseFit) -> PhotoScore:
    """Find the face and its points in one photo, as a user would, and compare.

    Raises:
        ValueError: if the photo or its points cannot be read.
    """
    photo, truth = read_photo(given.photo), read_points(given.points)
    truth = (truth + 0.5) * photo.scale - 0.5
    found = find_faces(photo.pixels)
    face = None if found.quarter_turns else nearest(found.faces, truth)
    if face is None:
        return PhotoScore(given.photo.name)
    result = reconstruct(photo, network=network, front_face=face)
    points = result.keypoints_image[:, :2].astype(np.float64)
    return PhotoScore(given.photo.name, abs(float(result.fit.yaws_deg[0])), *errors(points, truth))


def nearest(faces: Sequence[Detection], truth: np.ndarray) -> Detection | None:
    """Return the face whose box holds the middle of (68, 2) true points and is nearest; or None."""
    middle = (truth.min(axis=0) + truth.max(axis=0)) / 2
    around = [f for f in faces if (f.box[:2] <= middle).all() and (middle <= f.box[2:]).all()]
    return min(
        around, key=lambda f: np.linalg.norm((f.box[:2] + f.box[2:]) / 2 - middle), default=None
    )


def errors(points: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Return the three errors of (68, 2) points in the order of `PhotoScore`."""
    away = np.linalg.norm(points - truth, axis=1)
    eyes = np.linalg.norm(truth[OUTER_EYES[0]] - truth[OUTER_EYES[1]])
    if eyes == 0:
        raise ValueError("expected true points with two eyes, got both in one place")
    by_box = landmark_nme(points[None], truth[None])[0]
    return float(away.mean() / eyes), float(away[INNER].mean() / eyes), float(by_box)


def score_photos(
    photos: Sequence[AnnotatedPhoto], network: DenseFit, progress: Callable[[str], None]
) -> tuple[list[PhotoScore], list[str]]:
    """Score photos; what cannot be read is left out and named.

    Args:
        photos: from `list_annotated`.
        network: the default, or other weights of its kind.
        progress: called with the name of each photo.

    Returns:
        The scores, and a sentence per photo that was left out.
    """
    scores, left_out = [], []
    for photo in photos:
        try:
            scores.append(score_photo(photo, network))
        except (ValueError, OSError) as error:
            left_out.append(f"{photo.photo.name}: {error}")
        progress(photo.photo.name)
    return scores, left_out


def markdown_report(scores: Sequence[PhotoScore], left_out: Sequence[str]) -> str:
    """Write the errors by yaw with intervals, the failures, and which photos were left out."""
    found = [score for score in scores if score.found]
    rows = [_row("all", found)]
    for low, high in YAW_BINS_DEG:
        rows.append(_row(f"{low} to {high}°", [s for s in found if low <= s.yaw_deg < high]))
    failed = np.mean([not s.found or s.by_eyes > FAILED_ABOVE for s in scores])
    heads = ["photos", "68 points / eyes, %", "inner 51 / eyes, %", "68 points / box, %"]
    lines = [
        markdown(["yaw found", *heads], rows),
        "",
        "Mean distance of points, with 95 % intervals, as a share of that between the outer",
        "corners of the eyes (300-W's measure) or of the square root of the true points' box.",
        f"No face was found in {len(scores) - len(found)} of {len(scores)} photos, which the means "
        "leave out;",
        f"with these, {failed:.1%} fail: not found, or above {FAILED_ABOVE:.0%} of the eyes' "
        "distance.",
    ]
    return "\n".join([*lines, *(f"- left out: {line}" for line in left_out)])


def _row(name: str, scores: Sequence[PhotoScore]) -> list[str]:
    names = ("by_eyes", "inner_by_eyes", "by_box")
    if not scores:
        return [name, "0", *("no photo" for _ in names)]
    cells = [estimate(np.array([getattr(s, n) for s in scores])).words(2, 100) for n in names]
    return [name, str(len(scores)), *cells]
