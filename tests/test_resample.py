"""The resampler: exact on ramps, Pillow's filter inside the image, black or repeated outside."""

import numpy as np
import pytest
from PIL import Image

from facelib.imaging.crop import Crop
from facelib.imaging.resample import resample, resize_image


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, 3), dtype=np.float32)


def pillow(image: np.ndarray, box: tuple[float, ...], size: tuple[int, int]) -> np.ndarray:
    """Pillow's triangle filter of each channel; it counts from the first pixel's outer edge."""
    corners = [edge + 0.5 for edge in box]
    channels = [
        Image.fromarray(np.ascontiguousarray(image[..., k])).resize(
            size[::-1], Image.Resampling.BILINEAR, box=corners
        )
        for k in range(image.shape[2])
    ]
    return np.stack(channels, axis=-1)


def test_resizing_by_a_whole_factor_up_keeps_flat_and_ramp():
    ramp = np.tile(np.linspace(0, 1, 10)[:, None, None], (1, 4, 3))
    up = resize_image(ramp, (20, 8))
    assert up.shape == (20, 8, 3)
    expected = np.interp((np.arange(20) + 0.5) / 2 - 0.5, np.arange(10), ramp[:, 0, 0])
    np.testing.assert_allclose(up[:, 3, 1], expected, atol=1e-6)


@pytest.mark.parametrize("box", [(-0.5, -0.5, 79.5, 95.5), (10.3, 20.7, 52.1, 81.9)])
@pytest.mark.parametrize("size", [(24, 32), (61, 17), (200, 150)])
def test_away_from_the_border_it_is_pillows_triangle_filter(box, size):
    """At the border Pillow ignores what is beyond; here the edge is repeated."""
    image = noise(96, 80)
    margin = int(np.ceil(max(1, size[0] / (box[3] - box[1]), size[1] / (box[2] - box[0])))) + 1
    inner = (slice(margin, -margin),) * 2
    read = resample(image, box, size)
    np.testing.assert_allclose(read[inner], pillow(image, box, size)[inner], atol=1e-5)


def test_resampling_to_the_same_grid_changes_nothing():
    image = noise(9, 7)
    np.testing.assert_allclose(resize_image(image, (9, 7)), image, atol=1e-7)


def test_beyond_the_image_is_black_or_its_edge():
    white = np.ones((8, 8, 3), np.float32)
    far = (20.0, 20.0, 28.0, 28.0)
    assert resample(white, far, (4, 4), repeat_edge=False).max() == 0
    assert resample(white, far, (4, 4)).min() == pytest.approx(1)


@pytest.mark.parametrize("box", [(3.0, 0, 3.0, 5), (0, 4.0, 5, 3.0)])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="stop > start"):
        resample(noise(9, 9), box, (4, 4))
    with pytest.raises(ValueError, match=r"\(H, W, C\)"):
        resample(noise(9, 9)[..., 0], (0, 0, 4, 4), (4, 4))


@pytest.mark.parametrize(
    ("size_px", "centre"), [(55.5, (30.2, 41.0)), (140.0, (5.0, 80.0)), (20.0, (60.0, 3.0))]
)
def test_bytes_are_cut_like_the_floats_that_they_stand_for(size_px, centre):
    image = np.random.default_rng(0).integers(0, 256, (90, 70, 3), np.uint8)
    crop = Crop(centre, size_px, 48)
    as_floats = crop.cut(image / np.float32(255)) * 255
    np.testing.assert_allclose(crop.cut(image), as_floats, atol=1e-3)
