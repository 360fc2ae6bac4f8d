"""Errors that depend on the head are learned from known heads, and make the fit better."""

from dataclasses import replace

import numpy as np
import pytest

from facelib.evaluation.metrics import shape_error_mm
from facelib.face.dense_points import load_dense_points
from facelib.face.layout import load_layout
from facelib.fitting import learned_errors
from facelib.fitting.fit import FitSettings, agreement, fit_head
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.learned_errors import LearnedErrors, learn_errors
from facelib.fitting.noise import SharedNoise
from facelib.fitting.photo_errors import upright_root
from facelib.fitting.seen import SeenPoints
from facelib.synthetic.people.population import load_population, random_shape, random_traits
from facelib.synthetic.viewpoint import frame_head, random_pose_deg

FACE = load_layout().labels["face"] & ~load_layout().labels["membrane"]
SHRUNK = 0.6  # of what sets a head apart is seen by the stand-in for a network
NOISE_MM = 0.8
N_LEARNED, N_TRIED = 300, 12


def photograph(rng, coefficients, side):
    """Points that lie between the truth and the mean head, as those of an unsure network."""
    prior, dense, layout = shipped_prior(), load_dense_points(), load_layout()
    true_head = prior.vertices(coefficients)
    shown = prior.vertices(prior.likeliest + SHRUNK * (coefficients - prior.likeliest))
    pose = random_pose_deg(rng, side)
    camera = frame_head(layout.keypoints(true_head), pose, 1500.0, 256, rng).camera
    places, truth = (camera.head_to_image(dense.matrix @ v)[:, :2] for v in (shown, true_head))
    deviation = NOISE_MM * camera.scale
    places = places + deviation * rng.standard_normal(places.shape)
    return SeenPoints.at(dense.corners, places, deviation), truth


@pytest.fixture(scope="module")
def people():
    """Coefficients, and (points, true places) of a front and a side photo of each."""
    rng, prior = np.random.default_rng(0), shipped_prior()
    found = []
    for _ in range(N_LEARNED + N_TRIED):
        coefficients = prior.likeliest.copy()
        shape = random_shape(rng, random_traits(rng), load_population())
        coefficients[: prior.n_shape] = shape
        found.append((coefficients, [photograph(rng, coefficients, side) for side in (0, 1)]))
    return found


@pytest.fixture(scope="module")
def learned(people):
    photos = [photo for _, pair in people[:N_LEARNED] for photo in pair]
    coefficients = np.repeat([c for c, _ in people[:N_LEARNED]], 2, axis=0)
    return learn_errors(*zip(*photos, strict=True), coefficients, shipped_prior())


def test_a_network_that_shrinks_heads_is_seen_through(people, learned):
    prior, errors = shipped_prior(), {"learned": [], "naive": []}
    for coefficients, pair in people[N_LEARNED:]:
        truth = prior.vertices(coefficients)[FACE]
        for name, noise in (("learned", learned), ("naive", SharedNoise())):
            fit = fit_head([seen for seen, _ in pair], FitSettings(noise=noise))
            errors[name].append(shape_error_mm(fit.vertices_head[FACE], truth))
    assert np.mean(errors["learned"]) < 0.7 * np.mean(errors["naive"])


def test_a_model_that_is_too_sure_widens_the_deviations_and_moves_no_head(people, learned):
    photos = [seen for seen, _ in people[-1][1]]
    fit, humbler = (
        fit_head(photos, FitSettings(noise=replace(learned, too_sure=factor)))
        for factor in (1.0, 2.0)
    )
    np.testing.assert_allclose(humbler.deviations_head, 2 * fit.deviations_head, rtol=1e-4)
    np.testing.assert_array_equal(humbler.vertices_head, fit.vertices_head)


def test_another_persons_side_photo_lowers_the_odds(people, learned):
    settings, odds = FitSettings(noise=learned), {"same": [], "other": []}
    tried = [[seen for seen, _ in pair] for _, pair in people[N_LEARNED:]]
    alone = [[fit_head([seen], settings) for seen in pair] for pair in tried]
    for number, pair in enumerate(tried):
        next_one = (number + 1) % len(tried)
        for name, k in (("same", number), ("other", next_one)):
            starts = alone[number][0], alone[k][1]
            together = fit_head([pair[0], tried[k][1]], settings, starts)
            odds[name].append(agreement(together, starts))
    ranked = np.array(odds["same"])[:, None] > np.array(odds["other"])
    assert ranked.mean() > 0.9


def test_mirrored_photos_give_the_mirrored_head(people, learned):
    prior, layout = shipped_prior(), load_layout()
    _, pair = people[-1]
    photos = [seen for seen, _ in pair]
    settings = FitSettings(noise=learned)
    mirrored = [learned_errors._mirrored_photo(seen) for seen in photos]
    head, other = (fit_head(each, settings).vertices_head for each in (photos, mirrored))
    off = np.linalg.norm(other[layout.mirror] * [-1, 1, 1] - head, axis=1)[FACE]
    assert off.mean() < 0.5  # mm; the model's own directions are not quite symmetric
    twice = prior.mirror @ prior.mirror
    np.testing.assert_allclose(twice, np.eye(len(twice)), atol=0.1)


def test_a_file_holds_the_model_and_names_the_weights(tmp_path, learned):
    path, prior = tmp_path / "dense.errors.npz", shipped_prior()
    replace(learned, agree_above=-12.5, too_sure=1.5).save(path, "abc")
    again, checksum = LearnedErrors.load(path, prior)
    assert (again.agree_above, again.too_sure, checksum) == (-12.5, 1.5, "abc")
    for errors, stored in zip(learned.right + learned.left, again.right + again.left, strict=True):
        np.testing.assert_allclose(stored.offset, errors.offset, rtol=2e-3, atol=1e-4)
        np.testing.assert_allclose(stored.patterns, errors.patterns, rtol=2e-3, atol=1e-4)


def test_other_points_than_the_learned_ones_are_refused(people, learned):
    few = SeenPoints.at(np.arange(10), np.eye(10, 2))
    with pytest.raises(ValueError, match="got 10"):
        learned.in_photo(few, shipped_prior())


def test_the_axes_of_a_root_follow_the_roll():
    rng = np.random.default_rng(1)
    mean_points = load_dense_points().matrix @ shipped_prior().mean_head
    places = mean_points[:, :2] * [1, -1]
    factor = rng.normal(size=(len(places), 2, 2))
    covariance = factor @ factor.transpose(0, 2, 1) + np.eye(2)
    cos, sin = np.cos(0.4), np.sin(0.4)
    rolled = np.array([[cos, -sin], [sin, cos]])
    upright = upright_root(places, covariance, mean_points)
    tilted = upright_root(places @ rolled.T, rolled @ covariance @ rolled.T, mean_points)
    np.testing.assert_allclose(tilted, rolled @ upright, atol=1e-9)
    np.testing.assert_allclose(upright @ upright.transpose(0, 2, 1), covariance, atol=1e-9)
