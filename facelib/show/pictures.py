"""Rows and sheets of small pictures."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes


def draw_row(
    axes: Sequence[Axes],
    pictures: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    label: str = "",
    size: float = 8,
) -> None:
    """Draw pictures without ticks or frames.

    Args:
        axes: as many as pictures.
        pictures: (H, W, 3) RGB each, uint8 or in 0..1.
        titles: as many, above the pictures.
        label: left of the row.
        size: of the titles, points.
    """
    for number, (axis, picture) in enumerate(zip(axes, pictures, strict=True)):
        axis.imshow(picture)
        axis.set(xticks=[], yticks=[], frame_on=False)
        if titles:
            axis.set_title(titles[number], fontsize=size)
    axes[0].set_ylabel(label)


def contact_sheet(pictures: Sequence[np.ndarray], columns: int, side: int) -> np.ndarray:
    """Lay out pictures in rows, each shrunk to squares of `side` px: (H, W, 3) uint8.

    Args:
        pictures: (S, k·S, 3) uint8 each, of one shape, with S a multiple of `side`.
        columns: pictures per row; those that fill no row are left out.
        side: px.
    """
    step = len(pictures[0]) // side
    height, width = (length // step for length in pictures[0].shape[:2])
    blocks = [picture.reshape(height, step, width, step, 3) for picture in pictures]
    tiles = [block.mean(axis=(1, 3)).astype(np.uint8) for block in blocks]
    full = range(0, len(tiles) - len(tiles) % columns, columns)
    return np.vstack([np.hstack(tiles[start : start + columns]) for start in full])
