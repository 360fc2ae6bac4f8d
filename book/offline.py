"""Sphinx extension that makes the book self-contained, so that it opens from disk, offline.

It copies the scripts that pages need out of installed packages (k3d for meshes, MathJax for
formulas) into the book's own static files, and takes out what only a live kernel can show.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

WIDGET_MIMES = (
    "application/vnd.jupyter.widget-view+json",
    "application/vnd.jupyter.widget-state+json",
)

K3D = ("standalone.js", "standalone.js.LICENSE.txt")
MATHJAX = (
    "startup.js",
    "core.js",
    "a11y/assistive-mml.js",  # MathML beside what is drawn, for readers who hear formulas
    "input/tex.js",
    "input/tex/extensions/boldsymbol.js",
    "input/tex/extensions/cancel.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "output/chtml/fonts/woff-v2/*.woff",
)


def package_folder(name: str) -> Path:
    """Return the folder of an installed package without importing it."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the book needs the package {name}, which is not installed")
    return Path(spec.origin).parent


def copy_scripts(app: Sphinx, error: Exception | None) -> None:
    """Put k3d, and of MathJax what reads TeX and sets it in its own fonts, into the book."""
    if error is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    sources = {
        package_folder("sphinx-mathjax-offline") / "static" / "mathjax": (
            static / "mathjax",
            MATHJAX,
        ),
        package_folder("k3d") / "static": (static / "k3d", K3D),
    }
    for source, (target, patterns) in sources.items():
        for path in (found for pattern in patterns for found in source.glob(pattern)):
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def drop_live_views(app: Sphinx, docname: str, source: list[str]) -> None:
    """Take widget state and live views out of a notebook; their HTML twins stay."""
    if Path(app.env.doc2path(docname)).suffix != ".ipynb":
        return
    notebook = json.loads(source[0])
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for mime in WIDGET_MIMES:
                output.get("data", {}).pop(mime, None)
    source[0] = json.dumps(notebook)


def drop_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Take out the scripts for live code in the page: they load others from the network."""
    context["script_files"] = [
        script
        for script in context.get("script_files", [])
        if "thebe" not in f"{script.filename} {script.attributes.get('body', '')}".lower()
    ]


def drop_idle_mathjax(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Take MathJax out of a page without formulas: it is larger than most pages."""
    if doctree is not None and not any(doctree.findall(_is_formula)):
        context["script_files"] = [
            script
            for script in context["script_files"]
            if "mathjax" not in f"{script.filename} {script.attributes.get('body', '')}".lower()
        ]


def _is_formula(node: nodes.Node) -> bool:
    return isinstance(node, nodes.math | nodes.math_block)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps; the late priority lets other extensions add their scripts first."""
    app.connect("source-read", drop_live_views)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", drop_idle_mathjax, priority=900)
    app.connect("build-finished", copy_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
