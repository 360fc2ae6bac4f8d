"""Try to break facelib, and write down what broke.

    python experiments/soak.py hostile kills faults --minutes 60 --seed 0
    python experiments/soak.py long --minutes 120

Each part tries for its share of the minutes, and replaces its record in experiments/soak.json; the
records of other parts stay. The program exits with 1 if a fault was found. The same seed makes the
same attempts; how many of them fit into the time depends on the machine.

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


def run_part(name: str, seed: int, seconds: float) -> dict:
    """Run one part in a new folder of its own, and return its record."""
    part = importlib.import_module(f"soaking.{PARTS[name]}")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f"soak-{name}-") as work:
        found = part.run(np.random.default_rng(seed), seconds, Path(work))
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


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10, help="of all parts together")
    parser.add_argument("--out", type=Path, default=RECORD, help="[default: experiments/soak.json]")
    options = parser.parse_args()
    n_faults = 0
    for name in options.parts:
        found = run_part(name, options.seed, options.minutes * 60 / len(options.parts))
        record = json.loads(options.out.read_text()) if options.out.exists() else {}
        with replacing(options.out) as temporary:
            content = json.dumps({**record, name: found}, indent=1) + "\n"
            temporary.write_text(content, encoding="utf-8")
        for fault in found["faults"]:
            print(f"{name}: {fault['subject']}, {fault['attack']}: {fault['words']}")
        n_faults += len(found["faults"])
        print(f"{name}: {len(found['faults'])} faults in {found['minutes']} minutes")
    sys.exit(n_faults > 0)


if __name__ == "__main__":
    main()
