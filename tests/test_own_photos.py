"""The page "Your own two photos" does in a browser what `facelib.reconstruct` does, offline.

The book is the one that tests/test_book.py looks at.
"""

import base64
import json
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from browsing import Visit
from own_photos_case import (
    PAGE,
    PATIENCE_MS,
    PROGRAM,
    ROOT,
    need_program,
    rendered,
    save,
    without_advice,
)
from PIL import Image

import facelib
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.result import Reconstruction

TEXTURE_PX = 1024
MOST_TO_OPEN, MOST_IN_ALL = 1.5e6, 25e6  # bytes
# One worker, because each loads the networks anew.
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("own photos")]

BUILD = """async ([...urls]) => {
  const photos = [];
  for (const [name, url] of urls) {
    const bytes = Uint8Array.from(atob(url), (c) => c.charCodeAt(0));
    photos.push(await ownPhotos.readPhoto(new File([bytes], name, { type: "image/png" })));
  }
  try {
    const result = await ownPhotos.build(photos);
    const { pixels } = result.texture;
    let text = "";
    for (let at = 0; at < pixels.length; at += 32768) {
      text += String.fromCharCode(...pixels.subarray(at, at + 32768));
    }
    return { vertices: ownPhotos.verticesImage(result), texture: btoa(text),
      doubts: result.doubts };
  } catch (error) {
    return { error: error.message };
  }
}"""


@pytest.fixture(scope="module")
def page(browser):
    need_program()
    with Visit(browser, PAGE) as visit:
        visit.page.set_default_timeout(PATIENCE_MS)
        yield visit.page
        assert visit.complaints == [], "the page asked for something, or complained"


@pytest.fixture(scope="module")
def network():
    return load_predictor(prefer_onnx=True)


def forget_pictures(page) -> None:
    """Take away the pictures of another test's photos, so that new ones can be waited for."""
    page.evaluate("document.querySelectorAll('.own-picture img').forEach(each => each.remove())")


def built(page, photos: list[np.ndarray]) -> dict:
    """Reconstruct photos in the page."""
    files = []
    for number, pixels in enumerate(photos):
        stream = BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        files.append([f"photo_{number}.png", base64.b64encode(stream.getvalue()).decode()])
    return page.evaluate(BUILD, files)


def in_python(tmp_path: Path, photos: list[np.ndarray], network) -> Reconstruction:
    return facelib.reconstruct(*save(photos, tmp_path), network=network)


def assert_same(found: dict, wanted: Reconstruction, most_texture: float = 2.0) -> None:
    assert "error" not in found, found.get("error")
    said = [without_advice(doubt["sentence"]) for doubt in found["doubts"]]
    assert said == [without_advice(doubt.sentence) for doubt in wanted.doubts]
    vertices = np.array(found["vertices"]).reshape(-1, 3)
    apart = np.linalg.norm(vertices - wanted.vertices_image, axis=1).mean()
    assert apart < 0.2, f"vertices are {apart:.3f} px apart"
    pixels = np.frombuffer(base64.b64decode(found["texture"]), np.uint8)
    texture = pixels.reshape(TEXTURE_PX, TEXTURE_PX, 4)[..., :3].astype(int)
    off = np.abs(texture - wanted.texture(TEXTURE_PX).pixels).mean()
    assert off < most_texture, f"textures differ by {off:.2f} of 255"


@pytest.mark.parametrize("index", range(10))
def test_ten_rendered_pairs_give_the_head_of_facelib(page, network, tmp_path, index):
    photos = rendered(index)
    assert_same(built(page, photos), in_python(tmp_path, photos, network))


def test_swapped_photos_are_swapped_back_and_named(page, network, tmp_path):
    photos = rendered(0)[::-1]
    found = built(page, photos)
    assert "swapped" in {doubt["kind"] for doubt in found["doubts"]}
    assert_same(found, in_python(tmp_path, photos, network))


def test_a_turned_photo_and_one_with_two_people_are_named(page, network, tmp_path):
    (front, _), (other, _) = rendered(0), rendered(1)
    photos = [np.hstack([front, other]), np.rot90(rendered(0)[1]).copy()]
    found = built(page, photos)
    assert {"several faces", "turned"} <= {doubt["kind"] for doubt in found["doubts"]}
    assert_same(found, in_python(tmp_path, photos, network))


def test_photos_of_two_people_are_named(page, network, tmp_path):
    photos = [rendered(0)[0], rendered(1)[1]]
    found = built(page, photos)
    assert "disagreement" in {doubt["kind"] for doubt in found["doubts"]}
    assert_same(found, in_python(tmp_path, photos, network))


