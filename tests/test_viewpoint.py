import numpy as np
import pytest

from facelib.synthetic.settings import POSES
from facelib.synthetic.viewpoint import random_pose_deg


def test_poses_keep_the_thesis_ranges():
    rng = np.random.default_rng(1)
    fronts = np.array([random_pose_deg(rng, side=False) for _ in range(400)])
    sides = np.array([random_pose_deg(rng, side=True) for _ in range(400)])
    assert np.abs(fronts).max(0) == pytest.approx([9, 14, 9], rel=0.03)
    assert 67.5 <= np.abs(sides[:, 1]).min() and np.abs(sides[:, 1]).max() <= 100
    assert 0.4 < (sides[:, 1] > 0).mean() < 0.6


def test_wide_poses_reach_all_fronts_and_all_sides():
    rng = np.random.default_rng(1)
    fronts = np.array([random_pose_deg(rng, False, POSES["wide"]) for _ in range(400)])
    sides = np.array([random_pose_deg(rng, True, POSES["wide"]) for _ in range(400)])
    assert np.abs(fronts).max(0) == pytest.approx([25, 45, 20], rel=0.03)
    assert 45 <= np.abs(sides[:, 1]).min() < 46 and 99 < np.abs(sides[:, 1]).max() <= 100
    assert np.abs(sides[:, [0, 2]]).max(0) == pytest.approx([25, 20], rel=0.03)
    assert 0.4 < (sides[:, 1] > 0).mean() < 0.6


@pytest.mark.parametrize("side", [False, True])
def test_half_of_the_mixed_poses_are_the_thesis_and_half_are_wide(side):
    rng = np.random.default_rng(1)
    poses = np.array([random_pose_deg(rng, side, POSES["mixed"]) for _ in range(2000)])
    away = np.abs(np.abs(poses[:, 1]) - (83.75 if side else 0))
    narrow = (away <= (16.25 if side else 14)) & (np.abs(poses[:, [0, 2]]) <= 9).all(axis=1)
    among_wide = (32.5 / 55 if side else 14 / 45) * 9 / 25 * 9 / 20  # by chance
    assert narrow.mean() == pytest.approx((1 + among_wide) / 2, abs=0.03)
    assert np.abs(poses[:, 0]).max() == pytest.approx(25, rel=0.03)


@pytest.mark.parametrize("side", [False, True])
def test_any_poses_are_thirds_of_thesis_wide_and_profile_to_profile(side):
    rng = np.random.default_rng(1)
    poses = np.array([random_pose_deg(rng, side, POSES["any"]) for _ in range(6000)])
    assert np.abs(poses).max(0) == pytest.approx([40, 100, 30], rel=0.02)
    assert 0.45 < (poses[:, 1] > 0).mean() < 0.55
    # Only the third range reaches yaws of the other kind of photo, pitch above 25 or roll above 20.
    other = np.abs(poses[:, 1]) < 45 if side else np.abs(poses[:, 1]) > 45
    beyond = other | (np.abs(poses[:, [0, 2]]) > [25, 20]).any(axis=1)
    share_of_other = 0.45 if side else 0.55
    expected = (1 - (1 - share_of_other) * 25 / 40 * 20 / 30) / 3
    assert beyond.mean() == pytest.approx(expected, abs=0.02)
