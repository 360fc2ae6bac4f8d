"""Things before a face: closed shapes where people hold them, which hide points of the face."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.pairs.annotations import covered
from facelib.pairs.labels import LABELS, NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.photo import shade_lifelike
from facelib.synthetic.samples import make_session
from facelib.synthetic.settings import SyntheticSettings
from facelib.synthetic.studio import Studio
from facelib.synthetic.things.hand import FINGERS, STEP_MM, Grip, distance_mm, hand_bones, make_hand
from facelib.synthetic.things.objects import make_cup, make_phone
from facelib.synthetic.things.placing import KINDS, SHARE, make_thing, random_thing

HEAD = load_head().mean_head
KEYPOINTS = load_head().keypoints(HEAD)
SKIN = np.array([0.4, 0.25, 0.18])
FLAT = Grip(np.zeros((4, 3)), np.zeros(4), "out")
SETTINGS = SyntheticSettings(size=128, seed=3)


def thing(kind, seed=0):
    return make_thing(kind, np.random.default_rng(seed), HEAD, SKIN).solid


def volume_mm3(solid):
    """Signed volume by the divergence theorem: positive if triangles face outward."""
    a, b, c = np.moveaxis(solid.vertices[solid.triangles], 1, 0)
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


def photograph(session, solid_or_thing, light_seed=4):
    """The front view's light with and without a thing."""
    studio = Studio.of(Ingredients.all())
    light = studio.draw_light(np.random.default_rng(light_seed))
    dressed = replace(session.dressed, thing=solid_or_thing)
    return shade_lifelike(dressed, session.views[0].camera, light)


@pytest.fixture(scope="module")
def session():
    return make_session(2, SETTINGS)


@pytest.fixture(scope="module")
def held(session):
    rng = np.random.default_rng(1)
    return make_thing("mouth", rng, session.dressed.vertices_head, SKIN)


def test_a_straight_hand_is_as_long_as_its_bones_and_flesh():
    hand = make_hand(FLAT, SKIN)
    middle = FINGERS[1]
    expected = middle.knuckle[1] + sum(middle.lengths) + middle.radii[-1]
    assert hand.vertices[:, 1].max() == pytest.approx(expected, abs=1.5)


def test_the_skin_lies_where_the_distance_is_zero():
    grip = Grip(np.tile([40.0, 50.0, 30.0], (4, 1)), np.zeros(4), "along")
    hand, bones = make_hand(grip, SKIN), hand_bones(grip)
    off = np.abs(distance_mm(hand.vertices, *bones[:3]))
    assert off.max() < STEP_MM / 2 and off.mean() < 0.15


def test_bent_fingers_keep_the_lengths_of_their_bones():
    ends = hand_bones(Grip(np.full((4, 3), 60.0), np.full(4, 5.0), "across")).ends
    lengths = np.linalg.norm(ends[-12:, 1] - ends[-12:, 0], axis=1).reshape(4, 3)
    np.testing.assert_allclose(lengths, [finger.lengths for finger in FINGERS])


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_every_thing_faces_outward_on_either_side(kind, seed):
    solid = thing(kind, seed)
    assert volume_mm3(solid) > 2e4
    corners = solid.vertices[solid.triangles]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    agreement = np.einsum("ij,ij->i", flat, solid.normals[solid.triangles].sum(axis=1))
    assert (agreement > 0).mean() > 0.97
    assert {LABELS[label] for label in np.unique(solid.labels)} <= {"hand", "thing"}


def test_shapes_have_the_sizes_of_the_real_ones():
    phone = make_phone(np.random.default_rng(0)).vertices
    assert np.ptp(phone, axis=0)[:2] == pytest.approx([74, 150], abs=1)
    cup, radius = make_cup(np.random.default_rng(0))
    assert np.ptp(cup.vertices[:, 1]) > 75 and 25 < radius < 45


