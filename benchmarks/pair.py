"""Time what each ingredient costs: a pair of 256×256 photos with it alone, with all, with none.

Processor time of one core; the kinds alternate, so that other programs slow all alike.

    OMP_NUM_THREADS=1 python benchmarks/pair.py
"""

import time
from dataclasses import fields

import numpy as np

from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

COUNT = 24
TARGET_MS = 60.0
KINDS = {
    "none": Ingredients(),
    **{field.name: Ingredients(**{field.name: True}) for field in fields(Ingredients)},
    "all": Ingredients.all(),
}


def main() -> None:
    times = {name: [] for name in KINDS}
    settings = {name: SyntheticSettings(seed=3, ingredients=kind) for name, kind in KINDS.items()}
    for index in range(-2, COUNT):  # the first two compile and fill caches
        for name, one in settings.items():
            start = time.thread_time()
            make_pair(index + 2, one)
            if index >= 0:
                times[name].append(1e3 * (time.thread_time() - start))
    for name, spent in times.items():
        median, fastest = np.median(spent), min(spent)
        print(f"{name:<20} median {median:6.1f} ms per pair, fastest {fastest:6.1f} ms")
    verdict = "met" if np.median(times["all"]) <= TARGET_MS else "MISSED"
    print(f"target with all ingredients: {TARGET_MS} ms: {verdict}")


if __name__ == "__main__":
    main()
