"""How many threads to use; and one for linear algebra, so that a result has the same bits anywhere.

A matrix product that is split over threads adds its terms in another order and thus rounds
differently. Small products are faster, too: threads that wait for each other waste the time of a
busy machine, a hundredfold in the fit of a head.
"""

from __future__ import annotations

import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

from threadpoolctl import ThreadpoolController

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds of processor per period

ABANDONED = "facelib-"  # how the names of threads begin that nobody need wait for

Result = TypeVar("Result")

_lock = threading.Lock()
_inside = 0
_limit = None


def usable_cores() -> int:
    """Count the processors that this process may use: by affinity, container and user.

    joblib counts alike, but its import takes longer than the detection of a face. OMP_NUM_THREADS
    is the user's limit, and the one that joblib sets in its workers.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota, period = QUOTA.read_text().split() if QUOTA.is_file() else ("max", "1")
    limits = [cores or 1]
    if quota != "max":
        limits.append(math.ceil(int(quota) / int(period)))
    wish = os.environ.get("OMP_NUM_THREADS", "")
    if wish.isdecimal():
        limits.append(int(wish))
    return max(1, min(limits))


class Threads(ThreadPoolExecutor):
    """Threads that are waited for only if the block ends without an exception.

    So an error is shown, and Ctrl-C ends a program, while a thread still compiles kernels.
    """

    def __init__(self, count: int | None = None) -> None:
        """Start no thread yet; `count` is the largest number of threads, None for a usual one."""
        super().__init__(count, thread_name_prefix=ABANDONED)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the threads, or abandon them."""
        self.shutdown(wait=kind is None, cancel_futures=kind is not None)


def are_abandoned_threads_busy() -> bool:
    """Whether threads of `Threads` still work, for which Python would wait at its end."""
    return any(thread.name.startswith(ABANDONED) for thread in threading.enumerate())


def in_threads(function: Callable[..., Result], *arguments: Iterable) -> list[Result]:
    """Map a function as `map` does, in as many threads as there are usable processors.

    That is of use for functions that spend their time in numpy, in kernels with `nogil=True` and in
    other code that lets the interpreter go.
    """
    with ThreadPoolExecutor(usable_cores()) as threads:
        return list(threads.map(function, *arguments))


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Limit BLAS to one thread inside the block; may be nested and used by several threads."""
    global _inside, _limit
    with _lock:
        if _inside == 0:
            _limit = _controller("scipy" in sys.modules).limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _limit.restore_original_limits()


@cache
def _controller(has_scipy: bool) -> ThreadpoolController:
    # Numpy and scipy each ship a BLAS, which must be loaded before it can be found. Programs that
    # do without scipy need not wait for it.
    import numpy.linalg  # noqa: F401

    if has_scipy:
        import scipy.linalg  # noqa: F401

    return ThreadpoolController()
