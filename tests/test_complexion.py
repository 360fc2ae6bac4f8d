from dataclasses import replace

import numpy as np
import pytest
from skimage.color import rgb2lab

from facelib.face.headmodel import load_head
from facelib.imaging.effects import to_display
from facelib.synthetic.head_pages import head_atlas, head_canvas
from facelib.synthetic.looks.appearance import random_appearance
from facelib.synthetic.looks.complexion import (
    BLOOD,
    MELANIN,
    PALE,
    flexed,
    random_complexion,
    skin_tone,
)
from facelib.synthetic.looks.eyes import CORNEA_MM, EYEBALL_MM, IRIS_MM, corneal_bulge
from facelib.synthetic.looks.relief import CREASES, texel_slopes
from facelib.synthetic.looks.skin_brushes import DyeWeights, SkinMaps, paint_dyes
from facelib.synthetic.looks.skin_paint import paint_person

# Monk's ten tones (2022), as displayed.
MONK = "f6ede4 f3e7db f7ead0 eadaba d7bd96 a07e56 825c43 604134 3a312a 292420".split()
MODEL = load_head()


@pytest.fixture(scope="module")
def canvas():
    return head_canvas(load_head(), 256)


@pytest.fixture
def looks():
    return replace(
        random_appearance(np.random.default_rng(4)),
        beard=0.0,
        lipstick=np.zeros(4),
        eye_shadow=np.zeros(4),
        melanin=0.2,
    )


@pytest.fixture
def skin(looks):
    return random_complexion(np.random.default_rng(5), looks, age_years=30.0)


def lab(linear):
    linear = np.asarray(linear)
    display = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    return rgb2lab(display[None])[0]


def typology_angle(linear):
    lightness, _, yellow = np.moveaxis(lab(linear), -1, 0)
    return np.degrees(np.arctan2(lightness - 50, yellow))


def test_darker_skin_reflects_less_of_every_colour():
    tones = skin_tone(np.linspace(0, 1.2, 40), np.full(40, 0.4))
    assert np.all(np.diff(tones, axis=0) < 0)
    assert 0 < tones.min() and tones.max() < 1


def test_more_blood_is_redder():
    pale, flushed = skin_tone(np.full(2, 0.2), np.array([0.1, 1.0]))
    assert flushed[0] / flushed[1] > 1.2 * pale[0] / pale[1]


def test_tones_come_near_all_but_the_palest_of_the_monk_scale():
    m, b = np.meshgrid(np.linspace(0, 2, 101), np.linspace(0, 1, 21))
    reached = lab(skin_tone(m, b).reshape(-1, 3))
    for tone in MONK[1:]:
        target = rgb2lab(np.array([[[int(tone[i : i + 2], 16) / 255 for i in (0, 2, 4)]]]))[0, 0]
        assert np.linalg.norm(reached - target, axis=1).min() < 9.5


def test_people_fall_into_all_six_classes_of_the_typology_angle():
    """Very light above 55 degrees, light 41, intermediate 28, tan 10, brown −30, dark below.

    Chardon and others (1991); all but the last as in Kinyanjui and others (2019, arXiv:1910.13268).
    """
    rng = np.random.default_rng(1)
    drawn = [random_appearance(rng) for _ in range(600)]
    tones = skin_tone([p.melanin for p in drawn], [0.2 + p.blood for p in drawn])
    counts, _ = np.histogram(typology_angle(tones), [-90, -30, 10, 28, 41, 55, 90])
    assert counts.min() > 0.05 * 600


def test_age_deepens_lines_and_youth_has_hardly_any(looks):
    def depth(age):
        rng = np.random.default_rng(2)
        drawn = [random_complexion(rng, looks, age).creases for _ in range(60)]
        return np.mean(drawn, axis=0)

    young, old = depth(22.0), depth(75.0)
    assert np.all(old > 1.8 * young) and young.max() < 0.2
    assert len(young) == len(CREASES)


def test_age_is_recorded_and_drawn_where_unknown(looks):
    ages = [random_complexion(np.random.default_rng(k), looks).age_years for k in range(80)]
    assert 18 <= min(ages) < 25 and 73 < max(ages) <= 80
    assert random_complexion(np.random.default_rng(0), looks, 44.0).age_years == 44.0


def test_a_smile_deepens_the_folds_beside_the_mouth(skin):
    smiling = flexed(skin, {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.8})
    change = dict(zip(CREASES, smiling.creases - skin.creases, strict=True))
    assert change["nasolabial"] > 0 and change["crows_feet"] > 0 and change["forehead"] == 0


def test_parts_can_be_taken_away_by_name(skin):
    plain = skin.without("creases", "moles", "pores")
    assert not plain.creases.any() and len(plain.moles) == 0 and plain.pores == 0
    assert plain.oil == skin.oil
    with pytest.raises(ValueError, match="wrinkles"):
        skin.without("wrinkles")


