"""Shared by the benchmarks: the time of a call, and the memory of a separate program."""

import os
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np


def milliseconds(function, repeats: int) -> tuple[float, float]:
    """Return the median and the fastest call's processor time after a warm-up call, ms.

    Processor time, not wall time: other programs on the machine do not count.
    """
    function()
    times = []
    for _ in range(repeats):
        start = time.thread_time()
        function()
        times.append(1e3 * (time.thread_time() - start))
    return float(np.median(times)), min(times)


def in_turn(calls: dict[str, Callable], repeats: int) -> dict[str, list[float]]:
    """Call several functions in turn, so that other programs slow all alike.

    Returns:
        Each one's processor times, all threads together, ms; a warm-up call is left out.
    """
    times = {name: [] for name in calls}
    for number in range(repeats + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            if number:
                times[name].append(1e3 * (time.process_time() - start))
    return times


def peak_megabytes(*arguments: str) -> float:
    """Run `python ARGUMENTS` and return its peak memory, MB."""
    process = subprocess.Popen([sys.executable, *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"python {' '.join(arguments)} failed with status {status}")
    return usage.ru_maxrss / 1024
