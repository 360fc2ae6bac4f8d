"""Name and time the steps of a piece of work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Steps:
    """How long each step took, and which one has begun.

    Attributes:
        seconds: by the step's name, in the order of their beginnings.
    """

    def __init__(self, announce: Callable[[str], None] = lambda _: None) -> None:
        """Store the function that gets a step's name when the step begins."""
        self.seconds: dict[str, float] = {}
        self._announce = announce

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time the block; a step that comes again adds to its time."""
        self._announce(name)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
