"""A mesh with sliders: the views for notebook and book."""

import re
from base64 import b64decode

import numpy as np
import pytest
import trimesh

from facelib.geometry.mesh import Mesh
from facelib.show.sliders import show_morph


@pytest.fixture
def ball():
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=80.0)
    return Mesh(sphere.vertices, sphere.faces)


def directions_of(ball):
    return np.stack([np.asarray(ball.vertices) * 0.1, np.ones_like(ball.vertices)])


def test_sliders_move_the_live_mesh_as_the_linear_model_says(ball):
    morph = show_morph(ball, directions_of(ball), alt="A ball.", names=("larger", "away"))
    box = morph.live()
    _, larger, away = box.children
    larger.value, away.value = 1.0, -2.0
    expected = np.asarray(ball.vertices) * 1.1 - 2
    np.testing.assert_allclose(morph.view.plot.objects[0].vertices, expected, atol=1e-3)
    assert [slider.description for slider in (larger, away)] == ["larger", "away"]


def test_the_book_gets_the_directions_to_a_hundredth_of_a_millimetre(ball):
    directions = directions_of(ball)
    page = show_morph(ball, directions, alt="A ball.", names=("a <b>", "c")).to_html()
    steps = np.frombuffer(b64decode(re.search('data-directions="([^"]+)"', page)[1]), "<i2")
    unit = float(re.search('data-unit="([^"]+)"', page)[1])
    np.testing.assert_allclose(steps.reshape(directions.shape) * unit, directions, atol=0.01)
    assert page.count('type="range"') == 2 and "a &lt;b&gt;" in page and "http" not in page


def test_one_output_holds_the_live_view_and_the_book_view(ball):
    bundle = show_morph(ball, directions_of(ball), alt="A ball.")._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert 'class="morph"' in bundle["text/html"]


def test_what_does_not_fit_is_refused(ball):
    with pytest.raises(ValueError, match="directions must be"):
        show_morph(ball, np.zeros((2, 5, 3)), alt="A ball.")
    with pytest.raises(ValueError, match="only zeros"):
        show_morph(ball, np.zeros((1, len(ball.vertices), 3)), alt="A ball.")
    with pytest.raises(ValueError, match="names"):
        show_morph(ball, directions_of(ball), alt="A ball.", names=("one",))
