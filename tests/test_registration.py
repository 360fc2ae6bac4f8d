"""Registration against transforms that we chose, scipy, and brute force."""

import sys

import numpy as np
import pytest
import small_gicp
from hypothesis import given
from hypothesis import strategies as st
from properties import examples
from scipy.spatial.transform import Rotation
from skimage.transform import SimilarityTransform

from facelib.geometry.registration import icp, umeyama, weak_perspective
from facelib.geometry.transforms import Similarity


def random_similarity(rng, angle=None, scale=None):
    rotation = Rotation.random(rng=rng)
    if angle is not None:
        axis = rng.normal(size=3)
        rotation = Rotation.from_rotvec(angle * axis / np.linalg.norm(axis))
    scale = float(rng.uniform(0.2, 5)) if scale is None else scale
    return Similarity(scale, rotation.as_matrix(), rng.normal(size=3) * 10)


def bumpy_surface(rng, n_points):
    """Points of one fixed wavy patch about 2 units across, drawn anew."""
    x, y = rng.uniform(-1, 1, size=(2, n_points))
    z = 0.4 * np.cos(2 * x) + 0.3 * np.sin(3 * y + x) + 0.2 * x * y
    return np.stack([x, y, z], axis=1)


@examples(40)
@given(seed=st.integers(0, 2**32 - 1), n_points=st.integers(4, 60))
def test_umeyama_recovers_the_similarity_that_was_applied(seed, n_points):
    rng = np.random.default_rng(seed)
    source, truth = rng.normal(size=(n_points, 3)), random_similarity(rng)
    found = umeyama(source, truth.apply(source))
    assert found.scale == pytest.approx(truth.scale, rel=1e-9)
    np.testing.assert_allclose(found.rotation, truth.rotation, atol=1e-8)
    np.testing.assert_allclose(found.translation, truth.translation, atol=1e-7)


def test_umeyama_without_scale_agrees_with_scipy():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(30, 3))
    target = 1.7 * source @ Rotation.random(rng=rng).as_matrix().T + rng.normal(size=(30, 3))
    weights = rng.uniform(0.1, 2, size=30)
    found = umeyama(source, target, with_scale=False, weights=weights)
    share = weights[:, None] / weights.sum()
    centred = [points - (share * points).sum(axis=0) for points in (source, target)]
    expected, _ = Rotation.align_vectors(centred[1], centred[0], weights=weights)
    assert found.scale == 1
    np.testing.assert_allclose(found.rotation, expected.as_matrix(), atol=1e-9)


def test_umeyama_of_noisy_points_agrees_with_scikit_image():
    rng = np.random.default_rng(4)
    source = rng.normal(size=(200, 3)) * [1, 2, 3] + 5
    target = random_similarity(rng).apply(source) + rng.normal(size=source.shape) * 0.3
    expected = SimilarityTransform.from_estimate(source, target).params
    found = umeyama(source, target)
    np.testing.assert_allclose(found.scale * found.rotation, expected[:3, :3], atol=1e-9)
    np.testing.assert_allclose(found.translation, expected[:3, 3], atol=1e-8)


def test_zero_weight_hides_an_outlier():
    rng = np.random.default_rng(2)
    source, truth = rng.normal(size=(10, 3)), random_similarity(rng)
    target = truth.apply(source)
    target[4] += 100
    weights = np.ones(10)
    weights[4] = 0
    found = umeyama(source, target, weights=weights)
    np.testing.assert_allclose(found.apply(source[:4]), target[:4], atol=1e-9)


def test_mirrored_points_still_give_a_rotation():
    rng = np.random.default_rng(3)
    source = rng.normal(size=(20, 3))
    found = umeyama(source, source * [-1, 1, 1])
    assert np.linalg.det(found.rotation) == pytest.approx(1)


def test_points_in_a_plane_are_enough():
    rng = np.random.default_rng(4)
    source = rng.normal(size=(12, 3)) * [1, 1, 0]
    truth = random_similarity(rng)
    found = umeyama(source, truth.apply(source))
    np.testing.assert_allclose(found.rotation, truth.rotation, atol=1e-8)


@pytest.mark.parametrize(
    ("source", "target", "options", "words"),
    [
        (np.zeros((4, 2)), np.zeros((4, 2)), {}, r"source must be \(N, 3\)"),
        (np.eye(3), np.zeros((4, 3)), {}, "correspond"),
        (np.ones((5, 3)), np.ones((5, 3)), {}, "source points coincide"),
        (np.eye(3), np.ones((3, 3)), {}, "target points coincide"),
        (np.eye(3), np.eye(3), {"weights": [1, -1, 1]}, "weights must be"),
        (np.eye(3), np.eye(3), {"weights": [1, 1]}, r"weights must be \(3,\)"),
        (np.full((3, 3), np.nan), np.eye(3), {}, "finite"),
    ],
)
def test_impossible_input_is_named(source, target, options, words):
    with pytest.raises(ValueError, match=words):
        umeyama(source, target, **options)


