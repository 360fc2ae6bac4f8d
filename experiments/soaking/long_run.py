"""Hours of pairs and trainings in turn, in one process, to see whether they use anything up."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import psutil
from joblib.externals.loky import get_reusable_executor
from scipy.stats import theilslopes

from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.settings import Plan, SyntheticSettings
from facelib.training.config import TrainConfig
from facelib.training.loop import train
from soaking.trials import FAULT, Trial, table

SIZE, PAIRS, EPOCHS = 64, 6, 2
WORKERS_EVERY = 10  # turns, of which one generates with two workers
WARM_UP = 3  # turns that compile and fill caches
MB_PER_HOUR = 50  # over the second half; a leak of 10 KB a turn would exceed it
LEAST_GROWTH_MB = 20  # of a short run, whose slope means little
SLOWER = 0.15
WATCHERS = 2  # processes of joblib and of Python that remove what killed workers leave behind
IDLE = 2  # joblib keeps its workers for the next call
KEPT_READINGS = 200


@dataclass(frozen=True)
class Reading:
    """The state of the process after a turn.

    Attributes:
        minutes: since the start.
        memory_mb: resident memory.
        files: open ones.
        threads: of the process.
        children: processes that it started and that still run.
        zombies: those that ended and that nobody waited for.
        left: files and folders that the turn left behind.
        photos_per_second: generated, per second of processor time; NaN with two workers.
        samples_per_second: trained, per second of processor time.
        yardstick_s: processor time of a piece of work that is always the same.
    """

    minutes: float
    memory_mb: float
    files: int
    threads: int
    children: int
    zombies: int
    left: int
    photos_per_second: float
    samples_per_second: float
    yardstick_s: float


def run(rng: np.random.Generator, seconds: float, work: Path, _earlier: list[dict]) -> dict:
    """Generate and train in turn until the time is over.

    Args:
        rng: draws the seeds of the pairs.
        seconds: how long.
        work: an empty folder.

    Returns:
        The table of the trials, the slopes, the number of turns and some of the readings.
    """
    began, readings = time.monotonic(), []
    with _own_temporary_folder(work / "temporary"):
        while time.monotonic() < began + seconds or len(readings) < 2 * WARM_UP:
            workers = 1 + (len(readings) % WORKERS_EVERY == WORKERS_EVERY - 1)
            speeds = _turn(work / "turn", int(rng.integers(2**31)), workers)
            readings.append(_reading(began, work, *speeds))
        get_reusable_executor().shutdown(wait=True)
        last = _reading(began, work, np.nan, np.nan)
    columns = {
        field.name: np.array([getattr(reading, field.name) for reading in readings])
        for field in fields(Reading)
    }
    slopes = {
        "memory_mb_per_hour": _memory_slope(columns),
        "photos_slower": _slower(columns, "photos_per_second"),
        "samples_slower": _slower(columns, "samples_per_second"),
    }
    kept = np.linspace(0, len(readings) - 1, min(KEPT_READINGS, len(readings))).astype(int)
    return {
        **table(_verdicts(columns, slopes, last)),
        "turns": len(readings),
        "slopes": {name: round(value, 3) for name, value in slopes.items()},
        "series": [_rounded(readings[i]) for i in kept],
    }


def _turn(folder: Path, seed: int, workers: int) -> tuple[float, float]:
    """Generate, train, delete; returns photos and samples per second of processor time."""
    plan = Plan(PAIRS, SyntheticSettings(size=SIZE, seed=seed), shard_size=PAIRS // 2)
    began = time.process_time()
    generate_pairs(folder / "pairs", plan, workers)
    generated = time.process_time()
    train(_config(folder))
    trained = time.process_time()
    shutil.rmtree(folder)
    photos = 2 * PAIRS / (generated - began) if workers == 1 else np.nan
    return photos, EPOCHS * PAIRS / (trained - generated)


def _config(folder: Path) -> TrainConfig:
    return TrainConfig.from_dict({
        "data_dir": folder / "pairs",
        "run_dir": folder / "run",
        "network": "compact",
        "size": SIZE,
        "batch_size": 2,
        "epochs": EPOCHS,
        "threads": 1,
        "progress": False,
    })  # fmt: skip


def _reading(began: float, work: Path, photos: float, samples: float) -> Reading:
    process = psutil.Process()
    children = process.children(recursive=True)
    zombies = sum(child.status() == psutil.STATUS_ZOMBIE for child in children)
    start, fixed = time.process_time(), np.random.default_rng(0)
    for _ in range(10):
        np.sort(fixed.random(200_000))
    return Reading(
        minutes=(time.monotonic() - began) / 60,
        memory_mb=process.memory_info().rss / 2**20,
        files=process.num_fds(),
        threads=process.num_threads(),
        children=len(children) - zombies,
        zombies=zombies,
        left=sum(1 for _ in work.rglob("*")) + _semaphores(),
        photos_per_second=photos,
        samples_per_second=samples,
        yardstick_s=time.process_time() - start,
    )


def _semaphores() -> int:
    """Count the semaphores of this process's workers, which are files in memory."""
    return sum(1 for _ in Path("/dev/shm").glob(f"*-{os.getpid()}-*"))


