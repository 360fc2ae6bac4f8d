"""Sphinx extension that halves the time of a build, and changes no page.

Pages are read and written in two processes. Sphinx would read them in one, because an extension
does not declare that it can be read beside itself; it only numbers what all processes have read.

A page is a tree of thousands of objects, and Python looks for unused ones again and again while it
reads one: that took nine tenths of the time of reading. It now looks seldom.
"""

import gc

from sphinx.application import Sphinx

UNDECLARED = "sphinx_multitoc_numbering"
PROCESSES = 2
OBJECTS = 200_000, 20, 100  # how many times each generation grows before Python looks through it


def declare(app: Sphinx) -> None:
    """Declare what the extension leaves open."""
    app.extensions[UNDECLARED].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Work in several processes, and look for unused objects seldom."""
    app.parallel = PROCESSES
    gc.set_threshold(*OBJECTS)
    app.connect("builder-inited", declare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
