"""The environment of a run, on which its numbers depend: code, libraries, machine."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime

import numpy as np
import torch

from facelib.files.revision import revision


def environment() -> dict[str, object]:
    """Describe code, libraries and machine for a log."""
    return {
        "date": now(),
        "revision": revision(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
