"""Full disks, lost folders, spoilt files, two programs at once, and workers that die.

Each attack hits `facelib pairs synthetic` or `facelib train` at a random moment or a random byte.
The program must end well or say in one sentence what is wrong, and the same command, given once
more without a fault, must leave what an undisturbed one leaves.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
from safetensors.numpy import load_file

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA, UNWRITABLE
from facelib.training.checkpoint import CHECKPOINT
from facelib.training.config import BEST
from facelib.training.log import LOG
from soaking.trials import FAULT, Trial, table

HANGS = 600  # s after which a program counts as hanging; it ends in a few on an idle machine
CLOCKS = {"seconds", "data_share", "data_work_share"}  # what differs in logs of equal runs
GENERATE, TRAIN = "facelib pairs synthetic", "facelib train"
SIZES = ["--count", "24", "--size", "32", "--shard-size", "4"]
STEPS = ["--network", "compact", "--size", "32", "--batch-size", "4", "--epochs", "2"]
OFTEN = ["--threads", "1", "--log-steps", "1", "--checkpoint-minutes", "0"]
FORK = get_context("fork")  # a fork has the imports behind it

Outcomes = dict[int, tuple[str, str]]  # of an exit code: the outcome, and words of the sentence


class BrokenPromiseError(Exception):
    """A program did not do what facelib promises."""


@dataclass(frozen=True)
class Scene:
    """What undisturbed programs leave, and how long they take.

    Attributes:
        pairs: a folder of pairs.
        run: a run trained on them.
        seconds: of each of the two programs.
    """

    pairs: Path
    run: Path
    seconds: dict[str, float]

    def moment(self, rng: np.random.Generator, subject: str) -> None:
        """Wait until a random moment of a program that has just begun."""
        time.sleep(rng.uniform(0, self.seconds[subject]))


class Program:
    """The command line of facelib in a process of its own."""

    def __init__(self, words: Sequence[object], largest_file: int | None = None) -> None:
        """Start it; no file that it writes may become longer than `largest_file` bytes."""
        self._reading, writing = os.pipe()
        arguments = _as_text(words), writing, largest_file
        self.process = FORK.Process(target=_command, args=arguments)
        self.process.start()
        os.close(writing)

    def end(self, outcomes: Outcomes) -> str:
        """Wait for its end; return the outcome.

        Raises:
            BrokenPromiseError: if it hangs, ends in another way, or says something else.
        """
        self.process.join(HANGS)
        if self.process.is_alive():
            self.process.kill()
            raise BrokenPromiseError("it hangs")
        os.set_blocking(self._reading, False)  # workers that live on may hold the other end
        with os.fdopen(self._reading, "rb", buffering=0) as pipe:
            said = (pipe.read(2**20) or b"").decode().strip()
        code, last = self.process.exitcode, said.rpartition("\n")[2]
        outcome, words = outcomes.get(code, (FAULT, ""))
        sentence = code == 0 or (last.startswith("Error: ") and words in last)
        if outcome == FAULT or not sentence or "Traceback" in said:
            raise BrokenPromiseError(f"exit code {code}: {said[-600:]}")
        return outcome


def _as_text(words: Sequence[object]) -> list[str]:
    return [str(word) for word in words]


def _command(words: list[str], writing: int, largest_file: int | None) -> None:
    os.dup2(writing, 2)
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8")
    sys.argv = ["facelib", *words]
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
    main(words)


def command(subject: str, folder: Path, pairs: Path) -> list[object]:
    """Return the words that make pairs in, or train a run in, `folder`/out."""
    if subject == GENERATE:
        words = ["pairs", "synthetic", folder / "out", *SIZES, "--with", "none"]
    else:
        words = ["train", pairs, folder / "out", *STEPS, *OFTEN]
    return [*words, "--quiet"]


def finish(scene: Scene, subject: str, folder: Path, *more: str) -> None:
    """Give the command once more, and compare what it leaves with what an undisturbed one left."""
    Program([*command(subject, folder, scene.pairs), *more]).end({0: ("done", "")})
    same = same_pairs if subject == GENERATE else same_run
    if not same(folder / "out", scene.pairs if subject == GENERATE else scene.run):
        raise BrokenPromiseError("after a repetition, the result is another one")


def same_pairs(a: Path, b: Path) -> bool:
    """Return whether two folders have the same files with the same bytes."""
    contents = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in (a, b))
    return next(contents) == next(contents)


def same_run(a: Path, b: Path) -> bool:
    """Return whether two runs have the same weights and, but for the times, the same log."""
    if {path.name for path in a.iterdir()} != {BEST, CHECKPOINT, LOG}:
        return False
    logs = (_without_clocks(folder / LOG) for folder in (a, b))
    weights, others = (load_file(folder / BEST) for folder in (a, b))
    equal = all(np.array_equal(value, others[name]) for name, value in weights.items())
    return equal and next(logs) == next(logs)


def _without_clocks(log: Path) -> list[dict]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()[1:]]
    return [{name: value for name, value in line.items() if name not in CLOCKS} for line in lines]


def full_disk(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Let every write past a random byte of a file fail."""
    left = scene.pairs if subject == GENERATE else scene.run
    longest = max(path.stat().st_size for path in left.iterdir())
    program = Program(command(subject, folder, scene.pairs), int(rng.integers(longest)))
    outcome = program.end({UNWRITABLE: ("refused", "File too large")})
    finish(scene, subject, folder)
    return outcome


