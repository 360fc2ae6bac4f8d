"""Sphinx extension that says what this build of the book is, and how long each chapter ran.

The run times are those that papermill, or nbclient below it, wrote into the executed notebooks.
"""

import datetime
import json
import platform
import re
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

import facelib
from facelib.files.revision import revision
from facelib.files.tables import duration, markdown

ROOT = Path(__file__).resolve().parents[1]
PAGE, CHAPTERS = "edition", "chapters"
PINNED = re.compile(r"(?m)^([\w-]+)==")


def run_seconds(notebook: dict) -> float:
    """Return how long an executed notebook ran.

    Raises:
        ValueError: if it has not been executed.
    """
    if "papermill" in notebook["metadata"]:
        return notebook["metadata"]["papermill"]["duration"]
    spans = [cell["metadata"].get("execution", {}) for cell in notebook["cells"]]
    times = [datetime.datetime.fromisoformat(time) for span in spans for time in span.values()]
    if not times:
        raise ValueError("the notebook has not been executed")
    return (max(times) - min(times)).total_seconds()


def chapter_seconds(folder: Path) -> dict[str, float]:
    """Return the run time of every chapter by the name of its page."""
    return {
        f"{CHAPTERS}/{path.stem}": run_seconds(json.loads(path.read_text("utf-8")))
        for path in sorted((folder / CHAPTERS).glob("[!.]*.ipynb"))
    }


def edition() -> str:
    """Return the tables of this build, in Markdown, but for the run times."""
    now = datetime.datetime.now(datetime.UTC)
    rows = [
        ("facelib", facelib.__version__),
        ("revision", revision()),
        ("built", f"{now:%d %B %Y, %H:%M} UTC"),
        ("Python", platform.python_version()),
        ("system", f"{platform.system()} on {platform.machine()}"),
    ]
    names = PINNED.findall((ROOT / "requirements.in").read_text("utf-8"))
    packages = [(name, version(name)) for name in names]
    return "\n\n".join([
        "## This build", markdown(("what", "which"), rows),
        "## Packages", markdown(("package", "version"), packages),
    ])  # fmt: skip


def run_times(folder: Path) -> str:
    """Return the table of run times, in Markdown."""
    seconds = chapter_seconds(folder)
    rows = [(f"{{doc}}`/{name}`", f"{value:.0f}") for name, value in seconds.items()]
    rows.append(("all, one after the other", f"{sum(seconds.values()):.0f}"))
    return "## Run times\n\n" + markdown(("chapter", "seconds"), rows)


def add_edition(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add the tables to their page."""
    if docname == PAGE:
        source[0] += "\n\n".join(["", edition(), run_times(Path(app.srcdir))])


class SayTime(SphinxTransform):
    """Add to the head of a chapter how long it ran."""

    default_priority = 500

    def apply(self, **_: object) -> None:
        """Append the time to the paragraph that names the chapter's data."""
        docname = self.env.docname
        if not docname.startswith(f"{CHAPTERS}/"):
            return
        for strong in self.document.findall(nodes.strong):
            if strong.astext() == "Data:":
                notebook = Path(self.env.doc2path(docname)).read_text("utf-8")
                words = duration(run_seconds(json.loads(notebook)))
                link = addnodes.pending_xref(
                    "", nodes.inline(words, words), refdomain="std", reftype="doc",
                    reftarget=f"/{PAGE}", refdoc=docname, refexplicit=True, refwarn=True,
                )  # fmt: skip
                strong.parent += [
                    nodes.Text(" "), nodes.strong("Time:", "Time:"), nodes.Text(" "),
                    link, nodes.Text(", when this page was built."),
                ]  # fmt: skip
                return


def always_new(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """Read the page of the edition again in every build."""
    return [PAGE] if PAGE in env.found_docs else []


def name_version(app: Sphinx, config: object) -> None:
    """Add the version to the footer of every page."""
    options = config.html_theme_options
    options["extra_footer"] = f"{options['extra_footer']}<p>facelib {facelib.__version__}</p>"


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.add_transform(SayTime)
    app.connect("config-inited", name_version)
    app.connect("source-read", add_edition)
    app.connect("env-get-outdated", always_new)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
