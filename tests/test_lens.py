import numpy as np
import pytest

from facelib.render.camera import Camera
from facelib.synthetic.light.lens import FOCAL_MM, framing_lens, random_lens


def seen(lens, points, width=900):
    camera = Camera.perspective((0, 0, 0), lens.distance_mm, lens.focal_px(width), width, width)
    return camera.head_to_image(points)


def test_every_pair_frames_the_face_alike():
    cheeks = np.array([[-70.0, 0, 0], [70.0, 0, 0]])
    widths = [np.ptp(seen(framing_lens(f, 500.0), cheeks)[:, 0]) for f in (28, 50, 85, 200)]
    np.testing.assert_allclose(widths, 140 / 500 * 900, rtol=1e-9)


def test_near_wide_lenses_enlarge_the_nose():
    nose = np.array([[-15.0, 0, 100], [15.0, 0, 100]])
    wide, tele = (np.ptp(seen(framing_lens(f, 500.0), nose)[:, 0]) for f in (28, 200))
    distance = 500 * 28 / 36
    assert wide == pytest.approx(30 / 500 * 900 * distance / (distance - 100))
    assert wide > 1.25 * tele


def test_drawn_lenses_keep_their_ranges():
    rng = np.random.default_rng(0)
    drawn = [random_lens(rng) for _ in range(500)]
    focal = [lens.focal_mm for lens in drawn]
    assert FOCAL_MM[0] <= min(focal) < 32 and 180 < max(focal) <= FOCAL_MM[1]
    assert min(lens.distance_mm for lens in drawn) >= 299.9
    assert all(379 < lens.field_mm < 1401 for lens in drawn)


def test_lengths_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="positive lengths, got 0 and 500"):
        framing_lens(0, 500)
