"""The page "Your own two photos" from a server, with a camera, and in Firefox."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import skimage.data
from browsing import running_browser, skip_or_fail
from own_photos_case import (
    BOOK,
    PAGE,
    PATIENCE_MS,
    ROOT,
    need_program,
    rendered,
    save,
    without_advice,
)
from PIL import Image

import facelib
from facelib.reconstruction.loading import load_predictor

STEPS = ["faces", "points", "fit", "texture"]
DONE = "document.querySelector('.own-status').textContent.startsWith('Done')"
SAME_DIRECTION = "from nearly the same direction"
FAKE_CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
WEB = ROOT / "tests" / "web"
pytestmark = pytest.mark.browser


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    need_program()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=BOOK)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_a_served_page_builds_the_head_of_two_photos_from_the_camera(playwright, address, tmp_path):
    film = tmp_path / "face.mjpeg"
    Image.fromarray(rendered(0)[0]).save(film, "JPEG", quality=95)
    flags = *FAKE_CAMERA, f"--use-file-for-fake-video-capture={film}"
    with running_browser(playwright, *flags) as browser:
        page = browser.new_context(permissions=["camera"]).new_page()
        page.set_default_timeout(PATIENCE_MS)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(address + PAGE.name)
        for number in range(2):
            page.locator("text=Use the camera").nth(number).click()
            page.click("text=Take the photo")
            page.wait_for_function(
                f"document.querySelectorAll('.own-picture img').length === {number + 1}"
            )
        page.click(".own-go")
        page.wait_for_function(DONE)
        steps = page.eval_on_selector_all("[data-step]", "all => all.map((s) => s.dataset.step)")
        warnings = page.locator(".own-warnings li").all_inner_texts()
    assert steps == STEPS
    assert len(warnings) == 1 and SAME_DIRECTION in warnings[0]
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_a_page_that_may_not_use_the_camera_says_so(browser, address):
    page = browser.new_page()
    page.goto(address + PAGE.name)
    page.set_default_timeout(PATIENCE_MS)
    page.locator("text=Use the camera").first.click()
    page.wait_for_function("document.querySelector('.own-status.is-error')")
    assert "camera cannot be used here" in page.inner_text(".own-status")
    page.add_init_script("delete Navigator.prototype.mediaDevices")
    page.reload()
    assert page.locator("text=Use the camera").count() == 0
    assert page.locator("text=The camera works where").count() == 2


def in_firefox(address: str, pairs: list[list[Path]], folder: Path) -> list[dict]:
    if FIREFOX is None:
        # Under CI, too: the set-up installs chromium alone.
        pytest.skip("No Firefox on this machine: its page of your own photos was not opened.")
    if not (WEB / "node_modules" / "puppeteer-core").is_dir():
        skip_or_fail("Firefox is driven by puppeteer-core, which is not here: make validator")
    listed = folder / "pairs.json"
    listed.write_text(json.dumps([list(map(str, pair)) for pair in pairs]))
    command = ["node", str(WEB / "firefox.mjs"), FIREFOX, address + PAGE.name, str(listed)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=PATIENCE_MS / 1000)
    return json.loads(done.stdout)


@pytest.mark.parametrize("place", ["disk", "served"])
def test_firefox_gives_the_warnings_of_facelib(request, tmp_path, place):
    need_program()
    address = request.getfixturevalue("address") if place == "served" else f"{BOOK.as_uri()}/"
    front, side = rendered(0)
    cat = tmp_path / "cat.jpg"
    Image.fromarray(skimage.data.chelsea()).save(cat)
    turned = save([np.rot90(front).copy(), side], tmp_path)
    of_turned, of_cat = in_firefox(address, [turned, [cat]], tmp_path)
    assert of_turned["steps"] == STEPS
    wanted = facelib.reconstruct(*turned, network=load_predictor(prefer_onnx=True)).doubts
    said = [without_advice(sentence) for sentence in of_turned["warnings"]]
    assert said == [without_advice(doubt.sentence) for doubt in wanted] != []
    assert of_cat["status"].startswith("No face found in the front photo cat.jpg")
    assert of_turned["complaints"] == of_cat["complaints"] == []
