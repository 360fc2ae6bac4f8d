"""The resampler for any box: against its definition, pixel by pixel, and its bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, scales

from facelib.imaging.crop import Crop
from facelib.imaging.resample import resample, resize_image


def by_definition(line, start, stop, count, repeat_edge):
    """One row by the triangle filter, in double precision, one output pixel after the other."""
    step = (stop - start) / count
    reach, out = max(step, 1.0), []
    for number in range(count):
        centre = start + (number + 0.5) * step
        taps = np.arange(np.floor(centre - reach), np.ceil(centre + reach) + 1)
        weights = np.maximum(0, 1 - np.abs(taps - centre) / reach)
        inside = (taps >= 0) & (taps < len(line))
        values = line[taps.clip(0, len(line) - 1).astype(int)]
        out.append(weights @ np.where(inside | repeat_edge, values, 0) / weights.sum())
    return np.array(out)


@examples(80)
@given(SEEDS, st.integers(1, 9), st.integers(1, 9), scales(-3, 3), st.booleans())
def test_any_box_is_read_as_the_filter_is_defined(seed, width, count, size, repeat_edge):
    rng = np.random.default_rng(seed)
    line = rng.random(width, dtype=np.float32)
    start = rng.uniform(-2, 2) * (size + width)
    found = resample(line[None, :, None], (start, -0.5, start + size, 0.5), (1, count), repeat_edge)
    expected = by_definition(line.astype(float), start, start + size, count, repeat_edge)
    np.testing.assert_allclose(found[0, :, 0], expected, atol=2e-5)


@examples(60)
@given(SEEDS, scales(-6, 5), scales(0, 12), st.integers(1, 6))
def test_one_colour_stays_itself_in_any_box_near_or_far(seed, size, away, count):
    rng = np.random.default_rng(seed)
    left, top = rng.uniform(-1, 1, 2) * away
    box = (left, top, left + max(size, 1e-3 * away), top + max(size, 1e-3 * away))
    image = np.full((3, 4, 2), 0.7, np.float32)
    if box[2] - box[0] > 1e6:
        with pytest.raises(ValueError, match="expected a box of at most"):
            resample(image, box, (count, 3))
    else:
        np.testing.assert_allclose(resample(image, box, (count, 3)), 0.7, atol=1e-5)
        assert resample(image, box, (count, 3), repeat_edge=False).max() <= 0.7 + 1e-5


@examples(40)
@given(SEEDS, st.integers(1, 12), st.integers(1, 12), st.integers(1, 30), st.integers(1, 30))
def test_resizing_stays_between_the_darkest_and_the_brightest(seed, height, width, rows, columns):
    image = np.random.default_rng(seed).random((height, width, 1), dtype=np.float32)
    resized = resize_image(image, (rows, columns))
    assert image.min() - 1e-5 <= resized.min() and resized.max() <= image.max() + 1e-5
    np.testing.assert_allclose(resize_image(image, (height, width)), image, atol=1e-6)
    # Mirror images and transposed ones are resized alike.
    np.testing.assert_allclose(
        resize_image(image[:, ::-1], (rows, columns)), resized[:, ::-1], atol=1e-5
    )
    turned = resize_image(image.transpose(1, 0, 2), (columns, rows))
    np.testing.assert_allclose(turned.transpose(1, 0, 2), resized, atol=1e-5)


@pytest.mark.parametrize("bad", BAD_NUMBERS)
@pytest.mark.parametrize("side", range(4))
def test_a_box_without_an_end_is_refused(bad, side):
    box = [0.0, 0.0, 4.0, 4.0]
    box[side] = bad
    with pytest.raises(ValueError, match="expected"):
        resample(np.ones((4, 4, 3)), tuple(box), (2, 2))


def test_a_crop_of_a_million_pixels_takes_no_more_memory_than_a_small_one():
    """The square of 1e9 px needed 16 GB of weights."""
    image = np.ones((4, 4, 3), np.float32)
    with pytest.raises(ValueError, match="expected a box of at most 1e"):
        Crop((2.0, 2.0), 1e9, 256).cut(image)
    assert Crop((1.5, 1.5), 1e5, 3).cut(image).max() < 1e-3
