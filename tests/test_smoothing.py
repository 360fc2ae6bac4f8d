import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from facelib.imaging.effects import box_mean


@pytest.mark.parametrize("radius", [0, 1, 4, 30])
def test_a_box_mean_is_scipys(radius):
    image = np.random.default_rng(4).normal(size=(23, 31)).astype(np.float32)
    expected = uniform_filter(image.astype(np.float64), 2 * radius + 1, mode="nearest")
    np.testing.assert_allclose(box_mean(image, radius), expected, atol=1e-6)


def test_values_of_very_different_size_leave_no_trace_on_each_other():
    """As a shadow map has them: exponentials of depth over 30 orders of magnitude."""
    image = np.full((9, 64), 1e-15, np.float32)
    image[:, :20] = 1e15
    np.testing.assert_allclose(box_mean(image, 3)[:, 30:], 1e-15, rtol=1e-3)
