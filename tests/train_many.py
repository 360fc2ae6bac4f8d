"""What each process of test_many_processes does: the runs of a JSON file, one after the other."""

import json
import os
import sys
from pathlib import Path

from toy_training import GridLayout, PlainNetwork, TinyNetwork

from facelib.networks.catalogue import NETWORKS
from facelib.training import loop as training
from facelib.training.config import TrainConfig

NETWORKS |= {"plain": PlainNetwork, "tiny": TinyNetwork}
rank = int(os.environ["RANK"])
# The main process's clock runs an hour a step, the others' stand still.
training._Run._seconds = lambda run: 0.0 if rank else 3600.0 * run.progress.step

runs = Path(sys.argv[1])
ended = {}
for name, values in json.loads(runs.read_text()).items():
    try:
        ended[name] = str(training.train(TrainConfig.from_dict(values), GridLayout()))
    except (ValueError, training.TrainingDivergedError) as error:
        ended[name] = str(error)
runs.with_name(f"ended_{rank}.json").write_text(json.dumps(ended))
