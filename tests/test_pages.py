"""Every page of the built book fits a telephone, and has no fault that axe-core calls serious.

The book is the one that tests/test_book.py looks at. A page is loaded once and then resized.
"""

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from browsing import PATIENCE_MS, Visit, skip_or_fail
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / os.environ.get("FACELIB_BOOK_HTML", ".test_book/_build/html")
AXE = ROOT / "tests" / "web" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = sorted(
    page.relative_to(BOOK) for page in BOOK.rglob("*.html") if "_static" not in page.parts
)
TELEPHONE, TABLET, DESKTOP = 360, 768, 1280  # px
# A name that is heard but is not the one that is read counts too, though axe leaves that to choice.
FAULTS = """async () => (await axe.run(document, {
    preload: false, resultTypes: ["violations"],
    rules: { "label-content-name-mismatch": { enabled: true } },
  })).violations
  .filter(({ impact }) => impact === "serious" || impact === "critical")
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))"""
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
# A third of a second after a change of width, the theme lets the keyboard reach what scrolls.
REACHED = """() => [...document.querySelectorAll("pre")]
  .every((part) => part.scrollWidth <= part.clientWidth || part.tabIndex === 0)"""
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


def faults(page: Page, width: int, theme: str) -> list[str]:
    """Return what axe-core finds at a width and in a theme."""
    resize(page, width)
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    page.wait_for_function(REACHED, timeout=PATIENCE_MS)
    return page.evaluate(FAULTS)


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
def test_page_fits_and_can_be_used_by_all(browser: Browser, path: Path) -> None:
    with Visit(browser, BOOK / path, reduced_motion="reduce") as visit:
        page = visit.page
        if path.name == "search.html":
            page.locator("input[type=search]:visible").first.fill("head")
            page.keyboard.press("Enter")
            page.wait_for_selector("#search-results li")
        wait_for_formulas(page)
        assert RAW.findall(page.evaluate(PROSE)) == []
        assert page.locator(UNHEARD).count() == 0
        names = page.eval_on_selector_all(".toggle-button", "all => all.map(b => b.ariaLabel)")
        assert len(set(names)) == len(names), "two buttons have one name"
        if path.parts[0] == "chapters":
            assert bytes_loaded(visit) < MOST_OF_A_CHAPTER
        for width in (TELEPHONE, TABLET):
            resize(page, width)
            assert page.evaluate(TOO_WIDE) == [], f"at {width} px"
            assert page.evaluate(SHRUNK) == [], f"at {width} px"
            assert page.evaluate(BROKEN) == [], f"at {width} px"
        if not AXE.is_file():
            skip_or_fail("There is no axe-core, which npm installs: the page's widths alone fit.")
        page.add_script_tag(path=AXE)
        assert faults(page, DESKTOP, "light") == []
        assert faults(page, TELEPHONE, "dark") == []


def test_the_book_is_small_without_the_program_for_own_photos() -> None:
    """That program brings a network and its runtime; tests/test_own_photos.py weighs it."""
    program = BOOK / "_static" / "own_photos"
    files = [f for f in BOOK.rglob("*") if f.is_file() and program not in f.parents]
    assert sum(file.stat().st_size for file in files) < MOST_OF_THE_BOOK
