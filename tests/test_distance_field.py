"""The distance field against spheres, the cage against movements that are known everywhere."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from facelib.face.headmodel import load_head
from facelib.synthetic.worn.distance_field import BOX, NEAR_MM, build_cage, build_field
from facelib.synthetic.worn.scalp import mean_scalp


def ball(radius: float, count: int = 4000) -> np.ndarray:
    """Unit directions, evenly spread."""
    i = np.arange(count) + 0.5
    height, turn = 1 - 2 * i / count, np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - height**2)
    return radius * np.column_stack([ring * np.cos(turn), height, ring * np.sin(turn)])


def test_the_field_of_a_ball_is_the_distance_from_its_centre():
    surface = ball(80.0)
    field = build_field(surface, surface / 80)
    points = np.random.default_rng(1).uniform(-110, 110, (500, 3))
    far = np.linalg.norm(points, axis=1)
    points, far = points[far > 40], far[far > 40]
    values = field.at(points)
    np.testing.assert_allclose(values[:, 0], far - 80, atol=1.5)
    along = np.einsum("nk,nk->n", values[:, 1:], points / far[:, None])
    assert along.min() > 0.9


@pytest.mark.parametrize("outside_mm", [0.0, 30.0])
def test_the_cage_carries_a_shift_exactly_and_a_slow_stretch_nearly(outside_mm):
    skin = ball(80.0)
    cage = build_cage(skin, np.arange(len(skin)), len(skin))
    asked = ball(80.0 + outside_mm, 200)
    shift = np.tile([3.0, -2.0, 5.0], (len(skin), 1))
    np.testing.assert_allclose(cage.carry(shift).at(asked), shift[:200], atol=1e-4)
    stretched = cage.carry(0.05 * skin).at(asked)
    np.testing.assert_allclose(stretched, 0.05 * ball(80.0, 200), atol=0.6)


def test_carried_skin_stays_on_a_persons_skin():
    model, scalp = load_head(), mean_scalp()
    person = model.vertices(np.random.default_rng(2).standard_normal(60))
    hairy = np.flatnonzero(model.regions["scalp"])
    moved = scalp.cage.carry(person - model.mean_head).at(model.mean_head[hairy])
    error = np.linalg.norm(model.mean_head[hairy] + moved - person[hairy], axis=1)
    assert np.median(error) < 1.0
    assert error.max() < 4.0


def test_signed_distances_are_those_of_another_search():
    rng = np.random.default_rng(4)
    points, normals = rng.uniform(BOX[0], BOX[1], (300, 3)), rng.normal(size=(300, 3))
    field = build_field(points, normals)
    steps = [np.arange(count) * field.step_mm for count in field.values.shape[:3]]
    nodes = BOX[0] + np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    distance, nearest = cKDTree(points).query(nodes)
    height = ((nodes - points[nearest]) * normals[nearest]).sum(axis=-1)
    signed = np.where(distance > NEAR_MM, np.copysign(distance, height), height)
    np.testing.assert_allclose(field.values[..., 0], signed, rtol=1e-6, atol=1e-4)
