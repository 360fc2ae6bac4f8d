"""Print the whole book into one PDF: one long page, built by Sphinx and printed by Chromium.

    python book/pdf.py book book/_build/book.pdf

The pages of the library, which are for looking up, are left out. Solutions are unfolded.
"""

import argparse
import io
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml
from pages import is_plot
from PIL import Image
from playwright.sync_api import Route, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LONG_MS = 600_000
UNFOLD = """() => {
    document.querySelectorAll('details').forEach(each => { each.open = true; });
    document.querySelectorAll('.toggle-hidden, .toggle').forEach(each => {
        each.classList.remove('toggle-hidden', 'toggle');
    });
    document.querySelectorAll('img[loading]').forEach(each => { each.loading = 'eager'; });
}"""
READY = "() => !window.MathJax || MathJax.startup.promise.then(() => true)"
COMPLETE = "() => [...document.images].every(each => each.complete)"
MARGINS = {"top": "18mm", "bottom": "18mm", "left": "20mm", "right": "20mm"}
SCALE = 0.7  # so that the widest line of code fits
QUALITY = 85  # of JPEG, which the PDF keeps as it is; it stores other pictures without loss
NUMBER = '<div style="font-size: 8px; width: 100%; text-align: center" class="pageNumber"></div>'


def table_of_contents() -> dict:
    """Return the book's contents without the library's pages."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    for part in contents["parts"]:
        part["chapters"] = [page for page in part["chapters"] if page["file"] != "api/index"]
    return contents


def build_page(source: Path, work: Path) -> Path:
    """Build the book as one page in a folder; return the page."""
    toc = work / "toc.yml"
    toc.write_text(yaml.safe_dump(table_of_contents()), encoding="utf-8")
    subprocess.run(
        [Path(sys.executable).with_name("jupyter-book"), "build", "--quiet", "--builder", "custom",
         "--custom-builder", "singlehtml", "--config", ROOT / "_config.yml", "--toc", toc,
         "--path-output", work, source],
        check=True,
    )  # fmt: skip
    return work / "_build" / "singlehtml" / "index.html"


def lighten(route: Route) -> None:
    """Answer the page's request for a picture; one that is no plot becomes a JPEG."""
    with Image.open(url2pathname(urlsplit(route.request.url).path)) as image:
        if is_plot(image):
            return route.continue_()
        buffer = io.BytesIO()
        image.convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    return route.fulfill(body=buffer.getvalue(), content_type="image/jpeg")


def print_page(page: Path, pdf: Path) -> None:
    """Print a page as A4 with an outline, after formulas and pictures are there."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("cannot print the book: there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.set_default_timeout(LONG_MS)
        tab.route("**/_images/*.webp", lighten)
        tab.goto(page.as_uri(), wait_until="load")
        tab.evaluate(READY)
        tab.evaluate(UNFOLD)
        tab.wait_for_function(COMPLETE)
        pdf.unlink(missing_ok=True)
        tab.pdf(
            path=pdf, format="A4", margin=MARGINS, scale=SCALE, outline=True, tagged=True,
            display_header_footer=True, header_template="<span></span>", footer_template=NUMBER,
        )  # fmt: skip
        browser.close()


def main() -> None:
    """Read the command line, build and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="folder with the book and executed chapters")
    parser.add_argument("pdf", type=Path)
    options = parser.parse_args()
    work = options.pdf.parent.resolve() / "pdf"
    work.mkdir(parents=True, exist_ok=True)
    print_page(build_page(options.source.resolve(), work), options.pdf.resolve())


if __name__ == "__main__":
    main()
