"""Time the training of every network: pairs per second, data, loss and optimiser included.

Stored pairs go through `facelib.training.loop`, on one thread, at the sizes and in the precision
of the experiment (chapter 10). Networks alternate and the fastest stretch of a few steps counts,
so that other programs on the machine matter little.

    OMP_NUM_THREADS=1 python benchmarks/training.py
"""

import tempfile
from itertools import pairwise
from pathlib import Path

from facelib.networks.catalogue import NETWORKS
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.settings import Plan, SyntheticSettings
from facelib.training.config import TrainConfig
from facelib.training.log import read_log
from facelib.training.loop import train

SIZES = (64, 128)
PAIRS = 64
BATCH = 32
STEPS = 2  # of one stretch
STRETCHES = 4
ROUNDS = 2
TARGET = 10.0  # times two_view's pairs per second


def pairs_per_second(
    network: str, size: int, pairs: Path, run_dir: Path, precision: str = "bfloat16"
) -> list[float]:
    """Train a network, and return the speed of every stretch of steps but the first."""
    settings = {
        "data_dir": pairs,
        "run_dir": run_dir,
        "network": network,
        "size": size,
        "batch_size": BATCH,
        "precision": precision,
        "samples_per_epoch": 10**6,
        "max_samples": STRETCHES * STEPS * BATCH,
        "validation_samples": 2,
        "heatmap_warmup_samples": 0,
        "log_steps": STEPS,
        "threads": 1,
        "progress": False,
    }
    train(TrainConfig.from_dict(settings))
    seconds = [line["seconds"] for line in read_log(run_dir)[1][:STRETCHES]]
    return [STEPS * BATCH / (later - earlier) for earlier, later in pairwise(seconds)]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pairs = Path(folder) / "pairs"
        generate_pairs(pairs, Plan(PAIRS, SyntheticSettings(size=max(SIZES))))
        for size in SIZES:
            speeds = dict.fromkeys(NETWORKS, 0.0)
            for number in range(ROUNDS):
                for name in NETWORKS:
                    run_dir = Path(folder) / f"{name}_{size}_{number}"
                    found = pairs_per_second(name, size, pairs, run_dir)
                    speeds[name] = max(speeds[name], *found)
            for name, speed in speeds.items():
                ratio = speed / speeds["two_view"]
                line = f"{name:8} at {size:3} px: {speed:6.1f} pairs/s, {ratio:.1f} x two_view's"
                if name == "compact":
                    line += f"  (target {TARGET:g} x: {'met' if ratio >= TARGET else 'MISSED'})"
                print(line, flush=True)


if __name__ == "__main__":
    main()
