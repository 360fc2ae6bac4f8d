"""The time that a run has trained, and the part of it spent waiting for data."""

from __future__ import annotations

import time
from collections.abc import Iterator

from facelib.training.stream import Batch


class Clock:
    """The clock of a run; it also measures the time since the last line of the log."""

    def __init__(self, seconds: float = 0.0) -> None:
        """Start.

        Args:
            seconds: of training before, in a resumed run.
        """
        self._start = time.monotonic() - seconds
        self._line_start = time.monotonic()
        self._waited = self._worked = 0.0

    def seconds(self) -> float:
        """Return the seconds of training so far."""
        return time.monotonic() - self._start

    def next_batch(self, batches: Iterator[Batch]) -> Batch | None:
        """Wait for the next batch; None after the last."""
        start = time.monotonic()
        batch = next(batches, None)
        self._waited += time.monotonic() - start
        self._worked += batch.work_seconds if batch is not None else 0.0
        return batch

    def columns(self) -> dict[str, float]:
        """Return the log's time columns, and restart them for the next line."""
        now = time.monotonic()
        elapsed = max(now - self._line_start, 1e-9)
        columns = {
            "seconds": round(now - self._start, 3),
            "data_share": round(self._waited / elapsed, 4),
            "data_work_share": round(self._worked / elapsed, 4),
        }
        self._line_start, self._waited, self._worked = now, 0.0, 0.0
        return columns
