"""Focal length and distance: the distance decides the perspective, their ratio the framing.

A focal length is given for a frame 36 mm wide, as in photography. The field is the width of the
scene in that frame at the subject's distance: field / distance = 36 mm / focal length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAME_MM = 36.0
FOCAL_MM = (28.0, 200.0)  # from a phone's lens to a portrait tele
FIELD_MM = (380.0, 1400.0)  # from a head that fills the frame to head and chest
NEAREST_MM = 300.0  # a selfie's distance to the middle of the head


@dataclass(frozen=True)
class Lens:
    """A focal length and the camera's distance.

    Attributes:
        focal_mm: on a frame 36 mm wide.
        distance_mm: from the lens to the middle of the head.
    """

    focal_mm: float
    distance_mm: float

    @property
    def field_mm(self) -> float:
        """Width of the frame's content at the head's distance, mm."""
        return self.distance_mm * FRAME_MM / self.focal_mm

    def focal_px(self, width: int) -> float:
        """Return the focal length in px of a whole photo of this width."""
        return self.focal_mm / FRAME_MM * width


def framing_lens(focal_mm: float, field_mm: float) -> Lens:
    """Return the lens at the distance at which this field fills its frame.

    Raises:
        ValueError: if a length is not positive.
    """
    if not (focal_mm > 0 and field_mm > 0):
        raise ValueError(f"expected positive lengths, got {focal_mm} and {field_mm} mm")
    return Lens(focal_mm, focal_mm / FRAME_MM * field_mm)


def log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    """Draw a number between two limits, log-uniformly."""
    return float(np.exp(rng.uniform(*np.log(limits))))


def random_lens(rng: np.random.Generator) -> Lens:
    """Draw a lens and a framing, log-uniformly."""
    focal, field = log_uniform(rng, FOCAL_MM), log_uniform(rng, FIELD_MM)
    return framing_lens(focal, max(field, NEAREST_MM * FRAME_MM / focal))
