"""Time the way from a pair of photos to vertices: `dense` and its fit, and `compact` as baseline.

Both run in ONNX Runtime, through `facelib.reconstruct`, with the same boxes around the faces, after
start-up. The networks alternate. The fastest call's wall time is what a user experiences on an idle
machine. The median processor time, summed over threads, bounds it from above, and other programs
change it little. The target is met if either is below it.

    OMP_NUM_THREADS=2 python benchmarks/reconstruct.py
"""

import time
from functools import partial

import numpy as np

from facelib.detect.faces import find_face
from facelib.files.paths import data_file
from facelib.imaging.resample import resize_image
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.reconstruct import reconstruct
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

TARGET_MS = 120.0
PHOTO_PX = 1024
MARGIN = 0.5  # around the face, a share of its crop: the detector wants some
REPEATS = 12
SMALLEST_TEXTURE = 16


def photo_pair() -> list[np.ndarray]:
    pair = make_pair(3, SyntheticSettings(256, seed=2, held_out=True))
    border = round(256 * MARGIN / 2)
    shown = [
        np.pad(p, ((border,) * 2,) * 2 + ((0, 0),), mode="edge") for p in (pair.front, pair.side)
    ]
    large = [resize_image(p.astype(np.float32) / 255, (PHOTO_PX, PHOTO_PX)) for p in shown]
    return [np.clip(p, 0, 1).astype(np.float32) for p in large]


def main() -> None:
    photos = photo_pair()
    front, side = (find_face(photo) for photo in photos)
    faces = {"front_face": front, "side_face": side}
    networks = {
        name: load_predictor(data_file(folder, f"{name}.onnx"))
        for name, folder in (("dense", "dense"), ("compact", "weights"))
    }
    calls = {}
    for name, network in networks.items():
        build = partial(reconstruct, *photos, network, texture_size=SMALLEST_TEXTURE)
        calls[f"{name}, pair to vertices"] = partial(build, **faces)
        calls[f"{name}, with finding the faces"] = build
        calls[f"{name}, with a texture of 512 px"] = partial(build, **faces, texture_size=512)
        alone = partial(reconstruct, photos[0], None, network, texture_size=SMALLEST_TEXTURE)
        calls[f"{name}, front alone to vertices"] = partial(alone, front_face=front)
    times = {name: [] for name in calls}
    for repeat in range(REPEATS + 1):
        for name, call in calls.items():
            start = time.perf_counter(), time.process_time()
            call()
            if repeat:  # the first call compiles and fills caches
                spent = time.perf_counter() - start[0], time.process_time() - start[1]
                times[name].append(spent)
    for name, spent in times.items():
        wall, processor = 1e3 * np.transpose(spent)
        line = f"{name:36s} {wall.min():6.1f} ms, processor {np.median(processor):6.1f} ms"
        if name == "dense, pair to vertices":
            met = min(wall.min(), np.median(processor)) <= TARGET_MS
            verdict = "met" if met else "MISSED, or the machine is busy"
            line += f"  (target {TARGET_MS:.0f} ms: {verdict})"
        print(line)


if __name__ == "__main__":
    main()
