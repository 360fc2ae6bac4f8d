"""From light to a photo: the meter, and the background."""

from dataclasses import replace

import numpy as np
import pytest

from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.light.film import Film, expose
from facelib.synthetic.light.lighting import plain_lighting
from facelib.synthetic.photo import METERED_LIGHT, Shot, develop_film, meter
from facelib.synthetic.session import hold_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio


def test_faces_are_exposed_for_the_head():
    alpha = np.ones((32, 32), np.float32)
    levels = [meter(np.full((32, 32, 3), v, np.float32), alpha) * v for v in (0.02, 0.1, 0.4)]
    # Dark heads come out darker than pale ones, but not by as much as they are.
    assert levels[0] < levels[1] < levels[2] < 20 * levels[0] / 3
    assert meter(np.zeros((32, 32, 3), np.float32), np.zeros((32, 32), np.float32)) == 1
    assert meter(np.full((32, 32, 3), METERED_LIGHT, np.float32), alpha) == pytest.approx(
        1, rel=1e-3
    )


def test_the_meter_multiplies_the_films_own_exposure():
    """A head half as bright as grey, exposed by the same generator, is exposed more."""
    lighting = plain_lighting([], (0.2, 0.2, 0.2))
    films = []
    for level in (METERED_LIGHT, METERED_LIGHT / 2):
        light, alpha = np.full((32, 32, 3), level, np.float32), np.ones((32, 32), np.float32)
        shot = Shot(light, alpha, None, None, {})
        rng = np.random.default_rng(0)
        metered = meter(light, alpha)
        films.append(develop_film(shot, lighting, metered, rng, green_background)[1]["film"])
    ratio = films[1].exposure / films[0].exposure
    assert ratio == pytest.approx(metered, rel=1e-3)
    assert films[0] == replace(
        films[1], exposure=films[0].exposure, white_balance=(films[0].white_balance)
    )


def green_background(rng, size):
    return np.tile(np.float32([0, 1, 0]), (size, size, 1))


def test_a_dark_face_keeps_its_pixels():
    """The thesis repaints black pixels; behind a mask none of the face's own is touched."""

    def develop_dark(shot, light, level, rng, draw_background, noise_rng):
        background = draw_background(rng, len(shot.image))
        return expose(shot.image, shot.alpha, background, Film(exposure=0.01), rng), {}

    settings = SyntheticSettings(size=64, seed=3)
    studio = replace(
        Studio.of(Ingredients(skin=True, light=True, film=True)),
        draw_background=green_background,
        develop=develop_dark,
    )
    photo = hold_session(studio, Streams(settings, 1), settings).photos[0].image
    middle = photo[20:44, 22:42]
    assert middle.max() < 100 and not (middle[..., 1] > 3 * middle[..., 0].astype(int) + 20).any()
    assert (photo[:3, :, 1] > 100).any()
