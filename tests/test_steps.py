"""Pictures on sliders and linked pictures: what their HTML holds."""

import json
import re
from base64 import b64decode
from html import unescape
from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from picture_case import AXES, LEVELS, SQUARE, grey, known_linked, known_steps
from PIL import Image

from facelib.show.linked import LinkedPicture, show_linked
from facelib.show.steps import show_steps


def picture_in(url: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(b64decode(url.partition("base64,")[2]))))


def test_every_place_of_the_sliders_has_its_picture_and_says_which():
    found = [float(picture_in(url).mean()) for url in known_steps().pictures]
    assert np.allclose(found, 255 * LEVELS, atol=3)
    alts = list(map(unescape, re.findall('alt="([^"]+)"', known_steps().to_html())))
    assert alts[1] == "A grey field. yaw [°] −30, <lens> far." and len(set(alts)) == 6


def test_a_figure_loses_nothing_and_is_not_shown_twice():
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.plot([0, 1], color="#123456", lw=8)
    (url,) = show_steps([figure], {"step": [1]}, alt="A line.").pictures
    assert (picture_in(url) == (0x12, 0x34, 0x56)).all(axis=-1).any()
    assert not plt.fignum_exists(figure.number)


def test_each_picture_can_have_words_of_its_own():
    page = show_steps([grey(0), grey(1)], {"step": [1, 2]}, alt=["Black.", "White."]).to_html()
    assert 'alt="Black. step 1."' in page and 'alt="White. step 2."' in page
    with pytest.raises(ValueError, match="alt"):
        show_steps([grey(0), grey(1)], {"step": [1, 2]}, alt=["Black."])


def test_a_number_is_read_out_as_it_was_rounded():
    view = show_linked(
        {"one": LinkedPicture(grey(0), SQUARE, "One.")}, {"x": ("mm", np.float32([0.1] * 4))}
    )
    assert "0.10000000149" not in view.to_html()


def test_pictures_that_do_not_fill_the_sliders_are_refused():
    with pytest.raises(ValueError, match="expected 6 pictures for the sliders, got 5"):
        show_steps(list(map(grey, LEVELS[:5])), AXES, alt="A grey field.")
    with pytest.raises(ValueError, match="alt"):
        show_steps([grey(0)], {"step": [1]}, alt=" ")


def test_places_are_shares_of_the_picture_and_hidden_points_have_none():
    corners, shifted = (picture.places() for picture in known_linked().pictures.values())
    assert corners[0].tolist() == [round(10_000 * 0.5 / 30), round(10_000 * 0.5 / 20)]
    assert shifted[3].tolist() == [-1, -1]
    readings = json.loads(
        unescape(re.search('data-readings="([^"]+)"', known_linked().to_html())[1])
    )
    assert readings[0] == ["x", "mm", 1, [0, 29, 0, 29]] and readings[1][2] == 2


def test_pictures_of_different_points_are_refused():
    pictures = {"one": LinkedPicture(grey(0), SQUARE[:3], "One.")}
    with pytest.raises(ValueError, match="same number of points"):
        show_linked(pictures, {"x": ("mm", np.zeros(4))})
    with pytest.raises(ValueError, match="alt"):
        show_linked({"one": LinkedPicture(grey(0), SQUARE, "")})
