"""Time the fit of one head to points in two photos, with scipy's least_squares as the baseline.

Both get the same start and the same analytic derivatives. For the comparison all points have
plain squared costs, which scipy minimises best. Processor time of one core; medians.

Then many faces, in batches and in a loop. Two threads are timed by the clock, so that nothing else
may run; they share each product of matrices (in BLAS), or the faces.

    OMP_NUM_THREADS=1 python benchmarks/fitting.py
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits
from timing import milliseconds

from facelib.fitting.cameras import N_CAMERA
from facelib.fitting.fit import AT_ONCE, FitSettings, agreement, fit_head, fit_heads, pose_problem
from facelib.fitting.noise import SharedNoise
from facelib.fitting.solve import Problem, minimise
from facelib.fitting.trials import random_trial, spread_points

TARGET_MS = 60.0
REPEATS = 15
NOISE_MM = 0.8
SQUARES = 1e6  # standard deviations: no outliers
SHARED = SharedNoise(share=0.6, reach_mm=25.0)
N_FACES, BATCHES = 64, (1, 4, 16, 64)


def scipy_minimum(problem: Problem, start: np.ndarray) -> float:
    root = np.linalg.cholesky(problem.precision[0]).T

    def residuals(unknowns):
        own = [found.residuals.ravel() for found in problem.residuals(unknowns[None])]
        return np.concatenate([*own, root @ (unknowns - problem.likeliest[0])])

    def derivatives(unknowns):
        rows = []
        for slots, found in zip(problem.slots, problem.residuals(unknowns[None]), strict=True):
            rows.append(np.zeros((found.residuals.size, len(unknowns))))
            rows[-1][:, slots] = -found.jacobian[0]
        return np.concatenate([*rows, root])

    return least_squares(residuals, start[0], derivatives, x_scale="jac", ftol=1e-6).cost


def solvers(count: int) -> dict[str, Callable[[], float]]:
    """Return two ways to the same minimum, ours and scipy's; each returns its value there."""
    photos = random_trial(np.random.default_rng(1), spread_points(count), NOISE_MM).photos
    settings = FitSettings(cut=SQUARES)
    problem = pose_problem([photos], settings)
    start = problem.likeliest.copy()
    for slots, seen in zip(problem.slots, photos, strict=True):
        start[0, slots[:N_CAMERA]] = fit_head([seen], settings).camera_numbers[0]
    return {
        "minimise": lambda: minimise(problem, start, SQUARES, narrow=True).energy[0],
        "scipy.optimize.least_squares": lambda: scipy_minimum(problem, start),
    }


def compare(count: int) -> None:
    ours, scipys = solvers(count).values()
    ours_ms, scipy_ms = milliseconds(ours, REPEATS)[0], milliseconds(scipys, 3)[0]
    print(f"{count} points, minimum {ours():.3f} in {ours_ms:.1f} ms", end="; ")
    print(f"scipy.optimize.least_squares {scipys():.3f} in {scipy_ms:.0f} ms")


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


def time_batches(count: int) -> None:
    rngs = (np.random.default_rng([2, number]) for number in range(N_FACES))
    trials = [random_trial(rng, spread_points(count), NOISE_MM, SHARED) for rng in rngs]
    faces, settings = [trial.photos for trial in trials], FitSettings(noise=SHARED)
    halves = faces[::2], faces[1::2]
    print(f"{count} points, shared errors, both photos, {N_FACES} faces; ms per face")

    def fastest(call, clock=time.process_time):
        return min(seconds(call, clock) for _ in range(5)) * 1e3 / N_FACES

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(2) as pool:
        loop = fastest(lambda: [fit_head(photos, settings) for photos in faces])
        print(f"a loop over faces    {loop:5.1f}")
        for size in BATCHES:
            batched = fastest(lambda size=size: fit_heads(faces, settings, at_once=size))
            print(f"{size:2d} at once           {batched:5.1f}")
        one = fastest(lambda: fit_heads(faces, settings), time.perf_counter)
        fits = partial(fit_heads, settings=settings)
        two = fastest(lambda: list(pool.map(fits, halves)), time.perf_counter)
    with threadpool_limits(2, user_api="blas"):
        shared = fastest(lambda: fit_heads(faces, settings), time.perf_counter)
    print(
        f"by the clock, {AT_ONCE} at once: one thread {one:.1f}, BLAS on two threads {shared:.1f},"
    )
    print(f"two threads that each fit half of the faces {two:.1f}")


def seconds(call, clock) -> float:
    start = clock()
    call()
    return clock() - start


def main() -> None:
    for count in (300, 600):
        compare(count)
    for count in (300, 600):
        for noise in (SharedNoise(), SHARED):
            time_fits(count, noise)
    time_batches(368)


if __name__ == "__main__":
    main()
