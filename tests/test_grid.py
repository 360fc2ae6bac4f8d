"""Numbers looked up by sliders: the views for notebook and book."""

import json
import re

import numpy as np
import pytest

from facelib.show.grid import show_grid

AXES = {"noise <mm>": (0.5, 1.0), "points": (10, 20, 40)}


@pytest.fixture
def view():
    values = np.arange(1, 13, dtype=float).reshape(2, 3, 2)
    return show_grid(values, AXES, ("front", "both"), unit="mm", start=(0, 1))


def numbers_in(text):
    return [float(number) for number in re.findall(r">([\d.]+) mm</span>", text)]


def test_live_sliders_show_the_numbers_of_their_place(view):
    bars, noise, points = view.live().children
    assert numbers_in(bars.value) == [3, 4]
    noise.value, points.value = 1, 2
    assert numbers_in(bars.value) == [11, 12]


def test_the_book_gets_all_numbers_and_those_of_the_start(view):
    page = view.to_html()
    assert json.loads(re.search('data-values="([^"]+)"', page)[1]) == list(range(1, 13))
    assert numbers_in(page) == [3, 4]
    assert page.count('type="range"') == 2 and "noise &lt;mm&gt;" in page and "http" not in page


def test_one_output_holds_the_live_view_and_the_book_view(view):
    bundle = view._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert 'class="grid-view"' in bundle["text/html"]


def test_a_grid_with_holes_is_refused():
    with pytest.raises(ValueError, match="expected finite"):
        show_grid(np.full((2, 3, 2), np.nan), AXES, ("front", "both"), unit="mm")
    with pytest.raises(ValueError, match="expected finite"):
        show_grid(np.ones((2, 2, 2)), AXES, ("front", "both"), unit="mm")
