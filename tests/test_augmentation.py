"""Pictures and points move together; ranges hold; scaling down keeps pixel centres."""

import numpy as np
import pytest
from scipy import ndimage

from facelib.augmentation import (
    NO_AUGMENTATION,
    Augmentation,
    Change,
    augment,
    change_image,
    change_points,
    draw_change,
    shrink,
)


def change(angle=0.0, zoom=1.0, shift=(0.0, 0.0), channels=(1, 1, 1), boxes=()):
    boxes = np.array(boxes, np.int64).reshape(-1, 4)
    return Change(angle, zoom, np.array(shift), np.array(channels, np.float32), boxes)


def blob(size, x, y, sigma=2.0):
    rows, columns = np.mgrid[:size, :size]
    value = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(value[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize(
    "drawn",
    [
        change(0.7),
        change(-0.4, zoom=1.15),
        change(0.3, zoom=0.9, shift=(3.0, -5.0)),
        change(shift=(2.5, 1.25)),
    ],
)
def test_points_follow_the_picture(drawn):
    point = np.array([[38.0, 25.0, 4.0]], np.float32)
    moved = change_points(point, drawn, 64)[0]
    weights = change_image(blob(64, *point[0, :2]), drawn)[..., 0]
    rows, columns = np.mgrid[:64, :64]
    centroid = (weights * columns).sum(), (weights * rows).sum()
    np.testing.assert_allclose(np.array(centroid) / weights.sum(), moved[:2], atol=0.02)
    assert moved[2] == pytest.approx(4.0 * drawn.zoom)


def test_positive_angle_turns_counter_clockwise_as_seen():
    right_of_centre = np.array([[41.5, 31.5, 0.0]])
    above_centre = [[31.5, 21.5, 0.0]]
    np.testing.assert_allclose(
        change_points(right_of_centre, change(np.pi / 2), 64), above_centre, atol=1e-5
    )


def test_quarter_turn_equals_rot90():
    image = np.random.default_rng(0).random((32, 32, 3), dtype=np.float32)
    np.testing.assert_allclose(change_image(image, change(np.pi / 2)), np.rot90(image), atol=1e-5)


def test_turning_agrees_with_scipy_inside():
    image = np.random.default_rng(1).random((48, 48, 3)).astype(np.float32)
    expected = ndimage.rotate(image, 30, reshape=False, order=1)
    got = change_image(image, change(np.deg2rad(30)))
    rows, columns = np.mgrid[:48, :48] - 23.5
    inside = np.hypot(rows, columns) < 22
    np.testing.assert_allclose(got[inside], expected[inside], atol=1e-4)


def test_no_augmentation_changes_nothing():
    rng = np.random.default_rng(2)
    photos = rng.integers(0, 256, (2, 33, 33, 3), dtype=np.uint8)
    vertices = rng.normal(size=(9, 3)).astype(np.float32)
    front, side, moved = augment(*photos, vertices, rng, NO_AUGMENTATION)
    np.testing.assert_allclose(front, photos[0] / 255, atol=1e-6)
    np.testing.assert_allclose(side, photos[1] / 255, atol=1e-6)
    np.testing.assert_allclose(moved, vertices, atol=1e-5)


def test_channels_scale_clip_and_boxes_are_black():
    image = np.full((16, 16, 3), 0.8, np.float32)
    out = change_image(image, change(channels=(0.5, 1.0, 1.2), boxes=[[2, 3, 6, 9]]))
    np.testing.assert_allclose(out[12, 12], [0.4, 0.8, 0.96], atol=1e-6)
    assert not out[3:9, 2:6].any() and out[2, 2].all() and out[9, 5].all()
    assert change_image(image, change(channels=(2.0, 2.0, 2.0))).max() == 1.0


def test_draws_stay_in_their_ranges():
    settings = Augmentation(shift=0.1, zoom=0.2, dropout_boxes=3, dropout_probability=1.0)
    for seed in range(200):
        drawn = draw_change(50, np.random.default_rng(seed), settings)
        assert abs(drawn.angle) <= np.pi / 4
        assert 0.8 <= drawn.zoom <= 1.2
        assert np.abs(drawn.shift_px).max() <= 5
        assert 0.9 <= drawn.channels.min() and drawn.channels.max() <= 1.2001
        assert len(drawn.boxes) == 3
        assert drawn.boxes.min() >= 0 and drawn.boxes.max() <= 50


def test_the_two_photos_draw_apart_and_inputs_stay():
    photo = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    vertices = np.random.default_rng(4).normal(size=(4, 3)).astype(np.float32)
    before = photo.copy(), vertices.copy()
    front, side, _ = augment(photo, photo, vertices, np.random.default_rng(5), Augmentation())
    assert np.abs(front - side).max() > 0.1
    np.testing.assert_array_equal(photo, before[0])
    np.testing.assert_array_equal(vertices, before[1])


def test_same_seed_same_result():
    photo = np.random.default_rng(3).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    vertices = np.zeros((4, 3), np.float32)
    runs = [
        augment(photo, photo, vertices, np.random.default_rng(6), Augmentation()) for _ in range(2)
    ]
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_unequal_photos_are_refused():
    with pytest.raises(ValueError, match="S, S, 3"):
        augment(
            np.zeros((4, 4, 3), np.uint8),
            np.zeros((5, 5, 3), np.uint8),
            np.zeros((1, 3)),
            np.random.default_rng(0),
            Augmentation(),
        )


def test_shrinking_keeps_points_on_the_picture():
    image = (blob(64, 37.5, 21.5, 4.0) * 255).astype(np.uint8)
    vertices = np.array([[37.5, 21.5, 8.0]], np.float32)
    small, _, moved = shrink(image, image, vertices, 16)
    weights = small[..., 0].astype(float)
    rows, columns = np.mgrid[:16, :16]
    centroid = np.array([(weights * columns).sum(), (weights * rows).sum()]) / weights.sum()
    np.testing.assert_allclose(moved[0, :2], centroid, atol=0.05)
    assert moved[0, 2] == 2.0
    expected = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, expected, atol=0.51)


def test_shrinking_needs_a_whole_factor():
    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="divide"):
        shrink(image, image, np.zeros((1, 3)), 48)