def test_umeyama_leaves_its_input_alone():
    rng = np.random.default_rng(5)
    source, target = rng.normal(size=(2, 9, 3))
    before = source.copy(), target.copy()
    umeyama(source, target)
    np.testing.assert_array_equal(source, before[0])
    np.testing.assert_array_equal(target, before[1])


@pytest.mark.parametrize("scale", [1.0, 1.08])
def test_icp_finds_the_way_back_between_unequal_point_sets(scale):
    rng = np.random.default_rng(6)
    target, source = bumpy_surface(rng, 4000), bumpy_surface(rng, 900)
    truth = random_similarity(rng, angle=0.1, scale=scale)
    truth = Similarity(scale, truth.rotation, rng.normal(size=3) * 0.05)
    moved = truth.inverse().apply(source)
    result = icp(moved, target, with_scale=scale != 1, max_iterations=200, tolerance=1e-7)
    assert result.converged
    assert np.abs(result.similarity.apply(moved) - source).mean() < 0.01
    assert result.similarity.scale == pytest.approx(scale, abs=0.01)


@examples(15)
@given(seed=st.integers(0, 2**32 - 1))
def test_icp_error_never_grows(seed):
    rng = np.random.default_rng(seed)
    result = icp(rng.normal(size=(50, 3)), rng.normal(size=(80, 3)), with_scale=False)
    assert all(
        b <= a * (1 + 1e-9) for a, b in zip(result.history, result.history[1:], strict=False)
    )
    assert len(result.history) >= 2


def displaced_samples(n_source=900, n_target=1000):
    """Return two samples of one surface, the first slightly rotated and shifted."""
    rng = np.random.default_rng(7)
    motion = random_similarity(rng, angle=0.1, scale=1.0)
    shift = motion.rotation.T @ [0.05, -0.03, 0.04]
    source = bumpy_surface(rng, n_source) @ motion.rotation + shift
    return source, bumpy_surface(rng, n_target)


def test_icp_ends_where_small_gicp_ends():
    source, target = displaced_samples()
    ours = icp(source, target, max_iterations=300, tolerance=0).similarity
    theirs = small_gicp.align(
        small_gicp.PointCloud(target),
        small_gicp.PointCloud(source),
        registration_type="ICP",
        max_correspondence_distance=10.0,
        max_iterations=300,
        rotation_epsilon=1e-9,
        translation_epsilon=1e-9,
    )
    np.testing.assert_allclose(ours.rotation, theirs.T_target_source[:3, :3], atol=1e-6)
    np.testing.assert_allclose(ours.translation, theirs.T_target_source[:3, 3], atol=1e-6)


def test_icp_finds_the_same_with_and_without_the_faster_tree(monkeypatch):
    source, target = displaced_samples()
    fast = icp(source, target)
    monkeypatch.setitem(sys.modules, "small_gicp", None)  # as if it were not installed
    plain = icp(source, target)
    assert fast.history == pytest.approx(plain.history, rel=1e-12)
    np.testing.assert_allclose(fast.similarity.rotation, plain.similarity.rotation, atol=1e-12)


def test_icp_trimming_ignores_points_that_have_no_partner():
    rng = np.random.default_rng(7)
    target = bumpy_surface(rng, 3000)
    source = np.vstack([target[:800], target[:80] + [0, 0, 3]])
    truth = Similarity(1.0, Rotation.from_rotvec([0.05, -0.04, 0.03]).as_matrix(), np.full(3, 0.03))
    moved = truth.inverse().apply(source)
    errors = [
        np.abs(icp(moved, target, trim=trim).similarity.apply(moved) - source).mean()
        for trim in (0.0, 0.15)
    ]
    assert errors[1] < 1e-3 < errors[0]


def test_icp_starts_where_it_is_told():
    rng = np.random.default_rng(8)
    target = bumpy_surface(rng, 500)
    truth = random_similarity(rng, scale=1.0)
    moved = truth.inverse().apply(target)
    result = icp(moved, target, initial=truth)
    np.testing.assert_allclose(result.similarity.apply(moved), target, atol=1e-9)


def test_icp_refuses_to_trim_everything():
    with pytest.raises(ValueError, match="trim"):
        icp(np.eye(3), np.eye(3), trim=1.0)


@pytest.mark.parametrize("weights", [None, np.r_[np.ones(8), 0]])
def test_weak_perspective_is_found_again(weights):
    rng = np.random.default_rng(0)
    points, rotation = rng.normal(size=(9, 3)), Rotation.from_rotvec([0.2, -0.6, 0.1]).as_matrix()
    seen = 1.7 * (points @ rotation.T)[:, :2] + [3, 4]
    if weights is not None:
        seen[weights == 0] += 100
    scale, found, shift = weak_perspective(points, seen, weights)
    assert scale == pytest.approx(1.7)
    np.testing.assert_allclose(found, rotation, atol=1e-9)
    np.testing.assert_allclose(shift, [3, 4], atol=1e-9)
