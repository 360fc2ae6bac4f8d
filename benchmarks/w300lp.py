"""Time 300W-LP on one core: photo to pair, registration, and listing, all at the real sizes.

A stand-in of the Basel model with its 53,215 vertices is made once in a temporary folder (0.3 GB),
then a few photos for it, then 122,450 empty samples to list. Takes a few minutes.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/w300lp.py
"""

import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

from facelib.datasets.basel.layout import BaselFace, load_basel_face, register
from facelib.datasets.basel.model import load_basel
from facelib.datasets.basel.standin import write_bfm_standin
from facelib.datasets.w300lp.index import FOLDERS, index_samples, list_samples, plan_pairs
from facelib.datasets.w300lp.reader import make_pair
from facelib.datasets.w300lp.standin import write_w300lp_standin
from facelib.face.layout import load_layout

COLUMNS, ROWS = 367, 145  # 53,215 vertices, as in BFM without its neck
N_SAMPLES = 122_450
TARGET_PAIR_MS, TARGET_REGISTER_S, TARGET_LIST_S = 25.0, 60.0, 10.0


def timed(label: str, function, target: float | None = None):
    """Call once and print processor and wall time, s."""
    wall, own = time.perf_counter(), time.process_time()
    result = function()
    own, wall = time.process_time() - own, time.perf_counter() - wall
    print(f"{label:52s} {own:8.2f} s, wall {wall:.2f} s{verdict(own, target, 's')}", flush=True)
    return result


def verdict(value: float, target: float | None, unit: str) -> str:
    if target is None:
        return ""
    return f"  (target {target:g} {unit}: {'met' if value <= target else 'MISSED'})"


def time_pairs(index, face: BaselFace) -> None:
    plan = plan_pairs(index)
    make_pair(index.root, plan[0], face)  # compiles
    times = []
    for pair in plan * 3:
        start = time.thread_time()
        make_pair(index.root, pair, face)
        times.append(1e3 * (time.thread_time() - start))
    median = float(np.median(times))
    print(
        f"{'two photos to a pair, median':52s} {median:8.2f} ms, fastest {min(times):.2f} ms"
        f"{verdict(median, TARGET_PAIR_MS, 'ms')}"
    )


def empty_samples(root: Path) -> None:
    for number in range(N_SAMPLES):
        folder = root / FOLDERS[number % len(FOLDERS)]
        folder.mkdir(parents=True, exist_ok=True)
        for ending in (".jpg", ".mat"):
            (folder / f"HELEN_{number // 16}_1_{number // 8 % 2}{ending}").touch()


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        bfm = root / "BFM"
        timed(
            f"write a stand-in of {COLUMNS * ROWS} vertices",
            lambda: write_bfm_standin(bfm, COLUMNS, ROWS),
        )
        model = timed("load BFM.mat", lambda: load_basel(bfm))
        timed("register it", partial(register, model, load_layout()), TARGET_REGISTER_S)
        del model
        load_basel_face(bfm)
        face = timed("load it in our layout, from the kept matrix", lambda: load_basel_face(bfm))
        photos = root / "300W_LP"
        timed(
            "photograph 40 samples",
            lambda: write_w300lp_standin(photos, 40, columns=COLUMNS, rows=ROWS),
        )
        index = timed("read 40 poses", lambda: index_samples(photos))
        time_pairs(index, face)
        empty_samples(root / "empty")
        listed = timed(
            f"list {N_SAMPLES} samples", lambda: list_samples(root / "empty"), TARGET_LIST_S
        )
        print(f"{len(listed[0])} samples")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            timed("index them, all damaged, the first time", lambda: index_samples(root / "empty"))
        timed(
            "index them again, from the cache",
            lambda: index_samples(root / "empty"),
            TARGET_LIST_S,
        )


if __name__ == "__main__":
    main()
