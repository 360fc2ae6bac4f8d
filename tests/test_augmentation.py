"""Pictures and points move together; ranges hold; colours do not change vertices."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import fft, ndimage

from facelib.cli.train import train
from facelib.pairs.augmentation import NO_AUGMENTATION, PRESETS, Augmentation, augment, draw_change
from facelib.pairs.change import Change, change_image, change_points
from facelib.pairs.photo_faults import PhotoFaults, spoil
from facelib.pairs.shrink import shrink
from facelib.training.config import TrainConfig


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


# What each switch beyond the thesis does alone, and whether the truth moves with it.
SWITCHES = {
    "shift": ({"shift": 0.05}, True),
    "zoom": ({"zoom": 0.1}, True),
    "gamma": ({"gamma": 1.6}, False),
    "blur": ({"blur": 0.1, "fault_probability": 1.0}, False),
    "noise": ({"noise": 0.06, "fault_probability": 1.0}, False),
    "worst_jpeg": ({"worst_jpeg": 25, "fault_probability": 1.0}, False),
}


def smooth_pair(size=64, seed=7):
    rng = np.random.default_rng(seed)
    photos = [ndimage.gaussian_filter(rng.random((size, size, 3)), (2, 2, 0)) for _ in range(2)]
    photos = [(255 * (p - p.min()) / np.ptp(p)).astype(np.uint8) for p in photos]
    vertices = rng.uniform(0, size, (30, 3)).astype(np.float32)
    vertices[:, 2] -= vertices[:, 2].min()
    return *photos, vertices


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_alone_changes_the_photos_and_only_crop_jitter_the_truth(name):
    settings, moves = SWITCHES[name]
    front, side, vertices = smooth_pair()
    rng = np.random.default_rng(8)
    out = augment(front, side, vertices, rng, replace(NO_AUGMENTATION, **settings))
    for before, after in zip((front, side), out, strict=False):
        assert np.abs(after - before / 255).max() > 0.01
        assert after.dtype == np.float32 and after.min() >= 0 and after.max() <= 1
    assert (np.abs(out[2] - vertices).max() > 0.1) == moves


@pytest.mark.parametrize("name", ["gamma", "blur", "noise", "worst_jpeg", "texture_probability"])
def test_turning_off_one_of_the_looks_leaves_the_truth_as_it_was(name):
    with_it = replace(Augmentation.for_photos(), fault_probability=1.0)
    pair = smooth_pair()
    without = replace(with_it, **{name: getattr(Augmentation(), name)})
    for seed in range(5):
        (front, _, truth), (other_front, _, other_truth) = (
            augment(*pair, np.random.default_rng(seed), settings) for settings in (with_it, without)
        )
        np.testing.assert_array_equal(truth, other_truth)
    assert (front != other_front).any()


def test_crop_jitter_keeps_a_landmark_on_its_blob_and_the_lowest_depth_at_0():
    settings = replace(NO_AUGMENTATION, shift=0.08, zoom=0.15)
    landmarks = np.array([[30.0, 28.0, 0.0], [36.5, 33.0, 12.0]], np.float32)
    rows, columns = np.mgrid[:64, :64]
    for seed in range(20):
        rng = np.random.default_rng(seed)
        photo = blob(64, *landmarks[1, :2])
        front, _, moved = augment(photo, photo, landmarks, rng, settings)
        weights = front[..., 0] / front[..., 0].sum()
        centroid = (weights * columns).sum(), (weights * rows).sum()
        np.testing.assert_allclose(centroid, moved[1, :2], atol=0.03)
        across, depth = np.linalg.norm(np.diff(moved[:, :2], axis=0)), np.ptp(moved[:, 2])
        before = np.linalg.norm(np.diff(landmarks[:, :2], axis=0))
        assert moved[:, 2].min() == 0
        assert depth / 12 == pytest.approx(across / before, rel=1e-5)


def test_the_default_draws_and_does_what_the_thesis_has_and_no_more():
    photo, replayed = np.zeros((40, 40, 3), np.uint8), np.random.default_rng(9)
    rng = np.random.default_rng(9)
    for _ in range(20):
        augment(photo, photo, np.zeros((1, 3), np.float32), rng, Augmentation())
        for _ in range(2):
            replayed.uniform(size=4)
            n = int(replayed.random() < 0.5)
            sides = np.rint(40 * replayed.uniform(0.1, 0.35, (n, 2))).astype(int)
            replayed.integers(0, 41 - sides)
            replayed.uniform(size=3)
        assert rng.bit_generator.state == replayed.bit_generator.state
        drawn = draw_change(40, rng, Augmentation())
        replayed.bit_generator.state = rng.bit_generator.state
        assert not any(filling is not None for filling in drawn.fillings)
        assert drawn.beyond is None and drawn.faults == PhotoFaults()


def test_same_seed_same_photos_and_inputs_stay():
    settings = Augmentation.for_photos()
    front, side, vertices = smooth_pair()
    before = [a.copy() for a in (front, side, vertices)]
    floats = front.astype(np.float32) / 255
    for seed in range(8):
        a, b = (
            augment(front, side, vertices, np.random.default_rng(seed), settings) for _ in range(2)
        )
        for one, two in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, two)
        augment(floats, floats, vertices, np.random.default_rng(seed), settings)
    for array, copy in zip((front, side, vertices), before, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(floats, front.astype(np.float32) / 255)


def test_photos_stay_in_range_under_everything_at_once():
    settings = replace(
        Augmentation.for_photos(), fault_probability=1.0, dropout_probability=1.0, noise=0.5
    )
    white = np.full((40, 40, 3), 255, np.uint8)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        for photo in augment(white, np.zeros_like(white), np.zeros((1, 3)), rng, settings)[:2]:
            assert photo.dtype == np.float32
            assert photo.min() >= 0 and photo.max() <= 1


def test_textures_stand_where_black_stood():
    everywhere = replace(
        Augmentation(), dropout_probability=1.0, dropout_boxes=2, texture_probability=1.0
    )
    white = np.full((64, 64, 3), 255, np.uint8)
    for seed in range(10):
        drawn = draw_change(64, np.random.default_rng(seed), everywhere)
        bare = replace(drawn, fillings=(), beyond=None)
        textured, black = change_image(white, drawn), change_image(white, bare)
        covered = (black == 0).all(axis=2)
        assert covered.any()
        np.testing.assert_array_equal(textured[~covered], black[~covered])
        for (left, top, right, bottom), filling in zip(drawn.boxes, drawn.fillings, strict=True):
            assert filling.shape == (bottom - top, right - left, 3)
        *_, (left, top, right, bottom) = drawn.boxes
        np.testing.assert_array_equal(textured[top:bottom, left:right], drawn.fillings[-1])
        corner = covered & (change_image(white, replace(bare, boxes=drawn.boxes[:0]))[..., 0] == 0)
        for left, top, right, bottom in drawn.boxes:
            corner[top:bottom, left:right] = False
        np.testing.assert_array_equal(textured[corner], drawn.beyond[corner])


def test_some_textures_stay_black():
    drawn = [
        draw_change(32, np.random.default_rng(seed), Augmentation.for_photos()).beyond is None
        for seed in range(200)
    ]
    expected = 1 - Augmentation.for_photos().texture_probability
    assert np.mean(drawn) == pytest.approx(expected, abs=0.1)


def test_jpeg_leaves_its_blocks_of_eight():
    rough = 0.3 + 0.4 * np.random.default_rng(3).random((64, 64, 1), np.float32).repeat(3, axis=2)
    spoiled = 255 * spoil(rough, PhotoFaults(jpeg_quality=10))[..., 1]

    def share_of_lost_waves(grey):
        blocks = grey.reshape(len(grey) // 8, 8, -1, 8).swapaxes(1, 2)
        return (np.abs(fft.dctn(blocks, axes=(2, 3), norm="ortho")) < 3).mean()

    # On JPEG's own grid nearly all cosines are gone; half a block beside it most are there.
    assert share_of_lost_waves(spoiled) > 0.9
    assert share_of_lost_waves(spoiled[4:-4, 4:-4]) < 0.4


def test_blur_is_a_gaussians_and_noise_and_gamma_are_what_they_say():
    photo = blob(64, 30.0, 35.0, sigma=3.0)
    blurred = spoil(photo, PhotoFaults(blur_px=1.5))
    expected = ndimage.gaussian_filter(photo, (1.5, 1.5, 0), mode="nearest", truncate=2.7)
    np.testing.assert_allclose(blurred, expected, atol=2e-3)
    grey = np.full((64, 64, 3), 0.5, np.float32)
    np.testing.assert_allclose(spoil(grey, PhotoFaults(gamma=2.0)), 0.25)
    settings = replace(NO_AUGMENTATION, noise=0.05, fault_probability=1.0)
    deviations = []
    for seed in range(60):
        drawn = draw_change(64, np.random.default_rng(seed), settings)
        deviations.append((change_image(grey, drawn) - grey).std())
    assert max(deviations) < 0.051
    assert np.mean(deviations) == pytest.approx(0.025, abs=0.005)


def test_presets_are_what_the_command_offers_and_survive_a_log():
    option = next(p for p in train.params if p.name == "augmentation")
    assert set(option.type.choices) == set(PRESETS)
    for preset in PRESETS.values():
        folders = {"data_dir": "pairs", "run_dir": "run"}
        config = TrainConfig.from_dict({**folders, "augmentation": preset})
        assert TrainConfig.from_dict(config.to_dict()).augmentation == preset
