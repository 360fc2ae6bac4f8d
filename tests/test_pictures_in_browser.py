"""Pictures on sliders and linked pictures in a real browser: keys, pointer, paper, no scripts."""

import pytest
from browsing import Visit
from picture_case import known_linked, known_steps

pytestmark = pytest.mark.browser


@pytest.fixture
def page_of(tmp_path):
    def write(*views):
        path = tmp_path / "page.html"
        html = "".join(view._repr_html_() for view in views)
        path.write_text(f"<!doctype html><meta charset=utf-8><body>{html}", "utf-8")
        return path

    return write


def shown(page):
    return page.eval_on_selector_all(
        ".step", "all => all.map((step, k) => step.offsetParent ? k : -1).filter(k => k >= 0)"
    )


def test_keys_move_the_sliders_and_name_what_they_show(browser, page_of):
    with Visit(browser, page_of(known_steps(), known_steps())) as visit:
        page = visit.page
        assert shown(page) == [3, 9]
        slider = page.get_by_role("slider").nth(0)
        slider.focus()
        page.keyboard.press("End")
        assert shown(page) == [5, 9]
        assert slider.get_attribute("aria-valuetext") == "30"
        page.get_by_role("slider").nth(1).focus()
        page.keyboard.press("Home")
        assert shown(page) == [4, 9] and visit.complaints == []
        page.emulate_media(media="print")
        assert len(shown(page)) == 12 and not slider.is_visible()


def test_without_scripts_all_steps_are_there(browser, page_of):
    with Visit(browser, page_of(known_steps()), java_script_enabled=False) as visit:
        pictures = visit.page.locator(".step img")
        assert all(pictures.nth(k).is_visible() for k in range(6))
        assert not visit.page.get_by_role("slider").nth(0).is_visible()


def marks(page):
    return page.eval_on_selector_all(
        ".linked-mark", "all => all.map(m => m.hidden ? null : [m.offsetLeft, m.offsetTop])"
    )


def test_pointing_at_one_picture_marks_the_point_in_all(browser, page_of):
    with Visit(browser, page_of(known_linked())) as visit:
        page, photo = visit.page, visit.page.locator(".linked-picture").nth(1)
        at_start, box = marks(page), photo.bounding_box()
        assert page.inner_text("output") == "x: 29 mm · u, v: 2.9, 0"
        page.mouse.move(box["x"] + 9, box["y"] + 15)
        assert page.inner_text("output") == "x: 0 mm · u, v: 0, 1.9"
        assert marks(page)[0] != at_start[0] and marks(page)[1] != at_start[1]
        flat = page.locator(".linked-picture").nth(0)
        flat.focus()
        page.keyboard.press("ArrowRight")
        assert marks(page)[1] is None, "the last point is hidden in the photo"
        assert page.inner_text("output").endswith(" · hidden in: photo")
        page.keyboard.press("ArrowUp")
        assert marks(page) == at_start and visit.complaints == []
        page.keyboard.press("ArrowDown")  # to the hidden point, and away from it in the photo
        photo.focus()
        page.keyboard.press("ArrowLeft")
        assert marks(page)[1] is not None and page.evaluate("scrollY") == 0


def test_a_finger_chooses_a_point(browser, page_of):
    with Visit(browser, page_of(known_linked()), has_touch=True, is_mobile=True) as visit:
        box = visit.page.locator(".linked-picture").nth(0).bounding_box()
        visit.page.touchscreen.tap(box["x"] + 2, box["y"] + 2)
        assert visit.page.inner_text("output") == "x: 0 mm · u, v: 0, 0"


def test_without_scripts_the_first_point_is_marked(browser, page_of):
    with Visit(browser, page_of(known_linked()), java_script_enabled=False) as visit:
        assert visit.page.locator(".linked-mark").nth(0).is_visible()