def test_a_photo_that_is_too_dark_is_named(page, network, tmp_path):
    photos = [(rendered(0)[0] * 0.05).round().astype(np.uint8)]
    found = built(page, photos)
    assert "faint" in {doubt["kind"] for doubt in found["doubts"]}
    said = [without_advice(doubt["sentence"]) for doubt in found["doubts"]]
    wanted = in_python(tmp_path, photos, network)
    assert said == [without_advice(doubt.sentence) for doubt in wanted.doubts]


def test_a_photo_without_a_face_is_refused_in_one_sentence(page):
    grey = np.full((120, 160, 3), 128, np.uint8)
    assert built(page, [grey])["error"] == "no face found in the front photo photo_0.png"


def test_a_page_without_web_assembly_says_so(browser, page):
    del page  # it skips where the page was not built
    with Visit(browser, PAGE.parent / "index.html") as visit:
        visit.page.add_init_script("delete globalThis.WebAssembly")
        visit.page.goto(PAGE.as_uri())
        assert "WebAssembly" in visit.page.inner_text(".own-status")


def test_a_file_that_is_no_photo_is_refused(page, tmp_path):
    path = tmp_path / "letter.png"
    path.write_text("Dear reader")
    page.set_input_files("#own-front", path)
    page.wait_for_function("document.querySelector('.own-status.is-error')")
    assert "letter.png cannot be read" in page.inner_text(".own-status")
    photo = tmp_path / "photo.png"
    Image.fromarray(np.full((60, 80, 3), 128, np.uint8)).save(photo)
    forget_pictures(page)
    page.set_input_files("#own-side", photo)
    page.wait_for_selector("label[for=own-side] img")
    assert "letter.png cannot be read" in page.inner_text(".own-status")
    page.set_input_files("#own-front", photo)
    read = "The photo from the front is read."
    page.wait_for_function(f"document.querySelector('.own-status').textContent === '{read}'")


def test_the_page_is_light_and_all_its_files_are_not_heavy(browser, page):
    del page
    with Visit(browser, PAGE) as visit:
        opened: set[Path] = set()
        visit.page.on("request", lambda request: opened.add(file_of(request.url)))
        visit.page.reload(wait_until="load")
        own = [path for path in opened if PROGRAM in path.parents]
    assert own == [PROGRAM / "own_photos.js"]
    assert sum(path.stat().st_size for path in opened if path.is_file()) < MOST_TO_OPEN
    assert sum(path.stat().st_size for path in PROGRAM.iterdir()) < MOST_IN_ALL


def file_of(url: str) -> Path:
    return Path(url.partition("?")[0].removeprefix("file://"))


def test_the_keyboard_builds_an_example_and_saves_its_head(page, tmp_path):
    forget_pictures(page)
    page.focus("text=Example 1")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.own-picture img').length === 2")
    page.focus(".own-go")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.own-status').textContent.startsWith('Done')")
    steps = page.eval_on_selector_all("[data-step]", "all => all.map((s) => s.dataset.step)")
    assert steps == ["faces", "points", "fit", "texture"]
    for href in page.eval_on_selector_all("[data-step] a", "all => all.map((a) => a.href)"):
        assert Path(href.removeprefix("file://")).is_file(), href
    assert page.locator(".head-view.is-live canvas").count() == 1
    with page.expect_download() as download:
        page.click("text=GLB")
    download.value.save_as(tmp_path / "head.glb")
    length, _ = np.frombuffer((tmp_path / "head.glb").read_bytes()[12:20], "<u4")
    scene = json.loads((tmp_path / "head.glb").read_bytes()[20 : 20 + length])
    assert len(scene["meshes"][0]["extras"]["targetNames"]) == 52
    check_by_validator(tmp_path / "head.glb")
    page.set_viewport_size({"width": 360, "height": 800})  # a telephone
    page.wait_for_function("document.documentElement.scrollWidth <= 360")
    page.set_viewport_size({"width": 1280, "height": 900})


def check_by_validator(path: Path) -> None:
    checks = ROOT / "tests" / "web"
    if not (checks / "node_modules" / "gltf-validator").is_dir():
        return  # tests/test_gltf.py says that it is missing
    command = ["node", str(checks / "validate.js"), str(path)]
    reports = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert reports[0]["issues"]["numErrors"] == 0, reports[0]["issues"]["messages"][:3]
