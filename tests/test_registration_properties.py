"""Registration of points at any scale, and of points that hardly are any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, random_rotation, scales

from facelib.geometry.registration import icp, umeyama, weak_perspective
from facelib.geometry.transforms import Similarity, rotation_from_vector

FLATNESS = st.sampled_from([(1, 1, 1), (1, 1, 0), (1, 0, 0)])  # in space, in a plane, on a line


def misfit(similarity, source, target, weights):
    return weights @ np.square(similarity.apply(source) - target).sum(axis=1)


@examples(100)
@given(SEEDS, st.integers(3, 12), scales(-100, 100), scales(-100, 100), FLATNESS)
def test_a_similarity_is_found_at_any_scale(seed, count, size, growth, flat):
    """Where the rotation about a line is free, the points still arrive where they should."""
    rng = np.random.default_rng(seed)
    source = rng.normal(size=(count, 3)) * flat @ random_rotation(rng)
    truth = Similarity(1.0, random_rotation(rng), rng.normal(size=3))
    target = truth.apply(source) * growth
    found = umeyama(source * size, target)
    assert np.linalg.det(found.rotation) == pytest.approx(1)
    assert found.scale * size == pytest.approx(growth, rel=1e-9)
    np.testing.assert_allclose(found.apply(source * size), target, atol=1e-9 * growth)


@examples(60)
@given(SEEDS, st.booleans(), st.booleans(), FLATNESS)
def test_no_other_similarity_fits_better(seed, with_scale, mirrored, flat):
    rng = np.random.default_rng(seed)
    source, noise = rng.normal(size=(2, 8, 3))
    target = source * flat * [-1 if mirrored else 1, 1, 1] @ random_rotation(rng) + 0.3 * noise
    weights = rng.uniform(0, 1, 8)
    found = umeyama(source, target, with_scale, weights)
    best = misfit(found, source, target, weights)
    centre = weights @ source / weights.sum()
    for _ in range(20):
        turn = Similarity(1.0, small_rotation(rng, 10.0 ** rng.uniform(-3, 0)), np.zeros(3))
        scale = np.exp(rng.normal(0, 0.1)) if with_scale else 1.0
        about = (
            Similarity(1.0, np.eye(3), -centre)
            .then(turn)
            .then(Similarity(scale, np.eye(3), centre))
        )
        shift = Similarity(1.0, np.eye(3), rng.normal(0, 0.1, 3))
        other = about.then(found).then(shift)
        assert misfit(other, source, target, weights) >= best * (1 - 1e-9)


def small_rotation(rng, angle):
    axis = rng.normal(size=3)
    return rotation_from_vector(angle * axis / np.linalg.norm(axis))


def test_points_that_coincide_leave_a_rigid_motion_unturned():
    """The mean of equal numbers may differ from them in its last digit: that is no direction."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        cloud, heap = rng.normal(size=(7, 3)), np.tile(rng.normal(size=3), (7, 1))
        for source, target in ((cloud, heap), (heap, cloud), (heap, heap)):
            found = umeyama(source, target, with_scale=False)
            np.testing.assert_array_equal(found.rotation, np.eye(3))
            np.testing.assert_allclose(found.apply(source).mean(axis=0), target.mean(axis=0))


def test_points_without_weight_do_not_count_wherever_they_are():
    rng = np.random.default_rng(1)
    source = rng.normal(size=(8, 3))
    truth = Similarity(0.5, random_rotation(rng), rng.normal(size=3))
    target, weights = truth.apply(source), np.ones(8)
    source[0], target[3], weights[[0, 3]] = 1e15, -1e300, 0
    np.testing.assert_allclose(umeyama(source, target, weights=weights).scale, 0.5)
    weights[1:] = 0
    weights[5] = 1
    with pytest.raises(ValueError, match="source points coincide"):
        umeyama(source, target, weights=weights)


