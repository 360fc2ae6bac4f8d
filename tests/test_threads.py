"""The number of threads: what the machine, the container and the user allow."""

import os

import pytest

from facelib.files import threads


@pytest.fixture
def eight_cores(monkeypatch, tmp_path):
    """A machine of eight cores, no limit by a container, no wish of the user."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(threads, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    return threads.QUOTA


@pytest.mark.parametrize(
    ("quota", "wish", "expected"),
    [
        (None, None, 8),
        ("max 100000", None, 8),
        ("250000 100000", None, 3),
        ("250000 100000", "2", 2),
        (None, "99", 8),
        ("1000 100000", "many", 1),
    ],
)
def test_threads_are_the_least_that_anybody_allows(eight_cores, monkeypatch, quota, wish, expected):
    if quota:
        eight_cores.write_text(quota)
    if wish:
        monkeypatch.setenv("OMP_NUM_THREADS", wish)
    assert threads.usable_cores() == expected


@pytest.mark.parametrize("cores", [1, 3])
def test_results_of_threads_come_in_the_order_of_what_was_given(monkeypatch, cores):
    monkeypatch.setattr(threads, "usable_cores", lambda: cores)
    assert threads.in_threads(pow, [2, 3, 4], [5, 2, 1]) == [32, 9, 4]
