import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import Rotation

from facelib.geometry import transforms as tf
from facelib.imaging.crop import Crop

angle = st.floats(-3.1, 3.1)
tilt = st.floats(-1.5, 1.5)
FRUSTUM = (-3.0, 5.0, -2.0, 4.0, 10.0, 250.0)


@pytest.mark.parametrize("axis", "xyz")
def test_rotations_are_scipys(axis):
    ours = getattr(tf, f"rotation_{axis}")(0.7)
    np.testing.assert_allclose(ours, Rotation.from_euler(axis, 0.7).as_matrix(), atol=1e-12)


def test_a_pose_turns_the_face_the_way_its_sign_says():
    nose, crown = np.array([0, 0, 1.0]), np.array([0, 1.0, 0])
    assert (tf.rotation_from_pose(0, 0.3, 0) @ nose)[0] > 0  # yaw: to the image's right
    assert (tf.rotation_from_pose(0.3, 0, 0) @ nose)[1] > 0  # pitch: up
    assert (tf.rotation_from_pose(0, 0, 0.3) @ crown)[0] < 0  # roll: counter-clockwise


@given(tilt, angle, angle)
def test_a_pose_survives_the_way_through_its_rotation(pitch, yaw, roll):
    rotation = tf.rotation_from_pose(pitch, yaw, roll)
    np.testing.assert_allclose(
        tf.pose_from_rotation(rotation), (pitch, yaw, roll), atol=1e-7, rtol=0
    )


@pytest.mark.parametrize("pitch", [np.pi / 2, -np.pi / 2])
def test_a_face_looking_straight_up_or_down_still_has_a_pose(pitch):
    rotation = tf.rotation_from_pose(pitch, 0.4, 0.3)
    again = tf.rotation_from_pose(*tf.pose_from_rotation(rotation))
    np.testing.assert_allclose(again, rotation, atol=1e-9)


@pytest.mark.parametrize("matrix", [np.diag([1.0, 1, -1]), 2 * np.eye(3), np.eye(4)])
def test_what_is_no_rotation_has_no_pose(matrix):
    with pytest.raises(ValueError, match="expected a rotation"):
        tf.pose_from_rotation(matrix)


def test_the_extended_view_takes_the_pyramids_corners_to_the_cubes():
    left, right, bottom, top, near, far = FRUSTUM
    ratio = far / near
    corners_eye = [
        (x * k, y * k, -near * k) for k in (1, ratio) for y in (bottom, top) for x in (left, right)
    ]
    corners_clip = [(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)]
    moved = tf.transform_points(tf.extended_view(*FRUSTUM), np.array(corners_eye))
    np.testing.assert_allclose(moved, corners_clip, atol=1e-9)


def test_the_printed_matrix_mirrors_what_ours_shows_upright():
    """Equation 2.8 as printed, with w = z_eye, against ours on a symmetric pyramid."""
    n, f = 10.0, 250.0
    printed = np.array(
        [
            [2 * n / 6, 0, 0, 0],
            [0, 2 * n / 4, 0, 0],
            [0, 0, (n + f) / (f - n), 2 * n * f / (f - n)],
            [0, 0, 1, 0],
        ]
    )
    points_eye = np.array([[1.0, 2.0, -20.0], [-3.0, 0.5, -100.0]])
    ours = tf.transform_points(tf.extended_view(-3, 3, -2, 2, n, f), points_eye)
    np.testing.assert_allclose(tf.transform_points(printed, points_eye), ours * [-1, -1, 1])


def test_the_way_to_the_image_can_be_inverted():
    to_image = tf.viewport(-0.5, 255.5, 191.5, -0.5, 0.0, 1.0) @ tf.extended_view(*FRUSTUM)
    points_eye = np.array([[1.0, 2.0, -20.0], [-3.0, 0.5, -100.0]])
    points_image = tf.transform_points(to_image, points_eye)
    again = tf.transform_points(np.linalg.inv(to_image), points_image)
    np.testing.assert_allclose(again, points_eye, atol=1e-9)


def test_the_viewport_puts_the_cubes_corners_on_the_boxs():
    matrix = tf.viewport(-0.5, 255.5, 191.5, -0.5, 0.0, 1.0)
    moved = tf.transform_points(matrix, np.array([[-1.0, -1, -1], [1, 1, 1]]))
    np.testing.assert_allclose(moved, [[-0.5, 191.5, 0], [255.5, -0.5, 1]])


@pytest.mark.parametrize(
    "frustum", [(-1, 1, -1, 1, 0, 5), (-1, 1, -1, 1, 5, 2), (1, 1, -1, 1, 1, 2)]
)
def test_a_pyramid_that_is_none_is_refused(frustum):
    with pytest.raises(ValueError, match="expected 0 < near < far"):
        tf.extended_view(*frustum)


def test_points_in_the_eyes_plane_are_refused():
    with pytest.raises(ValueError, match="w = 0"):
        tf.transform_points(tf.extended_view(*FRUSTUM), np.array([[1.0, 2.0, 0.0]]))


