"""Try readers on spoilt files, one attempt after another, and print what came of each.

    python -m soaking.hostile_worker FOLDER SEED < ATTEMPTS

in the folder `experiments`. An attempt is a line SUBJECT:NUMBER of standard input. Seed, subject
and number determine it, so that each can be repeated alone. What it gave is a line of JSON.
"""

from __future__ import annotations

import json
import logging
import os
import re
import resource
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from soaking import hostile_forms as forms
from soaking.hostile_bytes import BYTES, PLACES, TEXT
from soaking.hostile_learning import NETWORKS, PAIRS, RUNS, TABLES
from soaking.hostile_subjects import DATASETS, MESHES, PHOTOS, Subject
from soaking.trials import FAULT, Trial

SUBJECTS = {
    subject.name: subject
    for subject in (*PHOTOS, *MESHES, *DATASETS, *PAIRS, *NETWORKS, *RUNS, *TABLES)
}
DOCUMENTED = (ValueError, OSError)  # what readers may raise, with a sentence
LONGEST = 400  # characters of a sentence, without the file's folder
MAX_MB = 1000  # of the process
MAX_SECONDS = 10  # of processor time
ROOM_BYTES = 6 * 2**30  # of addresses, beyond those in use: more is refused by the system
STRUCTURE_SHARE, PLACE_SHARE = 0.55, 0.05  # of the attacks; the others change bytes or text
FORBIDDEN = ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "socket.connect",
             "pickle.find_class", "socket.getaddrinfo")  # fmt: skip


class Watch:
    """Notices what an attempt opens, runs or connects to that it must not."""

    def __init__(self) -> None:
        """Begin to watch; nothing counts until there is a folder."""
        self.folder: Path | None = None
        self.seen: list[str] = []
        sys.addaudithook(self._notice)

    def _notice(self, event: str, arguments: tuple) -> None:
        if self.folder is None:
            return
        if event == "subprocess.Popen" and arguments[0] == "git":  # for the code's revision
            return
        if event in ("pickle.find_class", "open") and _keeps_a_kernel():
            return
        if event in FORBIDDEN:
            self.seen.append(f"{event} {str(arguments)[:80]}")
        elif event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            name = os.path.realpath(os.fsdecode(arguments[0]))
            inside = name.startswith(str(self.folder) + os.sep)
            writes = isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if name == os.devnull:
                return
            if forms.BAIT in name or name == "/etc/passwd" or (writes and not inside):
                self.seen.append(f"opened {name} ({arguments[1]})")


