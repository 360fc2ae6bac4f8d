"""The built book in a real browser, opened from disk: it works offline and its meshes rotate.

The book is the one that `make test` has just built from default parameters; set FACELIB_BOOK_HTML
to look at another, such as book/_build/html.
"""

import base64
import os
from io import BytesIO
from pathlib import Path

import pytest
from browsing import Visit, changed_share, pixels
from meshes_in_pages import live_mesh, settled
from PIL import Image
from playwright.sync_api import Browser, ElementHandle

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / os.environ.get("FACELIB_BOOK_HTML", ".test_book/_build/html")

PAGES = sorted(
    page.relative_to(BOOK)
    for page in BOOK.rglob("*.html")
    if "_static" not in page.parts and page.name not in {"genindex.html", "search.html"}
)
pytestmark = pytest.mark.browser


def test_the_book_was_built() -> None:
    """Without pages the tests below would pass by testing nothing."""
    names = {page.name for page in PAGES}
    expected = {f"{notebook.stem}.html" for notebook in (ROOT / "notebooks").glob("*.ipynb")}
    assert {"index.html", "notation.html", "bibliography.html"} | expected <= names


@pytest.mark.parametrize("path", [p for p in PAGES if p.name[:2].isdigit()], ids=str)
def test_chapter_has_a_mesh_and_without_scripts_a_still_picture(
    browser: Browser, path: Path
) -> None:
    with Visit(browser, BOOK / path, java_script_enabled=False) as visit:
        views = visit.page.query_selector_all(".mesh-view")
        assert views, "a chapter without a mesh"
        for view in views:
            still = view.query_selector("img")
            assert still.is_visible()
            assert still.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
            picture = Image.open(picture_of(still, BOOK / path)).convert("RGB")
            assert picture.getcolors(20) is None, "a blank picture"


def picture_of(image: ElementHandle, page: Path) -> Path | BytesIO:
    """Return the file of an image, or what its address holds itself."""
    source = image.get_attribute("src")
    if source.startswith("data:"):
        return BytesIO(base64.b64decode(source.partition(",")[2]))
    return page.parent / source


def test_nothing_slides_for_readers_who_want_no_motion(browser: Browser) -> None:
    narrow = {"width": 768, "height": 900}
    with Visit(browser, BOOK / PAGES[0], reduced_motion="reduce", viewport=narrow) as visit:
        visit.page.set_viewport_size({"width": 1280, "height": 900})
        visit.page.wait_for_function("innerWidth === 1280")
        visit.page.evaluate("() => new Promise(requestAnimationFrame)")
        assert visit.page.evaluate("document.getAnimations().length") == 0


def test_scrolling_past_a_mesh_does_not_zoom_it(browser: Browser) -> None:
    with_mesh = [p for p in PAGES if 'class="mesh-view"' in (BOOK / p).read_text("utf-8")]
    with Visit(browser, BOOK / with_mesh[0]) as visit:
        canvas = live_mesh(visit.page, visit.page.query_selector(".mesh-view"))
        before, box = settled(visit.page, canvas), canvas.bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        visit.page.mouse.wheel(0, 120)
        visit.page.wait_for_timeout(700)
        visit.page.mouse.move(1, 1)
        assert changed_share(before, pixels(canvas)) < 0.01


def test_sliders_move_their_mesh_without_a_kernel(browser: Browser) -> None:
    with_sliders = [p for p in PAGES if 'class="morph"' in (BOOK / p).read_text("utf-8")]
    assert with_sliders, "a book without sliders"
    with Visit(browser, BOOK / with_sliders[0]) as visit:
        page, morph = visit.page, visit.page.query_selector(".morph")
        canvas = live_mesh(page, morph.query_selector(".mesh-view"))
        slider = morph.query_selector("input[type=range]")
        assert slider.is_visible()
        before = settled(page, canvas)
        slider.focus()
        page.keyboard.press("End")
        page.wait_for_timeout(700)
        assert changed_share(before, pixels(canvas)) > 0.01, "the slider moved nothing"
        slider.focus()
        slider.evaluate("s => { s.value = 0; s.dispatchEvent(new Event('input')); }")
        page.wait_for_timeout(700)
        assert changed_share(before, pixels(canvas)) < 0.002, "the slider does not lead back"


def test_sliders_look_numbers_up_without_a_kernel(browser: Browser) -> None:
    with_grid = [p for p in PAGES if 'class="grid-view"' in (BOOK / p).read_text("utf-8")]
    assert with_grid, "a book without numbers to look up"
    with Visit(browser, BOOK / with_grid[0]) as visit:
        view = visit.page.query_selector(".grid-view")
        bars = view.query_selector(".grid-bars")
        before, slider = bars.inner_text(), view.query_selector("input[type=range]")
        assert slider.is_visible()
        slider.focus()
        visit.page.keyboard.press("End")
        at_end = bars.inner_text()
        shown = slider.evaluate("s => s.nextElementSibling.textContent")
        assert slider.get_attribute("aria-valuetext") == shown
        visit.page.keyboard.press("Home")
        assert len({before, at_end, bars.inner_text()}) == 3, "the slider moved nothing"
