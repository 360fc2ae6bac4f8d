"""Announce that kernels are compiled, which happens once per machine and takes a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

import facelib
from facelib.files.kernel_cache import TEMPORARY

if TYPE_CHECKING:
    from numba.core.event import Event

PACKAGE = Path(facelib.__file__).parent


@contextmanager
def announcing_compilation() -> Iterator[None]:
    """Report on standard error when numba compiles in the block, and how long that took.

    Kernels that numba finds in its cache are not announced. The cache folder is named if it is not
    the package's own, as happens when the package is installed in a read-only place; if it is
    temporary, that is said.
    """
    from numba.core.event import Listener, install_listener

    class Announcer(Listener):
        depth, seconds, started = 0, 0.0, 0.0

        def on_start(self, event: Event) -> None:
            # A kernel that calls another compiles it inside its own compilation.
            self.depth += 1
            if self.depth > 1:
                return
            if not self.seconds:
                click.echo(_announcement(event.data["dispatcher"].stats.cache_path), err=True)
            self.started = time.monotonic()

        def on_end(self, event: Event) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.monotonic() - self.started

    with install_listener("numba:compile", Announcer()) as announcer:
        try:
            yield
        finally:
            _say_how_long(announcer.seconds)


@contextmanager
def announcing_kernels() -> Iterator[None]:
    """Do the same for kernels of `facelib.files.kernels`, which may do without numba."""
    log, announcer = logging.getLogger("facelib.files.kernels"), _KernelAnnouncer()
    level = log.level
    log.addHandler(announcer)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(announcer)
        log.setLevel(level)
        _say_how_long(announcer.seconds)


class _KernelAnnouncer(logging.Handler):
    """Says each thing once, and adds up how long all compilations take."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds, self._said = 0.0, set()

    def emit(self, record: logging.LogRecord) -> None:
        self.seconds += getattr(record, "seconds", 0.0)
        if record.levelno >= logging.WARNING:
            self._say(record.getMessage())
        elif hasattr(record, "folder"):
            self._say(_announcement(record.folder))

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            click.echo(sentence, err=True)


def _say_how_long(seconds: float) -> None:
    if seconds:
        click.echo(f"compiled kernels in {seconds:.0f} s", err=True)


def _announcement(folder: Path | str | None) -> str:
    if folder is None or PACKAGE in Path(folder).parents:
        return "compiling kernels, once, up to a minute …"
    if Path(folder).parent.name.startswith(TEMPORARY):
        where = f"neither {PACKAGE} nor the home can be written to keep them"
        return f"compiling kernels, each time, up to a minute: {where} …"
    return f"compiling kernels, once, up to a minute … (kept in {Path(folder).parent})"
