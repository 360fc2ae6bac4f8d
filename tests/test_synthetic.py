import numpy as np
import pytest
from click.testing import CliRunner
from scipy.ndimage import binary_erosion

from facelib.__main__ import UNWRITABLE, main
from facelib.backgrounds import random_background
from facelib.headmodel import load_head
from facelib.pairs import ShardedPairs
from facelib.rasterize import rasterize
from facelib.render import Camera
from facelib.shirt import RINGS, neck_edge, shirt_triangles, shirt_vertices
from facelib.sources import synthetic
from facelib.sources.scene import (
    RECIPE_SHARES,
    RECIPES,
    cropped_camera,
    random_distance_mm,
    random_expression,
    random_lights,
    random_pose_deg,
)
from facelib.sources.synthetic import (
    HELD_OUT_IDENTITY,
    SyntheticSettings,
    generate_pairs,
    make_pair,
    make_person,
)
from facelib.transforms import Crop
from facelib.uvmap import load_layout

SMALL = SyntheticSettings(size=64, seed=3)
MODEL = load_head()


def same(a, b):
    return (
        np.array_equal(a.front, b.front)
        and np.array_equal(a.side, b.side)
        and np.array_equal(a.vertices_image, b.vertices_image)
        and a.identity == b.identity
    )


@pytest.fixture(scope="module")
def pair():
    return make_pair(0, SMALL)


def test_a_sample_does_not_depend_on_order_or_workers(tmp_path):
    alone = {i: make_pair(i, SMALL) for i in (18, 2)}
    assert generate_pairs(tmp_path / "set", 19, size=64, seed=3, workers=2) == 19
    together = ShardedPairs(tmp_path / "set")
    assert all(same(together[i], alone[i]) for i in alone)


def test_a_later_folder_continues_the_set(tmp_path):
    generate_pairs(tmp_path / "more", 1, size=64, seed=3, first=7)
    assert same(ShardedPairs(tmp_path / "more")[0], make_pair(7, SMALL))


def test_other_indices_seeds_and_branches_are_other_people(pair):
    others = [
        make_person(1, SMALL),
        make_person(0, SyntheticSettings(64, seed=4)),
        make_person(0, SyntheticSettings(64, seed=3, held_out=True)),
    ]
    for other in others:
        assert not np.allclose(other.shape, make_person(0, SMALL).shape)


def test_held_out_people_have_numbers_of_their_own(pair):
    held_out = make_pair(0, SyntheticSettings(64, seed=3, held_out=True))
    assert held_out.identity == HELD_OUT_IDENTITY and pair.identity == 0


def test_pairs_of_a_person_share_the_person_but_not_the_photo():
    settings = SyntheticSettings(64, seed=3, pairs_per_person=2)
    first, second, third = (make_pair(i, settings) for i in range(3))
    assert first.identity == second.identity != third.identity
    assert not np.array_equal(first.front, second.front)


def test_size_changes_resolution_and_nothing_else(pair):
    fine = make_pair(0, SyntheticSettings(size=128, seed=3))
    np.testing.assert_allclose(fine.front_pose_deg, pair.front_pose_deg)
    enlarged = pair.vertices_image * 2 + [0.5, 0.5, 0]
    np.testing.assert_allclose(fine.vertices_image, enlarged, atol=1e-3)
    averaged = fine.front.reshape(64, 2, 64, 2, 3).mean((1, 3))
    assert np.corrcoef(averaged[20:50, 20:44].ravel(), pair.front[20:50, 20:44].ravel())[0, 1] > 0.9


def test_a_pair_keeps_its_promises(pair):
    pair.check()
    layout = load_layout()
    assert pair.vertices_image.shape == (len(layout.uv), 3)
    assert pair.vertices_image[:, 2].min() == 0
    keypoints = layout.keypoints(pair.vertices_image)
    span = np.ptp(keypoints[:, :2], axis=0).mean()
    assert 64 / 1.5 / 1.1 - 1 <= span <= 64 / 1.5 / 0.9 + 1
    assert keypoints[:, :2].min() > 0 and keypoints[:, :2].max() < 63


def test_depth_has_the_scale_of_the_image(pair):
    """Far points' distances over px_per_mm are those of a head in mm, within perspective."""
    keypoints_mm = load_layout().keypoints(pair.vertices_image) / pair.px_per_mm
    width_mm = np.linalg.norm(keypoints_mm[16] - keypoints_mm[0])
    depth_mm = keypoints_mm[30, 2] - keypoints_mm[[0, 16], 2].mean()
    assert 110 < width_mm < 175
    assert 60 < depth_mm < 125


