from dataclasses import replace

import numpy as np
import pytest

from facelib.face.headmodel import load_head
from facelib.imaging.effects import to_display, to_linear
from facelib.synthetic.head_pages import head_atlas
from facelib.synthetic.looks.appearance import random_appearance
from facelib.synthetic.looks.atlas import SHIRT_UV, SKIN_SHARE, build_atlas
from facelib.synthetic.looks.brushes import (
    PLAIN_BLOOD,
    PLAIN_MELANIN,
    PLAIN_PALE,
    dye_page,
    plain_skin_color,
)
from facelib.synthetic.looks.plain_paint import paint_page

MODEL = load_head()


@pytest.fixture(scope="module")
def atlas():
    return head_atlas(MODEL, 256)


@pytest.fixture
def person():
    return random_appearance(np.random.default_rng(4))


def texel(atlas, vertex):
    """Row and column of the texel nearest to a vertex of the skin."""
    u, v = atlas.uv[vertex]
    return int(v / SKIN_SHARE * atlas.size), int(u * atlas.size)


def test_every_vertex_has_a_place_on_the_page(atlas):
    assert atlas.uv.shape == (len(MODEL.mean_head), 2)
    assert atlas.uv.min() >= 0 and atlas.uv.max() <= 1


def test_skin_and_loose_parts_do_not_share_texels(atlas):
    loose = MODEL.regions["eyeballs"] | MODEL.regions["teeth"] | MODEL.regions["tongue"]
    assert atlas.uv[loose, 1].min() > SKIN_SHARE
    assert atlas.uv[~loose, 1].max() <= SKIN_SHARE + 1e-6


def test_texels_know_their_point_on_the_face(atlas):
    face = np.flatnonzero(MODEL.regions["face"] | MODEL.regions["nose"])
    found = np.array([atlas.position_mm[texel(atlas, vertex)] for vertex in face])
    error_mm = np.linalg.norm(found - MODEL.mean_head[face], axis=1)
    assert np.median(error_mm) < 0.5
    # At lips and nostrils the unfolding overlaps, and a texel can serve one of two points only.
    assert np.mean(error_mm < 2) > 0.9


def test_the_page_is_nearly_symmetric(atlas):
    for name in ("lips", "cheeks", "bags", "beard"):
        np.testing.assert_allclose(
            atlas.maps[name].mean(0), atlas.maps[name].mean(0)[::-1], atol=0.03
        )


def test_nostrils_and_mouth_get_less_light_than_the_brow(atlas):
    forehead = MODEL.regions["face"] & (MODEL.mean_head[:, 1] > 70)
    assert atlas.shade[forehead].mean() > 0.9
    assert atlas.shade[MODEL.regions["mouth_cavity"]].max() < 0.3


def test_skin_color_is_the_two_dye_law():
    np.testing.assert_allclose(
        plain_skin_color(np.float32(0), np.float32(0)), PLAIN_PALE, rtol=1e-6
    )
    expected = PLAIN_PALE * np.exp(-0.3 * PLAIN_MELANIN - 0.2 * PLAIN_BLOOD)
    np.testing.assert_allclose(
        plain_skin_color(np.float32(0.3), np.float32(0.2)), expected, rtol=1e-5
    )


def test_plain_skin_stays_plain_when_enlarged():
    smooth = np.tile(PLAIN_PALE, (8, 8, 1))
    nothing, out = np.zeros((16, 16), np.float32), np.empty((16, 16, 3), np.float32)
    dye_page(smooth, nothing, nothing, nothing, np.ones(4, np.float32), out)
    np.testing.assert_allclose(out, np.tile(PLAIN_PALE, (16, 16, 1)), rtol=1e-6)


def test_enlarging_skin_follows_a_ramp():
    ramp = np.arange(8, dtype=np.float32) / 10
    smooth = np.ascontiguousarray(np.broadcast_to(ramp[None, :, None], (8, 8, 3)))
    nothing, out = np.zeros((16, 16), np.float32), np.empty((16, 16, 3), np.float32)
    dye_page(smooth, nothing, nothing, nothing, np.zeros(4, np.float32), out)
    centres = (np.arange(16) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(out[5, :, 0], np.interp(centres, np.arange(8), ramp), atol=1e-6)


def test_paint_is_repeatable_and_in_range(atlas, person):
    first, second = paint_page(person, atlas), paint_page(person, atlas)
    np.testing.assert_array_equal(first, second)
    assert first.shape == (320, 256, 3) and first.dtype == np.float32
    assert np.isfinite(first).all() and first.min() >= 0 and first.max() <= 1


def test_melanin_darkens_and_lips_are_redder_than_the_cheek(atlas, person):
    pale = replace(person, melanin=0.1, beard=0.0, lipstick=np.zeros(4))
    skin = atlas.maps["cheeks"] > 0.7
    light, dark = paint_page(pale, atlas)[:256], paint_page(replace(pale, melanin=0.9), atlas)[:256]
    assert dark[skin].mean() < 0.4 * light[skin].mean()
    lips = light[atlas.maps["lips"] > 0.9].mean(0)
    cheek = light[skin].mean(0)
    assert lips[0] / lips[1] > cheek[0] / cheek[1]


def test_the_iris_has_its_colour_and_the_pupil_is_black(atlas, person):
    page = paint_page(replace(person, iris=np.array([0.1, 0.2, 0.9]), pupil=0.3), atlas)
    row, column = round(0.9 * 320), round(256 / 8)
    assert page[row, column].max() < 0.02
    assert page[row, column + 6, 2] > 3 * page[row, column + 6, 0]


def test_the_shirt_spot_shows_the_garment(atlas, person):
    page = paint_page(replace(person, garment=np.array([0.2, 0.4, 0.6])), atlas)
    spot = page[int(SHIRT_UV[1] * 320), int(SHIRT_UV[0] * 256)]
    np.testing.assert_allclose(spot, [0.2, 0.4, 0.6], rtol=1e-5)


def test_display_and_linear_undo_each_other():
    light = np.random.default_rng(0).random((9, 7, 3), np.float32)
    np.testing.assert_allclose(to_linear(to_display(light)), light, atol=2e-3)
    assert to_display(light, exposure=1.5).mean() > to_display(light).mean()


def test_a_page_size_that_does_not_divide_is_refused():
    keypoints = MODEL.keypoints(MODEL.mean_head)
    with pytest.raises(ValueError, match="multiple of 8, got 100"):
        build_atlas(MODEL.mean_head, MODEL.triangles, MODEL.uv, MODEL.regions, keypoints, size=100)
