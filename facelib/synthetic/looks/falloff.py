"""Soft steps and edges, the elements of masks on the head."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def soft_step(value: np.ndarray, width: float) -> np.ndarray:
    """Step from 0 to 1 at 0, about 4 widths long: the logistic function of value / width."""
    return 1 / (1 + np.exp(-np.clip(value / width, -30, 30)))


class Edge(NamedTuple):
    """A soft edge across one axis of the head.

    Attributes:
        at_mm: where a mask is one half, mm, head frame.
        width_mm: a quarter or so of the edge's length.
    """

    at_mm: float
    width_mm: float

    def above(self, coordinate_mm: np.ndarray) -> np.ndarray:
        """Rise from 0 to 1 with the coordinate."""
        return soft_step(coordinate_mm - self.at_mm, self.width_mm)

    def below(self, coordinate_mm: np.ndarray) -> np.ndarray:
        """Fall from 1 to 0 with the coordinate."""
        return soft_step(self.at_mm - coordinate_mm, self.width_mm)
