"""Meshes in pages of the book: seen, drawn and dragged."""

import numpy as np
from browsing import PATIENCE_MS, changed_share, pixels
from playwright.sync_api import ElementHandle, Page

POLL_MS = 50
STEPS = PATIENCE_MS // POLL_MS


def live_mesh(page: Page, view: ElementHandle) -> ElementHandle:
    """Scroll a mesh into sight and return the canvas on which it is drawn."""
    view.scroll_into_view_if_needed()
    page.wait_for_function(
        "view => view.classList.contains('is-live')", arg=view, timeout=PATIENCE_MS
    )
    return view.query_selector(".mesh-view-scene canvas")


def settled(page: Page, canvas: ElementHandle) -> np.ndarray:
    """Return the picture of a mesh once two in a row are alike and not blank.

    A blank canvas has one colour; a shaded surface has hundreds.
    """
    before = None
    for _ in range(STEPS):
        picture = pixels(canvas)
        colours = len(np.unique(picture @ [1 << 16, 1 << 8, 1]))
        if colours > 50 and before is not None and np.array_equal(picture, before):
            return picture
        before = picture
        page.wait_for_timeout(POLL_MS)
    raise AssertionError(f"the mesh's canvas is blank, or never at rest: {colours} colours")


def drag_across(page: Page, element: ElementHandle) -> None:
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 5, y + box["height"] / 8, steps=2)
    page.mouse.up()
    page.mouse.move(1, 1)


def check_mesh(page: Page, view: ElementHandle) -> None:
    before = settled(page, canvas := live_mesh(page, view))
    drag_across(page, canvas)
    for _ in range(STEPS):
        if (share := changed_share(before, pixels(canvas))) > 0.01:
            return
        page.wait_for_timeout(POLL_MS)
    raise AssertionError(f"dragging changed only {share:.2%} of the pixels")
