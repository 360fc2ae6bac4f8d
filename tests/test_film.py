from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from facelib.imaging.effects import blurred, jpeg
from facelib.synthetic.light.film import (
    Film,
    expose,
    moved,
    out_of_focus,
    random_film,
    sharpest_size,
    tone_curve,
)

WHOLE = np.ones((64, 64), np.float32)
BEHIND = np.zeros((64, 64, 3), np.float32)


def shoot(level, film, seed=0, alpha=WHOLE, behind=BEHIND):
    light = np.empty((*alpha.shape, 3), np.float32)
    light[:] = np.float32(level) * alpha[..., None]
    return expose(light, alpha, behind, film, np.random.default_rng(seed))


def displayed(light, gamma=2.2):
    return np.asarray(light) ** (1 / gamma) * 255


def test_exposure_and_white_balance_multiply_the_light():
    film = Film(exposure=1.5, white_balance=(0.8, 1.0, 1.25))
    expected = displayed(np.array([0.1, 0.2, 0.3]) * 1.5 * [0.8, 1.0, 1.25])
    np.testing.assert_allclose(shoot([0.1, 0.2, 0.3], film)[9, 9], expected, atol=1.01)


def test_grey_light_of_any_colour_becomes_grey_when_balanced():
    lamp = np.array([2.0, 1.0, 0.3])
    photo = shoot(0.2 * lamp, Film(white_balance=1 / lamp))
    assert np.ptp(photo[5, 5].astype(int)) <= 1


def test_noise_has_the_variance_of_photons_and_readout():
    """Before the tone curve, var = shot · light + read²; a straight curve keeps it."""
    film = Film(gamma=1.0, shot_noise=4e-4, read_noise=0.01)
    for level in (0.1, 0.3, 0.6):
        photo = shoot(
            level,
            film,
            alpha=np.ones((256, 256), np.float32),
            behind=np.zeros((256, 256, 3), np.float32),
        )
        expected = 4e-4 * level + 1e-4 + 1 / 12 / 255**2
        assert np.var(photo / 255) == pytest.approx(expected, rel=0.05)


def test_corners_lose_what_the_vignette_says_and_the_middle_nothing():
    photo = shoot(0.5, Film(gamma=1.0, vignette=0.4))
    assert photo[32, 32, 1] == pytest.approx(0.5 * 255, abs=1.5)
    assert photo[0, 0, 1] == pytest.approx(0.5 * 0.6 * 255, abs=1.5)


def test_the_tone_curve_rises_from_black_to_white():
    for contrast in (0.0, 0.5, 1.0):
        curve = tone_curve(contrast).astype(int)
        assert curve[0] == 0 and curve[-1] >= 250 and np.diff(curve).min() >= 0
    middle = tone_curve(1.0).astype(int)
    assert middle[100] < tone_curve(0.0)[100] and middle[1500] >= tone_curve(0.0)[1500]


def test_blur_is_the_gaussian_of_scipy():
    image = np.random.default_rng(1).random((40, 52, 3), np.float32)
    expected = gaussian_filter(image, (1.2, 1.2, 0), mode="nearest", truncate=2.5)
    np.testing.assert_allclose(blurred(image, 1.2), expected, atol=2e-3)
    np.testing.assert_array_equal(blurred(image, 0.0), image)


def test_motion_spreads_a_point_along_its_path():
    image = np.zeros((21, 21, 3), np.float32)
    image[10, 10] = 1
    streak = moved(image, (6.0, 0.0))[..., 0]
    assert streak.sum() == pytest.approx(1, abs=1e-5)
    assert set(np.flatnonzero(streak.any(axis=1))) == {10}
    assert np.ptp(np.flatnonzero(streak.any(axis=0))) == 6


def test_jpeg_changes_bytes_and_keeps_the_mean():
    y, x = np.mgrid[0:64, 0:64]
    photo = np.stack([(128 + 60 * np.sin(x / 5)), 90 + y, 60 + x], axis=-1).astype(np.uint8)
    stored = jpeg(photo, 40)
    assert stored.shape == photo.shape and stored.dtype == np.uint8
    assert not np.array_equal(stored, photo)
    assert abs(stored.mean() - photo.mean()) < 1


def test_what_is_behind_shows_by_the_mask_alone():
    """The thesis repaints what is black; a face of any darkness keeps its pixels here."""
    alpha = np.zeros((64, 64), np.float32)
    alpha[16:48, 16:48] = 1
    green = np.tile(np.float32([0, 1, 0]), (64, 64, 1))
    photo = shoot(0.0, Film(), alpha=alpha, behind=green)
    assert photo[16:48, 16:48].max() == 0
    assert np.all(photo[:16, :, 1] > 235) and photo[:16, :, 0].max() < 5


def test_the_background_keeps_its_exposure():
    alpha, behind = np.zeros((64, 64), np.float32), np.full((64, 64, 3), 0.5, np.float32)
    for exposure in (0.6, 1.0, 1.4):
        film = Film(exposure=exposure, white_balance=(1.2, 1.0, 0.8))
        assert np.abs(shoot(0.0, film, alpha=alpha, behind=behind) - 127.5).max() <= 3


def test_a_blurred_background_may_come_coarse():
    assert sharpest_size(256, 0.0) == 256 and sharpest_size(256, 8.0) == 32
    coarse = np.random.default_rng(2).random((32, 32, 3)).astype(np.float32)
    wide = out_of_focus(coarse, 8.0, 256)
    assert wide.shape == (256, 256, 3) and wide.dtype == np.uint8
    assert abs(wide.mean() / 255 - coarse.mean()) < 0.01


def test_noise_is_drawn_by_the_generator_given():
    film = Film(shot_noise=1e-3)
    assert np.array_equal(shoot(0.3, film, seed=1), shoot(0.3, film, seed=1))
    assert not np.array_equal(shoot(0.3, film, seed=1), shoot(0.3, film, seed=2))


def test_drawn_films_are_usable_and_vary():
    rng = np.random.default_rng(3)
    drawn = [random_film(rng, np.array([1.4, 1.0, 0.6]), 256) for _ in range(60)]
    assert any(film.jpeg_quality == 0 for film in drawn)
    assert np.std([np.log(film.exposure) for film in drawn]) > 0.1
    for film in drawn[:8]:
        assert shoot(0.3, replace(film, motion_px=(0.0, 0.0))).mean() > 20
    # Warm light is cooled: the balance takes from red and gives to blue.
    assert np.mean([film.white_balance[0] < film.white_balance[2] for film in drawn]) > 0.95
