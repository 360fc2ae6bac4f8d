"""Does a network agree with itself? A test on photos of people, whose true shape nobody knows.

Chapter 10. A mirrored photo shows the mirrored face, another crop of a photo the same face, a
turned photo the turned face. So a network is asked again about the photo so changed, each answer is
brought back to where the first one lies, and what differs is error, whatever the truth may be. It
is a part of the error only: the mean face in every crop's middle agrees with its mirror image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facelib.imaging.crop import Crop
from facelib.pairs.augmentation import Change, change_image, change_points
from facelib.reconstruction.reconstruct import predict_position_maps

if TYPE_CHECKING:
    from torch import nn

    from facelib.face.layout import UVLayout

SHIFTS = (-0.10, -0.05, 0.05, 0.10)  # of the crop, share of its side; along x, and along y
ZOOMS = (0.90, 0.95, 1.05, 1.10)  # of the crop's side
TURNS_DEG = (-15.0, -5.0, 5.0, 15.0)  # of the front photo, about the crop's centre
KINDS = ("mirrored", "shifted", "scaled", "rotated")
TURNING_ROOM = 1.5  # a square turned by 45° reaches √2 times as far
TURNING_DETAIL = 2  # times the crop's resolution, so that the turn's own blur is lost in shrinking


@dataclass(frozen=True, eq=False)
class Variant:
    """A changed input and the way back of its answer.

    Attributes:
        kind: one of `KINDS`.
        front: (S, S, 3) float32 RGB in 0..1.
        to_first: moves (V, 3) layout vertices from this variant's crop frame to the first one's.
    """

    kind: str
    front: np.ndarray
    to_first: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Consistency:
    """How far a network's answers to one changed photo lie from its first one.

    Attributes:
        distance_px: for each of `KINDS`, mean over its variants and the face's vertices, px of the
            first crop; x, y and z count alike.
        box_px: mean side of the first answer's box in the photo's plane, px of the same crop.
    """

    distance_px: Mapping[str, float]
    box_px: float

    def share(self, kind: str) -> float:
        """Return a kind's distance as a share of the face's box."""
        return self.distance_px[kind] / self.box_px


def measure_consistency(
    network: nn.Module,
    layout: UVLayout,
    front: np.ndarray,
    front_crop: Crop,
    side_cut: np.ndarray | None = None,
) -> Consistency:
    """Ask a network about a photo, and again about the photo mirrored, re-cropped and rotated.

    A mirrored front photo gets the mirrored side photo; all other changes leave the side alone, as
    the answer follows the front. Depth needs no shift: the lowest point of a face, where z is 0,
    stays the lowest. It grows with x and y.

    Args:
        network: from `facelib.networks`.
        layout: of the network's size S.
        front: (H, W, 3) float32 RGB in 0..1.
        front_crop: where the face lies in it, as `reconstruct` finds it.
        side_cut: (S, S, 3) float32, the crop of the side photo; None: there is none.

    Raises:
        NoSideError: if there is no side and the network needs one.
        ValueError: if the crop does not have the network's size, or the network's first answer is
            a face without extent.
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
        flips = [False, *(variant.kind == "mirrored" for variant in variants)]
        sides = np.stack([side_cut[:, ::-1] if flip else side_cut for flip in flips])
    first, *others = (
        np.asarray(layout.vertices(position_map), dtype=np.float64)
        for position_map in predict_position_maps(network, fronts, sides)
    )
    face = layout.labels["face"]
    box_px = float(np.ptp(first[face, :2], axis=0).mean())
    if not box_px > 0:
        raise ValueError("expected a face with some extent, got a single point")
    distances = {kind: [] for kind in KINDS}
    for variant, answer in zip(variants, others, strict=True):
        apart = np.linalg.norm(variant.to_first(answer) - first, axis=1)
        distances[variant.kind].append(apart[face].mean())
    return Consistency({kind: float(np.mean(found)) for kind, found in distances.items()}, box_px)


def list_variants(layout: UVLayout, front: np.ndarray, crop: Crop) -> list[Variant]:
    """Change a photo in all the ways that are asked about; arguments as `measure_consistency`."""
    x, y = crop.centre_px
    steps = [crop.size_px * share for share in SHIFTS]
    centres = [(x + step, y) for step in steps] + [(x, y + step) for step in steps]
    shifted = [Crop(centre, crop.size_px, crop.output_size) for centre in centres]
    scaled = [Crop(crop.centre_px, crop.size_px * zoom, crop.output_size) for zoom in ZOOMS]
    return [
        _mirrored(layout, crop.cut(front)),
        *(_recropped("shifted", front, crop, other) for other in shifted),
        *(_recropped("scaled", front, crop, other) for other in scaled),
        *(_rotated(front, crop, float(np.deg2rad(turn_deg))) for turn_deg in TURNS_DEG),
    ]


def _mirrored(layout: UVLayout, front_cut: np.ndarray) -> Variant:
    def to_first(vertices: np.ndarray) -> np.ndarray:
        # What the mirrored photo shows as the left cheek is the right one.
        return vertices[layout.mirror] * [-1, 1, 1] + [layout.size - 1, 0, 0]

    return Variant("mirrored", front_cut[:, ::-1], to_first)


def _recropped(kind: str, front: np.ndarray, first: Crop, other: Crop) -> Variant:
    def to_first(vertices: np.ndarray) -> np.ndarray:
        return first.image_to_crop(other.crop_to_image(vertices))

    return Variant(kind, other.cut(front), to_first)


def _rotated(front: np.ndarray, crop: Crop, angle: float) -> Variant:
    """Turn the photo about the crop's centre and cut there; the crop would lack its corners."""
    size = crop.output_size
    room = round(TURNING_ROOM * size)
    wide = Crop(crop.centre_px, crop.size_px * room / size, TURNING_DETAIL * room)
    middle = (wide.output_size - 1) / 2
    inner = Crop((middle, middle), float(TURNING_DETAIL * size), size)

    def to_first(vertices: np.ndarray) -> np.ndarray:
        return change_points(vertices, _turn(-angle), size)

    return Variant("rotated", inner.cut(change_image(wide.cut(front), _turn(angle))), to_first)


def _turn(angle: float) -> Change:
    return Change(angle, 1.0, np.zeros(2), np.ones(3, np.float32), np.zeros((0, 4), np.int64))


@dataclass(frozen=True)
class Row:
    """What weights did on a photo."""

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
            **{f"{kind}_px": found.distance_px[kind] for kind in KINDS},
            **{f"{kind}_share": found.share(kind) for kind in KINDS},
        }


def markdown_table(rows: Sequence[Row]) -> str:
    """Write distances in % of the face's box (and px of the crop), then each weights' means.

    Args:
        rows: a photo and weights each, one or more.
    """
    lines = [
        f"| photo | weights | {' | '.join(KINDS)} |",
        "|---" * (2 + len(KINDS)) + "|",
        *(_line(row.photo, row.weights, [row.consistency]) for row in rows),
    ]
    for weights in dict.fromkeys(row.weights for row in rows):
        found = [row.consistency for row in rows if row.weights == weights]
        lines.append(_line(f"mean of {len(found)}", weights, found))
    lines += ["", "Mean distance to the first answer, % of the face's box (px of the crop)."]
    return "\n".join(lines)


def _line(photo: str, weights: str, found: Sequence[Consistency]) -> str:
    cells = [
        f"{100 * np.mean([one.share(kind) for one in found]):.2f} "
        f"({np.mean([one.distance_px[kind] for one in found]):.2f})"
        for kind in KINDS
    ]
    return f"| {photo} | {weights} | {' | '.join(cells)} |"
