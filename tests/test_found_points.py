"""Points found in photos and in their mirror images."""

import numpy as np

from facelib.face.dense_points import load_dense_points
from facelib.networks.found_points import FoundPoints, find_in_both_mirrors

WIDTH = 64
TWIN = load_dense_points().mirror


def biased(photos):
    """Answer with the brightness of the first column and the last, wrong to the right by 3 px."""
    x = 20 + 10 * photos[:, 0, 0, 0] - 10 * photos[:, 0, -1, 0]
    places = np.zeros((len(photos), len(TWIN), 2))
    places[..., 0] = x[:, None] + np.arange(len(TWIN)) / 9 + 3
    covariances = np.broadcast_to([[2.0, 0.5], [0.5, 1.0]], (*places.shape, 2))
    return FoundPoints(places, covariances, np.full(places.shape[:2], 0.25))


def photos():
    return np.random.default_rng(0).random((3, WIDTH, WIDTH, 3)).astype(np.float32)


def test_mirroring_twice_changes_nothing():
    found = biased(photos())
    again = found.mirrored(WIDTH).mirrored(WIDTH)
    for name in ("places", "covariances", "visibility"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name), atol=1e-12)


def test_a_mirrored_photo_has_the_mirrored_answer():
    found = find_in_both_mirrors(biased, photos())
    of_mirror = find_in_both_mirrors(biased, photos()[:, :, ::-1]).mirrored(WIDTH)
    for name in ("places", "covariances", "visibility"):
        np.testing.assert_allclose(getattr(of_mirror, name), getattr(found, name), atol=1e-5)


def test_an_error_to_one_side_cancels():
    places = np.random.default_rng(1).uniform(0, WIDTH, (1, len(TWIN), 2))
    rest = np.ones((1, len(TWIN), 2, 2)), np.ones((1, len(TWIN)))
    truth = FoundPoints(places, *rest)

    def find(some):
        """Answer 3 px to the right of the truth; the photo is dark on its left."""
        is_mirrored = some[0, 0, 0, 0] > 0.5
        true = truth.mirrored(WIDTH) if is_mirrored else truth
        return FoundPoints(true.places + [3, 0], *rest)

    photo = np.linspace(0, 1, WIDTH)[None, None, :, None] * np.ones((1, WIDTH, 1, 3))
    assert np.abs(find(photo).places - places).max() > 2.9
    np.testing.assert_allclose(find_in_both_mirrors(find, photo).places, places, atol=1e-9)
