"""Programs that are stopped at any moment, and started again until they end."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import psutil

from soaking.killed_programs import (
    Program,
    content,
    environment,
    files_of,
    new_trial,
    programs,
    write_given,
)
from soaking.trials import FAULT, Trial, table

TIMED, WRITING = "SIGKILL", "SIGKILL while it writes"
INTERRUPTED, TERMINATED = "SIGINT", "SIGTERM"
TOO_LATE = "ended before"  # the moment came; such an attempt counts as none
SIGNALS = 5  # kills for each Ctrl-C and for each SIGTERM
CHAIN = 12  # most times that a run is stopped before it may end
GONE_SECONDS = 5  # within which, on an idle machine, a stopped program's processes must be gone
POLL_SECONDS = 0.004
TIMEOUT = 900  # s, for a run that nobody stops
OLD = b"old"
SAID = "said.txt"  # in the folder of a trial: what the program prints


@dataclass(frozen=True)
class Reference:
    """An undisturbed run.

    Attributes:
        seconds: that it took.
        work: processor time of it and its processes, s.
        changes: how many times its files changed, as seen from outside.
        contents: of its files, by name.
        left: all files and folders that were there after it, hidden ones included.
    """

    seconds: float
    work: float
    changes: int
    contents: dict[str, object]
    left: frozenset[str]


@dataclass
class Running:
    """A program in its folder, and its processes."""

    program: Program
    folder: Path
    process: subprocess.Popen = field(init=False)

    def __post_init__(self) -> None:
        """Start it, in a process group of its own."""
        self.log = (self.folder / SAID).open("w")
        self.process = subprocess.Popen(
            self.program.words, cwd=self.folder, env=environment(self.folder),
            stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def family(self) -> list[psutil.Process]:
        """Return the process and all that it started."""
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def worked(self) -> float:
        """Return the processor time of all its processes so far, s."""
        times = []
        for process in self.family():
            try:
                times.append(process.cpu_times())
            except psutil.NoSuchProcess:
                continue
        first = times[0].children_user + times[0].children_system if times else 0.0
        return first + sum(each.user + each.system for each in times)

    def send(self, number: signal.Signals, to_group: bool) -> None:
        """Send a signal to the process group, or to the first process alone."""
        try:
            (os.killpg if to_group else os.kill)(self.process.pid, number)
        except ProcessLookupError:
            pass

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        code = self.process.wait(TIMEOUT)
        self.log.close()
        return code

    @property
    def said(self) -> str:
        """All that it printed."""
        return (self.folder / SAID).read_text("utf-8", errors="replace")


def run(rng: np.random.Generator, seconds: float, work: Path, earlier: Sequence[dict] = ()) -> dict:
    """Stop all programs in turn, until each was stopped as often as it is to be.

    Args:
        rng: draws programs' moments and the ways of stopping.
        seconds: after which no new run is started.
        work: an empty folder.
        earlier: records of runs whose trials count.

    Returns:
        The table of the trials, and how many seconds an undisturbed run of each program took.
    """
    end = time.monotonic() + seconds
    # A shell that starts this in the background would have all programs ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    given = work / "given"
    write_given(given, _run_to_its_end)
    trials, references, done = [], {}, _counts(earlier)
    waiting = [each for each in programs() if any(_drawn_chain(each, done, rng))]
    while waiting and time.monotonic() < end:
        program = waiting.pop(0)
        subject, folder = program.subject, work / "trial"
        chain = list(_drawn_chain(program, done, rng))
        try:
            if subject not in references:
                references[subject] = undisturbed(program, given, folder)
            tried = stop_and_start_again(program, references[subject], chain, given, folder, rng)
        except Exception as error:  # a program that cannot be tried must not stop the others
            words = f"cannot be tried: {type(error).__name__}: {error}"
            trials.append(Trial(subject, chain[0], FAULT, words))
            shutil.rmtree(folder, ignore_errors=True)
            continue
        trials += tried
        done.update((subject, each.attack) for each in tried if each.outcome != TOO_LATE)
        if any(_drawn_chain(program, done, rng)):
            waiting.append(program)
    durations = {name: round(reference.seconds, 2) for name, reference in references.items()}
    return {**table(trials), "undisturbed_s": durations}


def _counts(runs: Sequence[dict]) -> Counter:
    """Count the trials of earlier runs, of each program and attack."""
    found = Counter()
    for row in (row for each in runs for row in each["rows"]):
        found[row["subject"], row["attack"]] += row["tried"] - row["outcomes"].get(TOO_LATE, 0)
    return found


def _drawn_chain(program: Program, done: Counter, rng: np.random.Generator) -> Iterator[str]:
    """Draw the ways in which a run is stopped, one after another, among those that are left."""
    wanted = {TIMED: program.kills // 2, WRITING: program.kills - program.kills // 2}
    wanted |= dict.fromkeys((INTERRUPTED, TERMINATED), program.kills // SIGNALS)
    left = [
        attack
        for attack, count in wanted.items()
        for _ in range(count - done[program.subject, attack])
    ]
    yield from rng.permutation(left)[: rng.integers(1, CHAIN + 1)].tolist()


def undisturbed(program: Program, given: Path, folder: Path) -> Reference:
    """Run a program to its end in a new folder, which is removed again."""
    new_trial(program, given, folder)
    began, worked, changes, seen = time.monotonic(), _processor_seconds(), 0, None
    running = Running(program, folder)
    while running.process.poll() is None:
        changes += seen != (seen := _unhurried_listing(folder))
    seconds = time.monotonic() - began
    if running.end():
        raise RuntimeError(f"{program.subject} fails undisturbed: {running.said}")
    contents = {name: content(path) for name, path in files_of(program, folder).items()}
    work = _processor_seconds() - worked
    reference = Reference(seconds, work, changes, contents, _tree(folder))
    shutil.rmtree(folder)
    return reference


def stop_and_start_again(
    program: Program,
    reference: Reference,
    attacks: Sequence[str],
    given: Path,
    folder: Path,
    rng: np.random.Generator,
) -> list[Trial]:
    """Stop a program in the given ways, one after another; then let it end, and compare.

    Args:
        program: to start.
        reference: its undisturbed run.
        attacks: ways of stopping.
        given: what it reads.
        folder: of this trial; removed at the end.
        rng: draws the moments.

    Returns:
        A trial per attack; the fault of the end result, if there is one, is that of the last.
    """
    new_trial(program, given, folder)
    if program.overwrites and rng.random() < 0.5:
        for name in reference.contents:
            (folder / name).write_bytes(OLD)
    trials = []
    for attack in attacks:
        trials.append(_stopped(program, reference, attack, folder, rng))
        if trials[-1].outcome == TOO_LATE:
            break
    kept = program.kept(folder)
    began, running = time.monotonic(), Running(program, folder)
    code = running.end()
    has_ended = program.has_ended(code, running.said)
    faults = [] if has_ended else [f"exit code {code}: {running.said[-300:]}"]
    faults += _differences(program, reference, folder)
    after = program.kept(folder)
    faults += [f"{name} was done again" for name, at in kept.items() if after.get(name) != at]
    faults += [f"{name} was left behind" for name in sorted(_tree(folder) - reference.left)]
    shutil.rmtree(folder)
    if faults:
        story = f"after {', '.join(each.attack for each in trials)}: " + "; ".join(faults[:5])
        trials.append(
            Trial(program.subject, trials[-1].attack, FAULT, story, time.monotonic() - began)
        )
    return trials


def _stopped(
    program: Program, reference: Reference, attack: str, folder: Path, rng: np.random.Generator
) -> Trial:
    """Start a program, stop it, and look at what is there."""
    began, running = time.monotonic(), Running(program, folder)
    moment = _wait(running, attack, reference, rng)
    family = running.family()
    kills = attack in (TIMED, WRITING)
    number = signal.SIGKILL if kills else signal.Signals[attack]
    running.send(number, to_group=attack != TERMINATED)
    asked = time.monotonic()
    crowding = max(1.0, reference.seconds / reference.work)
    alive = _wait_for_end(family, GONE_SECONDS * crowding)
    lines = [_killed_line(process) for process in alive]
    code, took = running.end(), time.monotonic() - asked
    faults = [f"{' '.join(line)} still runs after {took:.0f} s" for line in lines]
    has_ended = program.has_ended(code, running.said)
    outcome = TOO_LATE if has_ended else "killed" if kills else "stopped"
    if not kills and not has_ended:
        faults += _wrong_end(program, code, running.said)
        if program.is_ours and _is_before_main(running.said, code == -number):
            outcome, faults = "stopped as it started", []
    faults += _partial(program, reference, folder)
    if faults:
        words = f"at {moment}: " + "; ".join(faults[:5])
        return Trial(program.subject, attack, FAULT, words, time.monotonic() - began)
    return Trial(program.subject, attack, outcome, "", took)


def _wait(running: Running, attack: str, reference: Reference, rng: np.random.Generator) -> str:
    """Wait for a random moment of a program's life; returns it in words."""
    if attack == WRITING:
        number, changes, seen = int(rng.integers(1, reference.changes + 1)), 0, None
        while running.process.poll() is None:
            changes += seen != (seen := _unhurried_listing(running.folder))
            if changes >= number:
                break
        time.sleep(rng.exponential(0.002))
        return f"change {number} of its files"
    moment = rng.uniform(0, reference.work)  # of its work, which other programs do not slow down
    while running.process.poll() is None and running.worked() < moment:
        time.sleep(POLL_SECONDS)
    return f"{moment:.2f} s of work"


