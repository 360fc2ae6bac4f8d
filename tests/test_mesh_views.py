"""Meshes of the book in a real browser: mouse, keys, finger, narrow and dark pages, points."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import trimesh
from browsing import PATIENCE_MS, Visit, changed_share, pixels
from picture_case import SQUARE, grey

from facelib.geometry.mesh import Mesh
from facelib.show import figures
from facelib.show.linked import LinkedMesh, LinkedPicture, show_linked

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
PAGE = """<!doctype html><html data-theme="light"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><style>:root {{ --pst-color-background: #fff; }}
[data-theme=dark] {{ --pst-color-background: #102030; }}</style>
<link rel="stylesheet" href="book.css"></head>
<body>{}<p style="height:3000px">Text.</p><script src="mesh_views.js"></script></body></html>"""
DARK = (0x10, 0x20, 0x30)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The scripts of the book's pages, in a folder for pages of our own."""
    made = tmp_path_factory.mktemp("pages")
    for name in ("mesh_views.js", "book.css"):
        shutil.copy(STATIC / name, made)
    (made / "k3d").mkdir()
    shutil.copy(Path(find_spec("k3d").origin).parent / "static" / "standalone.js", made / "k3d")
    return made


@pytest.fixture(scope="module")
def head():
    """A long box whose sides differ in colour, and which is twice as wide as high."""
    box = trimesh.creation.box((200, 100, 60)).subdivide().subdivide()
    colors = np.clip(np.asarray(box.vertices) / (200, 100, 60) + 0.5, 0, 1)
    return Mesh(box.vertices, box.faces, colors=colors)


@pytest.fixture(scope="module")
def one(folder, head):
    path = folder / "one.html"
    path.write_text(PAGE.format(figures.show_mesh(head, alt="A box.").to_html()), "utf-8")
    return path


def live(page):
    view = page.query_selector(".mesh-view")
    page.wait_for_function(
        "view => view.classList.contains('is-live')", arg=view, timeout=PATIENCE_MS
    )
    page.wait_for_timeout(400)  # k3d draws on the next frames
    return view, view.query_selector("canvas")


def shares_of(page, view, *keys):
    """Press keys, and return how much each changed against the first picture."""
    view.focus()
    page.wait_for_timeout(200)
    first = pixels(view)
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        yield changed_share(first, pixels(view))


def test_arrows_turn_plus_zooms_and_r_resets(browser, one):
    with Visit(browser, one) as visit:
        view, _ = live(visit.page)
        assert view.get_attribute("role") == "img"
        assert view.get_attribute("aria-label").startswith("A box. Arrow keys")
        left, up, near, far, back = shares_of(
            visit.page, view, "ArrowLeft", "ArrowUp", "+", "-", "r"
        )
        assert min(left, up, near, far) > 0.01 and back < 0.002
        assert visit.complaints == []


def width_of(picture):
    columns = np.flatnonzero((np.ptp(picture[20:-4, 4:-4], axis=2) > 30).any(axis=0))
    return np.ptp(columns) / picture.shape[1]


@pytest.mark.parametrize("width", [360, 1000])
def test_the_whole_mesh_is_in_sight_and_fills_the_view(browser, one, width):
    with Visit(browser, one, viewport={"width": width, "height": 800}) as visit:
        _, canvas = live(visit.page)
        share = width_of(pixels(canvas))
        assert 0.8 < share < 0.98 if width == 360 else 0.4 < share < 0.98


def test_a_finger_scrolls_past_a_mesh_until_it_is_tapped(browser, one):
    phone = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    with Visit(browser, one, **phone) as visit:
        page = visit.page
        view, canvas = live(page)
        action = "canvas => getComputedStyle(canvas).touchAction"
        assert canvas.evaluate(action) == "pan-y"
        before, touch = pixels(canvas), page.context.new_cdp_session(page)

        def swipe(dx, dy):
            box = canvas.bounding_box()
            x, y = box["x"] + 100, box["y"] + 150
            point = [{"x": x, "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point})
            for step in range(1, 6):
                point = [{"x": x + dx * step / 5, "y": y + dy * step / 5}]
                touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": point})
            touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            page.wait_for_timeout(500)

        swipe(0, -120)
        assert page.evaluate("scrollY") > 60
        page.evaluate("scrollTo(0, 0)")
        assert changed_share(before, pixels(canvas)) < 0.002
        box = canvas.bounding_box()
        page.touchscreen.tap(box["x"] + 100, box["y"] + 150)
        assert canvas.evaluate(action) == "none"
        for _ in range(5):  # on a busy machine, the browser's compositor learns it later
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_timeout(200)
            chosen = pixels(canvas)
            swipe(80, -20)
            if page.evaluate("scrollY") == 0:
                break
        assert page.evaluate("scrollY") == 0 and changed_share(chosen, pixels(canvas)) > 0.01


def test_the_paper_behind_a_mesh_follows_the_theme(browser, one):
    with Visit(browser, one) as visit:
        _, canvas = live(visit.page)
        assert (pixels(canvas)[-10, 10] == 255).all()
        visit.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        visit.page.wait_for_timeout(400)
        assert np.abs(pixels(canvas)[-10, 10] - DARK).max() <= 3


def test_a_mesh_in_a_file_of_the_book_is_loaded_when_it_is_seen(browser, folder, one):
    (folder / "meshes").mkdir(exist_ok=True)
    html = one.read_text("utf-8")
    start = html.index('data-scene="') + len('data-scene="')
    data = html[start : html.index('"', start)]
    (folder / "meshes" / "abc.js").write_text(f'meshData("abc","{data}")')
    path = folder / "far.html"
    far = html.replace(f'data-scene="{data}"', 'data-scene-file="abc"')
    path.write_text(far.replace("<body>", '<body><p style="height:2500px"></p>'), "utf-8")
    with Visit(browser, path) as visit:
        asked = []
        visit.page.on("request", lambda request: asked.append(request.url))
        visit.page.wait_for_timeout(300)
        assert asked == []
        visit.page.query_selector(".mesh-view").scroll_into_view_if_needed()
        live(visit.page)
        assert sorted(url.rpartition("/")[2] for url in asked if "file:" in url) == [
            "abc.js",
            "standalone.js",
        ]


def test_a_point_chosen_in_a_picture_is_marked_on_the_mesh(browser, folder, head):
    points = np.array([[-90, 0, 31], [90, 0, 31], [0, 40, 31], [0, -40, 31]], float)
    view = figures.show_mesh(head, alt="A box.", points=points[[0]])
    pictures = {"map": LinkedPicture(grey(0.2), SQUARE, "A dark field.")}
    linked = show_linked(pictures, {"x": ("mm", points)}, mesh=LinkedMesh(view, points))
    path = folder / "linked.html"
    path.write_text(PAGE.format(linked._repr_html_()), "utf-8")
    with Visit(browser, path) as visit:
        _, canvas = live(visit.page)
        first, box = pixels(canvas), visit.page.locator(".linked-picture").bounding_box()
        visit.page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 1)
        visit.page.wait_for_timeout(400)
        assert visit.page.inner_text("output").startswith("x: 90, 0, 31")
        assert 0.0001 < changed_share(first, pixels(canvas)) < 0.1  # a small ball went elsewhere
        assert visit.complaints == []
