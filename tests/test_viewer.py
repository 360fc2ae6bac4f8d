"""The viewer and the report in a real browser, opened from disk: they work offline and move."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import PATIENCE_MS, Visit, changed_share, pixels
from report_case import known_content, known_glb

from facelib.avatar.surface import head_surface
from facelib.face.headmodel import load_head
from facelib.show.head_view import HeadView, viewer_script
from facelib.show.report import write_report
from facelib.show.report_pictures import data_url, portraits

PHONE = {"width": 390, "height": 844}
SMALL = {"width": 480, "height": 600}  # quick to draw without a graphics card
EYES, LIPS = slice(36, 48), slice(48, 68)
NEAR_MM = 6  # around keypoints
PAPER = 8  # levels, out of 255, by which a page's background may differ from white

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "me.html"
    write_report(path, replace(known_content(), glb=known_glb(), warnings=("A <warning>.",)))
    return path


def page_of(folder, view):
    path = folder / "view.html"
    path.write_text(f"<!doctype html><body>{view.to_html()}<script>{viewer_script()}</script>")
    return path


@pytest.fixture(scope="module")
def head_page(tmp_path_factory):
    still = data_url(portraits(known_content().head, known_content().normals_head, [0.0]))
    view = HeadView(known_glb(), still, 'A head & "more".', first_view=(0, 0))
    return page_of(tmp_path_factory.mktemp("head"), view)


def test_a_page_of_two_views_runs_the_script_once(browser, tmp_path):
    still = data_url(portraits(known_content().head, known_content().normals_head, [0.0]))
    first, second = (HeadView(known_glb(), still, alt)._repr_html_() for alt in ("One", "Two"))
    path = tmp_path / "two.html"
    path.write_text(f"<!doctype html><body>{first}{second}")
    with Visit(browser, path, viewport=SMALL) as visit:
        said = []
        visit.page.on("console", lambda message: said.append(message.text))
        for number, alt in enumerate(("One", "Two"), 1):
            visit.page.locator(".head-view").nth(number - 1).scroll_into_view_if_needed()
            live = f".head-view.is-live:has(img[alt='{alt}'])"
            visit.page.wait_for_selector(live, timeout=PATIENCE_MS)
        assert visit.page.locator("head script").count() == 1
        assert visit.complaints == [] and not [words for words in said if "Multiple" in words]


def test_a_head_in_a_file_of_the_book_is_loaded_when_it_is_seen(browser, head_page, tmp_path):
    html = head_page.read_text()
    glb = re.search('data-glb="([^"]*)"', html)
    (tmp_path / "abc.js").write_text(f'document.currentScript.glb="{glb[1]}"')
    far = html.replace(glb[0], 'data-glb-file="abc.js"')
    path = tmp_path / "far.html"
    path.write_text(far.replace("<body>", '<body><p style="height:2500px"></p>'))
    with Visit(browser, path, viewport=SMALL) as visit:
        asked = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.wait_for_timeout(300)
        assert asked == []
        visit.page.locator(".head-view").scroll_into_view_if_needed()
        living_head(visit.page)
        files = [url for url in asked if url.startswith("file:")]
        assert [url.rpartition("/")[2] for url in files] == ["abc.js"]
        assert visit.complaints == []


def test_a_head_whose_file_is_missing_stays_a_picture(browser, head_page, tmp_path):
    path = tmp_path / "lost.html"
    path.write_text(re.sub('data-glb="[^"]*"', 'data-glb-file="lost.js"', head_page.read_text()))
    with Visit(browser, path, viewport=SMALL) as visit:
        visit.page.wait_for_selector(".head-view.is-still", timeout=PATIENCE_MS)
        assert "lost.js is missing" in visit.page.inner_text(".head-view-note")
        assert visit.page.locator(".head-view img").is_visible()


def living_head(page):
    page.wait_for_selector(".head-view.is-live", timeout=PATIENCE_MS)
    settle(page)
    return page.query_selector(".head-view canvas")


def settle(page):
    """Wait until the frame that a change asked for has been drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)))")


def press_end(page, label):
    slider = page.get_by_label(label, exact=True)
    slider.focus()
    page.keyboard.press("End")
    settle(page)
    return slider


