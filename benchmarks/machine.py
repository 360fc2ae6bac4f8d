"""The yardstick: two fixed pieces of work, by which times of different machines compare.

A yardstick is the time of one float32 product of two 1024 x 1024 matrices, on one thread, and of a
plain Python loop over a million numbers. The first stands for arithmetic, the second for the
interpreter. It is measured beside what it measures, so that a slow machine has a long one.
"""

import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from facelib.files.threads import usable_cores

SIDE, LOOPS, REPEATS = 1024, 1_000_000, 5
PACKAGES = ("numpy", "scipy", "numba", "onnxruntime", "torch", "pillow", "small-gicp")


def yardstick() -> tuple[float, float]:
    """Return the fastest processor times of the product and of the loop, s."""
    matrix = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)

    def loop() -> int:
        total = 0
        for number in range(LOOPS):
            total += number
        return total

    with threadpool_limits(1, user_api="blas"):
        return _fastest(lambda: matrix @ matrix), _fastest(loop)


def machine() -> dict[str, object]:
    """Describe the machine: processor, cores that may be used, system."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of what does the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def _fastest(call) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return min(times)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
