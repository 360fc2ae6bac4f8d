"""Sphinx extension that adds the program of the page "Your own two photos", where it was built.

`make` puts it together from `web/`, if there is npm; without it, the page says what is missing.
"""

import shutil
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "web" / "build" / "page"
VIEWER = ROOT / "facelib" / "show" / "viewer" / "head_view.js"
PAGE, SCRIPT = "own_photos", "own_photos.js"


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Load the program on its page alone; it loads its other files itself."""
    if pagename == PAGE and (PROGRAM / SCRIPT).is_file():
        app.add_js_file(f"{PAGE}/{SCRIPT}", loading_method="defer")


def copy_program(app: Sphinx, error: Exception | None) -> None:
    """Put the program, and the viewer that it shares with reports, into the book."""
    if error is not None or app.builder.name != "html" or not (PROGRAM / SCRIPT).is_file():
        return
    target = Path(app.outdir) / "_static" / PAGE
    shutil.copytree(PROGRAM, target, dirs_exist_ok=True)
    shutil.copyfile(VIEWER, target / VIEWER.name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.connect("html-page-context", add_script)
    app.connect("build-finished", copy_program)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
