"""Annotations of a photo agree with rays, closed forms and each other."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
import trimesh

from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh, vertex_normals
from facelib.pairs.annotations import (
    SEEN_WITHIN_MM,
    Cover,
    ViewTruth,
    pixel_truth,
    seen,
    view_truth,
)
from facelib.pairs.labels import LABELS, NUMBER_OF, WORN
from facelib.pairs.store import ShardedPairs, write_shards
from facelib.render.camera import Camera
from facelib.render.rasterize import rasterize
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.people.acting import act
from facelib.synthetic.samples import make_sample, make_session
from facelib.synthetic.settings import SyntheticSettings

# A bare head: its mesh is all that there is to see.
SETTINGS = SyntheticSettings(size=200, seed=11, ingredients=Ingredients())
WIDE = replace(SETTINGS, preset="wide")
MODEL, LAYOUT = load_head(), load_layout()


@pytest.fixture(scope="module")
def sample():
    return make_sample(0, SETTINGS, pixels=True)


@pytest.fixture(scope="module")
def session():
    return make_session(0, SETTINGS)


def first_hits(origin, directions, vertices, triangles):
    """Distance to the first triangle that faces each ray (Möller and Trumbore), in directions."""
    a, b, c = np.moveaxis(vertices[triangles], 1, 0)
    ab, ac = b - a, c - a
    hits = []
    for direction in directions:
        p = np.cross(direction, ac)
        determinant = np.einsum("mk,mk->m", ab, p)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("mk,mk->m", origin - a, p) / determinant
            q = np.cross(origin - a, ab)
            v = q @ direction / determinant
            t = np.einsum("mk,mk->m", ac, q) / determinant
            on = (determinant > 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0)
        hits.append(t[on].min(initial=np.inf))
    return np.array(hits)


def eye_head(camera):
    """The camera's position and its axis away from the viewer, head frame."""
    return -camera.rotation.T @ camera.translation_eye, -camera.rotation[2]


@pytest.mark.parametrize("view", [0, 1])
def test_depth_is_where_rays_meet_the_mesh(sample, session, view):
    camera, depth = sample.views[view].camera, sample.pixels[view].depth_mm
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (150, 2))
    eye, axis = eye_head(camera)
    beyond = camera.image_to_head(np.column_stack([pixels, np.zeros(len(pixels))]))
    directions = beyond - eye
    directions /= (directions @ axis)[:, None]  # so that a distance counts along the view axis
    mesh_head = session.dressed.mesh_head
    expected = first_hits(eye, directions, mesh_head.vertices, mesh_head.triangles)
    got = depth[pixels[:, 1], pixels[:, 0]]
    assert 40 < np.isfinite(got).sum() < 150
    assert (np.isfinite(got) == np.isfinite(expected)).mean() > 0.98
    both = np.isfinite(got) & np.isfinite(expected)
    assert np.percentile(np.abs(got[both] - expected[both]), 98) < 0.01


def test_depth_and_normals_of_a_ball_are_the_closed_form():
    ball = trimesh.creation.icosphere(subdivisions=5, radius=80.0)
    camera = Camera.perspective((0.3, -0.5, 0.2), 600.0, 350.0, 128, 128, (60.0, 70.0))
    mesh = Mesh(
        np.array(ball.vertices), np.array(ball.faces, np.int32), np.zeros((len(ball.vertices), 2))
    )
    labels = np.full(len(ball.vertices), NUMBER_OF["nose"], np.uint8)
    truth = pixel_truth(mesh, mesh.vertices, labels, np.zeros((4, 4), np.uint8), camera)
    y, x = np.mgrid[0:128, 0:128]
    rays = np.stack([(x - 60) / 350, -(y - 70) / 350, -np.ones_like(x)], -1)
    centre = camera.translation_eye
    along, squared = rays @ centre, (rays**2).sum(-1)
    root = along**2 - squared * (centre @ centre - 80.0**2)
    inside = root > along**2 * 0.001  # not the rim, which the facets cut off
    distance = (along - np.sqrt(np.maximum(root, 0))) / squared
    normals = (rays * distance[..., None] - centre) / 80
    assert inside.sum() > 3000
    np.testing.assert_allclose(truth.depth_mm[inside], distance[inside], atol=0.2)
    np.testing.assert_allclose(truth.normals_eye[inside], normals[inside], atol=0.02)
    assert set(np.unique(truth.segmentation)) == {0, NUMBER_OF["nose"]}
    assert np.isinf(truth.depth_mm[0, 0]) and not truth.normals_eye[0, 0].any()


