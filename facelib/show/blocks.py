"""Block diagrams of networks: boxes from top to bottom, joined by arrows."""

from collections.abc import Container, Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

WIDTH, ROW = 4.0, 0.72  # inches: a phone shows this width without shrinking the letters much
GAP = 0.3  # share of a row between two boxes


def draw_blocks(rows: Sequence[Sequence[str]], layers: Container[int]) -> Figure:
    """Draw a network as rows of boxes.

    Arrows join boxes of neighbouring rows: one to one if the rows have equally many, else each box
    to all.

    Args:
        rows: texts of the boxes, from the input down; two lines fit into a box.
        layers: numbers of the rows that compute; their boxes are filled, those of data are not.
    """
    height = ROW * len(rows)
    figure, axes = plt.subplots(figsize=(WIDTH, height), layout="constrained")
    for number, texts in enumerate(rows):
        for x, text in zip(_places(len(texts)), texts, strict=True):
            face = ("#0072b2", 0.18) if number in layers else "none"
            box = plt.Rectangle(
                (x - 0.47 / len(texts), number + GAP / 2),
                0.94 / len(texts),
                1 - GAP,
                fc=face,
                ec="0.5",
            )
            axes.add_patch(box)
            axes.text(x, number + 0.5, text, ha="center", va="center", fontsize=10)
        if number:
            _join(axes, number, len(rows[number - 1]), len(texts))
    axes.set(xlim=(0, 1), ylim=(len(rows), 0))
    axes.axis("off")
    return figure


def _places(count: int) -> list[float]:
    return [(i + 0.5) / count for i in range(count)]


def _join(axes: plt.Axes, number: int, above: int, below: int) -> None:
    for i, start in enumerate(_places(above)):
        for k, end in enumerate(_places(below)):
            if above != below or i == k:
                points = (end, number + GAP / 2), (start, number - GAP / 2)
                axes.annotate("", *points, arrowprops={"arrowstyle": "->", "color": "0.5"})
