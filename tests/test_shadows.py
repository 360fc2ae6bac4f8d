import numpy as np
import trimesh

from facelib.synthetic.light.occlusion import ambient_occlusion
from facelib.synthetic.light.shadows import shadow_map, visibility


def scene():
    """A ball of radius 30 mm whose middle is 60 mm above a plane."""
    ball = trimesh.creation.icosphere(subdivisions=4, radius=30.0)
    plane = np.array([[-140.0, -140, -60], [140, -140, -60], [140, 140, -60], [-140, 140, -60]])
    triangles = np.concatenate([ball.faces, np.array([[0, 1, 2], [0, 2, 3]]) + len(ball.vertices)])
    return np.concatenate([ball.vertices, plane]), triangles


def seen_light(seen, points):
    """The result of `visibility` at (N, 3) points, mm, eye frame."""
    coordinates = seen.coordinates(points).astype(np.float32)
    return np.array([visibility(seen.nearness, *place) for place in coordinates])


def light_on_plane(direction, points_xy, softness_mm=2.0):
    direction = np.asarray(direction) / np.linalg.norm(direction)
    seen = shadow_map(*scene(), direction, np.zeros(3), softness_mm)
    points = np.column_stack([points_xy, np.full(len(points_xy), -60.0)])
    return seen_light(seen, points)


def test_the_shadow_of_a_ball_falls_where_geometry_says():
    """Light from (1, 0, 2) throws the ball's middle 30 mm to −x; the shadow is 2·30/cos wide."""
    y = np.zeros(4)
    inside = np.column_stack([[-30.0, -5, -55, -30], y])
    outside = np.column_stack([[20.0, 60, -80, 100], y])
    assert light_on_plane((1, 0, 2), inside).max() < 0.02
    assert light_on_plane((1, 0, 2), outside).min() > 0.95


def test_the_shadow_has_the_radius_of_the_ball():
    x = np.linspace(0, 60, 241)
    light = light_on_plane((0, 0, 1), np.column_stack([x, np.zeros(241)]))
    assert abs(x[np.argmax(light > 0.5)] - 30) < 3


def test_a_wider_light_throws_a_softer_edge():
    x = np.column_stack([np.linspace(0, 60, 241), np.zeros(241)])
    edges = [light_on_plane((0, 0, 1), x, softness_mm) for softness_mm in (2.0, 12.0)]
    sharp, soft = (np.ptp(np.flatnonzero((edge > 0.1) & (edge < 0.9))) for edge in edges)
    assert soft > 2 * sharp


def test_nothing_stands_before_the_lit_side():
    vertices, triangles = scene()
    seen = shadow_map(vertices, triangles, np.array([0.0, 0, 1]), np.zeros(3), 2.0)
    top = vertices[vertices[:, 2] > 15]
    assert seen_light(seen, top).min() > 0.9


def test_a_sphere_sees_the_whole_sky():
    ball = trimesh.creation.icosphere(subdivisions=4, radius=100.0)
    assert ambient_occlusion(ball.vertices, ball.faces).min() > 0.97


def test_the_inside_of_a_closed_box_sees_none():
    box = trimesh.creation.box((150, 150, 150)).subdivide().subdivide()
    inward = box.faces[:, ::-1]
    rim = np.abs(box.vertices).max(axis=1) > 74
    middle = rim & ((np.abs(box.vertices) > 74).sum(axis=1) == 1)
    assert ambient_occlusion(box.vertices, inward)[middle].max() < 0.05
    assert ambient_occlusion(box.vertices, box.faces)[middle].min() > 0.95
