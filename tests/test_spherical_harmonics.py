import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import sph_harm_y

from facelib.synthetic.light import spherical_harmonics as sh

RNG = np.random.default_rng(0)


def unit_vectors(count):
    vectors = RNG.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_basis_is_orthonormal_over_the_sphere():
    i = np.arange(20000) + 0.5
    z, turn = 1 - i / 10000, np.pi * (1 + 5**0.5) * i
    ring = np.sqrt(1 - z * z)
    points = np.column_stack([ring * np.cos(turn), ring * np.sin(turn), z])
    products = sh.basis(points).T @ sh.basis(points) * (4 * np.pi / 20000)
    np.testing.assert_allclose(products, np.eye(9), atol=1e-3)


def test_basis_agrees_with_scipy():
    d = unit_vectors(50)
    polar, turn = np.arccos(d[:, 2]), np.arctan2(d[:, 1], d[:, 0])
    for column, (order, m) in enumerate([(0, 0), (1, -1), (1, 0), (1, 1), (2, -2), (2, -1)]):
        value = sph_harm_y(order, abs(m), polar, turn)
        part = value.real if m == 0 else (value.real if m > 0 else value.imag) * 2**0.5 * (-1) ** m
        np.testing.assert_allclose(sh.basis(d)[:, column], part, atol=1e-6)


def test_constant_light_lights_all_sides_alike():
    light = sh.uniform([0.2, 0.5, 0.9])
    np.testing.assert_allclose(
        sh.irradiance(light, unit_vectors(40)), np.tile([0.2, 0.5, 0.9], (40, 1)), atol=1e-7
    )


def test_a_gradient_keeps_two_thirds_of_its_slope():
    """∫ (a + b·y)(n·ω)₊ dω / π = a + 2/3·b·n_y."""
    light = sh.gradient([0, 1, 0], np.full(3, 1.5), np.full(3, 0.5))
    normals = unit_vectors(30)
    expected = 1.0 + 2 / 3 * 0.5 * normals[:, 1]
    np.testing.assert_allclose(sh.irradiance(light, normals)[:, 0], expected, atol=1e-7)


def test_a_clamped_cosine_is_convolved_as_ramamoorthi_and_hanrahan_found():
    """Orders 0, 1, 2 of (z)₊ are √π/2, √(π/3), √(5π)/8, and lose to 1, 2/3, 1/4."""
    lobe = np.zeros((9, 1))
    lobe[[0, 2, 6], 0] = np.sqrt(np.pi) / 2, np.sqrt(np.pi / 3), np.sqrt(5 * np.pi) / 8
    angle = np.linspace(0, np.pi, 50)
    normals = np.column_stack([np.sin(angle), np.zeros(50), np.cos(angle)])
    # The cosine convolved with itself, in closed form.
    exact = (2 / (3 * np.pi)) * (np.sin(angle) + (np.pi - angle) * np.cos(angle))
    np.testing.assert_allclose(sh.irradiance(lobe, normals)[:, 0], exact, atol=0.02)


@pytest.mark.parametrize("half_angle", [0.3, 1.0, np.pi / 2, np.pi])
def test_a_disc_has_the_energy_of_its_solid_angle(half_angle):
    direction = unit_vectors(1)[0]
    light = sh.disc(direction, half_angle, [1.0, 1.0, 1.0])
    solid_angle = 2 * np.pi * (1 - np.cos(half_angle))
    assert light[0, 0] * np.sqrt(4 * np.pi) == pytest.approx(solid_angle)
    # A disc above the horizon lights a surface that faces it by sin² of its half angle.
    if half_angle <= np.pi / 2:
        found = sh.irradiance(light, direction)[0]
        assert found == pytest.approx(np.sin(half_angle) ** 2, abs=0.05)


def test_rotated_light_comes_from_the_rotated_direction():
    turn = Rotation.random(random_state=1).as_matrix()
    light = RNG.normal(size=(9, 3))
    d = unit_vectors(30)
    np.testing.assert_allclose(
        sh.radiance(sh.rotated(light, turn), d @ turn.T), sh.radiance(light, d), atol=1e-9
    )
