"""The picture of where a chapter stands in the book."""

import re
from pathlib import Path

import pytest

from facelib.show.way import WAY, show_way

CHAPTERS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("[0-9]*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_has_a_place_on_the_way_and_only_it_is_marked(path):
    number = int(path.stem[:2])
    page = show_way(number)._repr_html_()
    (marked,) = re.findall(r'aria-current="step">(\d+) ', page)
    assert int(marked) == number


def test_the_chapters_stand_in_their_order():
    numbers = re.findall(r">(\d+) [\w ]+</li>", show_way(1)._repr_html_())
    assert numbers == [str(k) for k in range(1, 1 + sum(map(len, WAY.values())))]


def test_a_chapter_that_does_not_exist_is_refused():
    last = sum(map(len, WAY.values()))
    for number in (0, last + 1):
        with pytest.raises(ValueError, match=f"from 1 to {last}, got {number}"):
            show_way(number)
