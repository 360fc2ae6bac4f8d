"""Ribbons: width, depth, soft edges and labels against closed forms."""

import numpy as np
import pytest

from facelib.geometry.mesh import Mesh
from facelib.pairs.labels import NUMBER_OF
from facelib.render.camera import Camera
from facelib.render.render import Light, render
from facelib.synthetic.worn.ribbons import Ribbons, draw_ribbons, even_lines, join

CAMERA = Camera.orthographic((0, 0, 0), 1.0, 64, 48)
LIGHT = [Light(np.array([0, 0, 1.0]), np.ones(3))]


def wire(y_mm: float, z_mm: float, half_mm: float, color=(1.0, 1.0, 1.0), label="glasses"):
    """A level wire across the image."""
    points = np.array([[[-25.0, y_mm, z_mm], [0, y_mm, z_mm], [25, y_mm, z_mm]]])
    return even_lines(points, half_mm, [0, 0, 1.0], color, 0.0, 0, label)


def photo(z_mm: float | None = None):
    """An empty photo, or one filled with a plane at this depth."""
    corners = np.array([[-90, -90, z_mm or 0], [90, -90, z_mm or 0], [0, 150, z_mm or 0]])
    triangles = np.array([[0, 1, 2]]) if z_mm is not None else np.zeros((0, 3), int)
    return render(Mesh(corners, triangles), CAMERA, LIGHT)


def test_a_wire_covers_length_times_width():
    drawn = draw_ribbons(photo(), CAMERA, wire(0.2, 0.0, 3.0), LIGHT, (0.2, 0.2, 0.2))
    assert drawn.share.sum() == pytest.approx(50 * 6, rel=0.05)
    np.testing.assert_array_equal(drawn.alpha, drawn.share)


def test_a_ribbon_is_hidden_by_what_lies_before_it_and_hides_what_lies_behind():
    behind = draw_ribbons(photo(10.0), CAMERA, wire(0, 0.0, 3.0), LIGHT, (0.2, 0.2, 0.2))
    before = draw_ribbons(photo(10.0), CAMERA, wire(0, 20.0, 3.0), LIGHT, (0.2, 0.2, 0.2))
    assert behind.share.max() == 0
    np.testing.assert_array_equal(behind.image, photo(10.0).image)
    assert before.share[24, 32] == 1


@pytest.mark.parametrize("turned", [False, True])
def test_the_nearer_of_two_ribbons_wins_in_any_order(turned):
    parts = [wire(0, 0.0, 3.0, (1, 0, 0), "hair"), wire(0, 9.0, 3.0, (0, 1, 0), "beard")]
    drawn = draw_ribbons(photo(), CAMERA, join(parts[::-1] if turned else parts), LIGHT, (1, 1, 1))
    assert drawn.label[24, 32] == NUMBER_OF["beard"]
    assert drawn.image[24, 32, 1] > drawn.image[24, 32, 0]
    assert drawn.depth[24, 32] == pytest.approx(9 + 3, abs=0.5)  # a wire is round


def test_a_photo_without_ribbons_stays_as_it_is():
    drawn = draw_ribbons(photo(0.0), CAMERA, join([]), LIGHT, (0.2, 0.2, 0.2))
    np.testing.assert_array_equal(drawn.image, photo(0.0).image)
    assert not drawn.label.any()


def test_light_at_every_point_and_the_same_light_everywhere_agree():
    ribbons = wire(0, 0, 3.0, (0.4, 0.3, 0.2))
    everywhere = draw_ribbons(photo(), CAMERA, ribbons, LIGHT, (0.1, 0.2, 0.3))
    each = np.tile([0.1, 0.2, 0.3], (len(ribbons.points_head), 1))
    np.testing.assert_array_equal(
        everywhere.image, draw_ribbons(photo(), CAMERA, ribbons, LIGHT, each).image
    )


def test_arrays_that_do_not_fit_are_refused():
    good = wire(0, 0, 1.0)
    with pytest.raises(ValueError, match="half_width_mm"):
        Ribbons(
            good.points_head,
            good.first,
            good.half_width_mm[:2],
            good.normals_head,
            good.albedo,
            good.gloss,
            good.hairs,
            good.label,
        )
