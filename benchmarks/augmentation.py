"""Time the augmentation of a pair, the thesis's and that for real photos, at the training sizes.

Processor time of one core; the presets alternate, so that other programs slow both alike. The
last rows have one setting off each.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/augmentation.py
"""

import time
from dataclasses import replace

import numpy as np

from facelib.pairs.augmentation import NO_AUGMENTATION, PRESETS, Augmentation, augment
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

SIZES = (64, 128, 256)
COUNT = 400
TARGET_MS, TARGET_SIZE = 3.0, 128
SWITCHES = {
    "textures": "texture_probability",
    "gamma": "gamma",
    "blur": "blur",
    "noise": "noise",
    "JPEG": "worst_jpeg",
}


def mean_times(kinds: dict[str, Augmentation], size: int) -> dict[str, float]:
    """Return each kind's mean time, ms per pair: draws differ, so a median would be too low."""
    pair = make_pair(0, SyntheticSettings(size=size))
    spent = dict.fromkeys(kinds, 0.0)
    for index in range(-20, COUNT):  # the first ones compile and fill caches
        for name, settings in kinds.items():
            rng = np.random.default_rng([1, index + 20])
            start = time.thread_time()
            augment(pair.front, pair.side, pair.vertices_image, rng, settings)
            if index >= 0:
                spent[name] += 1e3 * (time.thread_time() - start)
    return {name: total / COUNT for name, total in spent.items()}


def main() -> None:
    photos = Augmentation.for_photos()
    kinds = {"nothing": NO_AUGMENTATION, **PRESETS}
    for name, switch in SWITCHES.items():
        off = {switch: getattr(Augmentation(), switch)}
        kinds[f"photos without {name}"] = replace(photos, **off)
    print(f"{'mean, ms per pair':26}" + "".join(f"{size:>8} px" for size in SIZES))
    times = {size: mean_times(kinds, size) for size in SIZES}
    for name in kinds:
        print(f"{name:26}" + "".join(f"{times[size][name]:11.2f}" for size in SIZES))
    reached = times[TARGET_SIZE]["photos"]
    verdict = "met" if reached <= TARGET_MS else "MISSED"
    print(f"target {TARGET_MS} ms at {TARGET_SIZE} px: {verdict}")


if __name__ == "__main__":
    main()
