"""Changes of frame for any numbers: there and back, scales, and what cannot be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import BAD_NUMBERS, SEEDS, examples, random_rotation, scales
from scipy.spatial.transform import Rotation

from facelib.geometry import transforms as tf
from facelib.imaging.crop import Crop
from facelib.render.camera import Camera

ANGLES = st.floats(-np.pi, np.pi)
OFF_VERTICAL = st.one_of(st.just(0.0), scales(-17, 0))  # rad, from straight up or down


@examples(100)
@given(SEEDS, OFF_VERTICAL, st.sampled_from([-1, 1]), ANGLES, ANGLES)
def test_a_pose_rebuilds_its_rotation_however_close_to_the_vertical(seed, off, sign, yaw, roll):
    """Rounding in the rotation must not grow where yaw and roll become one: gimbal lock."""
    turn = random_rotation(np.random.default_rng(seed))
    exact = tf.rotation_from_pose(sign * (np.pi / 2 - off), yaw, roll)
    rounded = turn @ (turn.T @ exact)
    pitch, *others = tf.pose_from_rotation(rounded)
    np.testing.assert_allclose(tf.rotation_from_pose(pitch, *others), rounded, atol=3e-9)
    assert abs(pitch) <= np.pi / 2 and np.abs(others).max() <= np.pi


@examples(60)
@given(SEEDS)
def test_scipys_angles_are_those_of_a_pose(seed):
    rotation = random_rotation(np.random.default_rng(seed))
    roll, pitch, yaw = Rotation.from_matrix(rotation).as_euler("ZXY")
    found = tf.pose_from_rotation(rotation)
    np.testing.assert_allclose(found, (-pitch, yaw, roll), atol=1e-7)


@examples(100)
@given(SEEDS, scales(-12, 2))
def test_a_rotation_vector_is_found_again_up_to_whole_turns(seed, angle):
    axis = np.random.default_rng(seed).normal(size=3)
    vector = angle * axis / np.linalg.norm(axis)
    rotation = tf.rotation_from_vector(vector)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    found = tf.vector_from_rotation(rotation)
    assert np.linalg.norm(found) <= np.pi + 1e-12
    np.testing.assert_allclose(tf.rotation_from_vector(found), rotation, atol=1e-12)
    if angle < 3:
        np.testing.assert_allclose(found, vector, atol=1e-14, rtol=1e-9)


@pytest.mark.parametrize("bad", [np.full((3, 3), np.nan), -np.eye(3), np.zeros((3, 3))])
def test_what_is_no_rotation_has_no_vector(bad):
    with pytest.raises(ValueError, match="expected a rotation"):
        tf.vector_from_rotation(bad)


@examples(60)
@given(SEEDS, scales(-9, 9), scales(-9, 9))
def test_a_similarity_and_its_inverse_cancel_at_any_scale(seed, scale, extent):
    rng = np.random.default_rng(seed)
    points, shift = extent * rng.normal(size=(5, 3)), scale * extent * rng.normal(size=3)
    there = tf.Similarity(scale, random_rotation(rng), shift)
    for way in (
        there.inverse().apply(there.apply(points)),
        there.then(there.inverse()).apply(points),
    ):
        np.testing.assert_allclose(way, points, atol=1e-12 * extent)


@pytest.mark.parametrize("bad", BAD_NUMBERS)
@pytest.mark.parametrize("place", range(6))
def test_a_pyramid_without_an_end_is_refused(bad, place):
    frustum = [-1.0, 1.0, -1.0, 1.0, 1.0, 2.0]
    frustum[place] = bad
    with pytest.raises(ValueError, match="all finite"):
        tf.extended_view(*frustum)


def any_camera(rng, distance_mm, focal_px):
    """A camera whose head is off the view axis, or an orthographic one if the distance is None."""
    pose, centre = rng.uniform(-1.5, 1.5, 3), tuple(rng.uniform(-100, 400, 2))
    if distance_mm is None:
        return Camera.orthographic(pose, focal_px / 1000, centre_px=centre)
    camera = Camera.perspective(pose, distance_mm, focal_px, centre_px=centre)
    aside = rng.normal(0, 0.2 * distance_mm, 2)
    return Camera(**{**vars(camera), "translation_eye": np.array([*aside, -distance_mm])})


@examples(100)
@given(SEEDS, st.one_of(st.none(), scales(2.5, 9)), scales(0, 6))
def test_points_come_back_from_any_camera(seed, distance_mm, focal_px):
    rng = np.random.default_rng(seed)
    camera, points = any_camera(rng, distance_mm, focal_px), rng.normal(0, 60, (9, 3))
    image = camera.head_to_image(points)
    in_front = camera.head_to_eye(points)[:, 2] < (0 if camera.focal_px else np.inf)
    assert np.isnan(image[~in_front]).all() and np.isfinite(image[in_front]).all()
    # Depth, from the head's origin, has the rounding of the distance from the eye.
    rounding = 1e-14 * (1000 if distance_mm is None else distance_mm) * max(1, 1e4 / focal_px)
    back = camera.image_to_head(image)
    np.testing.assert_allclose(back[in_front], points[in_front], atol=1e-9 + rounding)


@examples(40)
@given(SEEDS, scales(5, 12))
def test_a_far_camera_is_an_orthographic_one(seed, distance_mm):
    rng = np.random.default_rng(seed)
    pose, points = rng.uniform(-1.5, 1.5, 3), rng.normal(0, 60, (9, 3))
    far = Camera.perspective(pose, distance_mm, 1.3 * distance_mm).head_to_image(points)
    parallel = Camera.orthographic(pose, 1.3).head_to_image(points)
    rounding = 1e-15 * distance_mm
    depth = np.abs(points).max() * 2
    np.testing.assert_allclose(far, parallel, atol=3 * depth**2 / distance_mm + rounding)


@pytest.mark.parametrize("bad", [0, -1, *BAD_NUMBERS])
def test_a_camera_without_a_size_is_refused(bad):
    for numbers in ((bad, 100.0), (100.0, bad)):
        with pytest.raises(ValueError, match="positive, finite distance and focal length"):
            Camera.perspective((0, 0, 0), *numbers)
    with pytest.raises(ValueError, match="positive, finite scale"):
        Camera.orthographic((0, 0, 0), bad)


@examples(60)
@given(SEEDS, scales(-3, 5), st.integers(1, 2000))
def test_a_camera_of_a_crop_sees_what_the_crop_shows(seed, size_px, output):
    rng = np.random.default_rng(seed)
    crop = Crop(tuple(rng.uniform(-500, 500, 2)), size_px, output)
    camera, points = any_camera(rng, 900.0, 1200.0), rng.normal(0, 60, (5, 3))
    image = camera.head_to_image(points)
    rounding = 1e-12 * max(1, crop.scale) * 1e4
    cropped = camera.cropped(crop)
    np.testing.assert_allclose(
        cropped.head_to_image(points), crop.image_to_crop(image), atol=rounding, rtol=1e-9
    )
    whole = cropped.uncropped(crop, camera.width, camera.height)
    np.testing.assert_allclose(whole.head_to_image(points), image, atol=1e-8)


@pytest.mark.parametrize("bad", BAD_NUMBERS)
def test_a_crop_without_a_size_or_a_place_is_refused(bad):
    with pytest.raises(ValueError, match="above 0 px"):
        Crop((0.0, 0.0), bad, 8)
    with pytest.raises(ValueError, match="finite centre"):
        Crop((0.0, bad), 8.0, 8)
    with pytest.raises(ValueError, match="above 0 px|finite"):
        Crop.around_keypoints(np.array([[0.0, 0], [bad, 3]]), 8)


@pytest.mark.parametrize("keypoints", [np.zeros((0, 2)), np.ones((3, 2))])
def test_no_crop_surrounds_nothing(keypoints):
    with pytest.raises(ValueError, match="one keypoint or more|above 0 px"):
        Crop.around_keypoints(keypoints, 8)
