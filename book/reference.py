"""Sphinx extension that writes the reference pages out of the code and its data.

Pages of `api/` get the public names of their room, the page of commands what `--help` prints, and
the page of data `data/README.md`. Every chapter offers its notebook.
"""

import pkgutil
import re
import shutil
from importlib import import_module
from pathlib import Path

import click
from numba.core.dispatcher import Dispatcher
from sphinx.application import Sphinx
from sphinx.ext.autodoc import FunctionDocumenter

import facelib
from facelib.__main__ import main

ROOT = Path(facelib.__file__).resolve().parents[1]
MODULE = """
## `{name}`

```{{eval-rst}}
.. automodule:: {name}
   :members:
   :member-order: bysource
```
"""


class KernelDocumenter(FunctionDocumenter):
    """Describes a compiled kernel as the function that it was made of."""

    objtype = "kernel"
    directivetype = "function"
    priority = FunctionDocumenter.priority + 10

    @classmethod
    def can_document_member(
        cls, member: object, membername: str, isattr: bool, parent: object
    ) -> bool:
        """Whether numba made the member."""
        return isinstance(member, Dispatcher)


def add_reference(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add to a page what code or data say."""
    if docname.startswith("api/") and docname != "api/index":
        source[0] += room_reference(docname.removeprefix("api/"))
    elif docname == "commands":
        source[0] += "\n".join(command_help(main, ("facelib",)))
    elif docname == "data_cards":
        app.env.note_dependency(str(ROOT / "data" / "README.md"))
        source[0] += data_cards((ROOT / "data" / "README.md").read_text("utf-8"))


def room_reference(room: str) -> str:
    """Return the directives for a room's own description and for its modules."""
    package = import_module(f"facelib.{room}")
    modules = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    names = [package.__name__, *(module.name for module in modules)]
    return "".join(MODULE.format(name=name) for name in names)


def command_help(command: click.Command, words: tuple[str, ...]) -> list[str]:
    """Return a section per command with what its `--help` prints."""
    context = click.Context(command, info_name=" ".join(words), max_content_width=88)
    page = [f"\n## `{' '.join(words)}`\n", "```text", command.get_help(context), "```\n"]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            page += command_help(command.get_command(context, name), (*words, name))
    return page


SECTION = re.compile(r"(Returns|Yields|Attributes):")
UNNAMED = re.compile(r"<factory>|<function (?:\w+\.)*<lambda>(?: at \w+)?>")
NO_CODE = re.compile(r"<(?:class|function) '?(?:\w+\.)*(\w+)'?(?: at \w+)?>")
SEVERAL = re.compile(r"(\s+)(\w+(?:, \w+)+)(: .*)")


def keep_sentences(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep napoleon from taking words before a colon for a type, where they are a sentence.

    Constants have no type, nor have results: none stands before the colon that is put there. Of
    several attributes on one line, all are names.
    """
    if what in ("attribute", "data", "property") and lines:
        lines[0] = f": {lines[0]}"
    section = ""
    for number, line in enumerate(lines):
        if line and not line[0].isspace():
            found = SECTION.fullmatch(line)
            section = found[1] if found else ""
            if section in ("Returns", "Yields") and number + 1 < len(lines):
                indented = lines[number + 1]
                words = indented.lstrip()
                lines[number + 1] = f"{indented[: len(indented) - len(words)]}: {words}"
        elif section == "Attributes" and (found := SEVERAL.fullmatch(line)):
            lines[number] = found[1] + found[2].replace(", ", ",") + found[3]


def plain_words(
    app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Let |yaw| be a magnitude, and an indented block after a colon be code.

    reStructuredText would look for a text of the name yaw, and quote the block.
    """
    for number, line in enumerate(lines[:-2]):
        is_introduction = re.search(r"[^:]:$", line) and not line.lstrip().startswith((":", ".."))
        if is_introduction and not lines[number + 1] and lines[number + 2].startswith("    "):
            lines[number] += ":"
    code_after = None  # the indent of the line that introduces code, while that lasts
    example = False  # a session of Python, up to a blank line
    for number, line in enumerate(lines):
        words = line.lstrip()
        indent = len(line) - len(words)
        example = words.startswith(">>>") or (example and bool(words))
        if words and code_after is not None and indent <= code_after:
            code_after = None
        if example or code_after is not None:
            continue
        parts = re.split(r"(`[^`]*`)", line)
        lines[number] = "".join(p if p[:1] == "`" else p.replace("|", r"\|") for p in parts)
        if line.endswith("::"):
            code_after = indent


def plain_defaults(
    app: Sphinx, what: str, name: str, thing: object, options: object,
    signature: str | None, returned: str | None,
) -> tuple[str | None, str | None]:  # fmt: skip
    """Write defaults that are no code, such as <class 'int'> and <factory>, as code.

    Sphinx cannot read such a signature, and would show the marks of its links.
    """
    if signature:
        signature = UNNAMED.sub("...", NO_CODE.sub(r"\1", signature))
    return signature, returned


def skip_fields(
    app: Sphinx, what: str, name: str, thing: object, skip: bool, options: object
) -> bool | None:
    """Skip the fields of named tuples, which their class describes."""
    return True if (thing.__doc__ or "").startswith("Alias for field number") else None


def data_cards(text: str) -> str:
    """Return the README of the data without links to files, which are not in the book."""
    return re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)


def offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """Add a button to a chapter that saves its notebook: the source, without outputs."""
    notebook = ROOT / "notebooks" / f"{pagename.removeprefix('chapters/')}.ipynb"
    if not pagename.startswith("chapters/") or not notebook.exists():
        return
    target = Path(app.outdir) / "notebooks" / notebook.name
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(notebook, target)
    context["header_buttons"].append({
        "type": "link",
        "url": context["pathto"](f"notebooks/{notebook.name}", resource=True),
        "icon": "fas fa-download",
        "tooltip": "Download this notebook",
        "label": "download-notebook",
    })  # fmt: skip


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the step; autodoc reads the docstrings, which are in Google's style."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_autodocumenter(KernelDocumenter)
    app.config.napoleon_numpy_docstring = False
    app.config.napoleon_use_ivar = True
    app.config.autodoc_typehints_format = "short"
    app.config.autodoc_preserve_defaults = True
    app.config.add_module_names = False
    app.connect("source-read", add_reference)
    app.connect("html-page-context", offer_notebook, priority=950)
    app.connect("autodoc-process-docstring", keep_sentences, priority=400)
    app.connect("autodoc-process-docstring", plain_words, priority=900)
    app.connect("autodoc-process-signature", plain_defaults)
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
