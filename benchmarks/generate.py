"""Measure time on one core, size on disk and memory for a pair of photos and its ground truth.

The large sets have small photos, since they only test whether memory grows with their number.

    OMP_NUM_THREADS=1 python benchmarks/generate.py
    OMP_NUM_THREADS=1 python benchmarks/generate.py --memory
"""

import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

from timing import milliseconds, peak_megabytes

from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.samples import make_pair, make_sample
from facelib.synthetic.settings import Plan, SyntheticSettings

SIZE = 256
TARGET_MS, TARGET_KB = 60.0, 60.0
TARGET_ROW = "with the small truth"
REPEATS = 48  # different samples
WARM_UP = 8  # samples that compile also the kernels of rare ingredients
COUNTS = (200, 2000)
GROWTH_MB = 10.0  # more than the allocator's noise


def time_pairs() -> None:
    settings = SyntheticSettings(SIZE, ingredients=Ingredients.all())
    rows = {
        "photos and vertices": (make_pair, {}),
        "with the small truth": (make_sample, {}),
        "with what every pixel shows (--truth)": (make_sample, {"pixels": True}),
    }
    print(f"a pair of {SIZE}x{SIZE} px with all ingredients on one core, processor time")
    for name, (make, options) in rows.items():
        indices = count()
        for _ in range(WARM_UP):
            make_next(make, indices, settings, **options)
        call = partial(make_next, make, indices, settings, **options)
        median, fastest = milliseconds(call, REPEATS)
        target = ""
        if name == TARGET_ROW:
            target = f"(target {TARGET_MS:.0f} ms: {'met' if median <= TARGET_MS else 'MISSED'})"
        print(f"{name:<40} median {median:6.1f} ms, fastest {fastest:6.1f} ms  {target}")


def make_next(make, indices: Iterator[int], settings: SyntheticSettings, **options) -> None:
    make(next(indices), settings, **options)


def weigh_pairs() -> None:
    n_pairs, settings = 16, SyntheticSettings(SIZE, ingredients=Ingredients.all())
    for truth in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            generate_pairs(folder, Plan(n_pairs, settings, truth=truth))
            files = {path.stem[6:]: path for path in Path(folder).glob("*.npy")}
            kb = {name: path.stat().st_size / n_pairs / 1e3 for name, path in files.items()}
        pixels = sum(kb[name] for name in kb if name.startswith(("front_", "side_")))
        rest = sum(kb.values()) - kb["front"] - kb["side"] - pixels
        print(
            f"stored per pair{' with --truth' if truth else ''}: images "
            f"{kb['front'] + kb['side']:.0f} kB, per-pixel truth {pixels:.0f} kB, "
            f"the rest {rest:.1f} kB"
        )
    parts = ", ".join(
        f"{name} {kb[name]:.1f}" for name in ("vertices", "coefficients", "views", "facts")
    )
    verdict = "met" if rest <= TARGET_KB else "MISSED"
    print(f"the rest: {parts} kB; target {TARGET_KB:.0f} kB: {verdict}")


def measure_memory() -> None:
    peaks = []
    for n_pairs in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            arguments = ("-m", "facelib", "pairs", "synthetic", folder, "--count", str(n_pairs))
            peaks.append(peak_megabytes(*arguments, "--size", "16", "--quiet"))
        print(f"{n_pairs} pairs of 16x16 px: {peaks[-1]:.0f} MB at most")
    flat = peaks[1] - peaks[0] <= GROWTH_MB
    print(f"memory is {'flat' if flat else 'NOT flat'} in the number of pairs")


if __name__ == "__main__":
    if "--memory" in sys.argv:
        measure_memory()
    else:
        time_pairs()
        weigh_pairs()
