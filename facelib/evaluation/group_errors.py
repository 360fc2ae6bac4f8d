"""Whom a method serves worse: errors by group of people, with intervals by the bootstrap.

Chapter 15. Errors of people and their groups go in; differences with intervals come out. Chance
drew the people, so people are drawn again with replacement (Efron and Tibshirani 1993). Of twenty
true differences one lies outside its 95 % interval by chance. The wider intervals hold all at
once: the largest of the standardised differences sets their width (Westfall and Young 1993).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from facelib.evaluation.intervals import LEVEL, N_DRAWS, TAILS

SMALLEST = 2  # people of a group, without whom it has no spread


@dataclass(frozen=True)
class GroupError:
    """A group's mean error, and how far it is from that of the others.

    Attributes:
        n: number of people.
        mean: their mean error.
        others_mean: mean error of those whom they are compared with.
        interval: (low, high) 95 % interval of the difference, mean − others_mean.
        wide: the same, such that all groups of one comparison lie in theirs with 95 %.
    """

    n: int
    mean: float
    others_mean: float
    interval: tuple[float, float]
    wide: tuple[float, float]

    @property
    def difference(self) -> float:
        """The group's mean error − the others'."""
        return self.mean - self.others_mean

    @property
    def share(self) -> float:
        """The difference as a share of the others' mean error."""
        return self.difference / self.others_mean


def group_errors(
    errors: np.ndarray,
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]],
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
) -> dict[str, GroupError]:
    """Compare the mean error of each group with that of others.

    Args:
        errors: (N,) float, one per person.
        groups: name → (N,) bool members and (N,) bool others.
        rng: draws people.
        n_draws: number of times that all people are drawn again.

    Returns:
        The groups by name, in the same order.

    Raises:
        ValueError: if a group or its others are fewer than two people, or share somebody.
    """
    errors = np.asarray(errors, np.float64)
    members, others = (np.array([each[k] for each in groups.values()], bool) for k in (0, 1))
    for name, group, rest in zip(groups, members, others, strict=True):
        if min(group.sum(), rest.sum()) < SMALLEST or (group & rest).any():
            raise ValueError(f"expected two people or more in {name} and two others outside it")
    drawn = rng.multinomial(len(errors), np.full(len(errors), 1 / len(errors)), n_draws)
    differences = _means(drawn, members, errors) - _means(drawn, others, errors)
    once = np.ones((1, len(errors)))
    means, others_means = (_means(once, each, errors)[0] for each in (members, others))
    found = means - others_means
    low, high = np.percentile(differences, TAILS, axis=0)
    spread = differences.std(axis=0, ddof=1)
    furthest = np.max(np.abs(differences - found) / spread, axis=1)
    reach = np.quantile(furthest, LEVEL) * spread
    return {
        name: GroupError(
            n=int(members[k].sum()),
            mean=float(means[k]),
            others_mean=float(others_means[k]),
            interval=(float(low[k]), float(high[k])),
            wide=(float(found[k] - reach[k]), float(found[k] + reach[k])),
        )
        for k, name in enumerate(groups)
    }


def mean_interval(
    values: np.ndarray, rng: np.random.Generator, n_draws: int = N_DRAWS
) -> tuple[float, float, float]:
    """Return the mean of (N,) values, and the low and the high end of its 95 % interval."""
    values = np.asarray(values, np.float64)
    means = values[rng.integers(len(values), size=(n_draws, len(values)))].mean(axis=1)
    low, high = np.percentile(means, TAILS)
    return float(values.mean()), float(low), float(high)


def _means(counts: np.ndarray, groups: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Mean errors (D, G) of (G, N) groups where each person counts as often as drawn, (D, N)."""
    totals = counts @ groups.T
    # A tiny group may be drawn nobody; the mean of nobody is that of the group.
    alone = (groups @ errors) / groups.sum(axis=1)
    sums = counts @ (groups * errors).T
    return np.where(totals > 0, sums / np.maximum(totals, 1), alone)
