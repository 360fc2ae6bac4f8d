"""Time a whole synthetic pair, two 256×256 photos with vertices, plain and with ingredients.

Processor time of one core; the two kinds take turns, so that other programs slow both alike.

    OMP_NUM_THREADS=1 python benchmarks/pair.py
"""

import time

import numpy as np

from facelib.ingredients import Ingredients
from facelib.sources.synthetic import SyntheticSettings, make_pair

COUNT = 24
TARGET_MS = 60.0
KINDS = {
    "plain": Ingredients(),
    "light": Ingredients(light=True),
    "skin": Ingredients(skin=True),
    "film": Ingredients(film=True),
    "skin, light, film": Ingredients(skin=True, light=True, film=True),
}


def main() -> None:
    times = {name: [] for name in KINDS}
    settings = {name: SyntheticSettings(seed=3, ingredients=i) for name, i in KINDS.items()}
    for index in range(-2, COUNT):  # the first two compile and fill caches
        for name, one in settings.items():
            start = time.thread_time()
            make_pair(index + 2, one)
            if index >= 0:
                times[name].append(1e3 * (time.thread_time() - start))
    for name, spent in times.items():
        median, fastest = np.median(spent), min(spent)
        print(f"{name:<20} median {median:6.1f} ms a pair, fastest {fastest:6.1f} ms")
    print(f"target with all ingredients: {TARGET_MS} ms")


if __name__ == "__main__":
    main()