def test_depth_agrees_with_the_vertices(sample):
    """A visible layout vertex has the depth of the pixel onto which it projects."""
    front, pixels = sample.views[0], sample.pixels[0]
    points = sample.pair.vertices_image
    column, row = np.clip(np.rint(points[:, :2]).astype(int), 0, 199).T
    z = -(pixels.depth_mm[row, column] + front.camera.translation_eye[2]) * front.camera.scale
    behind_mm = (z + front.z_origin_px - points[:, 2]) / front.camera.scale
    assert (np.abs(behind_mm) < 2).mean() > 0.5  # the rest is turned away or inside
    assert (behind_mm > -6).mean() > 0.97


def test_keypoints_are_the_layouts(sample):
    front, side = sample.views
    # A keypoint lies within a triangle, where perspective is not linear: hundredths of a pixel.
    from_layout = LAYOUT.keypoints(sample.pair.vertices_image)
    np.testing.assert_allclose(front.keypoints_image, from_layout, atol=0.02)
    vertices_head = front.image_to_head(sample.pair.vertices_image)
    seen_from_side = side.head_to_image(vertices_head)
    assert seen_from_side[:, 2].min() == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(side.keypoints_image, LAYOUT.keypoints(seen_from_side), atol=0.02)


def test_visibility_is_that_of_a_ray():
    agree = []
    for settings in (SETTINGS, WIDE):
        for index in range(3):
            session = make_session(index, settings)
            keypoints = MODEL.keypoints(session.dressed.vertices_head)
            layout_head = LAYOUT.from_head @ session.dressed.vertices_head
            mesh_head = session.dressed.mesh_head
            worn = np.zeros(len(mesh_head.triangles), bool)
            for view, photo in zip(session.views, session.photos, strict=True):
                truth = view_truth(view.camera, keypoints, layout_head, photo.fragments, worn)
                agree.append(truth.visible == _ray_sees(view.camera, keypoints, mesh_head))
    assert np.mean(agree) > 0.97
    assert np.mean(agree, axis=1).min() > 0.9


def _ray_sees(camera, keypoints_head, mesh):
    image = camera.head_to_image(keypoints_head)[:, :2]
    inside = ((image > -0.5) & (image < camera.width - 0.5)).all(1)
    eye, axis = eye_head(camera)
    directions = keypoints_head - eye
    hits = first_hits(eye, directions, mesh.vertices, mesh.triangles)
    in_front_mm = (1 - hits) * (directions @ axis)
    return inside & (in_front_mm <= SEEN_WITHIN_MM)


def test_fronts_show_both_eyes_and_sides_one(sample):
    front, side = sample.views
    assert front.visible[36:48].all() and front.visible[17:27].all()
    near, far = (range(36, 42), range(42, 48))
    if sample.pair.side_pose_deg[1] < 0:
        near, far = far, near
    shown = [side.visible[list(eye)].sum() for eye in (near, far)]
    assert max(shown) >= 4 and min(shown) <= 1


def test_what_is_worn_hides_what_is_behind_it(session):
    """A plate a centimetre in front of the eyes hides them, and only them."""
    camera = session.views[0].camera
    keypoints = MODEL.keypoints(session.dressed.vertices_head)
    low, high = keypoints[36:48].min(0) - 4, keypoints[36:48].max(0) + [4, 2, 14]
    plate = [[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]]
    corners = np.column_stack([plate, np.full(4, high[2])])
    vertices = np.concatenate([session.dressed.mesh_head.vertices, corners])
    added = len(vertices) - 4 + np.array([[0, 1, 2], [0, 2, 3]])
    triangles = np.concatenate([session.dressed.mesh_head.triangles, added])
    worn = np.arange(len(triangles)) >= len(triangles) - 2
    fragments = rasterize(
        camera.head_to_image(vertices), triangles, 200, 200, camera.inverse_w(vertices)
    )
    visible = seen(camera.head_to_image(keypoints), camera, fragments, worn)
    assert not visible[36:48].any()
    bare = seen(camera.head_to_image(keypoints), camera, session.photos[0].fragments, worn[:-2])
    assert bare[36:48].all()
    elsewhere = np.r_[0:17, 31:36, 48:68]
    np.testing.assert_array_equal(visible[elsewhere], bare[elsewhere])


