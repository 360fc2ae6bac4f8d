"""Prints change tones and sharpness as drawn, and most photos not at all."""

import json

import numpy as np
import pytest

from facelib.imaging.effects import jpeg
from facelib.pairs.sample import _json
from facelib.synthetic.light.prints import Print, make_print, random_print

PHOTO = np.random.default_rng(3).integers(0, 256, (64, 64, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    return [random_print(rng) for _ in range(6000)]


def test_a_photo_without_changes_stays_the_same_bytes():
    np.testing.assert_array_equal(make_print(PHOTO, Print()), PHOTO)


def test_a_monochrome_photo_has_equal_channels_of_the_mixed_light():
    mix = np.array([0.2, 0.7, 0.1])
    grey = make_print(PHOTO, Print(mix=mix)).astype(float)
    assert np.ptp(grey, axis=-1).max() == 0
    assert np.abs(grey[..., 0] - PHOTO @ mix).max() <= 0.5 + 1e-9


def test_a_monochrome_photo_stays_grey_through_a_small_squeezed_copy():
    way = Print(mix=np.array([0.3, 0.6, 0.1]), contrast=1.0, small=0.5, jpeg_quality=20)
    assert np.ptp(make_print(PHOTO, way).astype(int), axis=-1).max() <= 2


def test_contrast_keeps_black_and_white_and_spreads_the_middle():
    ramp = np.tile(np.arange(256, dtype=np.uint8)[:, None, None], (1, 256, 3))
    tones = make_print(ramp, Print(contrast=1.5, pivot=0.45))[:, 0, 0].astype(int)
    assert tones[0] == 0 and tones[255] == 255 and (np.diff(tones) >= 0).all()
    assert tones[140] - tones[90] > 1.4 * 50


def test_faded_paper_keeps_within_its_black_and_white():
    black, white = np.array([0.2, 0.15, 0.1]), np.array([0.9, 0.85, 0.7])
    faded = make_print(PHOTO, Print(black=black, white=white)) / 255
    assert (faded.min((0, 1)) >= black - 0.003).all()
    assert (faded.max((0, 1)) <= white + 0.003).all()


def test_a_small_copy_loses_detail_and_keeps_size_and_mean():
    copy = make_print(PHOTO, Print(small=0.25))
    assert copy.shape == PHOTO.shape and copy.dtype == np.uint8
    assert copy.std() < 0.5 * PHOTO.std()
    assert copy.mean() == pytest.approx(PHOTO.mean(), abs=1)


def test_a_squeezed_photo_is_its_jpeg():
    np.testing.assert_array_equal(make_print(PHOTO, Print(jpeg_quality=15)), jpeg(PHOTO, 15))


def test_one_photo_in_twelve_is_monochrome_and_two_thirds_stay_as_they_are(drawn):
    assert np.mean([way.mix is not None for way in drawn]) == pytest.approx(0.08, abs=0.015)
    sepia = [way for way in drawn if way.mix is not None and way.black.any()]
    assert 0.005 < np.mean([np.ptp(way.black) > 0 for way in sepia]) <= 1
    plain = [
        way.mix is None
        and not way.contrast
        and not way.black.any()
        and way.small == 1
        and not way.jpeg_quality
        for way in drawn
    ]
    assert 0.65 < np.mean(plain) < 0.78


def test_drawn_prints_can_be_stored_among_coefficients(drawn):
    stored = json.loads(_json({"print": drawn[0], "all": drawn[:50]}))
    assert len(stored["print"]["white"]) == 3