def depth_inside_mm(points):
    """How far (N, 3) points are inside the mean head, along z: less than 0 outside."""
    out = []
    for yaw, flip in ((0.0, [1, 1, 1]), (np.pi, [-1, 1, -1])):
        camera = Camera.orthographic((0.0, yaw, 0.0), 0.6)
        depth = rasterize(camera.head_to_image(HEAD), load_head().triangles, 256, 256).depth
        column, row = np.clip(np.rint(camera.head_to_image(points)[:, :2]), 0, 255).astype(int).T
        out.append(depth[row, column] / 0.6 - (points * flip)[:, 2])
    return np.minimum(*out)


@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("kind", ["mouth", "chin", "thinker", "cheek", "brow"])
def test_a_hand_touches_the_face_and_hardly_sinks_into_it(kind, seed):
    points = thing(kind, seed).vertices
    assert cKDTree(HEAD).query(points)[0].min() < 8
    assert (depth_inside_mm(points) > 8).mean() < 0.02


def test_a_microphone_is_below_the_mouth_and_in_front_of_it():
    camera = Camera.orthographic((0, 0, 0), 1.0)
    for seed in range(6):
        top = thing("microphone", seed).vertices
        head = top[top[:, 1] > top[:, 1].max() - 20]
        x, y = camera.head_to_image(head)[:, :2].mean(axis=0)
        mouth = camera.head_to_image(KEYPOINTS)[62]
        assert abs(x - mouth[0]) < 60 and -35 < y - mouth[1] < 70
        assert head[:, 2].mean() > KEYPOINTS[62, 2]


def test_six_photos_in_a_hundred_have_a_thing():
    rng = np.random.default_rng(0)
    nothing = sum(rng.random() >= SHARE for _ in range(4000)) / 4000
    assert SHARE == 0.06 and nothing == pytest.approx(0.94, abs=0.01)
    assert sum(KINDS.values()) == pytest.approx(1)
    drawn = [random_thing(np.random.default_rng(seed), HEAD, SKIN) for seed in range(40)]
    assert 0 < sum(one is not None for one in drawn) < 10


def test_a_hand_before_the_mouth_hides_its_keypoints_and_only_those(session, held):
    camera = session.views[0].camera
    keypoints = camera.head_to_image(session.keypoints_head)
    before, after = (covered(keypoints, camera, photograph(session, t).cover) for t in (None, held))
    assert after[48:68].mean() > 0.6 and not before[48:68].any()
    assert (after >= before).all()
    np.testing.assert_array_equal(after[[17, 18, 25, 26]], before[[17, 18, 25, 26]])


def test_a_thing_is_labelled_where_it_is_drawn_and_changes_little_elsewhere(session, held):
    without, with_it = photograph(session, None), photograph(session, held)
    hand = with_it.cover.labels == NUMBER_OF["hand"]
    assert hand.mean() > 0.05
    assert (with_it.cover.depth[hand] > -np.inf).all() and with_it.alpha[hand].min() >= 0.5
    np.testing.assert_array_equal(with_it.cover.labels[~hand] > 0, (without.cover.labels > 0)[~hand]
        | (with_it.cover.labels == NUMBER_OF["thing"])[~hand])  # fmt: skip
    change = np.abs(with_it.image - without.image).max(axis=-1)
    assert change[hand].mean() > 5 * change[: len(change) // 5].mean()


def test_the_head_itself_is_the_same_behind_a_thing(session, held):
    """The shape's truth does not know of things."""
    without, with_it = photograph(session, None), photograph(session, held)
    np.testing.assert_array_equal(with_it.fragments.depth, without.fragments.depth)


def test_without_the_switch_photos_differ_only_where_a_thing_was_drawn():
    off = replace(SETTINGS, ingredients=replace(Ingredients.all(), things=False))
    changed = 0
    for index in range(12):
        one, other = make_session(index, SETTINGS), make_session(index, off)
        for photo, bare in zip(one.photos, other.photos, strict=True):
            if "thing" in photo.drawn:
                changed += 1
                assert not np.array_equal(photo.image, bare.image)
            else:
                np.testing.assert_array_equal(photo.image, bare.image)
    assert changed
