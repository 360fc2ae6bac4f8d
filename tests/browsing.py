"""Pages in a real browser, opened from disk, for the tests of the book and of the viewer."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, ElementHandle, Page, Playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Software rendering, so that a machine without a graphics card draws the meshes too.
FLAGS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--disable-gpu-compositing"]
LOCAL = ("file://", "data:", "blob:file://", "blob:null")
PATIENCE_MS = 60_000
# A pixel has changed when a channel moves by more than this, out of 255.
VISIBLE = 12


def skip_or_fail(reason: str) -> None:
    """Skip with one sentence; under CI=true nothing may be skipped, so fail with it."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running_browser(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        skip_or_fail("No chromium on this machine and no right to install it: no page opened.")
    running = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
    yield running
    running.close()


class Visit:
    """One page, opened from disk, and everything that went wrong while it was open."""

    def __init__(self, browser: Browser, path: Path, **context: object) -> None:
        self.complaints: list[str] = []
        self.requested: list[str] = []
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **context}
        )
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        self.page.on("request", self._watch)
        self.page.on("requestfailed", lambda r: self.complaints.append(f"failed: {r.url}"))
        self.page.goto(path.as_uri(), wait_until="load")

    def _hear(self, message: object) -> None:
        if message.type == "error":
            self.complaints.append(f"console: {message.text}")

    def _watch(self, request: object) -> None:
        self.requested.append(request.url)
        if not request.url.startswith(LOCAL):
            self.complaints.append(f"outside request: {request.url}")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


def pixels(element: ElementHandle) -> np.ndarray:
    """Return a picture of the element as (H, W, 3) int."""
    picture = Image.open(BytesIO(element.screenshot())).convert("RGB")
    return np.asarray(picture).astype(int)


def changed_share(before: np.ndarray, after: np.ndarray) -> float:
    return float((np.abs(before - after).max(axis=2) > VISIBLE).mean())
