"""Rows and sheets of small pictures show every picture in its place."""

import matplotlib.pyplot as plt
import numpy as np

from facelib.show.pictures import contact_sheet, draw_row


def plain(color: int, width: int = 8) -> np.ndarray:
    return np.full((8, width, 3), color, np.uint8)


def test_a_sheet_has_each_picture_at_its_place_and_no_half_row() -> None:
    sheet = contact_sheet([plain(color) for color in (10, 20, 30, 40, 50)], columns=2, side=4)
    assert sheet[::4, ::4, 0].tolist() == [[10, 20], [30, 40]]


def test_pictures_that_are_wider_than_high_keep_their_shape() -> None:
    assert contact_sheet([plain(1, width=16)] * 3, columns=3, side=2).shape == (2, 12, 3)


def test_shrinking_averages_squares_of_pixels() -> None:
    checks = np.zeros((8, 8, 3), np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    assert (contact_sheet([checks], columns=1, side=4) == 100).all()


def test_a_row_has_titles_and_one_label() -> None:
    figure, axes = plt.subplots(1, 2)
    draw_row(axes, [plain(1), plain(2)], ["one", "two"], "row")
    assert [axis.get_title() for axis in axes] == ["one", "two"]
    assert [axis.get_ylabel() for axis in axes] == ["row", ""]
    plt.close(figure)