def test_the_photo_shows_the_face_where_the_vertices_are(monkeypatch):
    green = np.tile(np.float32([0, 1, 0]), (64, 64, 1))
    monkeypatch.setattr(synthetic, "random_background", lambda rng, size, textures: green)
    layout = load_layout()
    for index in range(4):
        sample = make_pair(index, SMALL)
        behind = np.all(np.abs(sample.front / 255 - [0, 1, 0]) < 0.2, axis=-1)
        inside = binary_erosion(_silhouette(sample.vertices_image, layout.triangles), iterations=2)
        assert inside.sum() > 1000 and 0.05 < behind.mean() < 0.6
        assert not behind[inside].any()


def _silhouette(vertices_image, triangles):
    return rasterize(vertices_image, triangles, 64, 64).covered


def test_a_cropped_camera_sees_the_crop_of_the_image():
    camera = Camera.perspective((0.1, 0.2, 0.3), 700, 900, 300, 200, (140.0, 90.0))
    crop = Crop((120.0, 95.0), 130.0, 64)
    points = np.random.default_rng(0).normal(0, 60, (20, 3))
    expected = crop.image_to_crop(camera.head_to_image(points))
    np.testing.assert_allclose(cropped_camera(camera, crop).head_to_image(points), expected)


def test_poses_and_distances_keep_the_ranges():
    rng = np.random.default_rng(1)
    fronts = np.array([random_pose_deg(rng, side=False) for _ in range(400)])
    sides = np.array([random_pose_deg(rng, side=True) for _ in range(400)])
    assert np.abs(fronts).max(0) == pytest.approx([9, 14, 9], rel=0.03)
    assert 67.5 <= np.abs(sides[:, 1]).min() and np.abs(sides[:, 1]).max() <= 100
    assert 0.4 < (sides[:, 1] > 0).mean() < 0.6
    distances = [random_distance_mm(rng) for _ in range(400)]
    assert 400 <= min(distances) < 450 and 2200 < max(distances) <= 2500


def test_expressions_use_actions_that_exist():
    rng = np.random.default_rng(2)
    drawn = np.array([random_expression(rng, MODEL.expression_names) for _ in range(300)])
    assert drawn.min() >= 0 and drawn.max() <= 1
    jaw, blink = (MODEL.expression_names.index(name) for name in ("jawOpen", "eyeBlinkLeft"))
    assert (drawn[:, jaw] > 0.1).any() and (drawn[:, blink] > 0.8).any()
    assert sum(RECIPE_SHARES) == pytest.approx(1)
    for recipe in RECIPES.values():
        for action in recipe:
            assert action in MODEL.expression_names or f"{action}Left" in MODEL.expression_names


def test_lights_come_from_before_the_face():
    rng = np.random.default_rng(3)
    for _ in range(50):
        lights, ambient = random_lights(rng)
        assert 1 <= len(lights) <= 3 and min(ambient) > 0
        assert all(np.all(light.color > 0) for light in lights)


def test_backgrounds_are_images_and_vary():
    rng = np.random.default_rng(4)
    drawn = [random_background(rng, 48) for _ in range(40)]
    for image in drawn:
        assert image.shape == (48, 48, 3) and image.dtype == np.float32
        assert image.min() >= 0 and image.max() <= 1
    assert np.std([image.mean() for image in drawn]) > 0.1


def test_the_shirt_hangs_from_the_neck():
    edge = neck_edge(MODEL.mean_head, MODEL.triangles)
    rings = shirt_vertices(MODEL.mean_head, edge).reshape(len(RINGS), len(edge), 3)
    assert MODEL.mean_head[edge, 1].max() < -100
    assert np.all(np.diff(rings[..., 1].mean(1)) < 0)
    triangles = shirt_triangles(len(edge), first=100)
    assert triangles.min() == 100 and triangles.max() == 99 + rings.size // 3


def test_generate_writes_a_set_once_and_refuses_to_mix(tmp_path):
    arguments = ["generate", str(tmp_path / "set"), "--count", "2", "--size", "64", "--seed", "3"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert same(ShardedPairs(tmp_path / "set")[1], make_pair(1, SMALL))
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == UNWRITABLE and "exists" in again.output


def test_numbers_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(ValueError, match="at least"):
        generate_pairs(tmp_path, 0)
