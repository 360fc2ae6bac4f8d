"""Block diagrams have every box, and an arrow wherever data goes."""

import matplotlib.pyplot as plt

from facelib.show.blocks import draw_blocks


def test_every_box_is_drawn_and_joined_to_its_neighbours():
    figure = draw_blocks([["front", "side"], ["encoder", "encoder"], ["head"]], layers={1})
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    arrows = [text for text in axes.texts if not text.get_text()]
    assert texts == ["front", "side", "encoder", "encoder", "head"]
    assert len(arrows) == 2 + 2  # straight down twice, then both into one
    filled = [patch.get_facecolor()[3] > 0 for patch in axes.patches]
    assert filled == [False, False, True, True, False]
    plt.close(figure)
