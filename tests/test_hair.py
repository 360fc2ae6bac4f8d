"""Hair: outside the head, where its style puts it, and none on bald heads."""

from dataclasses import replace

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.synthetic.worn.hair import grow_hair
from facelib.synthetic.worn.hair_style import (
    HAIR_KINDS,
    WITH_FRINGE,
    HairStyle,
    random_hair_style,
)
from facelib.synthetic.worn.scalp import behind_hairline, mean_scalp
from facelib.synthetic.worn.torso import outer_skin

BROWN = np.array([0.045, 0.024, 0.013])


def style(kind: str, seed: int = 4) -> HairStyle:
    """A random style of one kind."""
    rng = np.random.default_rng(seed)
    while True:
        drawn = random_hair_style(rng, BROWN, 0.9, rng.random())
        if drawn.kind == kind:
            return drawn


def depth_inside_mm(points: np.ndarray) -> np.ndarray:
    """How deep points lie inside the mean head's skin, by trimesh's samples; negative outside."""
    model = load_head()
    skin = trimesh.Trimesh(model.mean_head, outer_skin(model), process=False)
    surface, triangle = trimesh.sample.sample_surface(skin, 60_000, seed=1)
    nearest = cKDTree(surface).query(points)[1]
    away = points - surface[nearest]
    return -np.einsum("nk,nk->n", away, skin.face_normals[triangle[nearest]])


@pytest.mark.parametrize("kind", [kind for kind in HAIR_KINDS if kind != "bald"])
def test_strands_stay_outside_the_head(kind):
    grown = grow_hair(replace(style(kind), curl_mm=0.0), mean_scalp())
    some = np.random.default_rng(0).choice(len(grown.points_head), 400, replace=False)
    points = grown.points_head[some].astype(float)
    points = points[points[:, 1] > -90]  # below, the neck is covered by cloth
    inside = depth_inside_mm(points)
    assert (inside > 1.5).mean() < 0.02
    assert inside.max() < 5


def test_a_bald_head_has_no_strands():
    assert len(grow_hair(style("bald"), mean_scalp()).first) == 1


def test_tied_hair_leaves_the_ears_free_and_long_hair_covers_them():
    model = load_head()
    ear = model.mean_head[model.regions["ears"]]
    low, high = ear.min(axis=0), ear.max(axis=0)

    def covering(kind):
        points = grow_hair(style(kind), mean_scalp()).points_head
        beside = (points[:, 1] > low[1]) & (points[:, 1] < high[1] - 12)
        beside &= (points[:, 2] > low[2] + 8) & (points[:, 2] < high[2])
        return int((beside & (np.abs(points[:, 0]) > 74)).sum())

    assert covering("tied") <= 5
    assert covering("long") > 100


def test_a_fringe_covers_the_forehead_but_not_the_eyes():
    model = load_head()
    eyes = model.keypoints(model.mean_head)[36:48]
    for fringe in (0.0, 58.0):
        cut = replace(style("bob"), fringe_mm=fringe, curl_mm=0.0, hairline_mm=0.0)
        points = grow_hair(cut, mean_scalp()).points_head
        before = points[(points[:, 2] > 60) & (np.abs(points[:, 0]) < 45)]
        forehead = (before[:, 1] > 45) & (before[:, 1] < 75)
        assert (forehead.sum() > 150) == (fringe > 0)
        assert not (before[:, 1] < eyes[:, 1].min() - 8).sum() > 0.02 * len(points)


def test_a_curtain_covers_one_eye_and_leaves_the_other_free():
    model = load_head()
    keypoints = model.keypoints(model.mean_head)
    eyes = np.stack([keypoints[36:42].mean(axis=0), keypoints[42:48].mean(axis=0)])  # x < 0, x > 0
    for part_mm, hidden in ((15.0, 0), (-15.0, 1)):
        cut = replace(style("long"), curtain_mm=200.0, part_mm=part_mm, curl_mm=0.0, fringe_mm=0.0)
        points = grow_hair(cut, mean_scalp()).points_head
        before = points[points[:, 2] > 55]
        near = np.abs(before[:, None, :2] - eyes[:, :2]).max(axis=2) < 14
        counts = near.sum(axis=0)
        assert counts[hidden] > 20 and counts[1 - hidden] < 4
        assert depth_inside_mm(before.astype(float)).max() < 0.01  # roots lie on the skin


def test_few_people_with_long_hair_and_no_others_have_a_curtain():
    rng = np.random.default_rng(3)
    drawn = [random_hair_style(rng, BROWN, 0.3, 1.0) for _ in range(1500)]
    long = [style.curtain_mm > 0 for style in drawn if style.kind in WITH_FRINGE]
    assert 0.05 < np.mean(long) < 0.11
    assert not any(style.curtain_mm for style in drawn if style.kind not in WITH_FRINGE)


def test_a_cap_presses_hair_flat():
    loose = grow_hair(replace(style("short"), curl_mm=0.0), mean_scalp()).points_head
    pressed = grow_hair(replace(style("short"), curl_mm=0.0), mean_scalp(), 12.0).points_head
    distances = [mean_scalp().field.at(p[p[:, 1] > 40])[:, 0].max() for p in (loose, pressed)]
    assert distances[1] < 5 < distances[0]


def test_the_same_seed_grows_the_same_hair_and_another_does_not():
    one, same = (grow_hair(style("bowl"), mean_scalp()).points_head for _ in range(2))
    other = grow_hair(replace(style("bowl"), seed=99), mean_scalp()).points_head
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1


def test_the_hairline_lies_above_the_brows_and_before_the_ears():
    points = np.array([[0, 110, 60.0], [0, 40, 90], [66, -20, 30], [60, 60, 10], [0, -20, -100]])
    np.testing.assert_array_equal(behind_hairline(points) > 0, [True, False, False, True, True])


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="mohawk"):
        HairStyle(kind="mohawk")
