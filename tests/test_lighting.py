import numpy as np
import pytest
from skimage.color import xyz2rgb

from facelib.render.render import Light
from facelib.synthetic.light import spherical_harmonics as sh
from facelib.synthetic.light.lighting import PLACES, kelvin_color, plain_lighting, random_lighting


def planckian_rgb(kelvin):
    """Linear RGB of a black body by Kang and others' cubics for its chromaticity (2002).

    B. Kang, O. Moon, C. Hong, H. Lee, B. Cho, Y. Kim: Design of advanced color temperature control
    system for HDTV applications, J. Korean Phys. Soc. 41(6), 865-871; as in the package colour's
    CCT_to_xy_Kang2002. Good from 1667 to 25,000 K; below 2222 K y has another cubic.
    """
    t = 1e3 / kelvin
    if kelvin < 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    display = xyz2rgb(np.array([[[0.2 * x / y, 0.2, 0.2 * (1 - x - y) / y]]]))[0, 0]
    linear = np.where(display > 0.04045, ((display + 0.055) / 1.055) ** 2.4, display / 12.92)
    return linear / linear[1]


@pytest.mark.parametrize("kelvin", [2700, 3500, 4500, 5500, 8000, 12000])
def test_warm_and_cold_light_have_the_colour_of_a_black_body(kelvin):
    expected = planckian_rgb(kelvin) / planckian_rgb(6500)
    np.testing.assert_allclose(kelvin_color(kelvin), expected, rtol=0.2)


def test_warmer_light_is_redder():
    ratio = [np.divide(*kelvin_color(k)[[0, 2]]) for k in np.linspace(2700, 12000, 30)]
    assert np.all(np.diff(ratio) < 0)


def test_places_have_one_to_three_lights_and_light_from_around():
    rng = np.random.default_rng(0)
    drawn = [random_lighting(rng) for _ in range(300)]
    assert {lighting.place for lighting in drawn} == set(PLACES)
    for lighting in drawn:
        assert 1 <= len(lighting.lights) <= 3
        assert min(lighting.ambient) > 0 and lighting.softness_mm > 0
        assert lighting.white[1] == pytest.approx(1)
        for light in lighting.lights:
            assert np.linalg.norm(light.direction_eye) == pytest.approx(1)


def test_most_faces_are_lit_from_before_and_none_is_left_dark():
    rng = np.random.default_rng(1)
    front = []
    for _ in range(200):
        lighting = random_lighting(rng)
        light = sh.irradiance(lighting.environment, np.array([0.0, 0, 1]))
        for lamp in lighting.lights:
            light = light + max(lamp.direction_eye[2], 0) * lamp.color
        front.append(light.mean())
    assert min(front) > 0.05 and 0.4 < np.median(front) < 1.5


def test_plain_light_is_the_same_from_everywhere():
    lighting = plain_lighting([Light(np.array([0, 0, 1.0]), np.ones(3))], (0.2, 0.3, 0.4))
    np.testing.assert_allclose(
        sh.irradiance(lighting.environment, np.eye(3)), np.tile([0.2, 0.3, 0.4], (3, 1))
    )
    assert lighting.ambient == pytest.approx((0.2, 0.3, 0.4)) and lighting.softness_mm == 0
