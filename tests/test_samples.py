from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import binary_erosion
from threadpoolctl import threadpool_limits

from facelib.face.layout import load_layout
from facelib.pairs.store import ShardedPairs
from facelib.render.rasterize import rasterize
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.people.population import HELD_OUT_ABOVE, TRAINING_BELOW, load_population
from facelib.synthetic.samples import HELD_OUT_IDENTITY, make_pair, make_person, make_sample
from facelib.synthetic.session import hold_session
from facelib.synthetic.settings import Plan, SyntheticSettings
from facelib.synthetic.streams import Streams
from facelib.synthetic.studio import Studio

SMALL = SyntheticSettings(size=64, seed=3)
PLAIN = replace(SMALL, ingredients=Ingredients())


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


def test_threads_of_linear_algebra_change_nothing(pair):
    with threadpool_limits(2, user_api="blas"):
        assert same(make_pair(0, SMALL), pair)


def test_a_samples_pair_is_the_pair(pair):
    assert same(make_sample(0, SMALL).pair, pair)


def test_a_later_folder_continues_the_set(tmp_path):
    generate_pairs(tmp_path / "more", Plan(1, SMALL, first=7))
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


def test_the_photo_shows_the_face_where_the_vertices_are():
    green = np.tile(np.float32([0, 1, 0]), (64, 64, 1))
    studio = replace(Studio.of(PLAIN.ingredients), draw_background=lambda rng, size: green)
    layout = load_layout()
    for index in range(4):
        session = hold_session(studio, Streams(PLAIN, index), PLAIN)
        behind = np.all(np.abs(session.photos[0].image / 255 - [0, 1, 0]) < 0.2, axis=-1)
        vertices_head = layout.from_head @ session.dressed.vertices_head
        vertices_image = session.views[0].camera.head_to_image(vertices_head)
        inside = binary_erosion(_silhouette(vertices_image, layout.triangles), iterations=2)
        assert inside.sum() > 1000 and 0.05 < behind.mean() < 0.6
        assert not behind[inside].any()


def _silhouette(vertices_image, triangles):
    return rasterize(vertices_image, triangles, 64, 64).covered


def test_a_preset_moves_the_head_and_keeps_the_person():
    settings = replace(SMALL, preset="wide")
    wide, plain = make_pair(0, settings), make_pair(0, SMALL)
    ratio = wide.front_pose_deg / plain.front_pose_deg
    np.testing.assert_allclose(ratio, [25 / 9, 45 / 14, 20 / 9], rtol=1e-5)
    assert np.array_equal(make_person(0, settings).shape, make_person(0, SMALL).shape)


def test_plain_people_have_no_traits_and_cast_people_have():
    assert make_person(0, PLAIN).traits is None
    traits = make_person(0, SMALL).traits
    assert 25 <= traits.age_years <= 90 and traits.origins.sum() == pytest.approx(1)


def test_cast_people_of_training_and_test_are_on_their_own_side():
    population, apart = load_population(), replace(SMALL, held_out=True)
    training = [population.held_out_score(make_person(i, SMALL).shape) for i in range(100)]
    tested = [population.held_out_score(make_person(i, apart).shape) for i in range(100)]
    assert max(training) < TRAINING_BELOW + 1e-9 and min(tested) > HELD_OUT_ABOVE - 1e-9


def test_looks_fit_the_person():
    people = [make_person(i, SMALL) for i in range(300)]
    assert all(p.appearance.beard == 0 for p in people if p.traits.sex == "female")
    melanin = {
        origin: np.mean([p.appearance.melanin for p in people if p.traits.origin == origin])
        for origin in ("african", "asian", "european")
    }
    assert melanin["african"] > melanin["asian"] + 0.1 > melanin["european"]
    young, old = (
        np.mean([p.appearance.hair_color.mean() for p in people if test(p.traits.age_years)])
        for test in (lambda years: years < 40, lambda years: years > 75)
    )
    assert old > 2 * young


def test_expressions_change_the_face_and_not_the_person():
    acting, plain = replace(SMALL, ingredients=Ingredients(expressions=True)), PLAIN
    np.testing.assert_array_equal(make_person(0, acting).shape, make_person(0, plain).shape)
    before, after = make_pair(0, plain), make_pair(0, acting)
    assert not np.array_equal(before.vertices_image, after.vertices_image)
    assert after.front.shape == before.front.shape and after.front.std() > 10