@contextmanager
def _own_temporary_folder(folder: Path) -> Iterator[None]:
    """Let everything temporary go to one folder, so that nobody else's files are counted."""
    folder.mkdir()
    earlier = {name: os.environ.get(name) for name in ("TMPDIR", "JOBLIB_TEMP_FOLDER")}
    os.environ.update(dict.fromkeys(earlier, str(folder)))
    tempfile.tempdir = None  # read TMPDIR again
    try:
        yield
    finally:
        for name, value in earlier.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        tempfile.tempdir = None


def _memory_slope(columns: dict[str, np.ndarray]) -> float:
    """Return the growth of memory over the second half, MB per hour; outliers do not matter."""
    half = slice(len(columns["minutes"]) // 2, None)
    return 60 * float(theilslopes(columns["memory_mb"][half], columns["minutes"][half]).slope)


def _slower(columns: dict[str, np.ndarray], name: str) -> float:
    """Return by which share the last third of the turns was slower than the first.

    The yardstick takes out what other programs on the machine do to the processor's speed.
    """
    relative = (columns[name] * columns["yardstick_s"])[WARM_UP:]
    third = max(1, len(relative) // 3)
    return 1 - float(np.nanmedian(relative[-third:]) / np.nanmedian(relative[:third]))


def _verdicts(
    columns: dict[str, np.ndarray], slopes: dict[str, float], last: Reading
) -> Iterator[Trial]:
    """Judge the whole run, one trial per thing that could be used up."""
    half = len(columns["minutes"]) // 2
    growth = columns["memory_mb"][-1] - columns["memory_mb"][half]
    slope = slopes["memory_mb_per_hour"]
    grown = slope > MB_PER_HOUR and growth > LEAST_GROWTH_MB
    yield _verdict("memory", grown, f"grows by {slope:.0f} MB per hour")
    for name in ("photos", "samples"):
        slower = slopes[f"{name}_slower"]
        yield _verdict(f"speed of {name}", slower > SLOWER, f"is {slower:.0%} lower at the end")
    for name in ("files", "threads", "left"):
        early, late = np.max(columns[name][WARM_UP:half]), np.max(columns[name][half:])
        yield _verdict(name, late > early, f"{early} in the first half, {late} in the second")
    most = int(np.max(columns["children"]))
    too_many = most > WATCHERS + IDLE or last.children > WATCHERS
    yield _verdict("children", too_many, f"{most}, then {last.children}")
    zombies = int(np.max(columns["zombies"]))
    yield _verdict("zombies", zombies > 0 or last.zombies > 0, f"{zombies}, then {last.zombies}")


def _verdict(subject: str, is_fault: bool, words: str) -> Trial:
    return Trial(subject, "many turns", FAULT if is_fault else "steady", words)


def _rounded(reading: Reading) -> dict[str, float | None]:
    """Round a reading for the record; JSON has no NaN."""
    return {
        name: None if np.isnan(value) else round(float(value), 3)
        for name, value in asdict(reading).items()
    }
