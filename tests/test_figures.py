"""Interactive meshes: the views for notebook and book, and the still image of each."""

import io
import re
import zlib
from base64 import b64decode

import msgpack
import numpy as np
import pytest
import trimesh
from PIL import Image

from facelib.geometry.mesh import Mesh
from facelib.show import figures
from facelib.show.still import HEIGHT_PX, WIDTH_PX, camera_looking


@pytest.fixture
def ball() -> Mesh:
    sphere = trimesh.creation.icosphere(subdivisions=2, radius=80.0)
    return Mesh(sphere.vertices, sphere.faces)


def scene_of(view: figures.MeshView) -> dict:
    data = re.search('data-scene="([^"]+)"', view.to_html())[1]
    return msgpack.unpackb(zlib.decompress(b64decode(data)))


def still_of(view: figures.MeshView) -> np.ndarray:
    picture = Image.open(io.BytesIO(view.still)).convert("RGBA")
    on_white = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.asarray(on_white.convert("RGB")).astype(int)


def test_one_output_holds_the_live_view_and_the_book_view(ball: Mesh) -> None:
    bundle = figures.show_mesh(ball, alt='A "ball".')._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert 'alt="A &quot;ball&quot;."' in bundle["text/html"]
    assert "http" not in bundle["text/html"]


def test_the_snapshot_holds_every_mesh_and_the_points(ball: Mesh) -> None:
    row = figures.side_by_side([ball, ball, ball], gap=10)
    scene = scene_of(figures.show_mesh(row, alt="Balls.", points=ball.vertices[:5]))
    kinds = [one["type"] for one in scene["objects"]]
    assert kinds == ["Mesh", "Mesh", "Mesh", "Points"]
    assert all(scene["plot"]["axes"])


def test_the_still_image_shows_a_ball_as_a_round_disc(ball: Mesh) -> None:
    drawn = (still_of(figures.show_mesh(ball, alt="A ball.")) < 245).any(axis=2)
    rows, columns = np.nonzero(drawn)
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 6
    assert drawn.sum() == pytest.approx(np.pi / 4 * np.ptp(rows) ** 2, rel=0.05)


def test_the_still_image_is_transparent_around_the_meshes(ball: Mesh) -> None:
    alpha = np.asarray(Image.open(io.BytesIO(figures.show_mesh(ball, alt="A ball.").still)))[..., 3]
    assert alpha[0, 0] == 0 and alpha[len(alpha) // 2, len(alpha) // 2] == 255


@pytest.mark.parametrize("count", [1, 6])
def test_the_still_image_shows_all_of_a_row_and_little_around_it(ball: Mesh, count: int) -> None:
    view = figures.StartView(yaw=0.0, pitch=0.0)
    row = figures.side_by_side([ball] * count, gap=0)
    picture = Image.open(io.BytesIO(figures.show_mesh(row, alt="Balls.", view=view).still))
    assert picture.width / picture.height == pytest.approx(count, rel=0.1)
    assert max(picture.width / WIDTH_PX, picture.height / HEIGHT_PX) == pytest.approx(0.9, abs=0.06)


def test_the_target_is_projected_onto_the_middle() -> None:
    eye, target, up = np.array([[30.0, 20.0, 500.0], [3.0, 4.0, 5.0], [0.0, 1.0, 0.0]])
    middle = camera_looking(eye, target, up).head_to_image(target[None])[0]
    np.testing.assert_allclose(middle[:2], [(WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2])


def test_up_is_up_in_the_head_frame_and_y_down_is_kept_in_the_image_frame(ball: Mesh) -> None:
    high = ball.vertices[:, 1:2] > 0
    red_above = Mesh(ball.vertices, ball.triangles, colors=np.where(high, [1, 0, 0], [0, 0, 1]))
    head = still_of(figures.show_mesh(red_above, alt="Red above."))
    image = still_of(figures.show_mesh(red_above, alt="Red below.", frame="image"))
    row, middle = len(head) // 3, len(head) // 2
    assert head[row, middle].argmax() == 0
    assert image[row, middle].argmax() == 2


def test_a_coloured_mesh_has_a_bar_with_its_ends_and_unit_and_a_plain_one_has_none(
    ball: Mesh,
) -> None:
    values = np.linspace(0.25, 2, len(ball.vertices))
    bar = re.search(
        '<div class="mesh-legend">(.*)</div>',
        figures.show_mesh(ball, alt="A ball.", values=values, values_unit="px").to_html(),
    )[1]
    assert re.sub("<[^>]*>", "", bar).split() == ["0.25", "2", "px"]
    assert "#440154" in bar and "#fde725" in bar  # both ends of viridis
    assert "mesh-legend" not in figures.show_mesh(ball, alt="A ball.").to_html()


def test_side_by_side_leaves_the_gap_and_its_arguments_alone(ball: Mesh) -> None:
    before = ball.vertices.copy()
    left, right = figures.side_by_side([ball, ball], gap=20)
    gap = right.vertices[:, 0].min() - left.vertices[:, 0].max()
    assert gap == pytest.approx(20, abs=1e-3)
    np.testing.assert_array_equal(ball.vertices, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alt": " "}, "alt"),
        ({"alt": "x", "frame": "screen"}, "head, eye, image"),
        ({"alt": "x", "values": np.zeros(3)}, "shape"),
    ],
)
def test_mistakes_are_named(ball: Mesh, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figures.show_mesh(ball, **options)


def test_a_position_map_has_a_colour_bar_for_each_channel() -> None:
    figure = figures.draw_position_map(np.zeros((8, 8, 3)), np.ones((8, 8), bool), unit="mm")
    labels = [axis.get_ylabel() for axis in figure.axes]
    assert [f"{name} [mm]" for name in "xyz"] == [label for label in labels if "mm" in label]


def test_texture_coordinates_reach_the_scene_with_v_down(ball: Mesh) -> None:
    uv = np.random.default_rng(0).random((len(ball.vertices), 2), dtype=np.float32)
    mesh = Mesh(ball.vertices, ball.triangles, uv, np.ones((4, 4, 3)))
    stored = scene_of(figures.show_mesh(mesh, alt="A ball."))["objects"][0]["uvs"]
    np.testing.assert_array_equal(np.frombuffer(stored["data"], stored["dtype"]), uv.ravel())


def test_steps_are_drawn_one_a_panel_and_the_last_with_y_down() -> None:
    points = np.random.default_rng(0).uniform(0, 90, (20, 3))
    figure = figures.draw_steps({"a": points, "b": 2 * points, "c": points}, 100, 2)
    first, second, third = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["a", "b", "c"]
    assert not first.patches and len(second.patches) == len(third.patches) == 1
    assert not second.yaxis_inverted() and third.yaxis_inverted()