def test_similarities_compose_and_invert():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(7, 3))
    before = points.copy()
    first = tf.Similarity(2.5, tf.rotation_from_pose(0.1, 0.2, 0.3), np.array([1.0, 2, 3]))
    second = tf.Similarity(0.3, tf.rotation_from_pose(-1, 0.5, 2), np.array([-4.0, 0, 9]))
    both = first.then(second)
    np.testing.assert_allclose(both.apply(points), second.apply(first.apply(points)))
    np.testing.assert_allclose(tf.transform_points(both.matrix, points), both.apply(points))
    np.testing.assert_allclose(first.inverse().apply(first.apply(points)), points, atol=1e-12)
    np.testing.assert_array_equal(points, before)


@given(st.floats(-50, 500), st.floats(-50, 500), st.floats(1, 900), st.integers(1, 300))
def test_points_come_back_from_the_crop(x, y, size, output):
    points = np.random.default_rng(1).uniform(-100, 400, size=(5, 3))
    crop = Crop((x, y), size, output)
    np.testing.assert_allclose(crop.crop_to_image(crop.image_to_crop(points)), points, atol=1e-7)


def test_a_crop_of_whole_pixels_is_a_slice():
    image = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    crop = Crop((13.5, 7.5), 8.0, 8)  # pixels 10..17 and 4..11
    np.testing.assert_allclose(crop.cut(image), image[4:12, 10:18], atol=1e-6)
    np.testing.assert_allclose(crop.image_to_crop(np.array([[10.0, 4.0]])), [[0, 0]])


@pytest.mark.parametrize(("size", "output"), [(80.0, 32), (36.0, 64), (61.7, 33)])
def test_a_spot_lands_where_the_points_say(size, output):
    y, x = np.mgrid[0:120, 0:90]
    spot = np.array([41.3, 63.8])
    image = np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 18.0)
    crop = Crop((43.1, 61.0), size, output)
    cut = crop.cut(np.repeat(image[..., None], 3, 2))[..., 0].astype(float)
    i, j = np.mgrid[0:output, 0:output]
    centroid = [(cut * j).sum() / cut.sum(), (cut * i).sum() / cut.sum()]
    np.testing.assert_allclose(centroid, crop.image_to_crop(spot[None])[0], atol=0.15)


def test_shrinking_does_not_alias():
    stripes = np.tile(np.array([0.0, 1.0], np.float32)[None, :, None], (64, 32, 3))
    cut = Crop((31.5, 31.5), 64.0, 16).cut(stripes, outside="edge")
    np.testing.assert_allclose(cut[:, 1:-1], 0.5, atol=0.01)


def test_outside_the_image_a_crop_is_black_or_repeats_the_edge():
    white, crop = np.ones((10, 10, 3), np.float32), Crop((0.0, 4.5), 20.0, 20)
    assert crop.cut(white)[:, :8].max() == 0.0
    assert crop.cut(white, outside="edge").min() == pytest.approx(1.0)
    with pytest.raises(ValueError, match='"black" or "edge"'):
        crop.cut(white, outside="grey")


def test_a_crop_about_keypoints_follows_listing_a1():
    keypoints = np.array([[10.0, 20, 5], [50, 100, 6], [30, 60, 7]])
    crop = Crop.around_keypoints(keypoints, 256)
    assert crop.centre_px == (30.0, 60.0)
    assert crop.size_px == pytest.approx(1.5 * (40 + 80) / 2)
    np.testing.assert_allclose(crop.image_to_crop(keypoints)[:, 2], keypoints[:, 2] * 256 / 90)


def test_jitter_stays_within_its_bounds_and_uses_them():
    crop, rng = Crop((30.0, 60.0), 90.0, 64), np.random.default_rng(0)
    crops = [crop.jittered(rng) for _ in range(500)]
    moves = np.abs(np.array([c.centre_px for c in crops]) - crop.centre_px)
    zooms = np.array([c.size_px for c in crops]) / 90.0
    assert 5.5 < moves.max() <= 6.0  # a tenth of the mean box side, 60 px
    assert 0.9 <= zooms.min() < 0.91 and 1.09 < zooms.max() <= 1.1


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"expected points \(N, 3\), got \(4, 2\)"):
        tf.transform_points(np.eye(4), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="above 0 px"):
        Crop((0, 0), 0.0, 64)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 0.7, 3.0, np.pi])
def test_rotation_vectors_are_those_of_scipy_and_come_back(angle):
    vectors = np.random.default_rng(3).normal(size=(2, 5, 3))
    vectors *= angle / np.linalg.norm(vectors, axis=-1, keepdims=True)
    rotations = tf.rotation_from_vector(vectors)
    expected = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    np.testing.assert_allclose(rotations.reshape(-1, 3, 3), expected, atol=1e-12)
    again = np.stack([tf.vector_from_rotation(rotation) for rotation in expected])
    np.testing.assert_allclose(tf.rotation_from_vector(again), expected, atol=1e-12)
    assert np.linalg.norm(again, axis=1).max() <= np.pi + 1e-12


def test_a_cross_matrix_multiplies_as_the_cross_product():
    first, second = np.random.default_rng(4).normal(size=(2, 4, 3))
    product = (tf.cross_matrix(first) @ second[..., None])[..., 0]
    np.testing.assert_allclose(product, np.cross(first, second), atol=1e-12)
