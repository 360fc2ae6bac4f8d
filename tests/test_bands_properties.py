"""Pyramids on the page: what one colour, equal pages and whole shares must give."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from properties import SEEDS, examples

from facelib.avatar.texture.bands import blended_by_bands, enlarged, filled, pyramid, reduced
from facelib.face.layout import load_layout

SIDES = st.sampled_from([8, 16, 32])


def noise(rng, *shape):
    return rng.random(shape, dtype=np.float32)


def random_shares(rng, count, side):
    shares = noise(rng, count, side, side) ** 8
    shares[rng.integers(count)] += np.float32(1e-3)
    return shares / shares.sum(axis=0)


@examples(40)
@given(SEEDS, SIDES)
def test_a_page_of_one_colour_stays_so_at_every_level(seed, side):
    rng = np.random.default_rng(seed)
    colour = noise(rng, 3)
    page = np.broadcast_to(colour, (side, side, 3)).copy()
    np.testing.assert_allclose(reduced(page), page[::2, ::2], atol=1e-6)
    np.testing.assert_allclose(enlarged(page), np.tile(colour, (2 * side, 2 * side, 1)), atol=1e-6)
    share = np.where(rng.random((side, side)) < 0.1, noise(rng, side, side), 0).astype(np.float32)
    share[rng.integers(side), rng.integers(side)] = 1
    np.testing.assert_allclose(filled(page, share), page, atol=1e-4)
    np.testing.assert_allclose(filled(page, share, far=colour), page, atol=1e-4)


@examples(40)
@given(SEEDS, SIDES, st.integers(1, 3), st.integers(0, 3))
def test_equal_pages_blend_to_themselves_and_others_lie_between(seed, side, count, n_levels):
    rng = np.random.default_rng(seed)
    page, shares = noise(rng, side, side, 3), random_shares(rng, count, side)
    blended = blended_by_bands([pyramid(page, n_levels)] * count, shares)
    np.testing.assert_allclose(blended, page, atol=1e-5)
    colours = noise(rng, count, 3)
    flat = [np.broadcast_to(colour, (side, side, 3)).copy() for colour in colours]
    mixed = blended_by_bands([pyramid(each, n_levels) for each in flat], shares)
    assert (colours.min(axis=0) - 1e-5 <= mixed).all() and (
        mixed <= colours.max(axis=0) + 1e-5
    ).all()


@examples(30)
@given(SEEDS, SIDES)
def test_what_is_known_stays_and_the_rest_lies_between(seed, side):
    rng = np.random.default_rng(seed)
    page, known = noise(rng, side, side, 3), rng.random((side, side)) < rng.uniform(0.02, 1)
    known[0, 0] = True
    whole = filled(page, known.astype(np.float32))
    np.testing.assert_array_equal(whole[known], page[known])
    low, high = page[known].min(axis=0), page[known].max(axis=0)
    assert (low - 1e-4 <= whole).all() and (whole <= high + 1e-4).all()


@examples(30)
@given(SEEDS, st.integers(1, 3))
def test_the_back_of_the_head_is_no_border(seed, turns):
    """Columns wrap around: a page that is turned by whole coarse texels is blended alike."""
    rng, side, n_levels = np.random.default_rng(seed), 16, 2
    pages, shares = noise(rng, 2, side, side, 3), random_shares(rng, 2, side)
    step = turns * 2**n_levels
    straight = blended_by_bands([pyramid(page, n_levels) for page in pages], shares)
    rolled = [pyramid(page, n_levels) for page in np.roll(pages, step, axis=2)]
    turned = blended_by_bands(rolled, np.roll(shares, step, axis=2))
    np.testing.assert_allclose(turned, np.roll(straight, step, axis=1), atol=1e-5)


@examples(10)
@given(SEEDS)
def test_a_position_map_moves_as_its_vertices_do(seed):
    """Every texel is a weighted mean, so affine maps go through: also beyond the seam."""
    rng, layout = np.random.default_rng(seed), load_layout()
    vertices = layout.references_head[rng.integers(len(layout.references_head))].astype(float)
    linear, shift = rng.normal(size=(3, 3)), rng.normal(0, 100, 3)
    found = layout.position_map(vertices @ linear + shift)
    expected = layout.position_map(vertices).astype(float) @ linear + shift
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
    assert (
        found[layout.coverage].min(axis=0) >= (vertices @ linear + shift).min(axis=0) - 0.01
    ).all()
