"""Worker processes: how they stop, and what is said when one dies."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager


def ignore_ctrl_c() -> None:
    """Let a worker finish what it does, as the initializer of `joblib.Parallel`.

    A terminal sends Ctrl-C to every process. A worker that hears it between two tasks would print
    where it was, in a traceback; whoever started it stops it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
