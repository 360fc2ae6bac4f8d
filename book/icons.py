"""Sphinx extension that keeps the icons which the book's pages use, out of the theme's 2,000.

The theme's script of icons is larger than most pages. It is thinned once all pages are written.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx

SCRIPT = "fontawesome.js"
CLASS = re.compile(r"\bfa-([a-z0-9-]+)")
# One icon in the script: "name":[width,height,[aliases],"code","path"].
ICON = re.compile(
    r'(?:"([\w-]+)"|([A-Za-z_$][\w$]*)):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?'
)


def used_icons(texts: Iterable[str]) -> set[str]:
    """Return the names of all icons that pages and scripts name in a class."""
    return {name for text in texts for name in CLASS.findall(text)}


def thinned(script: str, names: set[str]) -> str:
    """Return the script of icons with those of some names alone."""
    return ICON.sub(lambda icon: icon[0] if (icon[1] or icon[2]) in names else "", script)


def thin_icons(app: Sphinx, error: Exception | None) -> None:
    """Take the icons that no page uses out of the built book."""
    if error is not None or app.builder.format != "html":
        return
    written = Path(app.outdir)
    sources = [*written.rglob("*.html"), *written.glob("_static/scripts/*.js")]
    texts = (path.read_text("utf-8") for path in sources if path.name != SCRIPT)
    names = used_icons(texts)
    for path in written.rglob(SCRIPT):
        path.write_text(thinned(path.read_text("utf-8"), names), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the step; pages are all written by then."""
    app.connect("build-finished", thin_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
