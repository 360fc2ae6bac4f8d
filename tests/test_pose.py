"""Ten numbers define a head's pose: rotations, and similarities after it."""

import numpy as np
import torch

from facelib.geometry.transforms import rotation_from_pose
from facelib.networks.pose import move_pose, place_head, rotation_from_6d


def test_a_moved_pose_moves_what_it_places():
    rng = np.random.default_rng(6)
    points, pose = rng.normal(size=(2, 9, 3)), rng.normal(size=(2, 10))
    turns, shifts = rng.normal(size=(2, 2, 2))
    inputs = [torch.from_numpy(x) for x in (points, pose, turns, shifts)]
    placed = place_head(*inputs[:2]).numpy()
    got = place_head(inputs[0], move_pose(*inputs[1:])).numpy()
    for before, after, turn, shift in zip(placed, got, turns, shifts, strict=True):
        flat = (before[:, 0] + 1j * before[:, 1]) * complex(*turn) + complex(*shift)
        depth = before[:, 2] * abs(complex(*turn))
        np.testing.assert_allclose(after, np.stack([flat.real, flat.imag, depth], 1))


def test_six_numbers_make_every_rotation():
    rng = np.random.default_rng(1)
    rotations = np.stack([rotation_from_pose(*rng.uniform(-1.5, 1.5, 3)) for _ in range(5)])
    # Any length of the first vector, and any share of it in the second, give the same rotation.
    first, second = rotations[:, :, 0], rotations[:, :, 1]
    numbers = np.hstack([3 * first, 0.5 * second + 2 * first])
    got = rotation_from_6d(torch.from_numpy(numbers))
    np.testing.assert_allclose(got, rotations, atol=1e-12)


def test_a_turned_pose_turns_what_it_places():
    """Roll by a quarter in the head's frame is a quarter turn of the picture about the head."""
    rng = np.random.default_rng(2)
    points = torch.from_numpy(rng.normal(size=(1, 20, 3)))
    rotation, roll = rotation_from_pose(0.2, -0.4, 0.1), rotation_from_pose(0, 0, np.pi / 2)
    translation = np.array([0.4, 0.6, 0.3])

    def placed(matrix, log_scale):
        pose = np.concatenate([[log_scale], matrix[:, 0], matrix[:, 1], translation])
        return place_head(points, torch.from_numpy(pose)[None])[0].numpy() - translation

    upright, turned = placed(rotation, 0.0), placed(roll @ rotation, np.log(2))
    # Counter-clockwise as seen, y down: right goes up, down goes right.
    expected = 2 * np.stack([upright[:, 1], -upright[:, 0], upright[:, 2]], axis=1)
    np.testing.assert_allclose(turned, expected, atol=1e-12)
