from dataclasses import replace

import numpy as np
import pytest
import trimesh

from facelib.geometry.mesh import Mesh
from facelib.render.camera import Camera
from facelib.render.render import Light
from facelib.synthetic.light import spherical_harmonics as sh
from facelib.synthetic.light.lighting import Lighting
from facelib.synthetic.light.material_shading import light_from_around
from facelib.synthetic.light.radiance import Surface, polynomial, render_radiance

CAMERA = Camera.orthographic((0, 0, 0), 0.5, 65, 65)
AHEAD = Light(np.array([0.0, 0, 1]), np.full(3, 0.7))


def ball(color=(0.4, 0.3, 0.2), gloss=0.0, scatter=0.0, openness=1.0):
    shape = trimesh.creation.icosphere(subdivisions=4, radius=50.0)
    vertices = np.array(shape.vertices)
    count = len(vertices)
    page = np.tile(np.float32(color), (8, 8, 1))
    mesh = Mesh(vertices, shape.faces, np.full((count, 2), 0.5), page)
    surface = Surface(
        vertices / 50,
        np.full(count, openness, np.float32),
        np.full(count, gloss, np.float32),
        np.full(count, 0.3, np.float32),
        np.full(count, scatter, np.float32),
        np.zeros((count, 6), np.float32),
        None,
        np.zeros(len(shape.faces), bool),
    )
    return mesh, surface


def lit(environment=(0.0, 0.0, 0.0), lights=(), softness_mm=0.0):
    around = np.asarray(environment)
    around = sh.uniform(around) if around.shape == (3,) else around
    return Lighting("test", around, tuple(lights), softness_mm, np.ones(3))


def test_even_light_shows_the_colour_itself():
    image = render_radiance(*ball(), CAMERA, lit((1.0, 1.0, 1.0))).image
    np.testing.assert_allclose(image[32, 20:45], np.tile([0.4, 0.3, 0.2], (25, 1)), rtol=1e-3)


def test_a_lamp_lights_by_the_cosine():
    image = render_radiance(*ball(), CAMERA, lit(lights=[AHEAD])).image[32, :, 0]
    x = (np.arange(65) - 32) / 25  # on the unit ball
    inside = np.abs(x) < 0.9
    expected = 0.4 * 0.7 * np.sqrt(1 - x[inside] ** 2)
    np.testing.assert_allclose(image[inside], expected, atol=0.006)


def test_an_environment_lights_as_its_irradiance_says():
    around = sh.gradient(np.array([0, 1.0, 0]), np.ones(3), np.zeros(3))
    image = render_radiance(*ball((1, 1, 1)), CAMERA, lit(around)).image
    rows = np.arange(12, 53)
    y = (32 - rows) / 25
    normals = np.column_stack([np.zeros_like(y), y, np.sqrt(1 - y**2)])
    np.testing.assert_allclose(image[rows, 32], sh.irradiance(around, normals), atol=0.01)


def test_light_from_around_is_the_irradiance_where_that_is_above_0():
    rng = np.random.default_rng(2)
    normals = rng.normal(size=(60, 3))
    normals = (normals / np.linalg.norm(normals, axis=1, keepdims=True)).astype(np.float32)
    around = rng.normal(size=(9, 3))
    expected = np.maximum(sh.irradiance(around, normals), 0)
    found = light_from_around(polynomial(around, sh.COSINE), normals)
    assert (expected == 0).any()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_shade_takes_light_from_around_but_lets_colour_bleed():
    open_, closed = (
        render_radiance(*ball((0.6, 0.3, 0.1), openness=o), CAMERA, lit((1.0, 1.0, 1.0))).image[
            32, 32
        ]
        for o in (1.0, 0.5)
    )
    share = closed / open_
    assert np.all(share > 0.5) and share[0] > share[1] > share[2] and share[0] < 0.7


