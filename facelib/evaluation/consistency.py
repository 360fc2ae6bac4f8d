"""Measure whether a network's predictions for one photo agree: a test without ground truth.

Chapter 11. A photo goes in; distances between the predictions for the photo and for changed
versions of it come out. A mirrored photo shows the mirrored face, another crop the same face, a
rotated photo the rotated face. Each prediction is mapped back to the frame of the first one, and
every difference is error, whatever the true shape is. It is only a part of the error: a network
that always predicts the mean face in the middle of the crop is consistent under mirroring.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facelib.files.tables import markdown
from facelib.imaging.crop import Crop
from facelib.pairs.change import Change, change_image, change_points
from facelib.reconstruction.position_maps import predict_position_maps

if TYPE_CHECKING:
    from facelib.face.layout import UVLayout
    from facelib.networks.base import FaceNetwork

SHIFTS = (-0.10, -0.05, 0.05, 0.10)  # of the crop, share of its side; along x, and along y
ZOOMS = (0.90, 0.95, 1.05, 1.10)  # of the crop's side
ROTATIONS_DEG = (-15.0, -5.0, 5.0, 15.0)  # of the front photo, about the crop's centre
CHANGES = ("mirrored", "shifted", "scaled", "rotated")
ROTATION_ROOM = 1.5  # a square rotated by 45° reaches √2 times as far
ROTATION_DETAIL = 2  # times the crop's resolution: shrinking hides the blur of the rotation


@dataclass(frozen=True, eq=False)
class Variant:
    """A changed photo, and the map from its prediction back to the first one's frame.

    Attributes:
        change: one of `CHANGES`.
        front: (S, S, 3) float32 RGB in 0..1.
        to_first: moves (V, 3) layout vertices from this variant's crop frame to the first one's.
    """

    change: str
    front: np.ndarray
    to_first: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Consistency:
    """Distances of a network's predictions for changed photos from that for the original.

    Attributes:
        distance_px: for each of `CHANGES`, mean over its variants and the face's vertices, px of
            the first crop, in 3D.
        box_px: mean side of the first prediction's box in the image plane, px of the same crop.
    """

    distance_px: Mapping[str, float]
    box_px: float

    def share(self, change: str) -> float:
        """Return the distance after a change as a share of the face's box."""
        return self.distance_px[change] / self.box_px


def measure_consistency(
    network: FaceNetwork,
    layout: UVLayout,
    front: np.ndarray,
    front_crop: Crop,
    side_cut: np.ndarray | None = None,
) -> Consistency:
    """Compare a network's predictions for a photo and for it mirrored, re-cropped and rotated.

    A mirrored front photo goes with the mirrored side photo; all other changes keep the side photo,
    because the prediction is in the front photo's frame. Depth needs no shift: the point with z = 0
    stays the farthest. Depth scales with x and y.

    Args:
        network: from `facelib.networks`.
        layout: of the network's size S.
        front: (H, W, 3) float32 RGB in 0..1.
        front_crop: the face's crop, as `reconstruct` finds it.
        side_cut: (S, S, 3) float32, the crop of the side photo; None: no side photo.

    Raises:
        NoSideError: if there is no side photo and the network needs one.
        ValueError: if the crop does not have the network's size, or all vertices of the first
            answer coincide.
    """
    if not front_crop.output_size == layout.size == network.size:
        raise ValueError(
            f"crop and layout must have the network's size {network.size}, "
            f"got {front_crop.output_size} and {layout.size}"
        )
    variants = list_variants(layout, front, front_crop)
    fronts = np.stack([front_crop.cut(front), *(variant.front for variant in variants)])
    sides = None
    if side_cut is not None:
        flips = [False, *(variant.change == "mirrored" for variant in variants)]
        sides = np.stack([side_cut[:, ::-1] if flip else side_cut for flip in flips])
    first, *others = (
        np.asarray(layout.vertices(position_map), dtype=np.float64)
        for position_map in predict_position_maps(network, fronts, sides)
    )
    face = layout.labels["face"]
    box_px = float(np.ptp(first[face, :2], axis=0).mean())
    if not box_px > 0:
        raise ValueError("expected a face with some extent, got a single point")
    distances = {change: [] for change in CHANGES}
    for variant, answer in zip(variants, others, strict=True):
        apart = np.linalg.norm(variant.to_first(answer) - first, axis=1)
        distances[variant.change].append(apart[face].mean())
    means = {change: float(np.mean(found)) for change, found in distances.items()}
    return Consistency(means, box_px)


