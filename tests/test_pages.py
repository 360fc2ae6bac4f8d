"""Every page of the built book is whole, fits a telephone, turns its meshes and excludes nobody.

The book is the one that tests/test_book.py looks at. A page is loaded once, for all checks.
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import PATIENCE_MS, Visit, skip_or_fail
from meshes_in_pages import check_mesh
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / os.environ.get("FACELIB_BOOK_HTML", ".test_book/_build/html")
AXE = ROOT / "tests" / "web" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = sorted(
    page.relative_to(BOOK) for page in BOOK.rglob("*.html") if "_static" not in page.parts
)
TELEPHONE, TABLET, DESKTOP = 360, 768, 1280  # px
# A name that is heard but is not the one that is read counts too, though axe leaves that to choice.
FAULTS = """async (rules) => (await axe.run(document, {
    preload: false, resultTypes: ["violations"], ...rules,
  })).violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))"""
COLOURS = "color-contrast", "link-in-text-block"
MODERATE = ("region",)  # whatever this rule finds is neither serious nor critical
IN_LISTS = "list", "listitem", "definition-list", "dlitem"  # which need all parts of a list
STRUCTURE, STRUCTURE_OF_SOME = (
    {
        "rules": {
            "label-content-name-mismatch": {"enabled": True},
            **{rule: {"enabled": False} for rule in (*COLOURS, *MODERATE, *left_out)},
        }
    }
    for left_out in ((), IN_LISTS)
)
LOOKS = {"runOnly": [*COLOURS, "scrollable-region-focusable"]}
# All of a page is looked at for its structure once, in a wide window. What a narrow one hides and
# shows, and colours, come from names and classes, so there one text of each kind stands for all. To
# look at all of them took two thirds of the time, above all in the reference.
LEAVE_ONE_OF_EACH_KIND = """() => {
  window.wholeArticle = document.querySelector("article");
  wholeArticle?.replaceWith(wholeArticle.cloneNode(true));
  const kinds = new Set(), wanted = new Set(), keep = (part) => {
    for (; part && !wanted.has(part); part = part.parentElement) wanted.add(part);
  };
  const known = new Map([[document.body, ""]]), kindOf = (part) => {
    if (!known.has(part)) known.set(part, kindOf(part.parentElement) +
      [part.tagName, part.className, part.style.cssText, part.rowIndex % 2].join());
    return known.get(part);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement;
    const part = parent.closest("mjx-container") ?? parent, kind = kindOf(part);
    if (texts.currentNode.data.trim() && !kinds.has(kind)) keep(part);
    kinds.add(kind);
  }
  const scrolls = (part) => part.scrollWidth > part.clientWidth + 1;
  for (const part of [...document.querySelectorAll("article *")].filter(scrolls)) {
    const kind = `scrolls:${kindOf(part)}`;
    if (!kinds.has(kind)) part.querySelectorAll("*").forEach(keep);
    kinds.add(kind);
  }
  for (const part of document.querySelectorAll("article *"))
    if (part.isConnected && part.textContent.trim() && !wanted.has(part)) part.remove();
}"""
PUT_BACK = "() => document.querySelector('article')?.replaceWith(window.wholeArticle)"
# The innermost parts are named: what is around them is wide because of them.
TOO_WIDE = """() => {
  const room = window.innerWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  return [...document.querySelectorAll("article *")]
    .filter((part) => part.getBoundingClientRect().right > room + 1)
    .map((part) => part.outerHTML.slice(0, 120)).slice(-5).concat("wider than the window");
}"""
# A figure whose labels are shrunk away, and a word or a number of a table in two pieces.
SHRUNK = """() => [...document.querySelectorAll(".cell_output img:is(.is-plot, .is-picture)")]
  .filter((image) => image.clientWidth + 1 < Math.min(image.naturalWidth, 600))
  .map((image) => `${image.clientWidth} px: ${image.alt.slice(0, 60)}`)"""
BROKEN = """() => {
  const broken = [];
  for (const cell of document.querySelectorAll("article table.table :is(td, th)")) {
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const { 0: word, index } of texts.currentNode.data.matchAll(/[\\w.]{2,24}/g)) {
        const range = new Range();
        range.setStart(texts.currentNode, index);
        range.setEnd(texts.currentNode, index + word.length);
        const tops = [...range.getClientRects()].map((box) => Math.round(box.top));
        if (new Set(tops).size > 1) broken.push(word);
      }
    }
  }
  return broken;
}"""
CUT_CAPTIONS = """() => [...document.querySelectorAll("article table.table > caption")]
  .filter((part) => part.getBoundingClientRect().right >
    part.closest("article").getBoundingClientRect().right + 1)
  .map((part) => part.textContent.slice(0, 60))"""
CUT = """() => [...document.querySelectorAll(".bd-sidebar-secondary a")].filter((name) =>
  name.getBoundingClientRect().right > name.closest(".bd-sidebar-secondary")
    .getBoundingClientRect().right).map((name) => name.textContent)"""
# A third of a second after a change of width, the theme lets the keyboard reach what scrolls. A px
# too much is rounding, and does not scroll.
REACHED = """() => [...document.querySelectorAll("pre")]
  .every((part) => part.scrollWidth <= part.clientWidth + 1 || part.tabIndex === 0)"""
RAW = re.compile(r"```|~~~|\{(?:quiz|exercise|solution|numref|doc|eq|ref|cite)[:}]")
PROSE = """() => {
  const prose = document.querySelector("main").cloneNode(true);
  for (const code of prose.querySelectorAll("pre, code, script")) code.remove();
  return prose.textContent;
}"""
# A formula without MathML beside what is drawn, and a row of a table without a name.
UNHEARD = "mjx-container:not(:has(mjx-assistive-mml)), tr[class^=row] > td:first-child"
# What is fetched only when a mesh is seen.
LATER = "_static/k3d/", "_static/meshes/"
MOST_OF_A_CHAPTER, MOST_OF_THE_BOOK = 3e6, 32e6  # bytes

pytestmark = pytest.mark.browser


def bytes_loaded(visit: Visit) -> int:
    """Return the size of a page and of all files that it has asked for, but for meshes."""
    files = {
        Path(unquote(urlsplit(url).path))
        for url in visit.requested
        if url.startswith("file:") and not any(part in url for part in LATER)
    }
    return sum(file.stat().st_size for file in files)


def faults(page: Page, rules: dict) -> list[str]:
    """Return what axe-core finds by some of its rules."""
    page.wait_for_function(REACHED, timeout=PATIENCE_MS)
    return page.evaluate(FAULTS, rules)


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function("width => innerWidth === width", arg=width, timeout=PATIENCE_MS)
    # Two frames: the page is laid out, and its observers of size have answered.
    page.evaluate("() => new Promise(d => requestAnimationFrame(() => requestAnimationFrame(d)))")


def wait_for_formulas(page: Page) -> None:
    page.wait_for_function(
        "n => document.querySelectorAll('mjx-container').length >= n",
        arg=page.locator("span.math, div.math").count(),
        timeout=PATIENCE_MS,
    )


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_page_works_for_all(browser: Browser, path: Path) -> None:
    with Visit(browser, BOOK / path, reduced_motion="reduce") as visit:
        page = visit.page
        if path.name == "search.html":
            page.locator("input[type=search]:visible").first.fill("head")
            page.keyboard.press("Enter")
            page.wait_for_selector("#search-results li")
        wait_for_formulas(page)
        check_content(page)
        if path.parts[0] == "chapters":
            assert bytes_loaded(visit) < MOST_OF_A_CHAPTER
        if AXE.is_file():
            page.add_script_tag(path=AXE)
            assert faults(page, STRUCTURE) == [], f"at {DESKTOP} px"
        assert page.evaluate(CUT) == [], "in the list of contents"
        for width in (TABLET, TELEPHONE):
            resize(page, width)
            check_width(page, width)
        if AXE.is_file():
            check_one_of_each_kind(page)
        # Last, and small: software draws a mesh that is in sight at every change of width.
        for view in page.query_selector_all(".mesh-view"):
            check_mesh(page, view)
        # From disk, no browser lets the search read its pages, and says so.
        assert path.name == "search.html" or visit.complaints == []
        if not AXE.is_file():
            skip_or_fail("There is no axe-core, which npm installs: all but its rules holds.")


def check_content(page: Page) -> None:
    """Look for marks that nobody turned into text, and for what cannot be seen or heard."""
    assert RAW.findall(page.evaluate(PROSE)) == []
    assert page.locator("mjx-merror").count() == 0, "a formula has an error"
    assert page.locator(UNHEARD).count() == 0
    names = page.eval_on_selector_all(".toggle-button", "all => all.map(b => b.ariaLabel)")
    assert len(set(names)) == len(names), "two buttons have one name"
    ids = page.eval_on_selector_all("[id]", "all => all.map((part) => part.id)")
    assert len(set(ids)) == len(ids), "two parts of the page have one id"
    nameless = page.eval_on_selector_all(
        "article th", "all => all.filter((head) => !head.textContent.trim()).length"
    )
    assert nameless == 0, "a column without a name"
    missing = page.eval_on_selector_all(
        "img", "all => all.filter(i => !i.alt.trim()).map(i => i.outerHTML.slice(0, 120))"
    )
    assert missing == [], "images without alt text"
    broken = page.eval_on_selector_all(
        "img", "all => all.filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    )
    assert broken == [], "images that do not load"


def check_width(page: Page, width: int) -> None:
    for fault in (TOO_WIDE, SHRUNK, BROKEN, CUT_CAPTIONS):
        assert page.evaluate(fault) == [], f"at {width} px"


def check_one_of_each_kind(page: Page) -> None:
    """Look at structure and colours on a telephone, where most tables and formulas scroll."""
    page.evaluate(LEAVE_ONE_OF_EACH_KIND)
    assert faults(page, STRUCTURE_OF_SOME) == [], f"at {TELEPHONE} px"
    for width, theme in ((TELEPHONE, "dark"), (DESKTOP, "light")):
        resize(page, width)
        page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        assert faults(page, LOOKS) == [], f"at {width} px, {theme}"
    resize(page, TELEPHONE)
    page.evaluate(PUT_BACK)


def test_the_book_is_small_without_the_program_for_own_photos() -> None:
    """That program brings a network and its runtime; tests/test_own_photos.py weighs it."""
    program = BOOK / "_static" / "own_photos"
    files = [f for f in BOOK.rglob("*") if f.is_file() and program not in f.parents]
    assert sum(file.stat().st_size for file in files) < MOST_OF_THE_BOOK
