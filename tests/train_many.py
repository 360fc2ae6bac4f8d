"""A process of test_many_processes: the runs of a JSON file, one after the other.

A number after the file is the step at which the second process is killed.
"""

import json
import os
import signal
import sys
from pathlib import Path

from toy_face import toy_layout
from toy_training import SIZE, PlainNetwork, TinyNetwork

from facelib.networks.catalogue import NETWORKS
from facelib.training import opened_run
from facelib.training.clock import Clock
from facelib.training.config import TrainConfig
from facelib.training.learner import TrainingDivergedError
from facelib.training.loop import train

NETWORKS |= {"plain": PlainNetwork, "tiny": TinyNetwork}
rank = int(os.environ["RANK"])
dies_at = int(sys.argv[2]) if len(sys.argv) > 2 else None


class StepClock(Clock):
    """The main process's clock runs an hour per step, the others' stand still."""

    def __init__(self, seconds=0.0):
        super().__init__(seconds)
        self.steps = round(seconds / 3600)

    def next_batch(self, batches):
        self.steps += 1
        if rank == 1 and self.steps == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().next_batch(batches)

    def seconds(self):
        return 0.0 if rank else 3600.0 * self.steps


opened_run.Clock = StepClock
runs = Path(sys.argv[1])
ended = {}
for name, values in json.loads(runs.read_text()).items():
    try:
        ended[name] = str(train(TrainConfig.from_dict(values), toy_layout(SIZE)))
    except (ValueError, TrainingDivergedError) as error:
        ended[name] = str(error)
runs.with_name(f"ended_{rank}.json").write_text(json.dumps(ended))