def _processor_seconds() -> float:
    """Return the processor time of all programs that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _killed_line(process: psutil.Process) -> list[str]:
    """Kill a process that should be gone; returns its command line."""
    try:
        line = process.cmdline()
        process.kill()
    except psutil.NoSuchProcess:
        return []
    return line[:6]


def _wait_for_end(family: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Return the processes that do not end in time."""
    until, alive = time.monotonic() + seconds, list(family)
    while alive and time.monotonic() < until:
        alive = [process for process in alive if _is_alive(process)]
        time.sleep(0.01)
    return alive


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_before_main(said: str, by_the_signal: bool) -> bool:
    """Whether Python was still importing, and the program had not begun."""
    if "Traceback" in said:
        begun = (", in main", "__main__.py", "Exception ignored")
        return not any(words in said for words in begun)
    return by_the_signal and not said


def _wrong_end(program: Program, code: int, said: str) -> list[str]:
    if code not in program.codes:
        return [f"exit code {code}: {said[-600:]}"]
    return [f"a traceback: {said[-600:]}"] if program.is_ours and "Traceback" in said else []


def _partial(program: Program, reference: Reference, folder: Path) -> list[str]:
    """Return what is wrong with the files that a stopped program left under their own names."""
    faults = []
    for name, path in files_of(program, folder).items():
        if any(fnmatch(name, draft) for draft in program.drafts):
            continue
        if program.overwrites and path.read_bytes() == OLD:
            continue
        now = _content_or_error(path)
        if isinstance(now, Exception):
            faults.append(f"{name} is partial: {type(now).__name__}: {now}")
        elif path.name not in program.growing and now != reference.contents.get(name):
            faults.append(f"{name} is partial or another")
    return faults