def _keeps_a_kernel() -> bool:
    """Whether one of those has called that keep compiled kernels in files."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(("numba.", "facelib.files.kernels")):
            return True
        frame = frame.f_back
    return False


def main() -> None:
    """Try what standard input asks for."""
    work, seed = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    logging.captureWarnings(False)
    lay_bait(work)
    watch = Watch()
    for line in sys.stdin:
        name, _, number = line.strip().rpartition(":")
        print(
            json.dumps(asdict(attempt(SUBJECTS[name], int(number), seed, work, watch))), flush=True
        )


def lay_bait(work: Path) -> None:
    """Put files beside the folder of the attempts, which no reader may open."""
    work.mkdir(parents=True, exist_ok=True)
    for ending in (".png", ".dtd", ".mtl"):
        Image.new("RGB", forms.BAIT_SIZE[::-1]).save(work / f"{forms.BAIT}{ending}", "PNG")


def attempt(subject: Subject, number: int, seed: int, work: Path, watch: Watch) -> Trial:
    """Spoil a file and read it."""
    folder = work / "attempt"
    shutil.rmtree(folder, ignore_errors=True)
    path = fresh_copy(subject, work, folder)
    rng = np.random.default_rng([seed, zlib.crc32(subject.name.encode()), number])
    name, spoil = choose_attack(subject, rng)
    spoil(path, rng)
    before = _files(folder)
    seconds, memory = time.process_time(), _reset_peak()
    with _limits(), _output(work / "printed") as printed:
        watch.folder, watch.seen = folder, []
        outcome, words = _read(subject, path)
        watch.folder = None
    seconds, memory = time.process_time() - seconds, max(memory, _peak_mb())
    faults = [words] if outcome == FAULT else []
    if printed and not (outcome == "read" and is_a_sentence(printed[0], path)):
        faults.append(f"{outcome} {words}, but printed {printed[0]!r}")
    faults += [f"{outcome}, but {each}" for each in watch.seen]
    faults += _changes(before, _files(folder), subject.writes)
    faults += [f"{outcome} {words}, but took {seconds:.1f} s"] if seconds > MAX_SECONDS else []
    faults += [f"{outcome} {words}, but took {memory:.0f} MB"] if memory > MAX_MB else []
    if faults:
        outcome, words = FAULT, "; ".join(faults)[:1500] + f" [repeat: {subject.name}:{number}]"
    return Trial(subject.name, name, outcome, words, seconds, memory)


def choose_attack(
    subject: Subject, rng: np.random.Generator
) -> tuple[str, Callable[[Path, np.random.Generator], None]]:
    """Draw a kind of fault; return its name, and a function that spoils a file."""
    share = rng.random()
    if share < PLACE_SHARE:
        name = str(rng.choice(list(PLACES)))
        return name, lambda path, _: PLACES[name](path)
    plain = BYTES | (TEXT if subject.is_text else {})
    spoilers = subject.attacks if share < PLACE_SHARE + STRUCTURE_SHARE else plain
    name = str(rng.choice(list(spoilers or plain)))
    spoil = (spoilers or plain)[name]
    return name, lambda path, rng: path.write_bytes(spoil(path.read_bytes(), rng))


@cache
def _valid(name: str, work: Path) -> tuple[Path, Path]:
    """Write a subject's valid files once, and check that they can be read."""
    subject = SUBJECTS[name]
    folder = work / "valid" / subject.name.replace(" ", "_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path = subject.make(folder)
    subject.read(path)
    return folder, path.relative_to(folder)


def fresh_copy(subject: Subject, work: Path, folder: Path) -> Path:
    """Copy a subject's valid files; return the one to spoil."""
    valid, inside = _valid(subject.name, work)
    shutil.copytree(valid, folder, symlinks=True)
    return folder / inside


def _read(subject: Subject, path: Path) -> tuple[str, str]:
    """Read a file: the outcome and its words."""
    try:
        subject.read(path)
    except DOCUMENTED as error:
        return fault_of_sentence(str(error), path) or (
            "refused",
            " ".join(str(error).split())[:300],
        )
    except AssertionError as error:
        import traceback

        line = traceback.extract_tb(error.__traceback__)[-1].line
        return FAULT, f"read something that cannot be right: {line}"
    except BaseException as error:  # any other exception is what we look for
        import traceback

        places = [
            f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)
        ]
        own = " < ".join(places[-1:-4:-1])
        return FAULT, f"{type(error).__name__}: {' '.join(str(error).split())[:200]} ({own})"
    return "read", ""


def fault_of_sentence(words: str, path: Path) -> tuple[str, str] | None:
    """Return what is wrong with a message: more than a sentence, or without the file's name."""
    short = words.replace(str(path.parent), "")
    wrong = []
    if not words.isprintable():
        wrong.append("of several lines or with control characters")
    if len(short) > LONGEST:
        wrong.append(f"of {len(short)} characters")
    if not any(name in words for name in _names(path)):
        wrong.append("without the file's name")
    if re.search(r"\\x|\bb'", short):
        wrong.append("with raw bytes")
    return (FAULT, f"a message {', '.join(wrong)}: {short[:300]!r}") if wrong else None


def is_a_sentence(printed: str, path: Path) -> bool:
    """Whether what was printed is one line that names a file, as a warning may be."""
    return "Warning" not in printed and fault_of_sentence(printed, path) is None


def _names(path: Path) -> list[str]:
    folder = path.parent
    if not folder.exists():
        return [path.name]
    return [str(folder), path.name, *(each.name for each in folder.iterdir())]


@contextmanager
def _limits() -> Iterator[None]:
    """Let the system refuse memory without end, and end a hang by a signal."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    ceiling = pages * resource.getpagesize() + ROOM_BYTES
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    endless = resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_AS, (ceiling, endless))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 2 * MAX_SECONDS, endless))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (endless, endless))
        resource.setrlimit(resource.RLIMIT_CPU, (endless, endless))


@contextmanager
def _output(path: Path) -> Iterator[list[str]]:
    """Yield a list that holds, in the end, what the block printed to standard output and error."""
    printed: list[str] = []
    sys.stdout.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    with path.open("w+b") as file:
        for number in kept:
            os.dup2(file.fileno(), number)
        try:
            yield printed
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, own in kept.items():
                os.dup2(own, number)
                os.close(own)
            file.seek(0)
            text = file.read(2000).decode("utf-8", "replace").strip()
            printed += [text[:400]] if text else []


def _reset_peak() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return 0.0


def _peak_mb() -> float:
    """Return the largest memory of this process since `_reset_peak`, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


def _files(folder: Path) -> dict[str, tuple]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def _changes(before: dict, after: dict, allowed: tuple[str, ...]) -> list[str]:
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    wrong = [name for name in changed if Path(name).name not in allowed]
    return [f"changed the files {', '.join(wrong)}"] if wrong else []


if __name__ == "__main__":
    main()
