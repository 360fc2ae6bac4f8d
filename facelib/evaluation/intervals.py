"""How sure a mean, a median, a ratio is: intervals by drawing the people again.

Chance drew the people, so people are drawn again with replacement (Efron and Tibshirani 1993). All
intervals hold with 95 % each: of twenty, one misses its truth by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

N_DRAWS, LEVEL = 2000, 0.95
TAILS = (50 * (1 - LEVEL), 50 * (1 + LEVEL))  # %


@dataclass(frozen=True)
class Estimate:
    """A number that was measured on people, and its 95 % interval.

    Attributes:
        value: as measured.
        low, high: ends of the interval; NaN for a single person, of whom nothing can be said.
        n: number of people.
    """

    value: float
    low: float
    high: float
    n: int

    def words(self, digits: int = 2, factor: float = 1.0) -> str:
        """Write the value and the interval, such as `1.19 (1.12 to 1.26)`."""
        value, low, high = (f"{factor * v:.{digits}f}" for v in (self.value, self.low, self.high))
        return value if np.isnan(self.low) else f"{value} ({low} to {high})"


def estimate(
    values: np.ndarray,
    statistic: Callable[..., np.ndarray] = np.mean,
    seed: int = 0,
    n_draws: int = N_DRAWS,
) -> Estimate:
    """Measure a statistic of people, with its interval.

    Args:
        values: (N,) float, one per person.
        statistic: `np.mean`, `np.median` or another function with an `axis`.
        seed: of the draws, so that a number is the same each time.
        n_draws: number of times that the people are drawn again.

    Raises:
        ValueError: if there are no values.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"expected (N,) values of one person or more, got {values.shape}")
    value, n = float(statistic(values, axis=0)), len(values)
    if n == 1:
        return Estimate(value, np.nan, np.nan, n)
    drawn = np.random.default_rng(seed).integers(n, size=(n_draws, n))
    low, high = np.percentile(statistic(values[drawn], axis=1), TAILS)
    return Estimate(value, float(low), float(high), n)


def area_under_ced(errors: np.ndarray, largest: float, axis: int = -1) -> np.ndarray:
    """Return the area under the cumulative error distribution from 0 to `largest`, 0 to 1.

    It is the mean over faces of the share of the thresholds that lie above their error, so no grid
    of thresholds is needed.
    """
    return np.clip(1 - np.asarray(errors, np.float64) / largest, 0, None).mean(axis=axis)
