"""Sphinx extension that leads from the chapters to the glossary, and fills the index.

The first mention of each term in a chapter becomes a link to its definition, which is also the
link's title: browsers show it when the pointer rests there. The place goes to the index.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform

GLOSSARY = "glossary"
BLOCK = re.compile(r"^```\{glossary\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^(\S.*)\n((?:  .+\n?)+)", re.MULTILINE)
MARKUP = re.compile(r"\{\w+\}|[`$*]")
# Where a word means something else than the term that is written alike.
OTHER_BEFORE = {"normal": "standard ", "identity": "proof of "}
OTHER_AFTER = {"normal": r"\s+(?:equation|distribution|with\s+mean)"}
# Text in these is not prose, or leads somewhere else.
APART = (nodes.reference, addnodes.pending_xref, nodes.literal, nodes.math, nodes.image)


def definitions(folder: Path) -> dict[str, str]:
    """Return the terms of the glossary with their definitions in plain text."""
    (block,) = BLOCK.findall((folder / f"{GLOSSARY}.md").read_text("utf-8"))
    return {
        term: MARKUP.sub("", " ".join(words.split())).replace("\\", "")
        for term, words in ENTRY.findall(block)
    }


def in_text(term: str) -> re.Pattern[str]:
    """Return a pattern for a term in running text, plural included."""
    words = r"\s+".join(map(re.escape, term.split()))
    plural = words[:-2] + "(?:ex|ices)" if term.endswith("vertex") else f"{words}(?:s|es)?"
    before = f"(?<!{OTHER_BEFORE[term]})" if term in OTHER_BEFORE else ""
    after = f"(?!{OTHER_AFTER[term]})" if term in OTHER_AFTER else ""
    return re.compile(rf"{before}(?<![\w-]){plural}(?![\w-]){after}", re.IGNORECASE)


class LinkTerms(SphinxTransform):
    """Link the first mention of each term; before index entries are collected (850)."""

    default_priority = 800

    def apply(self, **_: object) -> None:
        """Search the chapter's paragraphs, longest terms first."""
        if not self.env.docname.startswith("chapters/"):
            return
        for term in sorted(definitions(Path(self.app.srcdir)), key=len, reverse=True):
            for paragraph in self.document.findall(nodes.paragraph):
                if self.link(paragraph, term):
                    break

    def link(self, paragraph: nodes.paragraph, term: str) -> bool:
        """Link the term where a paragraph first mentions it; return whether it does."""
        for text in paragraph.findall(nodes.Text):
            if isinstance(text.parent, APART) or isinstance(text.parent.parent, APART):
                continue
            if found := in_text(term).search(text):
                words = nodes.inline(found[0], found[0], classes=["xref", "std", "std-term"])
                link = addnodes.pending_xref(
                    "", words, refdomain="std", reftype="term", reftarget=term.lower(),
                    refdoc=self.env.docname, refexplicit=True, refwarn=True,
                )  # fmt: skip
                before, after = text[: found.start()], text[found.end() :]
                parts = [nodes.Text(before), link, nodes.Text(after)]
                text.parent.replace(text, [part for part in parts if str(part) or part is link])
                self.index(paragraph, term)
                return True
        return False

    def index(self, paragraph: nodes.paragraph, term: str) -> None:
        """Add an entry that leads to a paragraph."""
        name = f"term-{nodes.make_id(term)}"
        entry = addnodes.index(entries=[("single", term, name, "", None)])
        target = nodes.target("", "", ids=[name])
        paragraph[0:0] = [entry, target]  # beside it, they would loosen a list


def add_titles(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give the links to the glossary its definitions as titles."""
    by_id = {
        f"term-{nodes.make_id(term)}": words
        for term, words in definitions(Path(app.srcdir)).items()
    }
    for words in doctree.findall(nodes.inline):
        link = words.parent
        if "std-term" in words["classes"] and isinstance(link, nodes.reference):
            name = (link.get("refid") or link["refuri"]).rpartition("#")[2]
            link["reftitle"] = by_id[name]


def chapters_if_changed(
    app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set
) -> list[str]:
    """Read all chapters again when the glossary has changed."""
    return [name for name in env.found_docs if name.startswith("chapters/") and GLOSSARY in changed]


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the steps."""
    app.add_transform(LinkTerms)
    app.connect("doctree-resolved", add_titles)
    app.connect("env-get-outdated", chapters_if_changed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