def test_points_with_nothing_in_common_have_no_scale():
    source = np.array([[1.0, 0, 0], [-1, 0, 0], [1, 0, 0], [-1, 0, 0]])
    target = np.array([[1.0, 0, 0], [1, 0, 0], [-1, 0, 0], [-1, 0, 0]])
    with pytest.raises(ValueError, match="nothing in common"):
        umeyama(source, target)


@pytest.mark.parametrize("bad", BAD_NUMBERS)
def test_numbers_that_are_none_are_refused(bad):
    points = np.random.default_rng(2).normal(size=(5, 3))
    spoilt = points.copy()
    spoilt[2, 1] = bad
    for both in ((points, spoilt), (spoilt, points)):
        with pytest.raises(ValueError, match="must be finite"):
            umeyama(*both)
        with pytest.raises(ValueError, match="must be finite"):
            icp(*both)
        with pytest.raises(ValueError, match="must be finite"):
            weak_perspective(both[0], both[1][:, :2])
    with pytest.raises(ValueError, match="weights must be"):
        weak_perspective(points, points[:, :2], np.array([1, 1, bad, 1, 1]))


@examples(60)
@given(SEEDS, st.integers(4, 12), scales(-100, 100), scales(-100, 100))
def test_weak_perspective_is_found_at_any_scale(seed, count, size, growth):
    rng = np.random.default_rng(seed)
    points, rotation, shift = rng.normal(size=(count, 3)), random_rotation(rng), rng.normal(size=2)
    seen = ((points @ rotation.T)[:, :2] + shift) * growth
    scale, found, moved = weak_perspective(points * size, seen, rng.uniform(0.1, 1, count))
    if np.linalg.cond(points - points.mean(axis=0)) < 1e3:
        assert scale * size == pytest.approx(growth, rel=1e-9)
        np.testing.assert_allclose(found, rotation, atol=1e-9)
        np.testing.assert_allclose(moved, shift * growth, atol=1e-9 * growth)


@pytest.mark.parametrize("count", [4, 9])
def test_no_pose_is_made_up_for_points_that_coincide(count):
    points = np.random.default_rng(3).normal(size=(count, 3))
    same = np.tile(points[:1] + 0.1, (count, 1))
    with pytest.raises(ValueError, match="points_head coincide"):
        weak_perspective(same, points[:, :2])
    with pytest.raises(ValueError, match="points_seen coincide"):
        weak_perspective(points, same[:, :2])
    with pytest.raises(ValueError, match="not all 0"):
        weak_perspective(points, points[:, :2], np.zeros(count))


@examples(20)
@given(SEEDS, scales(-6, 6), st.sampled_from([0.0, 0.2]), FLATNESS, st.sampled_from([0, 1, 1e4]))
def test_icp_never_makes_it_worse_and_ends(seed, size, trim, flat, apart):
    """On clouds that are the same, or far apart, or flat."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(30, 3)) * flat * size
    source = target[:20] + apart * size
    result = icp(source, target, max_iterations=15, trim=trim)
    steps = np.array(result.history)
    assert 2 <= len(steps) <= 16 and np.isfinite(steps).all()
    assert (np.diff(steps) <= 1e-9 * (steps[:-1] + size)).all()
    if apart == 0:
        assert result.converged and steps.max() <= 1e-12 * size
        np.testing.assert_allclose(result.similarity.apply(source), source, atol=1e-9 * size)


def test_icp_with_a_scale_does_not_shrink_a_far_cloud_to_nothing():
    cloud = np.random.default_rng(4).normal(size=(20, 3))
    with pytest.raises(ValueError, match="target points coincide"):
        icp(cloud + 1e6, cloud, with_scale=True)
    with pytest.raises(ValueError, match="max_iterations must be 0 or more"):
        icp(cloud, cloud, max_iterations=-1)
    assert icp(cloud, cloud, max_iterations=0).history == (0.0,)
