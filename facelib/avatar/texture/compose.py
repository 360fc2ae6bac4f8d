"""The page in full size: the coarse page's colours with the photos' detail."""

from __future__ import annotations

import numpy as np

from facelib.files.kernels import kernel
from facelib.files.threads import in_threads

BAND_ROWS = 128  # rows of the page that one thread does at a time
LEAST_SHARE = 0.004  # of a texel, below which a source is left out
PER_DETAIL = 1 / 32  # the tiles' deviation is 32


def compose(
    fine: np.ndarray,
    shares: np.ndarray,
    gains: np.ndarray,
    whole: np.ndarray,
    tiles: np.ndarray,
    strengths: np.ndarray,
    out: np.ndarray,
) -> None:
    """Give the coarse page the photos' detail.

    A texel is Σ gain · photo over the photos and their mirror images; what their shares lack to 1
    is painted: the coarse colour with the detail of skin or hair.

    Args:
        fine: (K, size, size, 3) uint8, the unwrapped photos; red 0 where nothing is seen.
        shares: (2 K + 1, work, work) float32, summing to 1.
        gains: (2 K, work, work, 3) float32: each share times the coarse page over the coarse photo,
            or over its mirror image.
        whole: (work, work, 3) float32: the coarse page, 0..255.
        tiles: (T, d, d) int8: pores and mottles, strands of hair: seamless tiles of detail.
        strengths: (T, work, work) float32: of each, relative to the colour.
        out: (rows, size, 3) uint8, the upper rows of a page that is `size` texels high, written.
    """
    n_sources, work = gains.shape[:2]
    columns = _columns(out.shape[1], work)  # once: divisions are slow
    tile_columns = np.arange(out.shape[1]) % tiles.shape[1]

    def compose_from(top: int) -> None:
        rows = _rows(n_sources, work)
        sources = fine, shares, gains, whole, tiles, strengths
        _compose(*sources, *columns, tile_columns, *rows, top, out[top : top + BAND_ROWS])

    in_threads(compose_from, range(0, len(out), BAND_ROWS))


@kernel(fastmath={"contract", "nsz", "reassoc"})
def _compose(
    fine, shares, gains, whole, tiles, strengths, lefts, rights, shares_right, tile_columns,
    share_row, gain_row, whole_row, active, first_row, out,
):  # fmt: skip
    """Do what `compose` does for some rows of the page, from `first_row` on.

    The columns are those of `_columns`; `_rows` are room for one row of the coarse page.
    """
    size, work = out.shape[1], whole.shape[0]
    n_photos, n_sources = fine.shape[0], gains.shape[0]
    step, half, one = np.float32(work / size), np.float32(0.5), np.float32(1)
    tile = tiles.shape[1]
    for band_row in range(out.shape[0]):
        row = first_row + band_row
        tile_row = row % tile
        y = min(max((row + half) * step - half, np.float32(0)), np.float32(work - 1))
        top = min(int(y), work - 2)
        fy = y - top
        _between(whole[top], whole[top + 1], fy, whole_row)
        for source in range(n_sources):
            most = np.float32(0)
            for c in range(work):
                upper, lower = shares[source, top, c], shares[source, top + 1, c]
                share_row[source, c] = upper + (lower - upper) * fy
                most = max(most, share_row[source, c])
            active[source] = most > LEAST_SHARE
            if active[source]:
                _between(gains[source, top], gains[source, top + 1], fy, gain_row[source])
        for col in range(size):
            left, right, fx = lefts[col], rights[col], shares_right[col]
            a, b = one - fx, fx
            red = green = blue = sure = np.float32(0)
            for source in range(n_sources):
                if not active[source]:
                    continue
                share = share_row[source, left] * a + share_row[source, right] * b
                if share < LEAST_SHARE:
                    continue
                mirrored = source >= n_photos
                photo = source - n_photos if mirrored else source
                pixel = fine[photo, row, size - 1 - col if mirrored else col]
                if pixel[0] == 0:
                    continue
                g = gain_row[source]
                sure += share
                red += pixel[0] * (g[left, 0] * a + g[right, 0] * b)
                green += pixel[1] * (g[left, 1] * a + g[right, 1] * b)
                blue += pixel[2] * (g[left, 2] * a + g[right, 2] * b)
            rest = one - sure
            if rest > LEAST_SHARE:
                grain = np.float32(0)
                for kind in range(tiles.shape[0]):
                    strength = strengths[kind, top, left] * np.float32(PER_DETAIL)
                    grain += strength * tiles[kind, tile_row, tile_columns[col]]
                paint = rest * (one + grain)
                a, b = paint * a, paint * b
                red += whole_row[left, 0] * a + whole_row[right, 0] * b
                green += whole_row[left, 1] * a + whole_row[right, 1] * b
                blue += whole_row[left, 2] * a + whole_row[right, 2] * b
            out[band_row, col, 0] = _byte(red)
            out[band_row, col, 1] = _byte(green)
            out[band_row, col, 2] = _byte(blue)


def _columns(size: int, work: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find each column's two neighbours on the coarse page, and the right one's share of it."""
    step = float(np.float32(work / size))
    places = (np.arange(size) + 0.5) * step - 0.5
    lefts = np.floor(places).astype(int)
    return lefts % work, (lefts + 1) % work, np.float32(places - lefts)


def _rows(n_sources: int, work: int) -> tuple[np.ndarray, ...]:
    """Make room for a row of the coarse page: shares, gains, colours, and which sources count."""
    return (
        np.empty((n_sources, work), np.float32),
        np.empty((n_sources, work, 3), np.float32),
        np.empty((work, 3), np.float32),
        np.empty(n_sources, bool),
    )


@kernel()
def _between(upper, lower, share, out):
    for c in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[c, k] = upper[c, k] + (lower[c, k] - upper[c, k]) * share


@kernel(inline="always")
def _byte(value):
    return np.uint8(min(max(value + np.float32(0.5), np.float32(0)), np.float32(255)))
