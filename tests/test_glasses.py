"""Glasses are at the right position, and the eyes stay visible."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import Mesh
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.synthetic.worn.glasses import (
    OUTLINE,
    SHAPES,
    Glasses,
    put_on,
    random_glasses,
)
from facelib.synthetic.worn.lenses import draw_lenses
from facelib.synthetic.worn.ribbons import draw_ribbons, join
from facelib.synthetic.worn.sunglasses import Tint
from facelib.synthetic.worn.torso import outer_skin

CAMERA = Camera.perspective((0, 0, 0), 900.0, 1100.0, 128, 128)
LIGHT = [Light(np.array([0.3, 0.5, 1.0]), np.ones(3))]


def people() -> list[np.ndarray]:
    """The mean head and three others."""
    model, rng = load_head(), np.random.default_rng(6)
    return [model.vertices(), *(model.vertices(rng.standard_normal(60)) for _ in range(3))]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_bridge_sits_on_the_nose_and_temples_reach_the_ears(shape):
    model = load_head()
    for vertices in people():
        worn = put_on(Glasses(shape), vertices, model.keypoints(vertices))
        lines = np.split(worn.frame.points_head, worn.frame.first[1:-1])
        bridge, temples = lines[-3], lines[-2:]
        middle = bridge[len(bridge) // 2]
        skin = vertices[np.unique(outer_skin(model))]
        gap, nearest = cKDTree(skin).query(middle)
        assert gap < 8
        assert middle[2] > skin[nearest, 2]
        assert abs(middle[1] - model.keypoints(vertices)[27, 1]) < 13
        assert abs(middle[0]) < 4
        for temple in temples:
            ear = vertices[model.regions["ears"] & (vertices[:, 0] * temple[0, 0] > 0)]
            assert cKDTree(ear).query(temple)[0].min() < 5


def test_temples_run_outside_the_head():
    model = load_head()
    for vertices in people():
        worn = put_on(Glasses(), vertices, model.keypoints(vertices))
        skin = np.setdiff1d(np.unique(outer_skin(model)), np.flatnonzero(model.regions["ears"]))
        for temple in np.split(worn.frame.points_head, worn.frame.first[1:-1])[-2:]:
            for point in temple[1:6]:
                near = np.abs(vertices[skin, 1:] - point[1:]).max(axis=1) < 4
                near &= vertices[skin, 0] * point[0] > 0
                assert abs(point[0]) >= np.abs(vertices[skin][near, 0]).max(initial=0)


def test_no_part_of_the_frame_crosses_the_open_eyes():
    model = load_head()
    for vertices in people():
        keypoints = model.keypoints(vertices)
        worn = put_on(random_glasses(np.random.default_rng(3)), vertices, keypoints)
        frame = worn.frame.points_head
        before = frame[frame[:, 2] > keypoints[36:48, 2].max()]
        for eye in (keypoints[36:42], keypoints[42:48]):
            inside = (before[:, :2] > eye[:, :2].min(axis=0)).all(axis=1)
            inside &= (before[:, :2] < eye[:, :2].max(axis=0)).all(axis=1)
            assert not inside.any()


def test_lenses_lie_in_front_of_the_lids():
    model = load_head()
    for vertices in people():
        keypoints = model.keypoints(vertices)
        worn = put_on(Glasses(), vertices, keypoints)
        middles = worn.lens_head[[OUTLINE, 2 * OUTLINE + 1]]
        assert (middles[:, 2] > keypoints[36:48, 2].max() + 5).all()


def test_a_clear_lens_changes_little_and_a_dark_one_darkens():
    model = load_head()
    vertices = model.vertices()
    photo = render(Mesh(vertices, model.triangles), CAMERA, LIGHT)
    bare = draw_ribbons(photo, CAMERA, join([]), LIGHT, (0.3, 0.3, 0.3))
    shots = {}
    for tint in (1.0, 0.1):
        glass = Tint((tint,) * 3, (tint,) * 3, (0.0,) * 3)
        worn = put_on(Glasses(tint=glass), vertices, model.keypoints(vertices))
        shots[tint] = draw_lenses(bare, CAMERA, worn, LIGHT, (0.3, 0.3, 0.3))
    glass = shots[0.1].label == NUMBER_OF["dark lens"]
    np.testing.assert_array_equal(shots[1.0].label == NUMBER_OF["lens"], glass)
    assert glass.sum() > 300
    np.testing.assert_allclose(shots[1.0].image, bare.image, atol=1e-6)
    np.testing.assert_allclose(shots[0.1].image[glass], 0.1 * bare.image[glass], atol=1e-6)
    np.testing.assert_array_equal(shots[0.1].image[~glass], bare.image[~glass])


def test_sunglasses_of_each_kind_come_up_and_a_gradient_is_darker_above():
    rng = np.random.default_rng(4)
    tints = [random_glasses(rng).tint for _ in range(1500)]
    clear = [min(tint.above) > 0.8 for tint in tints]
    assert 0.1 < 1 - np.mean(clear) < 0.22
    dark = [tint for tint, light in zip(tints, clear, strict=True) if not light]
    assert all(np.mean(tint.above) < 0.25 for tint in dark)
    gradient = [np.mean(tint.below) > 2 * np.mean(tint.above) for tint in dark]
    mirrored = [max(tint.mirror) > 0.2 for tint in dark]
    brown = [tint.above[0] > 1.5 * tint.above[2] for tint in dark]
    for share in (gradient, mirrored, brown):
        assert 0.05 < np.mean(share) < 0.5


def test_a_gradient_lens_is_labelled_dark_where_it_is_dark():
    model = load_head()
    vertices = model.vertices()
    photo = render(Mesh(vertices, model.triangles), CAMERA, LIGHT)
    bare = draw_ribbons(photo, CAMERA, join([]), LIGHT, (0.3, 0.3, 0.3))
    glass = Tint((0.05,) * 3, (0.6,) * 3, (0.0,) * 3)
    worn = put_on(Glasses(tint=glass), vertices, model.keypoints(vertices))
    label = draw_lenses(bare, CAMERA, worn, LIGHT, (0.3, 0.3, 0.3)).label
    dark, light = (np.nonzero(label == NUMBER_OF[name])[0] for name in ("dark lens", "lens"))
    assert len(dark) > 50 and len(light) > 150
    assert dark.mean() < light.mean() - 3


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="monocle"):
        Glasses("monocle")
