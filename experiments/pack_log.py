"""Pack the log of a training for chapter 10, which draws all logs in the folder.

    python experiments/pack_log.py compact runs/compact_64 runs/compact_128

The runs are the stages of one training, in order, each started from the weights of the one before.
"""

import argparse
from pathlib import Path

from facelib.files.paths import data_dir
from facelib.training.log import pack_logs
from facelib.training.runs import read_training


def main() -> None:
    """Read the command line and write the log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="name of the training, or FOLDER/NAME to store it separately")
    parser.add_argument("runs", type=Path, nargs="+", help="run folders, first stage first")
    arguments = parser.parse_args()
    packed = data_dir() / "experiment" / f"{arguments.name}.log.jsonl"
    pack_logs(arguments.runs, packed)
    training = read_training(packed)
    print(f"{packed.name}: {len(training.stages)} stages, {training.samples:,} samples")


if __name__ == "__main__":
    main()
