"""Worker processes that die: killed by the system, by somebody, or by a fault."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager


@contextmanager
def naming_dead_workers() -> Iterator[None]:
    """Turn joblib's error about a worker that died inside the block into one sentence.

    Raises:
        ChildProcessError: if a worker died; joblib then stops the others.
    """
    try:
        yield
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "a worker process was killed, as the system does when memory runs out: repeat the "
            "command, with fewer processes if memory is short"
        ) from error
