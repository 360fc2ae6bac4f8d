"""Score a network on photos with 68 known points, AFLW2000-3D: errors by yaw.

The other metrics of chapter 11 need the true shape; this one needs only points. Each face has a
single photo. A network that needs two gets it twice, so only its use of the front photo is scored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facelib.datasets.aflw2000.reader import TestPhoto
from facelib.datasets.basel.fitted_photo import Skipped
from facelib.files.tables import markdown
from facelib.reconstruction.position_maps import predict_position_maps

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout
    from facelib.networks.base import FaceNetwork

YAW_BINS_DEG = ((0, 30), (30, 60), (60, 90))  # a few real ones are above 90 and in no bin


@dataclass(frozen=True)
class LandmarkScores:
    """Errors of the 68 points on each photo, as shares of the true points' box.

    Attributes:
        yaws_deg: (F,) float64, of the heads.
        errors: (F,) float64, of the network.
        mean_errors: (F,) float64, of the baseline, the mean of all true points.
        left_out: one sentence per photo that was skipped.
    """

    yaws_deg: np.ndarray
    errors: np.ndarray
    mean_errors: np.ndarray
    left_out: tuple[str, ...]


def landmark_nme(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return mean distances / the square root of the area of the true points' box: (F,) float64.

    Args:
        points: (F, 68, 2) float, px.
        truth: (F, 68, 2) float, px, the same frames.
    """
    area = np.ptp(truth, axis=1).prod(axis=1)
    return np.linalg.norm(points - truth, axis=2).mean(axis=1) / np.sqrt(area)


def score_photos(
    network: FaceNetwork, photos: Iterable[TestPhoto | Skipped], layout: UVLayout
) -> LandmarkScores:
    """Score a network on photos with 68 known points.

    Args:
        network: from `facelib.networks`.
        photos: from `read_test_photos`, at the network's size.
        layout: of that size.

    Raises:
        ValueError: if no photo could be scored.
    """
    yaws_deg, found, true, left_out = [], [], [], []
    for photo in photos:
        if isinstance(photo, Skipped):
            left_out.append(f"{photo.name}: {photo.reason}")
            continue
        image = photo.photo[None].astype(np.float32) / 255
        side = image if network.side_photo == "needed" else None
        position_map = predict_position_maps(network, image, side)[0]
        found.append(layout.keypoints(layout.vertices(position_map))[:, :2])
        true.append(photo.keypoints_image[:, :2].astype(np.float64))
        yaws_deg.append(float(photo.pose_deg[1]))
    if not true:
        raise ValueError("none of the photos could be scored: " + "; ".join(left_out[:1]))
    truth = np.stack(true)
    mean_errors = landmark_nme(np.broadcast_to(truth.mean(axis=0), truth.shape), truth)
    errors = landmark_nme(np.stack(found), truth)
    return LandmarkScores(np.array(yaws_deg), errors, mean_errors, tuple(left_out))


def markdown_report(method: str, scores: LandmarkScores, stand_in: bool) -> str:
    """Write a table of errors by yaw, how they were measured, and which photos were left out.

    Args:
        method: the network's name.
        scores: its errors.
        stand_in: whether the photos, or the model that was fitted to them, are a stand-in.
    """
    lines = [
        f"{'STAND-IN for AFLW2000-3D' if stand_in else 'AFLW2000-3D'}:",
        "",
        _yaw_table(method, scores),
        "",
        "Mean distance in the photo / the square root of the area of the true points' box. A",
        "network that needs a side photo gets the front one twice. The mean is that of these",
        "photos, which flatters it where they are few. Not a number of the other tables' kinds.",
    ]
    if scores.left_out:
        lines += ["", f"{len(scores.left_out)} photos left out:"]
        lines += [f"- {line}" for line in scores.left_out]
    return "\n".join(lines)


def _yaw_table(method: str, scores: LandmarkScores) -> str:
    yaws = np.abs(scores.yaws_deg)
    bins = [(low <= yaws) & (yaws < high) for low, high in YAW_BINS_DEG]
    heads = [
        f"yaw {low} to {high}° ({chosen.sum()})"
        for (low, high), chosen in zip(YAW_BINS_DEG, bins, strict=True)
    ]
    rows = []
    for name, errors in (
        (method, scores.errors),
        ("mean of all true points (looks at no photo)", scores.mean_errors),
    ):
        means = [100 * errors[chosen].mean() if chosen.any() else np.nan for chosen in bins]
        rows.append([name, *(_percent(value) for value in (*means, float(np.mean(means))))])
    return markdown(["NME of 68 points, %", *heads, "mean of the three"], rows)


def _percent(value: float) -> str:
    return "no face" if np.isnan(value) else f"{value:.2f}"
