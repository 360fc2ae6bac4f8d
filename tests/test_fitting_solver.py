"""The fit's derivatives are those of differences, and scipy finds the same minimum."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import least_squares

from facelib.face.layout import load_layout
from facelib.fitting.cameras import N_CAMERA, project, to_camera
from facelib.fitting.fit import (
    FitSettings,
    fit_head,
    fit_heads,
    pose_problem,
)
from facelib.fitting.noise import SharedNoise
from facelib.fitting.residuals import residuals_of
from facelib.fitting.seen import SeenPoints
from facelib.fitting.trials import random_trial, spread_points

FACE = load_layout().labels["face"] & ~load_layout().labels["membrane"]
SHARED = SharedNoise(share=0.6, reach_mm=25.0)
CAMERA = np.array([0.2, -0.7, 0.1, np.log(1.3), 120.0, 130.0, np.log(600.0)])


def trials(count, noise_mm=0.8, n_points=300, **options):
    rngs = (np.random.default_rng([n_points, number]) for number in range(count))
    return [random_trial(rng, spread_points(n_points), noise_mm, **options) for rng in rngs]


def derivative(function, at):
    """Central differences, (…, len(at))."""
    columns = []
    for number in range(len(at)):
        step = np.zeros(len(at))
        step[number] = 1e-5 * max(1, abs(at[number]))
        columns.append((function(at + step) - function(at - step)) / (2 * step[number]))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("principal_px", [None, np.array([60.0, 150.0])])
def test_derivatives_of_a_camera_are_those_of_differences(principal_px):
    points = np.random.default_rng(0).normal(0, 60, (5, 3))
    _, by_camera, by_point = project(CAMERA, points, principal_px)
    by_difference = derivative(lambda camera: project(camera, points, principal_px)[0], CAMERA)
    np.testing.assert_allclose(by_camera, by_difference, rtol=1e-5, atol=1e-5)
    for number, point in enumerate(points):
        place = derivative(lambda p: project(CAMERA, p[None], principal_px)[0][0], point)
        np.testing.assert_allclose(by_point[number], place, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("principal_px", [None, np.array([60.0, 150.0])])
def test_the_seven_numbers_are_a_camera_of_the_renderer(principal_px):
    points = np.random.default_rng(1).normal(0, 60, (5, 3))
    seen = SeenPoints.at(np.arange(5), points[:, :2], principal_px=principal_px)
    places = to_camera(CAMERA, seen).head_to_image(points)[:, :2]
    np.testing.assert_allclose(project(CAMERA, points, principal_px)[0], places, atol=1e-9)


def as_least_squares(problem, cut):
    """The energy as a sum of plain squares for scipy: r c / √(c² + r²) has the square ρ(r²).

    Derivatives are the fit's own; the test below compares those with differences.
    """
    root, likeliest = np.linalg.cholesky(problem.precision[0]).T, problem.likeliest[0]

    def residuals(unknowns):
        parts = []
        for found in problem.residuals(unknowns[None]):
            off = found.residuals[0]
            parts.append(off * cut / np.sqrt(cut**2 + np.square(off).sum(axis=1)[:, None]))
        return np.concatenate([*map(np.ravel, parts), root @ (unknowns - likeliest)])

    def derivatives(unknowns):
        parts = []
        for slots, found in zip(problem.slots, problem.residuals(unknowns[None]), strict=True):
            off, rows = found.residuals[0], -found.jacobian.reshape(-1, 2, len(slots))
            total = (cut**2 + np.square(off).sum(axis=1))[:, None, None]
            along = off[:, :, None] * np.einsum("ni,nip->np", off, rows)[:, None]
            part = np.zeros((off.size, len(unknowns)))
            part[:, slots] = (cut * (rows / total**0.5 - along / total**1.5)).reshape(off.size, -1)
            parts.append(part)
        return np.concatenate([*parts, root])

    return residuals, derivatives


def test_derivatives_of_a_photo_are_those_of_differences():
    photos = trials(1, n_points=40)[0].photos
    problem = pose_problem([photos], FitSettings(noise=SHARED))
    for photo, slots in zip(problem.photos, problem.slots, strict=True):
        unknowns = np.random.default_rng(2).normal(0, 0.1, len(slots))
        unknowns[:N_CAMERA] = CAMERA

        def residuals(own, photo=photo):
            return residuals_of(photo, own[None]).residuals.ravel()

        by_difference = derivative(residuals, unknowns)
        scale = np.abs(by_difference).max()
        found = -residuals_of(photo, unknowns[None]).jacobian[0]
        np.testing.assert_allclose(found, by_difference, atol=1e-4 * scale)


@pytest.mark.parametrize("noise", [SharedNoise(), SHARED], ids=["own", "shared"])
@pytest.mark.parametrize("cut", [4.0, 1e6], ids=["robust", "squares"])
def test_scipy_finds_the_same_minimum(noise, cut):
    trial, settings = trials(1, n_points=60)[0], FitSettings(noise=noise, cut=cut)
    fit, problem = fit_head(trial.photos, settings), pose_problem([trial.photos], settings)
    start, head = problem.likeliest[0].copy(), slice(-len(fit.coefficients), None)
    start[head] += 0.8 * (fit.coefficients - start[head])
    for slots, camera, expression in zip(
        problem.slots, fit.camera_numbers, fit.expressions, strict=True
    ):
        start[slots[-len(expression) :]] = 0.8 * expression
        start[slots[:N_CAMERA]] = camera + [0.01, 0.01, 0.01, 0.01, 0.5, 0.5, 0.02]
    residuals, derivatives = as_least_squares(problem, settings.cut)
    found = least_squares(residuals, start, derivatives, x_scale="jac", xtol=1e-9, ftol=1e-12)
    off = np.abs(fit.prior.vertices(found.x[head]) - fit.vertices_head)
    assert off[FACE].max() < 0.01  # mm
    for slots, camera in zip(problem.slots, fit.camera_numbers, strict=True):
        np.testing.assert_allclose(found.x[slots[:3]], camera[:3], atol=1e-3)


def test_several_faces_at_once_are_fitted_as_each_alone():
    """The same head to the last bits, whatever else is in the batch, and in any order."""
    faces, settings = [trial.photos for trial in trials(3, n_points=60)], FitSettings(noise=SHARED)
    alone = [fit_head(photos, settings) for photos in faces]
    for order in ([0, 1, 2], [2, 0, 1]):
        together = fit_heads([faces[number] for number in order], settings)
        for number, fit in zip(order, together, strict=True):
            assert_same_fit(fit, alone[number])
    starts = [[fit_head([seen], settings) for seen in photos] for photos in faces]
    for fit, photos, known in zip(fit_heads(faces, settings, starts), faces, starts, strict=True):
        assert_same_fit(fit, fit_head(photos, settings, known))


def test_a_face_without_a_fit_harms_no_other_in_its_batch():
    good, other = (trial.photos for trial in trials(2, n_points=60))
    nowhere = [replace(seen, places_image=1e4 * seen.places_image[::-1] % 1e6) for seen in other]
    alone = fit_head(good)
    for faces, place in (([good, nowhere], 0), ([nowhere, good], 1)):
        found = fit_heads(faces)
        assert_same_fit(found[place], alone)


def assert_same_fit(fit, expected):
    assert fit.n_steps == expected.n_steps
    np.testing.assert_allclose(fit.coefficients, expected.coefficients, atol=1e-6)
    np.testing.assert_allclose(fit.camera_numbers, expected.camera_numbers, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(fit.covariance, expected.covariance, rtol=1e-6, atol=1e-9)
    assert fit.log_evidence == pytest.approx(expected.log_evidence, abs=1e-4)