@pytest.mark.parametrize("size", [64, 200])
def test_segmentation_depth_and_normals_cover_what_the_photo_shows(size):
    settings = replace(SETTINGS, size=size)
    pixels = make_sample(1, settings, pixels=True).pixels
    for truth, photo in zip(pixels, make_session(1, settings).photos, strict=True):
        shown = truth.segmentation > 0
        np.testing.assert_array_equal(shown, np.isfinite(truth.depth_mm))
        np.testing.assert_array_equal(shown, truth.normals_eye.any(-1))
        fine = photo.fragments.covered.shape[0] // size
        alpha = photo.fragments.covered.reshape(size, fine, size, fine).mean((1, 3))
        np.testing.assert_array_equal(shown[alpha == 1], True)
        np.testing.assert_array_equal(shown[alpha == 0], False)
        length = np.linalg.norm(truth.normals_eye[shown].astype(float), axis=-1)
        np.testing.assert_allclose(length, 1, atol=2e-3)
        assert (truth.normals_eye[shown][:, 2] > -0.3).mean() > 0.98


def test_regions_lie_where_their_keypoints_are(sample):
    names = np.array(LABELS)[sample.pixels[0].segmentation]
    keypoints = sample.views[0].keypoints_image
    for label, members, margin in (("eyes", slice(36, 48), 3), ("lips", slice(48, 68), 5)):
        y, x = np.nonzero(names == label)
        low, high = keypoints[members, :2].min(0) - margin, keypoints[members, :2].max(0) + margin
        assert len(x) > 30
        assert (x > low[0]).all() and (x < high[0]).all()
        assert (y > low[1]).all() and (y < high[1]).all()
    column, row = np.rint(keypoints[30, :2]).astype(int)
    assert names[row, column] == "nose"
    assert {"background", "skin", "brows", "neck", "clothes", "hair"} <= set(names.ravel())


def test_what_is_drawn_over_the_render_hides_and_is_named(session, sample):
    """A fringe over the forehead, a lens over one eye, brows on the brows."""
    camera, keypoints = session.views[0].camera, sample.views[0].keypoints_image
    brows, eye = keypoints[17:22, 1].max(), keypoints[36:42, :2].mean(0).astype(int)
    labels = np.zeros((200, 200), np.uint8)
    labels[: int(brows) + 3] = NUMBER_OF["hair"]
    labels[eye[1] - 5 : eye[1] + 5, eye[0] - 9 : eye[0] + 9] = NUMBER_OF["lens"]
    depth = np.where(labels > 0, np.float32(130 * camera.scale), -np.inf)
    fringe = Cover(labels, depth)
    covered = replace(session, photos=(replace(session.photos[0], cover=fringe), session.photos[1]))
    front, side = covered.view_truths(LAYOUT.from_head @ session.dressed.vertices_head)
    bare = sample.views[0].visible
    assert bare[17:22].all() and not front.visible[17:22].any()
    below = np.rint(keypoints[:, 1]) >= int(brows) + 3
    np.testing.assert_array_equal(front.visible, bare & below)
    np.testing.assert_array_equal(side.visible, sample.views[1].visible)
    pixels = covered.pixel_truths()[0]
    np.testing.assert_array_equal(pixels.segmentation[labels > 0], labels[labels > 0])
    hair = labels == NUMBER_OF["hair"]
    assert not pixels.normals_eye[hair].any()
    np.testing.assert_allclose(pixels.depth_mm[hair], -camera.translation_eye[2] - 130, atol=0.01)
    for kept in ("depth_mm", "normals_eye"):
        expected = getattr(sample.pixels[0], kept)
        np.testing.assert_array_equal(getattr(pixels, kept)[~hair], expected[~hair])


def test_labels_keep_their_numbers():
    assert LABELS[:8] == ("background", "skin", "eyes", "brows", "nose", "lips", "ears", "neck")
    assert LABELS[8:] == (
        "hair", "clothes", "teeth", "tongue", "mouth", "beard", "glasses", "hat", "lashes", "lens",
        "dark lens", "hand", "thing",
    )  # fmt: skip
    hiding = {"hair", "clothes", "beard", "glasses", "hat", "dark lens", "hand", "thing"}
    assert {LABELS[number] for number in WORN} == hiding


