"""The first page: its numbers are the record's, and it is light."""

import json
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from docutils import nodes
from docutils.utils import new_document
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))
import landing  # noqa: E402
import offline  # noqa: E402
import pages  # noqa: E402

LARGEST = 1.5e6  # bytes, of the first page and its picture


def test_the_numbers_are_those_of_the_record():
    columns = json.loads((ROOT / "data/evaluation/suite.json").read_text("utf-8"))["methods"]
    rows = list(zip(columns["method"], columns["given"], columns["shape_mm"], strict=True))
    both, front, mean_face = (
        np.array([mm for name, knows, mm in rows if (name, knows) == wanted])
        for wanted in (
            ("dense and its fit", "front, side"),
            ("dense and its fit", "front"),
            ("mean face", "no photo"),
        )
    )
    n_people, found = landing.numbers()
    assert n_people == len(both)
    assert found["error"].value == pytest.approx(both.mean())
    assert found["mean face"].value == pytest.approx(mean_face.mean())
    assert found["gain"].value == pytest.approx(front.mean() - both.mean())
    assert 0 < found["gain"].low < found["gain"].value < found["gain"].high


def test_the_head_its_photos_and_the_picture_are_light():
    view, photos = landing.head_and_photos()
    parts = [view._repr_html_(), *(landing.photo_html(photo, "A face") for photo in photos)]
    picture = (ROOT / "book/images/pipeline.svg").stat().st_size
    assert sum(map(len, parts)) + picture < LARGEST
    assert all(np.ptp(photo) > 100 for photo in photos)
    assert 'alt="A face"' in parts[1]


@pytest.mark.parametrize(
    ("formula", "kept"), [(nodes.math("", "x"), True), (nodes.Text("x"), False)]
)
def test_a_page_has_mathjax_where_it_has_a_formula(formula, kept):
    class Script:
        def __init__(self, filename, body=""):
            self.filename, self.attributes = filename, {"body": body}

    doctree = new_document("page")
    doctree += nodes.paragraph("", "", formula)
    scripts = [Script("mathjax/tex-svg-full.js"), Script("", "window.MathJax = {}"), Script("a.js")]
    context = {"script_files": scripts}
    offline.drop_idle_mathjax(None, "page", "page.html", context, doctree)
    assert context["script_files"] == (scripts if kept else scripts[2:])


def test_the_picture_names_every_chapter():
    picture = (ROOT / "book/images/pipeline.svg").read_text("utf-8")
    badges = {int(n) for n in re.findall(r'font-weight="700" fill="#fff">(\d+)<', picture)}
    assert badges == {int(path.name[:2]) for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}


@pytest.mark.parametrize(("dark", "is_plot"), [(False, True), (True, False)])
def test_a_plot_beside_a_dark_photo_is_no_plot(dark, is_plot, tmp_path):
    figure, (left, right) = plt.subplots(1, 2)
    if dark:
        left.imshow(np.zeros((8, 8, 3)))
    right.plot([0, 1])
    figure.savefig(tmp_path / "figure.png")
    plt.close(figure)
    with Image.open(tmp_path / "figure.png") as image:
        assert pages.is_plot(image) is is_plot
