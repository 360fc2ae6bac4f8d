"""The reference pages: the library, the commands, the glossary and the index."""

import re
import sys
from html import unescape
from pathlib import Path

import pytest
import yaml
from pybtex.database import parse_file
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))
import reference  # noqa: E402
import terms  # noqa: E402

CHAPTER = """# Chapter

A `mesh` is drawn; *meshes* have vertices. Another mesh.

The position map of a mesh.

- A texel comes first.
- Another item.
"""


SAMPLE_MODULE = """
```{eval-rst}
.. automodule:: reference_sample
   :members:
```
"""
SAMPLE = '''
"""A module whose sentences have colons."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

SIDES = 32  #: Sides are multiples: the deepest layer is smaller.


class Place(NamedTuple):
    """A place, x and y."""

    x: float
    y: float


@dataclass
class Range:
    """A range.

    Attributes:
        low, high: its ends.
        names: a word per end.
        kind: of the ends.
    """

    low: float
    high: float
    names: Mapping[str, str] = field(default_factory=dict)
    kind: type = int


def read():
    """Read something, such as::

        | a | b |

    Returns:
        y up: a mesh, where |x| is small.
    """
'''


WITHOUT_LINK = {
    "theoharis2008graphics", "geman1987statistical", "zhuang2005", "du2008", "gordon2014",
    "loop1987", "westfall1993resampling",
}  # fmt: skip


def test_every_source_leads_somewhere():
    sources = parse_file(ROOT / "book" / "references.bib").entries
    links = {"doi", "url", "eprint"}
    without = {key for key, source in sources.items() if links.isdisjoint(source.fields)}
    assert without <= WITHOUT_LINK


def files_in(contents):
    for page in contents:
        yield page["file"]
        yield from files_in(page.get("sections", []))


def test_every_room_of_the_library_has_a_page():
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    pages = {file for part in contents["parts"] for file in files_in(part["chapters"])}
    rooms = {path.parent.name for path in (ROOT / "facelib").glob("*/__init__.py")}
    listed = {page.removeprefix("api/") for page in pages if page.startswith("api/")}
    assert listed - {"index"} == rooms - {"cli"}
    assert "commands" in pages  # which stands for the commands' room


def test_the_glossary_is_sorted_and_says_something_of_each_term():
    words = terms.definitions(ROOT / "book")
    assert list(words) == sorted(words, key=str.lower) and len(words) > 40
    for term, definition in words.items():
        assert definition.endswith(".") and len(definition) > 30, term


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small book with one chapter and one page of the library."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "chapters").mkdir()
    (folder / "api").mkdir()
    (folder / "index.md").write_text(
        "# Book\n\n```{toctree}\nglossary\ncommands\nchapters/one\napi/detect\napi/files\n```\n"
    )
    (folder / "glossary.md").write_text((ROOT / "book" / "glossary.md").read_text("utf-8"))
    (folder / "notation.md").write_text("---\norphan: true\n---\n# Notation\n")
    (folder / "commands.md").write_text("# Commands\n")
    (folder / "chapters" / "one.md").write_text(CHAPTER)
    (folder / "api" / "detect.md").write_text("# Detect\n")
    (folder / "api" / "files.md").write_text("# Files\n" + SAMPLE_MODULE)
    (folder / "reference_sample.py").write_text(SAMPLE, "utf-8")
    sys.path.insert(0, str(folder))
    options = {
        "extensions": ["myst_parser", "reference", "terms"],
        "myst_enable_extensions": ["dollarmath"],
        "default_role": "code",
    }
    out = folder / "out"
    Sphinx(
        folder, None, out, folder / "trees", "html", options,
        status=None, warningiserror=True, keep_going=True,
    ).build()  # fmt: skip
    return out


def test_the_first_mention_of_a_term_leads_to_its_definition_and_shows_it(built):
    page = (built / "chapters" / "one.html").read_text("utf-8")
    links = page.count("glossary.html#term-mesh")
    assert links == 1, "the first mention alone is a link"
    assert 'title="A surface made of triangles' in page
    assert ">meshes</span></a>" in page, "code is no mention"
    assert 'glossary.html#term-position-map"' in page


def test_a_word_that_means_something_else_is_no_term():
    assert terms.in_text("normal").search("the normals of a mesh")
    assert not terms.in_text("normal").search("a standard normal variable; normal equations")
    assert not terms.in_text("identity").search("no proof of identity")


def test_a_link_to_a_term_leaves_a_list_as_tight_as_it_was(built):
    page = (built / "chapters" / "one.html").read_text("utf-8")
    items = page[page.index('<ul class="simple">') :]
    assert "glossary.html#term-texel" in items[: items.index("</ul>")]


def test_the_index_leads_to_terms_commands_and_names_of_the_library(built):
    index = (built / "genindex.html").read_text("utf-8")
    assert "chapters/one.html#term-mesh" in index and "glossary.html#term-mesh" in index
    assert "facelib.detect.centerface" in index


def test_the_page_of_commands_shows_the_help_of_each(built):
    page = (built / "commands.html").read_text("utf-8")
    for words in ("facelib reconstruct", "facelib pairs synthetic", "facelib standin bfm"):
        assert f'id="{words.replace(" ", "-")}"' in page
    assert "Exit codes" in page


def test_the_library_s_sentences_stay_whole(built):
    page = (built / "api" / "files.html").read_text("utf-8")
    words = " ".join(unescape(re.sub("<[^>]+>", "", page)).split())
    assert "Sides are multiples: the deepest layer is smaller." in words
    assert "y up: a mesh, where |x| is small." in words and "Return type" not in words
    assert "| a | b |" in words and "\\" not in words
    assert "low,high – its ends." in words
    assert "Alias for field" not in words
    assert "names: Mapping[str, str] = ..., kind: type = int" in words and "~" not in words


def test_data_cards_have_no_links_to_files_outside_of_the_book():
    text = "See [the card](weights/two_view.md) and [a page](https://example.org)."
    assert reference.data_cards(text) == "See the card and [a page](https://example.org)."
