"""Give every reader of facelib files that are spoilt, or made to deceive.

`run` is a part of `experiments/soak.py`. Attempts run in processes of their own
(`hostile_worker`), a batch of one room's subjects at a time; some also as a whole command.

    PYTHONPATH=experiments python -m soaking.hostile "photo png" 17 --seed 5

repeats one attempt, and leaves its files in ./hostile_attempt.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from soaking import hostile_commands
from soaking.hostile_worker import SUBJECTS, Watch, attempt, lay_bait
from soaking.trials import FAULT, Trial, table

EXPERIMENTS = Path(__file__).resolve().parents[1]
BATCH = 60  # attempts per subject in one process
SILENCE = 240  # seconds without an answer after which a process hangs, whatever the machine does


def run(rng: np.random.Generator, seconds: float, work: Path, _earlier: list[dict]) -> dict:
    """Try all subjects in turn until the time is over.

    Returns:
        `trials.table`, with the number of attempts and the seed that repeats them.
    """
    seed = int(rng.integers(2**31))
    trials: list[Trial] = []
    end = time.monotonic() + seconds
    for first in range(0, sys.maxsize, BATCH):
        for room in rooms().values():
            numbers = range(first, first + BATCH)
            trials += try_readers([(s, n) for n in numbers for s in room], seed, work, end)
        if time.monotonic() > end:
            break
        trials += hostile_commands.try_commands(seed, first // BATCH, work, end)
    return {"attempts": len(trials), "seed_of_attempts": seed, **table(trials)}


def rooms() -> dict[str, list[str]]:
    """Return the names of the subjects by room."""
    found: dict[str, list[str]] = {}
    for subject in SUBJECTS.values():
        found.setdefault(subject.room, []).append(subject.name)
    return found


def try_readers(
    attempts: Sequence[tuple[str, int]], seed: int, work: Path, end: float = math.inf
) -> list[Trial]:
    """Make attempts in a process of their own; in another one, after one that killed the process.

    Args:
        attempts: subject and number of each.
        seed: of all.
        work: folder for the files.
        end: time of `time.monotonic` after which no attempt begins.
    """
    trials: list[Trial] = []
    while len(trials) < len(attempts) and time.monotonic() < end:
        trials += _answers(attempts[len(trials) :], seed, work, end)
    return trials


def _answers(
    attempts: Sequence[tuple[str, int]], seed: int, work: Path, end: float
) -> Iterator[Trial]:
    """Yield the outcome of each attempt, up to one at which the process dies or hangs."""
    environment = os.environ | {"PYTHONPATH": f"{EXPERIMENTS}{os.pathsep}{EXPERIMENTS.parent}"}
    words = [sys.executable, "-m", "soaking.hostile_worker", str(work), str(seed)]
    errors = work / "worker.txt"
    work.mkdir(parents=True, exist_ok=True)
    with errors.open("w") as file, subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file, text=True,
        env=environment, cwd=work,
    ) as worker:  # fmt: skip
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_forward, args=(worker.stdout, lines), daemon=True)
        reader.start()
        try:
            worker.stdin.write("".join(f"{name}:{number}\n" for name, number in attempts))
            worker.stdin.close()
        except BrokenPipeError:
            pass  # it died; what follows says so
        done = 0
        while done < len(attempts) and (line := _next(lines)):
            yield Trial(**json.loads(line))
            done += 1
            if time.monotonic() > end:
                break
        if done == len(attempts):
            return
        worker.kill()
        if time.monotonic() > end:
            return
        hung = line is None
    name, number = attempts[done]
    last = (errors.read_text().splitlines() or [""])[-1][:200]
    what = f"no answer in {SILENCE} s" if hung else f"the process ended with {worker.returncode}"
    yield Trial(name, "any", FAULT, f"{what} {last} [repeat: {name}:{number}]")


def _forward(stream: Iterable[str], lines: queue.Queue) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _next(lines: queue.Queue) -> str | None:
    """Return the next line, "" at the end, and None if none comes in time."""
    try:
        return lines.get(timeout=SILENCE)
    except queue.Empty:
        return None


def repeat(subject: str, number: int, seed: int, work: Path) -> Trial:
    """Make one attempt in this process; its file stays in the folder `attempt` of `work`."""
    lay_bait(work)
    return attempt(SUBJECTS[subject], number, seed, work.resolve(), Watch())


def main() -> None:
    """Repeat one attempt."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", choices=SUBJECTS)
    parser.add_argument("number", type=int)
    parser.add_argument("--seed", type=int, default=0, help="`seed_of_attempts` of the record")
    options = parser.parse_args()
    trial = repeat(options.subject, options.number, options.seed, Path("hostile_attempt"))
    print(json.dumps(asdict(trial), indent=1))


if __name__ == "__main__":
    main()
