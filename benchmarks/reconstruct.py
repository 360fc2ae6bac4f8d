"""Time the command that a visitor types: two photos of 12 megapixels to a GLB with its rig.

Three parts: the program from its start, with a bar of where the time goes; a second pair in a
program that runs already; and the way from a pair to vertices, for `dense` and its fit beside
`compact`, in turn. The fastest run's wall time is what a user experiences on an idle machine. The
processor time, summed over threads, bounds it from above, and other programs change it little.
A target is met if the wall time is below it. Times are also given in yardsticks, which
`benchmarks/machine.py` measures on the same machine, so that two machines compare.

The imports are those before the first step; what paints the head is loaded while the photos are
read.

    OMP_NUM_THREADS=2 python benchmarks/reconstruct.py
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
from machine import yardstick
from PIL import Image

from facelib.detect.faces import find_face
from facelib.files.paths import data_file
from facelib.imaging.imagefiles import to_uint8
from facelib.imaging.resample import resize_image
from facelib.reconstruction.loading import load_predictor
from facelib.reconstruction.reconstruct import reconstruct
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

START_S, SECOND_S, IMPORTS_S, VERTICES_S, MEMORY_MB = 2.0, 0.4, 0.4, 0.12, 1000
LARGE_PX = 4000, 3000  # height and width
SMALL_PX = 1024, 1024
MARGIN = 0.5  # around the face, a share of its crop: the detector wants some
REPEATS = 5
BAR = 50  # characters
# As a user's: Python keeps what it made of the source, instead of reading the source at each start.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
IMPORTS = (
    "import llvmlite.binding, facelib.cli.photo_job, facelib.cli.reconstruct, onnxruntime, "
    "facelib.reconstruction.reconstruct, facelib.reconstruction.summary"
)


def photo_pair(size_px: tuple[int, int]) -> list[np.ndarray]:
    """Return a held-out person's front and side as large photos, (H, W, 3) uint8."""
    pair = make_pair(3, SyntheticSettings(256, seed=2, held_out=True))
    height, width = size_px
    across = round(256 * MARGIN / 2)
    along = round(((256 + 2 * across) * height / width - 256) / 2)
    borders = ((along, along), (across, across), (0, 0))
    shown = [np.pad(photo, borders, mode="edge") for photo in (pair.front, pair.side)]
    return [to_uint8(resize_image(photo, size_px) / 255) for photo in shown]


def run_program(*words: str) -> tuple[float, float, float, str]:
    """Run Python: wall seconds, processor seconds, peak memory in MB, and what it printed."""
    start = time.perf_counter()
    command = [sys.executable, *words]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    printed = program.stdout.read()
    _, status, usage = os.wait4(program.pid, 0)
    if status:
        raise SystemExit(f"{words} failed")
    spent = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - start, spent, usage.ru_maxrss / 1024, printed


def verdict(value: float, target: float) -> str:
    """Say whether a target is met."""
    return f"(target {target:g}: {'met' if value <= target else 'MISSED, or the machine is busy'})"


@cache
def yard_s() -> float:
    """Return the length of this machine's yardstick, s."""
    return sum(yardstick())


def in_yardsticks(seconds: float) -> str:
    """Write a time in seconds, and in yardsticks of this machine."""
    return f"{seconds:.2f} s = {seconds / yard_s():.1f} yardsticks"


def start_to_file(photos: list[np.ndarray], folder: Path, repeats: int) -> list[tuple]:
    """Run `facelib reconstruct` on two JPEG files after a run that fills caches: `run_program`s."""
    paths = [folder / f"{view}.jpg" for view in ("front", "side")]
    for path, photo in zip(paths, photos, strict=True):
        Image.fromarray(photo).save(path, quality=92)
    words = ("-m", "facelib", "reconstruct", *map(str, paths), "-o", str(folder / "me.glb"))
    return [run_program(*words, "--json") for _ in range(repeats + 1)][1:]


def time_start(photos: list[np.ndarray], folder: Path) -> None:
    """Time the program from its start, and draw where the time of the fastest run went."""
    runs = start_to_file(photos, folder, REPEATS)
    wall, _, _, printed = min(runs)
    spent, memory = (float(np.median([run[k] for run in runs])) for k in (1, 2))
    print(f"start to GLB: {in_yardsticks(wall)} {verdict(wall, START_S)},", end=" ")
    print(f"processor {spent:.2f} s,", end=" ")
    print(f"{memory:.0f} MB {verdict(memory, MEMORY_MB)}")
    seconds = json.loads(printed)["seconds"]
    seconds = {"starting Python": wall - sum(seconds.values()), **seconds}
    for step, value in seconds.items():
        print(f"  {step:22s} {value:5.2f} s {'█' * round(BAR * value / wall)}")
    empty = min(run_program("-c", "pass")[0] for _ in range(REPEATS))
    imports = min(run_program("-c", IMPORTS)[0] for _ in range(REPEATS)) - empty
    print(f"imports: {imports:.2f} s {verdict(imports, IMPORTS_S)}")


def time_second_pair(photos: list[np.ndarray], network, folder: Path) -> None:
    """Time a pair in a program that has done one before, from pixels to GLB."""

    def build() -> None:
        reconstruct(*photos, network).save(folder / "me.glb")

    fastest, spent = fastest_of(build)
    print(f"second pair to GLB: {in_yardsticks(fastest)} {verdict(fastest, SECOND_S)},", end=" ")
    print(f"processor {spent:.2f} s")


def fastest_of(call: Callable[[], object]) -> tuple[float, float]:
    """Return the fastest call's wall time and the median processor time, s."""
    spent = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, processor = np.transpose(spent[1:])  # the first call fills caches
    return float(wall.min()), float(np.median(processor))


def time_to_vertices(photos: list[np.ndarray]) -> None:
    """Compare `dense` and its fit with `compact`, from photos with known boxes to vertices."""
    front, side = (find_face(photo) for photo in photos)
    faces = {"front_face": front, "side_face": side}
    for name, folder in (("dense", "dense"), ("compact", "weights")):
        network = load_predictor(data_file(folder, f"{name}.onnx"))
        build = partial(reconstruct, *photos, network)
        alone = partial(reconstruct, photos[0], None, network, front_face=front)
        calls = {
            "pair to vertices": partial(build, **faces),
            "with finding the faces": build,
            "front alone to vertices": alone,
        }
        for words, call in calls.items():
            fastest, spent = fastest_of(call)
            met = f" {verdict(fastest, VERTICES_S)}" if words == "pair to vertices" else ""
            print(f"{name}, {words}: {1e3 * fastest:.0f} ms, processor {1e3 * spent:.0f} ms{met}")


def main() -> None:
    """Run the three parts."""
    print(f"a yardstick takes {yard_s():.3f} s here")
    large = photo_pair(LARGE_PX)
    with tempfile.TemporaryDirectory() as folder:
        time_start(large, Path(folder))
        time_second_pair(large, load_predictor(prefer_onnx=True), Path(folder))
    time_to_vertices(photo_pair(SMALL_PX))


if __name__ == "__main__":
    main()