def list_variants(layout: UVLayout, front: np.ndarray, crop: Crop) -> list[Variant]:
    """Return all changed versions of a photo; arguments as in `measure_consistency`."""
    x, y = crop.centre_px
    steps = [crop.size_px * share for share in SHIFTS]
    centres = [(x + step, y) for step in steps] + [(x, y + step) for step in steps]
    shifted = [Crop(centre, crop.size_px, crop.output_size) for centre in centres]
    scaled = [Crop(crop.centre_px, crop.size_px * zoom, crop.output_size) for zoom in ZOOMS]
    return [
        _mirrored(layout, crop.cut(front)),
        *(_recropped("shifted", front, crop, other) for other in shifted),
        *(_recropped("scaled", front, crop, other) for other in scaled),
        *(_rotated(front, crop, float(np.deg2rad(angle_deg))) for angle_deg in ROTATIONS_DEG),
    ]


def _mirrored(layout: UVLayout, front_cut: np.ndarray) -> Variant:
    def to_first(vertices: np.ndarray) -> np.ndarray:
        # The mirrored photo's left cheek is the face's right cheek.
        return vertices[layout.mirror] * [-1, 1, 1] + [layout.size - 1, 0, 0]

    return Variant("mirrored", front_cut[:, ::-1], to_first)


def _recropped(change: str, front: np.ndarray, first: Crop, other: Crop) -> Variant:
    def to_first(vertices: np.ndarray) -> np.ndarray:
        return first.image_to_crop(other.crop_to_image(vertices))

    return Variant(change, other.cut(front), to_first)


def _rotated(front: np.ndarray, crop: Crop, angle: float) -> Variant:
    """Rotate a wider cut of the photo about the crop's centre, so that no corner is empty."""
    size = crop.output_size
    room = round(ROTATION_ROOM * size)
    wide = Crop(crop.centre_px, crop.size_px * room / size, ROTATION_DETAIL * room)
    middle = (wide.output_size - 1) / 2
    inner = Crop((middle, middle), float(ROTATION_DETAIL * size), size)

    def to_first(vertices: np.ndarray) -> np.ndarray:
        return change_points(vertices, _rotation(-angle), size)

    return Variant("rotated", inner.cut(change_image(wide.cut(front), _rotation(angle))), to_first)


def _rotation(angle: float) -> Change:
    return Change(angle, 1.0, np.zeros(2), np.ones(3, np.float32), np.zeros((0, 4), np.int64))


@dataclass(frozen=True)
class Row:
    """The consistency of some weights on a photo."""

    photo: str
    weights: str
    consistency: Consistency

    def to_dict(self) -> dict:
        """Return everything as plain numbers and words, for JSON."""
        found = self.consistency
        return {
            "photo": self.photo,
            "weights": self.weights,
            "box_px": found.box_px,
            **{f"{change}_px": found.distance_px[change] for change in CHANGES},
            **{f"{change}_share": found.share(change) for change in CHANGES},
        }


def consistency_table(rows: Sequence[Row]) -> str:
    """Write distances in % of the face's box (and px of the crop), then the means per weights.

    Args:
        rows: one or more, each a photo with weights.
    """
    cells = [_cells(row.photo, row.weights, [row.consistency]) for row in rows]
    for weights in dict.fromkeys(row.weights for row in rows):
        found = [row.consistency for row in rows if row.weights == weights]
        cells.append(_cells(f"mean of {len(found)}", weights, found))
    table = markdown(["photo", "weights", *CHANGES], cells)
    return f"{table}\n\nMean distance to the first answer, % of the face's box (px of the crop)."


def _cells(photo: str, weights: str, found: Sequence[Consistency]) -> list[str]:
    means = [
        f"{100 * np.mean([one.share(change) for one in found]):.2f} "
        f"({np.mean([one.distance_px[change] for one in found]):.2f})"
        for change in CHANGES
    ]
    return [photo, weights, *means]
