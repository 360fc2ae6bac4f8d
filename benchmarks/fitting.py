"""Time the fit of one head to points in two photos, with scipy's least_squares as the baseline.

Both get the same start and the same analytic derivatives. For the comparison all points have
plain squared costs, which scipy minimises best. Processor time of one core; medians.

    OMP_NUM_THREADS=1 python benchmarks/fitting.py
"""

import numpy as np
from scipy.optimize import least_squares
from timing import milliseconds

from facelib.fitting.cameras import N_CAMERA
from facelib.fitting.fit import FitSettings, agreement, fit_head, pose_problem
from facelib.fitting.noise import SharedNoise
from facelib.fitting.solve import Problem, minimise
from facelib.fitting.trials import random_trial, spread_points

TARGET_MS = 60.0
REPEATS = 15
NOISE_MM = 0.8
SQUARES = 1e6  # standard deviations: no outliers
SHARED = SharedNoise(share=0.6, reach_mm=25.0)


def scipy_minimum(problem: Problem, start: np.ndarray) -> float:
    root = np.linalg.cholesky(problem.precision[0]).T

    def residuals(unknowns):
        own = [term.look(unknowns[None]).residuals.ravel() for term in problem.terms]
        return np.concatenate([*own, root @ (unknowns - problem.likeliest[0])])

    def derivatives(unknowns):
        rows = [np.zeros((2 * t.places.shape[1], len(unknowns))) for t in problem.terms]
        for term, own in zip(problem.terms, rows, strict=True):
            own[:, term.slots] = -term.look(unknowns[None]).jacobian[0]
        return np.concatenate([*rows, root])

    return least_squares(residuals, start[0], derivatives, x_scale="jac", ftol=1e-6).cost


def compare(count: int) -> None:
    photos = random_trial(np.random.default_rng(1), spread_points(count), NOISE_MM).photos
    settings = FitSettings(cut=SQUARES)
    problem = pose_problem([photos], settings)
    start = problem.likeliest.copy()
    for term, seen in zip(problem.terms, photos, strict=True):
        start[0, term.slots[:N_CAMERA]] = fit_head([seen], settings).camera_numbers[0]
    ours = minimise(problem, start, SQUARES, narrow=True).energy[0]
    baseline = scipy_minimum(problem, start)
    ours_ms = milliseconds(lambda: minimise(problem, start, SQUARES, narrow=True), REPEATS)[0]
    scipy_ms = milliseconds(lambda: scipy_minimum(problem, start), 3)[0]
    print(f"{count} points, minimum {ours:.3f} in {ours_ms:.1f} ms", end="; ")
    print(f"scipy.optimize.least_squares {baseline:.3f} in {scipy_ms:.0f} ms")


def time_fits(count: int, noise: SharedNoise) -> None:
    photos = random_trial(np.random.default_rng(1), spread_points(count), NOISE_MM, noise).photos
    settings = FitSettings(noise=noise)

    def check():
        alone = [fit_head([seen], settings) for seen in photos]
        return agreement(fit_head(photos, settings, alone), alone)

    fit = fit_head(photos, settings)
    kinds = {
        "front alone": lambda: fit_head(photos[:1], settings),
        "both photos": lambda: fit_head(photos, settings),
        "each alone, both, agreement": check,
        "deviations of all vertices": lambda: type(fit).deviations_head.func(fit),
    }
    kind = "shared errors" if noise.share else "own errors"
    for name, call in kinds.items():
        median = milliseconds(call, REPEATS)[0]
        verdict = f", target {TARGET_MS:.0f} ms {'met' if median <= TARGET_MS else 'MISSED'}"
        print(f"{count} points, {kind}, {name:28s} {median:6.1f} ms", end="")
        print(verdict if name == "both photos" else "")


def main() -> None:
    for count in (300, 600):
        compare(count)
    for count in (300, 600):
        for noise in (SharedNoise(), SHARED):
            time_fits(count, noise)


if __name__ == "__main__":
    main()
