"""The fit on points that are few, wrong or impossible, and what must not change its answer."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, scales

from facelib.evaluation.metrics import shape_error_mm
from facelib.face.layout import load_layout
from facelib.fitting.cameras import LOG_DISTANCE, N_CAMERA
from facelib.fitting.fit import FitSettings, fit_head, fit_heads, pose_problem
from facelib.fitting.noise import SharedNoise
from facelib.fitting.seen import SeenPoints
from facelib.fitting.trials import held_out_head, see_head, spread_points

FACE = load_layout().labels["face"] & ~load_layout().labels["membrane"]
SHARED = FitSettings(noise=SharedNoise(share=0.6, reach_mm=25.0))


def photo(rng, n_points=40, noise_mm=0.8, yaw=None, **options):
    yaw = rng.uniform(-90, 90) if yaw is None else yaw
    points = spread_points(n_points)
    return see_head(rng, held_out_head(rng), points, noise_mm, (5, yaw, -3), **options)[0]


def assert_sound(fit):
    for numbers in (fit.vertices_head, fit.camera_numbers, fit.deviations_head, fit.expressions):
        assert np.isfinite(numbers).all()
    assert np.isfinite(fit.log_evidence)
    assert np.linalg.eigvalsh(fit.covariance).min() > 0


def distance_mm(fit, vertices_head):
    return np.linalg.norm(fit.vertices_head - vertices_head, axis=1)[FACE].max()


def moved(seen, factor, turn, shift):
    """The same points in a photo that is enlarged, turned and shifted."""
    change = factor * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    covariance = change @ seen.covariance_px2 @ change.T
    return replace(
        seen, places_image=seen.places_image @ change.T + shift, covariance_px2=covariance
    )


@examples(4)
@given(SEEDS, scales(-1, 1), st.floats(-3, 3), st.booleans())
def test_how_the_photo_is_cut_and_held_does_not_change_the_head(seed, factor, turn, two):
    rng = np.random.default_rng(seed)
    photos = [photo(rng, yaw=5), photo(rng, yaw=70)][: 2 if two else 1]
    others = [moved(seen, factor, turn, rng.uniform(-2000, 2000, 2)) for seen in photos]
    fit, other = fit_head(photos, SHARED), fit_head(others, SHARED)
    assert distance_mm(other, fit.vertices_head) < 0.1
    np.testing.assert_allclose(other.deviations_head, fit.deviations_head, rtol=0.02, atol=0.01)


@examples(6)
@given(SEEDS)
def test_a_mirrored_photo_shows_the_mirrored_head(seed):
    """As far as the head model and its prior are symmetric: within the uncertainty."""
    rng, twin = np.random.default_rng(seed), load_layout().mirror
    seen = photo(rng, noise_mm=0.3)
    other = SeenPoints.at(
        (twin[seen.corners], seen.weights),
        seen.places_image * [-1, 1] + [255, 0],
        seen.covariance_px2 * [[1, -1], [-1, 1]],
    )
    fit, mirrored = fit_head([seen]), fit_head([other])
    again = mirrored.vertices_head[twin] * [-1, 1, 1]
    unsure = np.linalg.norm(fit.deviations_head, axis=1)[FACE].mean()
    assert shape_error_mm(again[FACE], fit.vertices_head[FACE]) < unsure
    assert mirrored.yaws_deg[0] == pytest.approx(-fit.yaws_deg[0], abs=2)


@examples(8)
@given(SEEDS, st.integers(4, 60), st.sampled_from([1.5, 4, 30]), st.booleans())
def test_less_certain_points_give_a_less_certain_head(seed, n_points, factor, two):
    rng = np.random.default_rng(seed)
    photos = [photo(rng, n_points, yaw=yaw) for yaw in ((10, 80) if two else (10,))]
    vague = [replace(seen, covariance_px2=seen.covariance_px2 * factor**2) for seen in photos]
    sure, unsure = (fit_head(each, SHARED).deviations_head for each in (photos, vague))
    assert unsure[FACE].mean() > sure[FACE].mean()


@examples(25)
@given(SEEDS, st.integers(4, 40), scales(-3, 5), st.booleans(), st.data())
def test_any_points_give_an_answer_in_numbers(seed, n_points, deviation_px, lens, data):
    """However few, wrong, precise or far apart they are."""
    rng = np.random.default_rng(seed)
    seen = photo(rng, n_points)
    places = {
        "true": seen.places_image,
        "on a line": np.column_stack([seen.places_image[:, 0]] * 2),
        "upright line": seen.places_image * [0, 1] + [7, 0],
        "almost one": seen.places_image * 1e-9 + 100,
        "anywhere": rng.uniform(-300, 600, (n_points, 2)),
        "far apart": rng.uniform(-1e6, 1e6, (n_points, 2)),
        "reversed": seen.places_image[::-1],
    }[data.draw(st.sampled_from(["true", "on a line", "upright line", "almost one", "anywhere",
                                 "far apart", "reversed"]))]  # fmt: skip
    known = {"focal_px": 10.0 ** rng.uniform(-1, 5), "principal_px": places.mean(axis=0)}
    spoilt = SeenPoints.at(
        (seen.corners, seen.weights), places, deviation_px, **(known if lens else {})
    )
    assert_sound(fit_head([spoilt], SHARED))


def test_precise_points_leave_the_matrix_positive_definite():
    """In single precision the prior drowned in the rounding of what points say."""
    rng, points = np.random.default_rng(3), spread_points(12)
    head = held_out_head(rng)
    _, camera = see_head(rng, head, points, 1.0, (3, 20, 0), size=2048)
    places = camera.head_to_image(head[points])[:, :2]
    for deviation_px in (0.001, 0.01, 0.1):
        assert_sound(fit_head([SeenPoints.at(points, places, deviation_px)], SHARED))


def broken_photos():
    """Photos that no fit can make sense of, though their numbers are numbers."""
    seen = photo(np.random.default_rng(4), 12)
    nowhere = np.random.default_rng(5).uniform(-1e6, 1e6, (12, 2))
    line = np.column_stack([np.arange(12.0), np.arange(12.0)])
    behind = seen.places_image[::-1] * 1e3
    return [replace(seen, places_image=places) for places in (nowhere, line, behind)]


def test_broken_faces_among_64_leave_the_others_as_they_are():
    rngs = [np.random.default_rng([6, number]) for number in range(64)]
    faces = [[photo(rng, 12)] for rng in rngs]
    broken = dict(zip((0, 37, 63), broken_photos(), strict=True))
    spoilt = [[broken[k]] if k in broken else face for k, face in enumerate(faces)]
    for number, (fit, other) in enumerate(zip(fit_heads(faces), fit_heads(spoilt), strict=True)):
        assert_sound(other)
        if number not in broken:
            assert fit.n_steps == other.n_steps
            np.testing.assert_allclose(other.coefficients, fit.coefficients, atol=1e-6)


@examples(10)
@given(SEEDS, st.sampled_from([2.0, 10.0, 1e4]), st.booleans())
def test_the_gradient_is_the_energys(seed, cut, lens):
    """Along random directions, by central differences of the energy of one face of two."""
    rng = np.random.default_rng(seed)
    photos = [photo(rng), photo(rng)]
    if lens:
        middle = np.array([128.0, 120.0])
        photos = [replace(each, focal_px=600.0, principal_px=middle) for each in photos]
    problem = pose_problem([photos, photos[::-1]], SHARED)
    unknowns = problem.likeliest + 0.3 * rng.normal(size=problem.likeliest.shape)
    for slots in problem.slots:
        unknowns[:, slots[:N_CAMERA]] = [0.2, -0.4, 0.1, 0.2, 128, 125, np.log(700)]
        assert slots[LOG_DISTANCE] == slots[0] + LOG_DISTANCE
    cuts = np.full(2, cut)
    gradient = problem.expand(unknowns, problem.residuals(unknowns), cuts, np.float64)[1]
    for _ in range(4):
        way = rng.normal(size=unknowns.shape)
        ahead, back = (
            problem.energy(at, problem.residuals(at), cuts)
            for at in (unknowns + 1e-6 * way, unknowns - 1e-6 * way)
        )
        slope = np.sum(gradient * way, axis=1)
        scale = np.linalg.norm(gradient, axis=1)
        np.testing.assert_allclose(slope / scale, (ahead - back) / 2e-6 / scale, atol=2e-3)


def spoilt(name, value):
    """Values of a photo in which one number is another."""
    seen = photo(np.random.default_rng(7), 12)
    array = getattr(seen, name)
    if array is None or np.ndim(array) == 0:
        return seen, {name: value}
    array = array.copy()
    array[(3, *[0] * (array.ndim - 1))] = value
    return seen, {name: array}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("places_image", [*BAD_NUMBERS, 1e7]),
        ("covariance_px2", [*BAD_NUMBERS, 0, -1, 1e13]),
        ("visibility", [*BAD_NUMBERS, -0.1, 1.1]),
        ("focal_px", [*BAD_NUMBERS, 0, -1]),
        ("focal_spread", [*BAD_NUMBERS, 0, -1]),
        ("principal_px", [[np.nan, 0], [0, np.inf]]),
    ],
)
def test_numbers_that_mean_nothing_are_refused_by_name(name, values):
    for value in values:
        seen, change = spoilt(name, value)
        with pytest.raises(ValueError, match=f"expected .*{name}"):
            replace(seen, **change)


def test_points_that_show_nothing_are_refused():
    seen = photo(np.random.default_rng(8), 12)
    with pytest.raises(ValueError, match="4 or more points with a visibility above 0"):
        replace(seen, visibility=np.where(np.arange(12) < 3, 1.0, 0.0))
    with pytest.raises(ValueError, match="points at different places"):
        replace(seen, places_image=np.full((12, 2), 100.0))
    with pytest.raises(ValueError, match="points_head coincide"):
        fit_head([replace(seen, corners=np.tile(seen.corners[:1], (12, 1)))])


def test_faces_that_differ_in_number_are_refused_and_none_give_none():
    one, other = photo(np.random.default_rng(9), 12), photo(np.random.default_rng(9), 13)
    assert fit_heads([]) == []
    for faces in ([[]], [[one], [other]], [[one], [one, one]]):
        with pytest.raises(ValueError, match="one photo or more of each face"):
            fit_heads(faces)
