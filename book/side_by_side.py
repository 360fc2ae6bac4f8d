"""Sphinx extension that reads and writes pages in two processes.

Sphinx would read them in one, because an extension does not declare that it can be read beside
itself. It only numbers what all processes have read.
"""

from sphinx.application import Sphinx

UNDECLARED = "sphinx_multitoc_numbering"
PROCESSES = 2


def declare(app: Sphinx) -> None:
    """Declare what the extension leaves open."""
    app.extensions[UNDECLARED].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Work in several processes."""
    app.parallel = PROCESSES
    app.connect("builder-inited", declare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
