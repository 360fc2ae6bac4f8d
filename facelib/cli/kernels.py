"""Announce that numba compiles kernels, which happens once per machine and takes a while."""

from __future__ import annotations

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
    """Report on standard error when the block compiles kernels, and how long that took.

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
                click.echo(_announcement(event), err=True)
            self.started = time.monotonic()

        def on_end(self, event: Event) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.seconds += time.monotonic() - self.started

    with install_listener("numba:compile", Announcer()) as announcer:
        try:
            yield
        finally:
            if announcer.seconds:
                click.echo(f"compiled kernels in {announcer.seconds:.0f} s", err=True)


def _announcement(event: Event) -> str:
    folder = event.data["dispatcher"].stats.cache_path
    if folder is None or PACKAGE in Path(folder).parents:
        return "compiling kernels, once, up to a minute …"
    if Path(folder).parent.name.startswith(TEMPORARY):
        where = f"neither {PACKAGE} nor the home can be written to keep them"
        return f"compiling kernels, each time, up to a minute: {where} …"
    return f"compiling kernels, once, up to a minute … (kept in {Path(folder).parent})"
