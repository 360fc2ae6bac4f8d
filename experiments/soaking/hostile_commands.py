"""Whole commands of facelib on spoilt files: exit codes, and one line on standard error."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from soaking.hostile_subjects import ROOT
from soaking.hostile_worker import (
    LONGEST,
    MAX_MB,
    SUBJECTS,
    choose_attack,
    fresh_copy,
    lay_bait,
)
from soaking.trials import FAULT, Trial

SOME_FAILED = 10  # exit code of a folder of pairs, which gets its table and a line per pair
CODES = range(2, 11)  # exit codes of a refusal, which `facelib --help` lists
MAX_WALL_SECONDS = 120  # the machine may be busy; of processor time 10 are allowed
MAX_SECONDS = 15
TURNS = 4  # a command takes seconds, an attempt of a reader a hundredth of one
NOTICES = ("Usage:", "Try ", "compiling kernels", "compiled kernels")


def try_commands(seed: int, number: int, work: Path, end: float) -> list[Trial]:
    """Run some of the commands on spoilt files, until a time of `time.monotonic`.

    Args:
        seed: of the attempts.
        number: of the attempt; with each, other subjects take their turn.
        work: folder for the files.
        end: no command begins later.
    """
    names = [name for name, subject in SUBJECTS.items() if subject.command]
    chosen = names[number % TURNS :: TURNS]
    return [try_command(name, number, seed, work) for name in chosen if time.monotonic() < end]


def try_command(name: str, number: int, seed: int, work: Path) -> Trial:
    """Spoil a file and run the command that reads it."""
    subject, folder, out = SUBJECTS[name], work / "attempt", work / "out"
    for each in (folder, out):
        shutil.rmtree(each, ignore_errors=True)
    lay_bait(work)
    path = fresh_copy(subject, work, folder)
    out.mkdir()
    rng = np.random.default_rng([seed, zlib.crc32(f"facelib {name}".encode()), number])
    attack, spoil = choose_attack(subject, rng)
    spoil(path, rng)
    before = _listing(work)
    words = [sys.executable, "-m", "facelib", *subject.command(path, out)]
    code, text, seconds, memory = _finished(words, work)
    faults = _faults(code, text, seconds, memory, before, _listing(work))
    if code not in (0, SOME_FAILED) and any(out.iterdir()):
        half = [each.name for each in out.rglob("*") if each.is_file()]
        faults += [f"exit code {code}, but wrote {', '.join(half)}"] if half else []
    outcome = "done" if code == 0 else f"exit code {code}"
    if faults:
        outcome, text = FAULT, "; ".join(faults) + f" [repeat: facelib {name}:{number}]"
    return Trial(f"facelib {words[3]}: {name}", attack, outcome, text[:1000], seconds, memory)


def _finished(words: list[str], work: Path) -> tuple[int, str, float, float]:
    """Run a program: its exit code, standard error, processor time in s, and peak memory in MB."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    with (work / "stdout").open("w") as out, (work / "stderr").open("w+") as errors:
        program = subprocess.Popen(words, stdout=out, stderr=errors, cwd=work, env=environment)
        limit = time.monotonic() + MAX_WALL_SECONDS
        pid = 0
        while not pid and time.monotonic() < limit:
            pid, status, usage = os.wait4(program.pid, os.WNOHANG)
            time.sleep(0.02)
        if not pid:
            program.kill()
            _, status, usage = os.wait4(program.pid, 0)
        program.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        text = errors.read()
    # A new process begins with the peak of the one that started it: below that nothing is known.
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = usage.ru_maxrss / 1000 if usage.ru_maxrss > own else 0.0
    return program.returncode, text, usage.ru_utime + usage.ru_stime, memory


def _faults(
    code: int, text: str, seconds: float, memory: float, before: set[str], after: set[str]
) -> list[str]:
    faults = []
    lines = [line for line in text.splitlines() if line]
    if code not in (0, *CODES):
        faults.append(f"exit code {code}: {text[-300:]}")
    elif "Traceback" in text:
        faults.append(f"a traceback: {text[-300:]}")
    elif code not in (0, SOME_FAILED) and len(_without_notices(lines)) != 1:
        faults.append(f"exit code {code} with {len(lines)} lines: {text[:300]}")
    elif code and len(lines[-1]) > LONGEST + 100:
        faults.append(f"a message of {len(lines[-1])} characters: {lines[-1][:300]}")
    if "Warning" in text:
        faults.append(f"a warning: {text[:300]}")
    if seconds > MAX_SECONDS or memory > MAX_MB:
        faults.append(f"took {seconds:.1f} s and {memory:.0f} MB")
    if before != after:
        faults.append(f"changed {', '.join(sorted(before ^ after))}")
    return faults


def _without_notices(lines: list[str]) -> list[str]:
    """Leave out what is printed before the sentence: how to use it, and that numba compiles."""
    return [line for line in lines if not line.startswith(NOTICES)]


def _listing(work: Path) -> set[str]:
    """List the files outside of the command's own output."""
    return {
        str(path.relative_to(work))
        for path in work.rglob("*")
        if "out" not in path.relative_to(work).parts[:1] and path.name not in ("stdout", "stderr")
    }
