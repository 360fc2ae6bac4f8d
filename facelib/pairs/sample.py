"""One training sample, and the rows of a shard that hold it.

A network is trained on pairs. A sample is a pair with the ground truth that its source provides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass

import numpy as np

from facelib.pairs.annotations import PIXEL_ARRAYS, VIEW, PixelTruth, ViewTruth

NAME_LENGTH = 64  # largest number of characters in a pair's name
VIEW_NAMES = ("front", "side")
FACTS = np.dtype(
    [
        ("identity", "<i8"),
        ("front_pose_deg", "<f4", (3,)),
        ("side_pose_deg", "<f4", (3,)),
        ("px_per_mm", "<f4"),
        ("name", f"<U{NAME_LENGTH}"),
    ]
)


@dataclass(frozen=True)
class FacePair:
    """One person seen from the front and from the side, in square crops of equal size.

    Attributes:
        front: (S, S, 3) uint8 RGB.
        side: (S, S, 3) uint8 RGB.
        vertices_image: (V, 3) float32 px, crop frame of the front photo; layout vertices, the
            lowest z is 0.
        identity: number of the person, the same in all pairs of one person.
        front_pose_deg: (3,) float32 pitch, yaw, roll in degrees.
        side_pose_deg: (3,) float32 pitch, yaw, roll in degrees.
        name: origin of the pair; at most 64 characters.
        px_per_mm: front crop px per head mm, so that errors can be given in mm.
    """

    front: np.ndarray
    side: np.ndarray
    vertices_image: np.ndarray
    identity: int
    front_pose_deg: np.ndarray
    side_pose_deg: np.ndarray
    name: str
    px_per_mm: float

    @property
    def size(self) -> int:
        """Side of both photos in px."""
        return self.front.shape[0]

    def check(self) -> None:
        """Raise ValueError unless all arrays have the documented shapes and dtypes."""
        for label, image in (("front", self.front), ("side", self.side)):
            shape = (self.size, self.size, 3)
            if image.shape != shape or image.dtype != np.uint8:
                raise ValueError(f"{label} must be {shape} uint8, got {image.shape} {image.dtype}")
        vertices = self.vertices_image
        if vertices.ndim != 2 or vertices.shape[1] != 3 or not np.isfinite(vertices).all():
            raise ValueError(f"vertices_image must be finite (V, 3), got shape {vertices.shape}")
        if len(self.name) > NAME_LENGTH:
            raise ValueError(f"name must have at most {NAME_LENGTH} characters, got {self.name!r}")


@dataclass(frozen=True)
class Sample:
    """A pair with the ground truth of its two photos.

    Attributes:
        pair: photos and vertices.
        views: camera and keypoints of the front photo and of the side photo.
        coefficients: everything that was drawn to make it, as dataclasses, arrays, numbers and
            strings. In a file, dataclasses become dicts and arrays become lists.
        pixels: annotations per pixel, front and side; None if they are not stored.
    """

    pair: FacePair
    views: tuple[ViewTruth, ViewTruth]
    coefficients: dict
    pixels: tuple[PixelTruth, PixelTruth] | None = None


def shard_arrays(samples: Iterable[FacePair | Sample], count: int) -> dict[str, np.ndarray]:
    """Stack pairs or samples; each is released before the next is drawn.

    Args:
        samples: exactly `count` of one kind, size and number of vertices.
        count: how many.

    Returns:
        Arrays of `count` rows by name, as a shard holds them.

    Raises:
        ValueError: if a pair fails `FacePair.check` or differs in shape from the first.
    """
    arrays: dict[str, np.ndarray] = {}
    words = []
    for row, sample in enumerate(samples):
        values = _row(sample)
        if isinstance(sample, Sample):
            words.append(_json(sample.coefficients))
        if not arrays:
            arrays = {k: np.empty((count, *v.shape), v.dtype) for k, v in values.items()}
        if {k: v.shape for k, v in values.items()} != {k: a.shape[1:] for k, a in arrays.items()}:
            raise ValueError(
                "all pairs of a set must have one image size and one vertex count, got "
                f"{len(values['front'])} px and {len(values['vertices'])} vertices in "
                f"{str(values['facts']['name'])!r}"
            )
        for name, value in values.items():
            arrays[name][row] = value
    return arrays | ({"coefficients": np.array(words, np.bytes_)} if words else {})


def _row(sample: FacePair | Sample) -> dict[str, np.ndarray]:
    """A sample's rows in a shard, except its coefficients, whose length varies."""
    pair = sample.pair if isinstance(sample, Sample) else sample
    pair.check()
    poses = tuple(pair.front_pose_deg), tuple(pair.side_pose_deg)
    row = {
        "front": pair.front,
        "side": pair.side,
        "vertices": np.asarray(pair.vertices_image, np.float32),
        "facts": np.array((pair.identity, *poses, pair.px_per_mm, pair.name), FACTS),
    }
    if isinstance(sample, Sample):
        row["views"] = np.array([view.record() for view in sample.views], VIEW)
        for view, pixels in zip(VIEW_NAMES, sample.pixels or (), strict=False):
            row |= {f"{view}_{name}": getattr(pixels, name) for name in PIXEL_ARRAYS}
    return row


def _json(coefficients: dict) -> bytes:
    return json.dumps(coefficients, default=_plain, separators=(",", ":")).encode()


def _plain(value):
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"cannot store a {type(value).__name__} among coefficients")
