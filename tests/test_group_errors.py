"""Errors by group and their intervals, against textbook formulas and planted truths."""

import numpy as np
import pytest

from facelib.evaluation.group_errors import group_errors, mean_interval


def drawn(rng, n_people, n_groups):
    """Errors that depend on no group, and groups of a fifth of the people."""
    members = rng.random((n_groups, n_people)) < 0.2
    return rng.gamma(4, 0.3, n_people), {f"g{k}": (m, ~m) for k, m in enumerate(members)}


def test_a_planted_difference_is_found_and_lies_in_both_intervals():
    rng = np.random.default_rng(1)
    errors, groups = drawn(rng, 600, 3)
    members, _ = groups["g1"]
    found = group_errors(errors + 0.5 * members, groups, rng)["g1"]
    assert found.n == members.sum()
    assert found.difference == pytest.approx(
        errors[members].mean() - errors[~members].mean() + 0.5, abs=1e-9
    )
    assert 0 < found.wide[0] < found.interval[0] < 0.5 < found.interval[1] < found.wide[1]
    assert found.share == pytest.approx(found.difference / found.others_mean)


def test_the_interval_is_as_wide_as_welch_gives_for_large_groups():
    rng = np.random.default_rng(2)
    errors, groups = drawn(rng, 2000, 1)
    members, others = groups["g0"]
    low, high = group_errors(errors, groups, rng)["g0"].interval
    variance = sum(errors[each].var(ddof=1) / each.sum() for each in (members, others))
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(variance), rel=0.1)


def test_one_interval_in_twenty_misses_but_hardly_ever_one_of_the_wide_ones():
    rng = np.random.default_rng(3)
    missed, missed_wide = [], []
    for _ in range(120):
        found = group_errors(*drawn(rng, 200, 12), rng, n_draws=400).values()
        missed += [not each.interval[0] < 0 < each.interval[1] for each in found]
        missed_wide.append(any(not each.wide[0] < 0 < each.wide[1] for each in found))
    assert 0.02 < np.mean(missed) < 0.1
    assert np.mean(missed_wide) < 0.13  # 0.05 in the limit; 120 tries


def test_a_group_of_nearly_nobody_is_refused():
    errors, alone = np.arange(5.0), np.arange(5) == 0
    with pytest.raises(ValueError, match="two people or more in one"):
        group_errors(errors, {"one": (alone, ~alone)}, np.random.default_rng(0))
    with pytest.raises(ValueError, match="outside it"):
        group_errors(errors, {"all": (errors >= 0, errors > 0)}, np.random.default_rng(0))


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    rng = np.random.default_rng(4)
    values = rng.normal(3, 2, 900)
    mean, low, high = mean_interval(values, rng)
    assert mean == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 30, rel=0.1)