def around(keypoints, front, picture):
    """Return the part of a front view that shows some keypoints, by the extent of the head."""
    inside = (255 - front.min(axis=2) > PAPER)[3:-3, 3:-3]
    rows, columns = (np.flatnonzero(inside.any(axis=axis)) + 3 for axis in (1, 0))
    mean = load_head().mean_head
    surface, points = head_surface(0).from_head @ mean, load_head().keypoints(mean)[keypoints]
    (left, low), (right, high) = surface[:, :2].min(axis=0), surface[:, :2].max(axis=0)
    (x0, y0), (x1, y1) = points[:, :2].min(axis=0) - NEAR_MM, points[:, :2].max(axis=0) + NEAR_MM
    top, bottom = rows[0] + np.ptp(rows) * (high - np.array([y1, y0])) / (high - low)
    first, last = columns[0] + np.ptp(columns) * (np.array([x0, x1]) - left) / (right - left)
    return picture[int(top) : int(bottom), int(first) : int(last)]


def test_expressions_move_their_part_of_the_face_and_lead_back(browser, head_page):
    with Visit(browser, head_page, viewport=SMALL) as visit:
        page, canvas = visit.page, living_head(visit.page)
        front = pixels(canvas)
        assert len(np.unique(front.reshape(-1, 3), axis=0)) > 50, "the canvas is blank"

        def moved(keypoints):
            return changed_share(*(around(keypoints, front, p) for p in (front, pixels(canvas))))

        press_end(page, "Open the jaw")
        assert moved(LIPS) > 0.1 and moved(EYES) < 0.002
        page.get_by_role("button", name="Reset").click()
        settle(page)
        assert changed_share(front, pixels(canvas)) == 0
        press_end(page, "Blink")
        assert moved(EYES) > 0.05 and moved(LIPS) < 0.002
        assert visit.complaints == []


def test_a_head_rotates_by_mouse_keys_and_buttons(browser, head_page):
    with Visit(browser, head_page, viewport=SMALL) as visit:
        page, canvas = visit.page, living_head(visit.page)
        front, box = pixels(canvas), canvas.bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 120, steps=4)
        page.mouse.up()
        page.mouse.move(1, 1)
        settle(page)
        dragged = pixels(canvas)
        canvas.focus()
        page.keyboard.press("ArrowLeft")
        settle(page)
        by_key = pixels(canvas)
        page.get_by_role("button", name="Left side").click()
        told = page.get_by_text("Seen from 90° to the head’s left, 0° from above.")
        told.wait_for(state="attached", timeout=PATIENCE_MS)
        page.get_by_role("button", name="Back").click()
        settle(page)
        views = [front, dragged, by_key, pixels(canvas)]
        for one, other in zip(views, views[1:], strict=False):
            assert changed_share(one, other) > 0.005
        canvas.focus()
        assert canvas.get_attribute("role") == "img"  # which screen readers can leave again
        page.keyboard.press("r")
        page.get_by_role("button", name="Front").focus()  # no ring around the canvas
        settle(page)
        assert changed_share(front, pixels(canvas)) < 0.001


def test_a_page_with_a_spoilt_file_or_without_scripts_shows_the_picture(browser, tmp_path):
    still = data_url(np.full((20, 20, 3), 0.5, np.float32))
    path = page_of(tmp_path, HeadView(b"glTF and nothing more", still, "A head."))
    with Visit(browser, path) as visit:
        visit.page.wait_for_selector(".head-view.is-still", timeout=PATIENCE_MS)
        assert visit.page.get_by_alt_text("A head.").is_visible()
        assert "still picture" in visit.page.inner_text(".head-view-note")
    with Visit(browser, path, java_script_enabled=False) as visit:
        assert visit.page.get_by_alt_text("A head.").is_visible()


def test_the_report_works_from_disk_and_fits_a_telephone(browser, report):
    with Visit(browser, report, viewport=PHONE, color_scheme="dark") as visit:
        page, canvas = visit.page, living_head(visit.page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.get_by_text("A <warning>.").is_visible()
        unseen = page.eval_on_selector_all(
            "img", "all => all.filter(i => i.complete && !i.naturalWidth).length"
        )
        assert unseen == 0
        assert page.get_by_role("slider").count() == 10
        skin = pixels(canvas)
        page.get_by_label("How sure").check()
        page.wait_for_timeout(150)
        sure = pixels(canvas)
        assert changed_share(skin, sure) > 0.05
        page.get_by_label("Plain grey").check()
        page.wait_for_timeout(150)
        assert changed_share(sure, pixels(canvas)) > 0.05
        lines = page.locator(".overlay .mesh").first
        assert lines.is_visible()
        page.get_by_label("mesh", exact=True).uncheck()
        assert not lines.is_visible()
        assert visit.complaints == []
