"""Ctrl-C that waits until no import is half done."""

from __future__ import annotations

import signal
from types import FrameType

IMPORTING = "<frozen importlib._bootstrap>"  # where Python keeps the code of `import`
WAIT_S = 0.01


def interrupt(_: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, as a handler of signals; later, if Python is about to import.

    If Ctrl-C comes while Python waits for the lock of all imports, Python 3.11 keeps that lock, and
    every other thread waits for it for ever.
    """
    is_importing = frame is not None and frame.f_code.co_filename == IMPORTING
    if is_importing and hasattr(signal, "setitimer"):  # not on Windows
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, WAIT_S)
        return
    raise KeyboardInterrupt