@pytest.mark.parametrize("focal_px", [321.5, None])
def test_views_survive_their_record(focal_px):
    rng = np.random.default_rng(5)
    camera = Camera(
        rng.normal(size=(3, 3)), rng.normal(size=3), 0.7, 90, 90, rng.normal(size=2), focal_px
    )
    truth = ViewTruth(camera, rng.normal(size=(68, 3)).astype("f4"), rng.random(68) < 0.5, 12.5)
    back = ViewTruth.from_record(truth.record(), 90)
    for field in fields(Camera):
        np.testing.assert_array_equal(getattr(back.camera, field.name), getattr(camera, field.name))
    np.testing.assert_array_equal(back.keypoints_image, truth.keypoints_image)
    np.testing.assert_array_equal(back.visible, truth.visible)
    assert back.z_origin_px == 12.5


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("truth") / "set"
    samples = (make_sample(i, WIDE, pixels=True) for i in range(3))
    write_shards(samples, folder, {}, shard_size=2)
    return ShardedPairs(folder)


def test_stored_coefficients_make_the_same_face_again(stored):
    """Head from the coefficients, photo frame from the camera: the stored vertices."""
    for index in range(3):
        drawn, front = stored.coefficients(index), stored.views(index)[0]
        head = MODEL.vertices(np.array(drawn["person"]["shape"]), np.array(drawn["expression"]))
        again = front.head_to_image(LAYOUT.from_head @ head)
        np.testing.assert_allclose(again, stored[index].vertices_image, atol=1e-3)
        for view, truth in zip(drawn["views"], stored.views(index), strict=True):
            assert view["distance_mm"] == -truth.camera.translation_eye[2]
            assert view["focal_px"] == truth.camera.focal_px
            assert 1 <= len(view["lights"]) <= 3 and len(view["ambient"]) == 3
        assert 0 <= drawn["person"]["appearance"]["melanin"] <= 1
        json.dumps(drawn)


def test_an_acting_head_comes_back_from_its_coefficients(tmp_path):
    settings = SyntheticSettings(size=64, seed=11)
    write_shards((make_sample(i, settings) for i in range(3)), tmp_path, {})
    pairs = ShardedPairs(tmp_path)
    for index in range(3):
        drawn, front = pairs.coefficients(index), pairs.views(index)[0]
        head = act(MODEL, np.array(drawn["person"]["shape"]), np.array(drawn["expression"]))
        again = front.head_to_image(LAYOUT.from_head @ head)
        np.testing.assert_allclose(again, pairs[index].vertices_image, atol=1e-3)


def test_stored_pixels_and_views_are_those_of_the_sample(stored):
    expected = make_sample(2, WIDE, pixels=True)
    for got, wanted in zip(stored.pixels(2), expected.pixels, strict=True):
        for field in fields(wanted):
            np.testing.assert_array_equal(getattr(got, field.name), getattr(wanted, field.name))
    for got, wanted in zip(stored.views(2), expected.views, strict=True):
        np.testing.assert_array_equal(got.visible, wanted.visible)
        np.testing.assert_array_equal(got.keypoints_image, wanted.keypoints_image)


@pytest.mark.parametrize("ingredients", [Ingredients(), Ingredients.all()])
def test_all_but_the_images_is_at_most_60_kb_a_pair(tmp_path, ingredients):
    settings = SyntheticSettings(size=64, ingredients=ingredients)
    write_shards((make_sample(i, settings) for i in range(4)), tmp_path, {})
    sizes = {path.name: path.stat().st_size for path in tmp_path.glob("*.npy")}
    besides = sum(
        size for name, size in sizes.items() if "front" not in name and "side" not in name
    )
    assert besides / 4 <= 60_000
    with pytest.raises(ValueError, match="--truth"):
        ShardedPairs(tmp_path).pixels(0)


def test_the_normals_are_outward_as_the_light_saw_them(session, sample):
    """They agree with those of the triangles, but for smoothing."""
    camera, truth = sample.views[0].camera, sample.pixels[0]
    mesh_head = session.dressed.mesh_head
    flat = vertex_normals(mesh_head.vertices, mesh_head.triangles[:9548])
    fragments = session.photos[0].fragments
    corner = session.dressed.mesh_head.triangles[fragments.triangle, 0]
    skin = truth.segmentation == NUMBER_OF["skin"]
    agreement = ((flat[corner] @ camera.rotation.T) * truth.normals_eye).sum(-1)[skin]
    assert np.median(agreement) > 0.99 and (agreement > 0.5).mean() > 0.99
