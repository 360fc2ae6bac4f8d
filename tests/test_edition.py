"""The book says which build it is, and how long its chapters ran."""

import base64
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import facelib
from facelib.files.tables import duration

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book"))
import edition  # noqa: E402
import landing  # noqa: E402

CONFIGURATION = f"""
import sys
sys.path.insert(0, {str(ROOT / "book")!r})
extensions = ["myst_nb", "edition"]
nb_execution_mode = "off"
html_theme_options = {{"extra_footer": ""}}
"""
PAPERMILL = {"papermill": {"duration": 26.6}}
CELLS = [
    {"metadata": {"execution": {"shell.execute_reply": "2026-11-29T06:00:04Z"}}},
    {"metadata": {}},
    {"metadata": {"execution": {"iopub.execute_input": "2026-11-29T06:03:00.5Z"}}},
]


def test_the_time_of_a_chapter_is_papermills_or_the_span_of_its_cells():
    assert edition.run_seconds({"metadata": PAPERMILL, "cells": []}) == 26.6
    assert edition.run_seconds({"metadata": {}, "cells": CELLS}) == pytest.approx(176.5)
    with pytest.raises(ValueError, match="not been executed"):
        edition.run_seconds({"metadata": {}, "cells": [{"metadata": {}}]})


@pytest.mark.parametrize(
    ("seconds", "words"), [(26.6, "27 seconds"), (89, "89 seconds"), (176.5, "3 minutes")]
)
def test_times_are_told_as_people_say_them(seconds, words):
    assert duration(seconds) == words


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small book with one executed chapter, and the page of the edition."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "chapters").mkdir()
    (folder / "index.md").write_text("# Book\n\n```{toctree}\nchapters/one\nedition\n```\n")
    (folder / "edition.md").write_text("# Edition\n")
    head = {"cell_type": "markdown", "metadata": {}, "source": "# One\n\n**Data:** none."}
    notebook = {"cells": [head], "metadata": PAPERMILL, "nbformat": 4, "nbformat_minor": 4}
    (folder / "chapters" / "one.ipynb").write_text(json.dumps(notebook))
    (folder / "conf.py").write_text(CONFIGURATION)
    out = folder / "out"
    # In a process of its own: myst_nb and myst_parser register the same directives.
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, out]
    subprocess.run(command, check=True)
    return out


def test_a_chapter_says_how_long_it_ran_and_leads_to_the_page_of_all(built):
    page = (built / "chapters" / "one.html").read_text("utf-8")
    assert 'href="../edition.html"' in page and ">27 seconds</span></a>, when" in page


def test_the_page_of_the_edition_has_versions_and_times(built):
    page = (built / "edition.html").read_text("utf-8")
    for words in (facelib.__version__, "numpy", "chapters/one.html", "<p>27</p>"):
        assert words in page, words


def test_the_card_of_links_shows_the_pictures_of_the_first_page_in_a_row():
    page = ""
    for colour, size in (("red", (20, 20)), ("blue", (20, 40))):
        packed = io.BytesIO()
        Image.new("RGB", size, colour).save(packed, "PNG")
        page += f'<img src="data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}">'
    card = landing.side_by_side(page)
    assert card.size == (630 + 315, 630)
    assert card.getpixel((600, 300)) == (255, 0, 0) and card.getpixel((700, 300)) == (0, 0, 255)
