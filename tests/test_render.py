import numpy as np
import pytest
from shapes import grid, icosphere

from facelib.geometry import transforms as tf
from facelib.geometry.mesh import Mesh
from facelib.imaging.crop import Crop
from facelib.render.camera import Camera
from facelib.render.rasterize import interpolate
from facelib.render.render import Light, render

WHITE = np.ones(3)
DARK = (0.0, 0.0, 0.0)
POSE = (0.15, -0.4, 0.1)


def cameras():
    middle = (70.0, 55.5)
    return [
        Camera.perspective(POSE, 500.0, 700.0, 160, 120, middle),
        Camera.orthographic(POSE, 1.3, 160, 120, middle),
    ]


@pytest.mark.parametrize("camera", cameras(), ids=["perspective", "orthographic"])
def test_points_come_back_from_the_image(camera):
    points = np.random.default_rng(0).uniform(-100, 100, (20, 3))
    image = camera.head_to_image(points)
    np.testing.assert_allclose(camera.image_to_head(image), points, atol=1e-9)
    np.testing.assert_allclose(camera.head_to_image(np.zeros((1, 3))), [[70.0, 55.5, 0.0]])


@pytest.mark.parametrize("camera", cameras(), ids=["perspective", "orthographic"])
def test_scale_is_px_per_mm_at_the_heads_origin_along_every_axis(camera):
    steps_eye = 1e-3 * np.eye(3)
    moved = camera.head_to_image(steps_eye @ camera.rotation) - camera.head_to_image(
        np.zeros((1, 3))
    )
    expected = camera.scale * 1e-3 * np.diag([1.0, -1.0, 1.0])
    np.testing.assert_allclose(moved, expected, atol=1e-7)


def test_the_camera_agrees_with_equation_4_1():
    camera = cameras()[0]
    points = np.random.default_rng(1).uniform(-100, 100, (20, 3))
    matrix = tf.head_to_image_matrix(
        tf.homogeneous(camera.rotation, camera.translation_eye),
        tf.extended_view(*camera.frustum()),
        tf.viewport(-0.5, camera.width - 0.5, camera.height - 0.5, -0.5, -1, 1),
    )
    ours, thesis = camera.head_to_image(points), tf.transform_points(matrix, points)
    np.testing.assert_allclose(ours[:, :2], thesis[:, :2], atol=1e-9)
    nearest_first = np.argsort(-ours[:, 2])
    np.testing.assert_array_equal(nearest_first, np.argsort(thesis[:, 2]))


def test_turning_the_head_moves_the_nose_on_the_image():
    nose = np.array([[0.0, 0.0, 100.0]])
    for pose, axis, sign in (((0, 0.3, 0), 0, 1), ((0.3, 0, 0), 1, -1)):
        camera = Camera.perspective(pose, 600.0, 600.0)
        assert sign * (camera.head_to_image(nose)[0, axis] - 127.5) > 10


def test_points_behind_the_camera_are_nan_and_cameras_need_a_distance():
    camera = Camera.perspective((0, 0, 0), 100.0, 100.0)
    assert np.isnan(camera.head_to_image(np.array([[0.0, 0, 150]]))).all()
    with pytest.raises(ValueError, match="positive, finite distance"):
        Camera.perspective((0, 0, 0), 0.0, 100.0)
    with pytest.raises(ValueError, match="perspective camera"):
        Camera.orthographic((0, 0, 0), 1.0).frustum()


def sphere_image(lights, **settings):
    """A unit-albedo sphere of 50 px, orthographic, with its normals known in closed form."""
    vertices, triangles = icosphere(5, radius=50.0)
    camera = Camera.orthographic((0.3, 0.5, 0.7), 1.0, 128, 120)
    rendering = render(Mesh(vertices, triangles), camera, lights, **settings)
    row, col = np.mgrid[0:120, 0:128]
    x, y = (col - 63.5) / 50, -(row - 59.5) / 50
    inside = x**2 + y**2 < 0.9
    z = np.sqrt(np.maximum(0, 1 - x**2 - y**2))
    return rendering, np.stack([x, y, z], axis=-1)[inside], inside


def test_a_sphere_is_lit_by_lamberts_law_from_every_light():
    first, second = np.array([1.0, 2, 3]), np.array([-2.0, 0.5, 0.2])
    lights = [Light(first, np.array([0.6, 0.5, 0.4])), Light(second, np.array([0.1, 0.2, 0.3]))]
    rendering, normals, inside = sphere_image(lights, ambient=(0.05, 0.1, 0.15))
    expected = np.array([[0.05, 0.1, 0.15]])
    for light in lights:
        toward = light.direction_eye / np.linalg.norm(light.direction_eye)
        expected = expected + np.maximum(0, normals @ toward)[:, None] * light.color
    np.testing.assert_allclose(rendering.image[inside], expected, atol=0.01)
    assert rendering.image.dtype == np.float32 and rendering.alpha.dtype == np.float32


def test_the_highlight_is_blinns():
    light = Light(np.array([1.0, 1, 1]), 0.7 * WHITE)
    options = {"ambient": DARK, "shininess": 30.0}
    shiny, normals, inside = sphere_image([light], specular=0.4, **options)
    plain, _, _ = sphere_image([light], **options)
    half = np.ones(3) / np.sqrt(3) + [0, 0, 1]
    expected = 0.28 * (normals @ half / np.linalg.norm(half)).clip(0) ** 30
    expected *= normals @ np.ones(3) > 0
    added = (shiny.image - plain.image)[inside]
    np.testing.assert_allclose(added, np.repeat(expected[:, None], 3, 1), atol=0.01)