def _content_or_error(path: Path) -> object:
    try:
        return content(path)
    except Exception as error:  # whatever a partial file makes its reader say
        return error


def _differences(program: Program, reference: Reference, folder: Path) -> list[str]:
    now = {name: _content_or_error(path) for name, path in files_of(program, folder).items()}
    names = reference.contents.keys() | now.keys()
    differing = [n for n in sorted(names) if now.get(n) != reference.contents.get(n)]
    return [f"{name} differs from the undisturbed run" for name in differing]


def _unhurried_listing(folder: Path) -> set[tuple[str, str, int, int]]:
    """Return the listing, after waiting as long as it took: the program needs the processor."""
    began = time.monotonic()
    found = _listing(folder)
    time.sleep(max(POLL_SECONDS, time.monotonic() - began))
    return found


def _listing(folder: Path) -> set[tuple[str, str, int, int]]:
    """Return all files in the folder of a trial, with sizes and times; hidden ones included."""
    found = set()
    for place, _, names in os.walk(folder):  # which does not mind folders that vanish
        for name in names:
            try:
                stat = os.stat(os.path.join(place, name))
            except FileNotFoundError:
                continue
            if name != SAID:
                found.add((place, name, stat.st_size, stat.st_mtime_ns))
    return found


def _tree(folder: Path) -> frozenset[str]:
    """Name everything in the folder of a trial; of temporary files, those of facelib."""
    names = (str(path.relative_to(folder)) for path in folder.rglob("*"))
    return frozenset(n for n in names if not n.startswith("temporary/") or "facelib" in n)


def _run_to_its_end(words: Sequence[str], folder: Path) -> None:
    subprocess.run(words, cwd=folder, env=environment(folder), check=True, capture_output=True)
