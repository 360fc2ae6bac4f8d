"""The book on paper: Chromium prints a page whole, with what is folded in it."""

import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from browsing import BROWSERS, skip_or_fail

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))
import pdf  # noqa: E402

PAGE = "<h1>Heads</h1><details><summary>Solution</summary>{}</details>"
LINES = "".join(f"<p>Line {n} of the solution.</p>" for n in range(150))
pytestmark = pytest.mark.browser


def printed_pages(folder: Path, body: str) -> int:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{body}", "utf-8")
    with ThreadPoolExecutor(1) as thread:  # in this one, playwright may run already
        thread.submit(pdf.print_page, page, folder / "page.pdf").result()
    content = (folder / "page.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    return len(re.findall(rb"/Type\s*/Page\b", content))


def test_a_folded_solution_is_printed(tmp_path):
    if not any(map(shutil.which, BROWSERS)):
        skip_or_fail("No chromium on this machine, which prints the book.")
    assert printed_pages(tmp_path, PAGE.format("")) == 1
    assert printed_pages(tmp_path, PAGE.format(LINES)) > 2


def test_the_library_is_not_printed_and_every_chapter_is():
    text = str(pdf.table_of_contents())
    assert "api/" not in text
    for notebook in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"chapters/{notebook.stem}" in text