def facing_square(texture=None, colors=None, n=2):
    vertices, triangles = grid(n)
    uv = np.column_stack([vertices[:, 0], 1 - vertices[:, 1]])
    return Mesh((vertices - [0.5, 0.5, 0]) * 100, triangles, uv, texture, colors)


def test_a_texture_facing_the_camera_at_its_own_size_is_the_image():
    texture = np.random.default_rng(0).random((50, 100, 3)).astype(np.float32)
    square = facing_square(np.repeat(texture, 2, axis=0))  # 100 mm square at 1 px per mm
    camera = Camera.orthographic((0, 0, 0), 1.0, 100, 100)
    image = render(square, camera, [], ambient=(1, 1, 1)).image
    np.testing.assert_allclose(image, square.texture, atol=1e-3)


def test_texture_and_vertex_colours_multiply():
    colors = np.array([[1, 0.5, 0.25]] * 4)
    square = facing_square(np.full((4, 4, 3), 0.5), colors)
    camera = Camera.orthographic((0, 0, 0), 1.0, 60, 60)
    image = render(square, camera, [], ambient=(1, 1, 1)).image
    np.testing.assert_allclose(image, np.broadcast_to([0.5, 0.25, 0.125], (60, 60, 3)), atol=1e-6)


def test_pixels_without_a_mesh_show_the_background():
    vertices, triangles = icosphere(2, radius=20.0)
    camera = Camera.orthographic((0, 0, 0), 1.0, 64, 48)
    photo = np.random.default_rng(0).random((48, 64, 3)).astype(np.float32)
    rendering = render(Mesh(vertices, triangles), camera, [], background=photo)
    outside = rendering.alpha == 0
    np.testing.assert_array_equal(rendering.image[outside], photo[outside])
    np.testing.assert_allclose(rendering.image[~outside], 0.3, atol=1e-6)
    assert not render(Mesh(vertices, triangles), camera, [], ambient=DARK).image.any()


def test_supersampling_gives_the_covered_share_of_a_pixel():
    square = facing_square()
    camera = Camera.orthographic((0, 0, 0), 0.401, 64, 64)  # 40.1 px: edges at 11.45 and 51.55
    rendering = render(square, camera, [], ambient=(1, 1, 1), supersample=10)
    profile = rendering.alpha[32]
    assert rendering.image.shape == (64, 64, 3)
    assert profile[11] == pytest.approx(0.05, abs=0.06) and profile[12:52].min() > 0.9
    assert rendering.alpha.sum() == pytest.approx(40.1**2, rel=0.01)


def test_supersampling_does_not_shift_the_picture():
    vertices, triangles = icosphere(4, radius=40.0)
    camera = Camera.perspective((0, 0, 0), 400.0, 250.0, 64, 64, (30.0, 35.0))
    for supersample in (1, 2, 3):
        alpha = render(Mesh(vertices, triangles), camera, [], supersample=supersample).alpha
        row, col = np.mgrid[0:64, 0:64]
        centroid = [(alpha * col).sum() / alpha.sum(), (alpha * row).sum() / alpha.sum()]
        np.testing.assert_allclose(centroid, [30.0, 35.0], atol=0.1)


def test_fragments_give_every_pixels_own_head_point():
    vertices, triangles = icosphere(4, radius=80.0)
    camera = Camera.perspective(POSE, 450.0, 500.0, 128, 128)
    rendering = render(Mesh(vertices, triangles), camera, [])
    seen = interpolate(rendering.fragments, triangles, vertices)
    row, col = np.nonzero(rendering.alpha)
    back = camera.head_to_image(seen[row, col])
    np.testing.assert_allclose(back[:, 0], col, atol=1e-3)
    np.testing.assert_allclose(back[:, 1], row, atol=1e-3)
    np.testing.assert_allclose(back[:, 2], rendering.depth[row, col], atol=1e-2)


def test_input_is_left_alone_and_what_does_not_fit_is_named():
    square, camera = facing_square(), Camera.orthographic((0, 0, 0), 1.0, 32, 24)
    background = np.full((24, 32, 3), 0.5, np.float32)
    render(square, camera, [Light(WHITE, WHITE)], background=background, supersample=2)
    assert (background == 0.5).all()
    for settings, message in (
        ({"background": np.zeros((32, 24, 3))}, "expected a background"),
        ({"normals": np.zeros((3, 3))}, r"expected normals \(4, 3\), got \(3, 3\)"),
        ({"specular": np.zeros(3)}, r"expected specular \(\) or \(4,\)"),
        ({"ambient": 0.3}, r"expected ambient \(3,\)"),
        ({"supersample": 0}, "at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            render(square, camera, [], **settings)
    with pytest.raises(ValueError, match="light direction"):
        render(square, camera, [Light(np.zeros(3), WHITE)])


def test_a_cropped_camera_sees_the_crop_of_the_image():
    camera = Camera.perspective((0.1, 0.2, 0.3), 700, 900, 300, 200, (140.0, 90.0))
    crop = Crop((120.0, 95.0), 130.0, 64)
    points = np.random.default_rng(0).normal(0, 60, (20, 3))
    expected = crop.image_to_crop(camera.head_to_image(points))
    np.testing.assert_allclose(camera.cropped(crop).head_to_image(points), expected)
    again = camera.cropped(crop).uncropped(crop, camera.width, camera.height)
    np.testing.assert_allclose(again.head_to_image(points), camera.head_to_image(points))
