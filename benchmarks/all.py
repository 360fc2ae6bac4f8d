"""Time every stage beside its baseline in one run, and write the record that the book reads.

Processor time on one thread, since that counts no other programs; ours and the baseline in turn.
Training alone is timed by the clock. Minutes.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python benchmarks/all.py --out data/evaluation/speed.json
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import count
from pathlib import Path

import fitting
import icp
import inference
import numpy as np
import position_map
import reconstruct as whole
import render
import torch
import training
from machine import machine, versions, yardstick
from timing import in_turn

from facelib.evaluation.speed import (
    Growth,
    SpeedRecord,
    Stage,
    Timed,
    growth_table,
    speed_caption,
    speed_table,
    write_speed,
)
from facelib.face.layout import load_layout
from facelib.files.revision import revision
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.samples import make_sample
from facelib.synthetic.settings import Plan, SyntheticSettings

COMMAND = "python benchmarks/all.py --out data/evaluation/speed.json"
MAP, RASTERISED = "position_map", "baseline: rasterise and interpolate"
DRAWN, PLAIN_LOOP = (
    "render: the texture alone, seen from outside",
    "baseline: face3d's loop in numba, texture only",
)
COMPACT, TWO_VIEW = "compact in ONNX Runtime", "two_view in torch"
DIGITS = 4


def timed(name: str, numbers: list[float]) -> Timed:
    """Sum up the times, or speeds, of repeated calls."""
    quartiles = np.percentile(numbers, [25, 50, 75])
    return Timed(name, *(float(f"{each:.{DIGITS}g}") for each in quartiles))


def compared(
    name: str, calls: dict[str, Callable], ours: str, baseline: str, repeats: int, shown: str
) -> Stage:
    """Time two of some calls in turn; `shown` is the baseline's name in the record."""
    times = in_turn({each: calls[each] for each in (ours, baseline)}, repeats)
    return Stage(name, "ms", timed(ours, times[ours]), timed(shown, times[baseline]))


def stages() -> Iterator[Stage]:
    """Time the stages that take seconds."""
    maps = position_map.calls(load_layout(256))
    yield compared("position map, 256²", maps, MAP, RASTERISED, 600, "rasterise and interpolate")
    loop = "face3d's loop in numba"
    yield compared("render, 256²", render.calls(256), DRAWN, PLAIN_LOOP, 600, loop)
    nets = inference.calls()
    yield compared("compact, two photos of 256²", nets, COMPACT, TWO_VIEW, 8, TWO_VIEW)
    names = "minimise", "scipy.optimize.least_squares"
    yield compared("fit to 300 points", fitting.solvers(300), *names, 5, names[1])
    names = "icp", "small_gicp's ICP"
    calls = icp.calls(icp.N_SOURCE, icp.N_TARGET)
    yield compared("ICP, 45,000 on 51,000 points, 30 updates", calls, *names, 2, names[1])
    settings, numbers = SyntheticSettings(256, ingredients=Ingredients.all()), count()
    times = in_turn({"make": lambda: make_sample(next(numbers), settings)}, 24)["make"]
    speeds = [1e3 / each for each in times]
    yield Stage(
        "generation of two photos of 256², one core", "pairs/s", timed("make_sample", speeds)
    )
    yield trained()


def trained() -> Stage:
    """Compare the training of two networks at 64 px, by the clock.

    In float32, since some processors only imitate bfloat16.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pairs = folder / "pairs"
        generate_pairs(pairs, Plan(training.PAIRS, SyntheticSettings(size=64)))
        ours, other = (
            timed(name, training.pairs_per_second(name, 64, pairs, folder / name, "float32"))
            for name in ("compact", "two_view")
        )
    return Stage("training of compact at 64 px, float32", "pairs/s", ours, other)


def started() -> Stage:
    """Time the command from its start to the GLB, for two photos of 12 megapixels."""
    with tempfile.TemporaryDirectory() as folder:
        runs = whole.start_to_file(whole.photo_pair(whole.LARGE_PX), Path(folder), 2)
    spent = [1e3 * run[1] for run in runs]
    return Stage("reconstruct, from start to GLB", "ms", timed("facelib reconstruct", spent))


def growth() -> Iterator[Growth]:
    """Time some stages at several sizes and counts."""

    def grown(name: str, of: str, counts: tuple[int, ...], call: Callable, repeats: int) -> Growth:
        times = [in_turn({name: call(each)}, repeats)[name] for each in counts]
        return Growth(name, of, counts, tuple(timed(name, each).median for each in times))

    sizes = (64, 128, 256, 512)
    yield grown(
        "position map", "side, px", sizes, lambda s: position_map.calls(load_layout(s))[MAP], 30
    )
    yield grown("render", "side, px", sizes, lambda s: render.calls(s)[DRAWN], 20)
    yield grown("network", "pairs at once", (1, 2, 4), lambda n: inference.calls(n)[COMPACT], 4)
    points = (100, 200, 400, 800)
    yield grown("fit", "points", points, lambda n: fitting.solvers(n)["minimise"], 5)
    points = (5_000, 10_000, 20_000)
    yield grown(
        "ICP, 30 updates", "points in each set", points, lambda n: icp.calls(n, n)["icp"], 2
    )


def main() -> None:
    """Run everything, print the tables and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    torch.set_num_threads(1)
    start, first = time.monotonic(), yardstick()
    found = (*stages(), started())
    grown = tuple(growth())
    product, loop = np.minimum(first, yardstick())
    about = {
        "command": COMMAND,
        "date": date.today().isoformat(),
        "revision": revision(),
        "machine": machine(),
        "versions": versions(),
        "seconds": round(time.monotonic() - start),
        "yardstick_ms": {"product": round(1e3 * product, 1), "loop": round(1e3 * loop, 1)},
    }
    record = SpeedRecord(about, found, grown)
    write_speed(out, record)
    print(speed_table(record), growth_table(record), speed_caption(record), sep="\n\n")


if __name__ == "__main__":
    main()
