"""Time what a newcomer waits for, in fresh clones: installing, a head, the book.

The committed revision is cloned, twice: for the program alone, and for the book. Everything is
timed by the clock, so nothing else should run. Twenty minutes on two cores.

    python benchmarks/from_scratch.py --out data/evaluation/from_scratch.json
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from machine import machine, yardstick
from PIL import Image
from reconstruct import LARGE_PX, photo_pair

from facelib.files.atomic import replacing
from facelib.files.revision import revision

ROOT = Path(__file__).resolve().parents[1]
COMMAND = "python benchmarks/from_scratch.py --out data/evaluation/from_scratch.json"
CHANGED = Path("notebooks/04_position_maps.ipynb")
INSTALL = "python3.11 -m venv .venv && .venv/bin/pip install --quiet ."
RECONSTRUCT = ".venv/bin/facelib reconstruct front.jpg side.jpg -o me.glb --report me.html"


def seconds_of(command: str, folder: Path) -> float:
    """Run a shell command in a folder, as from a new terminal; return how long it took.

    Raises:
        CalledProcessError: if it fails.
    """
    ours = ("PYTHONPATH", "VIRTUAL_ENV", "OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MAKEFLAGS")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    print(f"{folder.name}: {command}", flush=True)
    start = time.perf_counter()
    subprocess.run(command, shell=True, cwd=folder, env=environment, check=True, stdout=sys.stderr)
    return time.perf_counter() - start


def clone(folder: Path) -> Path:
    """Copy the committed files."""
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    return folder


def of_the_program(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Yield what is done, its command and its time: from nothing to a head, without torch."""
    for name, photo in zip(("front", "side"), photo_pair(LARGE_PX), strict=True):
        Image.fromarray(photo).save(folder / f"{name}.jpg", quality=92)
    yield "install the program", INSTALL, seconds_of(INSTALL, folder)
    for words in ("the first head, which compiles kernels", "every other head"):
        yield words, RECONSTRUCT, seconds_of(RECONSTRUCT, folder)


def of_the_book(folder: Path) -> Iterator[tuple[str, str, float]]:
    """Yield the same of all that `make` does."""
    yield "the book, with the installation", "make book", seconds_of("make book", folder)
    chapter = json.loads((folder / CHANGED).read_text("utf-8"))
    chapter["cells"][0]["source"][-1] += " "
    (folder / CHANGED).write_text(json.dumps(chapter), "utf-8")
    yield f"the book after a change of {CHANGED.stem}", "make book", seconds_of("make book", folder)


def main() -> None:
    """Clone, time, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        steps = [
            *of_the_program(clone(Path(folder) / "program")),
            *of_the_book(clone(Path(folder) / "book")),
        ]
    about = {"command": COMMAND, "date": f"{date.today()}", "revision": revision(), **machine()}
    about["yardstick_ms"] = round(1e3 * sum(yardstick()))
    waits = [{"what": what, "command": command, "seconds": round(s)} for what, command, s in steps]
    with replacing(options.out) as temporary:
        temporary.write_text(json.dumps({**about, "waits": waits}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