def test_light_creeps_past_the_terminator_of_skin_and_reddens_it():
    side = Light(np.array([1.0, 0, 0]), np.ones(3))
    skin = render_radiance(*ball((0.5, 0.5, 0.5), scatter=1.0), CAMERA, lit(lights=[side])).image
    stone = render_radiance(*ball((0.5, 0.5, 0.5)), CAMERA, lit(lights=[side])).image
    dark = skin[32, 31]  # just beyond the terminator
    assert dark[0] > dark[1] > dark[2] and stone[32, 31].max() < 1e-3


def test_the_highlight_lies_where_the_half_vector_is_the_normal():
    light = Light(np.array([1.0, 0, 1.0]) / np.sqrt(2), np.ones(3))
    glossy = render_radiance(*ball((0, 0, 0), gloss=1.0), CAMERA, lit(lights=[light])).image[..., 1]
    row, column = np.unravel_index(glossy.argmax(), glossy.shape)
    assert row == pytest.approx(32, abs=1)
    # A sphere point's normal: sin of the half angle, 22.5 degrees; the facing term pulls outward.
    assert (column - 32) / 25 == pytest.approx(np.sin(np.pi / 8), abs=0.1)


def test_a_raised_bump_is_lit_on_its_side_toward_the_lamp():
    count = 33
    axis = np.linspace(-50, 50, count)
    x, y = np.meshgrid(axis, -axis)
    vertices = np.column_stack([x.ravel(), y.ravel(), np.zeros(count**2)])
    grid = np.arange(count**2).reshape(count, count)
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    faces = [np.stack([a, b, c], -1), np.stack([a, c, d], -1)]
    triangles = np.concatenate([f.reshape(-1, 3) for f in faces])
    uv = np.column_stack([(x.ravel() + 50) / 100, (50 - y.ravel()) / 100])
    texel = np.arange(100)
    hill = 4 * np.exp(-((texel - 49.5) ** 2 + (texel[:, None] - 49.5) ** 2) / 200)
    mesh = Mesh(vertices, triangles, uv, np.ones((100, 100, 3), np.float32))
    n = count**2
    ones, zeros = np.ones(n, np.float32), np.zeros(n, np.float32)
    slopes = np.tile(np.float32([1, 0, 0, 0, -1, 0]), (n, 1))  # one texel a mm
    flat = Surface(
        np.tile([0.0, 0, 1], (n, 1)),
        ones,
        zeros,
        ones,
        zeros,
        slopes,
        None,
        np.zeros(len(triangles), bool),
    )
    light = Light(np.array([0.6, 0, 0.8]), np.ones(3))
    image = render_radiance(
        mesh, replace(flat, relief=hill.astype(np.float32)), CAMERA, lit(lights=[light])
    ).image[..., 0]
    plain = render_radiance(mesh, flat, CAMERA, lit(lights=[light])).image[32, 32, 0]
    assert plain == pytest.approx(0.8, abs=1e-3)
    # In closed form: the normal of the height field, not of the flat square.
    column = 37
    texel_x = (column - 32) / 0.5
    slope = -texel_x / 100 * 4 * np.exp(-(texel_x**2) / 200)
    expected = (-slope * 0.6 + 0.8) / np.hypot(slope, 1)
    assert image[32, column] == pytest.approx(expected, abs=0.01)
    assert image[32, 37] > plain > image[32, 27]


def test_a_ball_shades_what_stands_behind_it():
    shade = render_radiance(*ball(), CAMERA, lit(lights=[AHEAD], softness_mm=4.0)).image[32, 32, 0]
    plain = render_radiance(*ball(), CAMERA, lit(lights=[AHEAD])).image[32, 32, 0]
    assert shade == pytest.approx(plain, rel=0.05)  # the lit side does not shade itself


def test_fine_grids_are_averaged_and_mismatches_refused():
    mesh, surface = ball()
    coarse = render_radiance(mesh, surface, CAMERA, lit((1.0, 1.0, 1.0)), supersample=2)
    assert coarse.image.shape == (65, 65, 3)
    edge = coarse.alpha[(coarse.alpha > 0) & (coarse.alpha < 1)]
    assert len(edge) > 20
    with pytest.raises(ValueError, match="normals"):
        render_radiance(mesh, replace(surface, normals_head=np.zeros((3, 3))), CAMERA, lit())