def test_painted_skin_has_the_tone_of_its_dyes():
    even = np.full((16, 16), 0.3, np.float32), np.full((16, 16), 0.4, np.float32)
    none, noise = np.zeros((64, 64), np.uint8), np.ones((64, 64), np.int8)
    maps = SkinMaps(none, none, none, noise, noise, none, noise)
    out, relief = np.empty((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    weights = np.ones(len(DyeWeights._fields), np.float32)
    paint_dyes(*even, maps, np.array([3, 5, 7, 9]), weights, out, relief)
    expected = skin_tone(np.float32(0.3), np.float32(0.4))
    np.testing.assert_allclose(out, np.broadcast_to(expected, out.shape), rtol=0.005)
    assert not relief.any()


def test_painting_is_repeatable_in_range_and_changes_with_its_pattern(canvas, looks, skin):
    first, second = paint_person(looks, skin, canvas), paint_person(looks, skin, canvas)
    np.testing.assert_array_equal(first.page, second.page)
    np.testing.assert_array_equal(first.relief, second.relief)
    assert first.page.shape == (320, 256, 3) and first.relief.shape == (320, 256)
    assert first.page.min() >= 0 and first.page.max() <= 1
    other = paint_person(looks, replace(skin, pattern=skin.pattern + 1), canvas)
    assert not np.array_equal(first.page, other.page)


def test_wrinkles_are_valleys_and_smooth_skin_is_flat(canvas, looks, skin):
    flat = paint_person(looks, skin.without("creases", "pores", "moles"), canvas)
    assert not flat.relief[:256].any()
    lined = paint_person(looks, replace(skin, creases=np.full(len(CREASES), 0.5)), canvas)
    assert lined.relief[:256].min() < -0.4


def test_foundation_evens_the_skin(canvas, looks, skin):
    spotted = replace(skin, freckles=0.8, mottle_melanin=0.02, foundation=0.0).without("creases")
    cheek = canvas.atlas.maps["cheeks"] > 0.5
    bare, made_up = (
        paint_person(looks, replace(spotted, foundation=f), canvas)
        .page[:256][cheek]
        .std(axis=0)
        .mean()
        for f in (0.0, 0.8)
    )
    assert made_up < 0.6 * bare


def test_beard_shadow_darkens_the_chin_only(canvas, looks, skin):
    bare, shaven = (
        paint_person(looks, replace(skin, beard_shadow=s), canvas).page[:256] for s in (0.0, 0.4)
    )
    beard, brow = canvas.atlas.maps["beard"] > 0.9, canvas.atlas.position_mm[..., 1] > 60
    assert shaven[beard].mean() < 0.9 * bare[beard].mean()
    np.testing.assert_array_equal(shaven[brow], bare[brow])


def test_pupil_iris_and_white_lie_around_the_eyes_middle(canvas, looks, skin):
    blue = replace(looks, iris=np.array([0.1, 0.2, 0.5]), pupil=0.3)
    page = paint_person(blue, replace(skin, inner_iris=blue.iris), canvas).page[256:, :64]
    radius = canvas.eyes.radius
    assert page[radius < 0.2].max() < 0.02
    iris = page[(radius > 0.45) & (radius < 0.7)].mean(axis=0)
    assert iris[2] > 2 * iris[0]
    white = page[(radius > 1.15) & (radius < 1.3)].mean(axis=0)
    assert white.min() > 0.25
    rim = page[(radius > 0.92) & (radius < 0.97)].mean(axis=0)
    assert np.all(rim[2] < page[(radius > 0.6) & (radius < 0.75)][:, 2].mean())


def test_the_cornea_is_a_cap_of_a_smaller_ball():
    assert corneal_bulge(np.array(IRIS_MM)) == pytest.approx(0, abs=1e-9)
    d = np.array([0.0, 1.0])
    drop = -np.diff(corneal_bulge(d) + np.sqrt(EYEBALL_MM**2 - d**2))
    assert drop == pytest.approx(CORNEA_MM - np.sqrt(CORNEA_MM**2 - 1))


def test_texel_slopes_undo_the_unwrapping():
    """On a plane whose texture is 2 texels a mm, ∇column = (2, 0, 0) and ∇row = (0, −2, 0)."""
    vertices = np.array([[0.0, 0, 5], [10, 0, 5], [0, 10, 5], [10, 10, 5]])
    uv = np.column_stack([2 * vertices[:, 0] / 400, (20 - 2 * vertices[:, 1]) / 500])
    slopes = texel_slopes(vertices, np.array([[0, 1, 2], [1, 3, 2]]), uv, 400)
    np.testing.assert_allclose(slopes, np.tile([2, 0, 0, 0, -2, 0], (4, 1)), atol=1e-5)


def test_dyes_are_the_two_dye_law():
    expected = 0.015 + np.array(PALE) * np.exp(-0.3 * np.array(MELANIN) - 0.2 * np.array(BLOOD))
    np.testing.assert_allclose(skin_tone(np.float64(0.3), np.float64(0.2)), expected)
    assert to_display(expected[None, None].astype(np.float32)).max() < 1
    assert head_atlas(load_head(), 256).size == 256
