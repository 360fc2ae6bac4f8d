"""Clothes and hats: closed around the neck, outside the head, every triangle labelled."""

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.geometry.mesh import triangle_normals
from facelib.pairs.labels import LABELS, NUMBER_OF
from facelib.synthetic.worn import clothes, hats
from facelib.synthetic.worn.garments import sewn, strip
from facelib.synthetic.worn.scalp import mean_scalp
from facelib.synthetic.worn.torso import EDGE, torso_rings

SKIN = np.array([0.5, 0.3, 0.2])


def test_a_strips_outside_points_away_from_the_axis():
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ring = np.stack([np.sin(turn), np.zeros(24), np.cos(turn)], axis=1)
    tube = strip(np.stack([ring + [0, 1, 0], ring]), (1, 0, 0), "hat", closed=True)
    normals = triangle_normals(tube.vertices_head, tube.triangles)
    middle = tube.vertices_head[tube.triangles].mean(axis=1)
    assert (np.einsum("nk,nk->n", normals, middle * [1, 0, 1]) > 0.9).all()


def test_sewing_keeps_every_triangle_with_its_label():
    square = np.array([[[0, 1, 0], [1, 1, 0]], [[0, 0, 0], [1, 0, 0]]], float)
    both = sewn([strip(square, 0.1, "hat", False), strip(square + 5, 0.2, "clothes", False, True)])
    assert [LABELS[label] for label in both.triangle_label] == ["hat"] * 2 + ["clothes"] * 4
    assert both.triangles.max() == len(both.vertices_head) - 1
    np.testing.assert_array_equal(both.vertices_head[both.triangles[2:]].min(), 5)


@pytest.mark.parametrize("cut", clothes.CUTS)
def test_clothes_hide_where_the_neck_ends(cut):
    worn = clothes.sew(clothes.Clothes(cut, tie=(0.3, 0, 0)), SKIN)
    edge = torso_rings()[EDGE]
    cloth = worn.vertices_head[np.unique(worn.triangles)]
    for point in edge[::7]:
        direction = (point - edge.mean(axis=0)) * [1, 0, 1]
        away = (cloth - edge.mean(axis=0)) @ (direction / np.linalg.norm(direction))
        near = np.linalg.norm(cloth - point, axis=1) < 40
        assert away[near].max() > np.linalg.norm(direction) - 3
    assert len(worn.triangle_label) == len(worn.triangles)
    assert set(worn.triangle_label) <= {NUMBER_OF["neck"], NUMBER_OF["clothes"]}


def test_nothing_worn_below_the_head_reaches_the_mouth():
    model = load_head()
    mouth = model.keypoints(model.mean_head)[48:68, 1].min()
    for cut in clothes.CUTS:
        worn = clothes.sew(clothes.Clothes(cut, depth=1.0), SKIN)
        front = worn.vertices_head[worn.vertices_head[:, 2] > 40]
        assert len(front) and front[:, 1].max() < mouth - 5


@pytest.mark.parametrize("kind", hats.HAT_KINDS)
def test_hats_lie_outside_the_head_and_leave_the_eyes_free(kind):
    model, field = load_head(), mean_scalp().field
    worn = hats.make_hat(hats.Hat(kind, low_mm=12.0), field)
    shown = worn.vertices_head[worn.vertices_head[:, 1] > -95]  # a scarf ends inside the clothes
    assert field.at(shown)[:, 0].min() > 1
    eyes = model.keypoints(model.mean_head)[36:48]
    before = worn.vertices_head[worn.vertices_head[:, 2] > eyes[:, 2].min()]
    inside = (np.abs(before[:, 0]) < 50) & (before[:, 1] < eyes[:, 1].max() + 4)
    inside &= before[:, 1] > eyes[:, 1].min() - 60
    assert not inside.any()
    assert set(worn.triangle_label) == {NUMBER_OF["hat"]}


def test_unknown_cuts_and_hats_are_refused():
    with pytest.raises(ValueError, match="toga"):
        clothes.Clothes("toga")
    with pytest.raises(ValueError, match="crown"):
        hats.Hat("crown")
