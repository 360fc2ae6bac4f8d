"""Try to break facelib, and write down what broke.

    python experiments/soak.py hostile kills faults --minutes 60 --seed 0
    python experiments/soak.py long --minutes 120

Each part tries for its share of the minutes, and replaces its record in experiments/soak.json; the
records of other parts stay. With --go-on, and another seed, the record of a part keeps its earlier
runs, and the new one is added; `kills` then does what they left to do. The program exits with 1 if
a fault was found. The same seed makes the same attempts; how many of them fit into the time depends
on the machine.

hostile  files that are cut, spoilt or made to deceive, for each reader
kills    programs that are stopped at random moments and started again
faults   full and read-only disks, lost folders, two runs in a folder, workers that die
long     pairs and trainings in turn for hours: memory, speed, files, processes
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from facelib.files.atomic import replacing
from facelib.files.command import typed_command
from facelib.files.revision import revision
from facelib.files.threads import usable_cores

RECORD = Path(__file__).with_name("soak.json")
PARTS = {"hostile": "hostile", "kills": "kills", "faults": "faults", "long": "long_run"}


def run_part(name: str, seed: int, seconds: float, earlier: list[dict]) -> dict:
    """Run one part in a new folder of its own, and return its record.

    Args:
        name: of the part.
        seed: of all that it draws.
        seconds: that it may take.
        earlier: the records of the runs to which this one is added.
    """
    part = importlib.import_module(f"soaking.{PARTS[name]}")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as work:
        found = part.run(np.random.default_rng(seed), seconds, Path(work), earlier)
    return {
        "command": typed_command(),
        "seed": seed,
        "date": datetime.now(UTC).date().isoformat(),
        "revision": revision(),
        "machine": f"{platform.machine()}, {usable_cores()} of {os.cpu_count()} cores, "
        f"Python {platform.python_version()}",
        "minutes": round((time.perf_counter() - began) / 60, 1),
        **found,
    }


def _read(file: Path) -> dict[str, list[dict]]:
    """Return the runs of each part that are recorded."""
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10, help="of all parts together")
    parser.add_argument("--go-on", action="store_true", help="add to the record of earlier runs")
    parser.add_argument("--out", type=Path, default=RECORD, help="[default: experiments/soak.json]")
    options = parser.parse_args()
    n_faults = 0
    for name in options.parts:
        earlier = _read(options.out).get(name, []) if options.go_on else []
        if options.seed in [run["seed"] for run in earlier]:
            parser.error(f"{options.out} has a run of {name} with this seed: give another --seed")
        found = run_part(name, options.seed, options.minutes * 60 / len(options.parts), earlier)
        with replacing(options.out) as temporary:
            record = {**_read(options.out), name: [*earlier, found]}
            temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for fault in found["faults"]:
            print(f"{name}: {fault['subject']}, {fault['attack']}: {fault['words']}")
        n_faults += len(found["faults"])
        print(f"{name}: {len(found['faults'])} faults in {found['minutes']} minutes")
    sys.exit(n_faults > 0)


if __name__ == "__main__":
    main()