def folder_lost(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Move the output away from under the program."""
    program = Program(command(subject, folder, scene.pairs))
    scene.moment(rng, subject)
    if (folder / "out").exists():
        (folder / "out").rename(folder / "elsewhere")
    lost = {UNWRITABLE: ("refused", "was removed"), BAD_DATA: ("refused", "ended without")}
    outcome = program.end({0: ("done", ""), **lost})
    finish(scene, subject, folder)
    return outcome


def second_program(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Give the same command again while it runs."""
    programs = [Program(command(subject, folder, scene.pairs))]
    scene.moment(rng, subject)
    programs.append(Program(command(subject, folder, scene.pairs)))
    allowed = {0: ("done", ""), UNWRITABLE: ("refused", "is in use by")}
    outcomes = [program.end(allowed) for program in programs]
    if "done" not in outcomes:
        raise BrokenPromiseError("each of two programs left the work to the other")
    finish(scene, subject, folder)
    return "refused" if "refused" in outcomes else "done"


def shard_spoilt(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Spoil a file of finished pairs, which generation makes again and training names."""
    pairs = folder / ("out" if subject == GENERATE else "pairs")
    shutil.copytree(scene.pairs, pairs)
    how = rng.choice(["cut", "lost", "flipped"])
    spoilt = _spoil(rng, pairs, how)
    verify = ["--verify"] if how == "flipped" else []
    outcome = "made again"
    if subject == TRAIN:
        program = Program([*command(subject, folder, pairs), *verify])
        outcome = program.end({BAD_DATA: ("refused", spoilt.name)})
        verify = []
    finish(scene, subject, folder, *verify)
    return outcome


def shard_changes(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Spoil a file of the pairs while the network is trained on them."""
    shutil.copytree(scene.pairs, folder / "pairs")
    program = Program(command(subject, folder, folder / "pairs"))
    scene.moment(rng, subject)
    spoilt = _spoil(rng, folder / "pairs", rng.choice(["cut", "lost"]))
    outcome = program.end({0: ("done", ""), BAD_DATA: ("refused", spoilt.name)})
    finish(scene, subject, folder)
    return outcome


def checkpoint_cut(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Cut the checkpoint of a stopped run at a random byte, and then give it back."""
    words = command(subject, folder, scene.pairs)
    Program([*words, "--max-samples", 4 * rng.integers(1, 10)]).end({0: ("stopped", "")})
    path = folder / "out" / CHECKPOINT
    content = path.read_bytes()
    os.truncate(path, rng.integers(len(content)))
    outcome = Program(words).end({BAD_DATA: ("refused", "checkpoint.pt is damaged")})
    path.write_bytes(content)
    finish(scene, subject, folder)
    return outcome


def weights_lost(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Remove or cut the weights of a finished run."""
    shutil.copytree(scene.run, folder / "out")
    best = folder / "out" / BEST
    os.truncate(best, rng.integers(best.stat().st_size))
    if rng.random() < 0.5:
        best.unlink()
    finish(scene, subject, folder)
    return "came back"


def worker_killed(rng: np.random.Generator, scene: Scene, subject: str, folder: Path) -> str:
    """Kill one of two worker processes."""
    program = Program([*command(subject, folder, scene.pairs), "--workers", 2])
    while program.process.is_alive() and not (workers := _workers(program)):
        time.sleep(0.05)
    scene.moment(rng, subject)
    if program.process.is_alive() and workers:
        workers[rng.integers(len(workers))].kill()
    killed = {UNWRITABLE: ("refused", "a worker process was killed")}
    outcome = program.end({0: ("done", ""), **killed})
    finish(scene, subject, folder)
    return outcome


def _workers(program: Program) -> list[psutil.Process]:
    children = psutil.Process(program.process.pid).children(recursive=True)
    return [child for child in children if "popen_loky" in " ".join(child.cmdline())]


def _spoil(rng: np.random.Generator, pairs: Path, how: str) -> Path:
    """Spoil a random array of some pairs; return its path."""
    path = rng.choice(sorted(pairs.glob("*.npy")))
    content = bytearray(path.read_bytes())
    place = rng.integers(len(content))
    if how == "lost":
        path.unlink()
    elif how == "cut":
        os.truncate(path, place)
    else:
        content[place] ^= 1 << rng.integers(8)
        path.write_bytes(content)
    return path


ATTACKS: list[tuple[str, Callable[..., str]]] = [
    *((subject, attack) for subject in (GENERATE, TRAIN)
      for attack in (full_disk, folder_lost, second_program, shard_spoilt)),
    (GENERATE, worker_killed), (TRAIN, shard_changes), (TRAIN, checkpoint_cut),
    (TRAIN, weights_lost),
]  # fmt: skip


def prepare(work: Path) -> Scene:
    """Make the pairs and the run here, so that all that a fork needs is loaded, and time a fork."""
    scene = Scene(work / "pairs" / "out", work / "run" / "out", {})
    for subject, left in ((GENERATE, scene.pairs), (TRAIN, scene.run)):
        with redirect_stdout(io.StringIO()):
            main(_as_text(command(subject, left.parent, scene.pairs)), standalone_mode=False)
        start = time.perf_counter()
        finish(scene, subject, work / f"another {left.parent.name}")
        scene.seconds[subject] = time.perf_counter() - start
    return scene


def run(rng: np.random.Generator, seconds: float, work: Path, _earlier: list[dict]) -> dict:
    """Attack one program after the other until the time is up."""
    start, scene, trials = time.perf_counter(), prepare(work), []
    while time.perf_counter() - start < seconds or not trials:
        for number in rng.permutation(len(ATTACKS)):
            subject, attack = ATTACKS[number]
            trials.append(_tried(rng, scene, subject, attack, work / "attacked"))
            if time.perf_counter() - start > seconds:
                break
    return table(trials)


def _tried(
    rng: np.random.Generator, scene: Scene, subject: str, attack: Callable[..., str], folder: Path
) -> Trial:
    folder.mkdir()
    start, words = time.perf_counter(), ""
    try:
        outcome = attack(rng, scene, subject, folder)
    except BrokenPromiseError as error:
        outcome, words = FAULT, str(error).replace(f"{folder.parent}{os.sep}", "")
    shutil.rmtree(folder)
    name = attack.__name__.replace("_", " ")
    return Trial(subject, name, outcome, words, time.perf_counter() - start)
