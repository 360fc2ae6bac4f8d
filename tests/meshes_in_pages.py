"""Meshes in pages of the book: seen, drawn and dragged."""

import numpy as np
from browsing import PATIENCE_MS, changed_share, pixels
from playwright.sync_api import ElementHandle, Page


def live_mesh(page: Page, view: ElementHandle) -> ElementHandle:
    """Scroll a mesh into sight and return its scene once that has been drawn."""
    view.scroll_into_view_if_needed()
    page.wait_for_function(
        "view => view.classList.contains('is-live')", arg=view, timeout=PATIENCE_MS
    )
    page.wait_for_timeout(700)  # k3d draws on the next frames
    return view.query_selector(".mesh-view-scene canvas")


def drag_across(page: Page, element: ElementHandle) -> None:
    box = element.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 5, y + box["height"] / 8, steps=4)
    page.mouse.up()
    page.mouse.move(1, 1)
    page.wait_for_timeout(700)


def check_mesh(page: Page, view: ElementHandle) -> None:
    canvas = live_mesh(page, view)
    before = pixels(canvas)
    # A blank canvas has one colour; a shaded surface has hundreds.
    colours = len(np.unique(before.reshape(-1, 3), axis=0))
    assert colours > 50, f"the mesh's canvas is blank: {colours} colours"
    drag_across(page, canvas)
    share = changed_share(before, pixels(canvas))
    assert share > 0.01, f"dragging changed only {share:.2%} of the pixels"
