"""Train `compact` for a few epochs, and keep its answer for one person after each.

    python experiments/record_epochs.py WORK

Makes the pairs and trains in the folder WORK, which must be empty or new: an epoch's answer is gone
once the next epoch is over. The person is the one of chapter 5, whom no training pair shows. The
result is data/experiment/epochs.npz, for chapter 10.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from facelib.face.layout import load_layout
from facelib.files.atomic import replacing
from facelib.files.paths import data_dir
from facelib.networks.catalogue import create
from facelib.networks.convention import POSITION_SCALE
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import Plan, SyntheticSettings
from facelib.training.config import TrainConfig
from facelib.training.environment import environment
from facelib.training.log import LOG
from facelib.training.loop import train
from facelib.training.runs import read_training

RESULT = data_dir() / "experiment" / "epochs.npz"
SIZE = 64  # px, side of the photos
N_PAIRS, SEED = 2048, 0
STAR, STAR_SEED = 6, 4  # sample and seed of chapter 5's person
EPOCHS, SAMPLES_PER_EPOCH = 16, 2048
RECIPE = {
    "network": "compact",
    "size": SIZE,
    "seed": SEED,
    "batch_size": 32,
    "learning_rate": 0.002,
    "schedule": "halve",  # unlike the others, it does not depend on where a call stops
    "halve_every": 4,
    "augmentation": {"preset": "thesis", "rotation_deg": 10, "dropout_probability": 0},
    "samples_per_epoch": SAMPLES_PER_EPOCH,
    "epochs": EPOCHS,
    "max_grad_norm": 1.0,
    "heatmap_warmup_samples": SAMPLES_PER_EPOCH,
    "patience": EPOCHS,
    "log_steps": 16,
    "threads": 1,
}


@torch.inference_mode()
def answer_px(state: dict[str, torch.Tensor], photos: torch.Tensor) -> np.ndarray:
    """Return the layout vertices that weights predict: (V, 3) float32, px of the crop."""
    network = create("compact", SIZE).eval()
    network.load_state_dict(state)
    position_map = network(photos)[0].permute(1, 2, 0).numpy() * SIZE * POSITION_SCALE
    return load_layout(SIZE).vertices(position_map)


def main() -> None:
    """Make the pairs, train epoch by epoch, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path, help="folder for pairs and run")
    work = parser.parse_args().work
    if (work / "run").exists():
        parser.error(f"{work} has a run already; name a new folder")
    generate_pairs(work / "pairs", Plan(N_PAIRS, SyntheticSettings(SIZE, SEED)))
    star = make_pair(STAR, SyntheticSettings(SIZE, STAR_SEED))
    photos = np.concatenate([star.front, star.side], axis=2).astype(np.float32) / 255
    photos = torch.from_numpy(photos).permute(2, 0, 1)[None]
    config = TrainConfig.from_dict(RECIPE | {"data_dir": work / "pairs", "run_dir": work / "run"})
    answers = []
    for epoch in range(1, EPOCHS + 1):
        train(config.changed(max_samples=epoch * SAMPLES_PER_EPOCH))
        checkpoint = torch.load(work / "run" / "checkpoint.pt", weights_only=True)
        answers.append(answer_px(checkpoint["network"], photos))
    (run,) = read_training(work / "run" / LOG).stages
    about = {
        "command": f"python experiments/{Path(__file__).name} WORK",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "pairs": run.data,
        "n_train": run.n_train,
        "recipe": RECIPE,
        "hours": run.hours,
        "environment": environment(),
    }
    with replacing(RESULT) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            about=json.dumps(about),
            front=star.front,
            side=star.side,
            truth_px=star.vertices_image.astype(np.float16),
            answers_px=np.stack(answers).astype(np.float16),
            seen=[v.samples for v in run.validations],
            error_px=[v.error_px for v in run.validations],
            validation_loss=[v.loss for v in run.validations],
            mean_face_error_px=run.mean_face_error_px,
            steps=np.array(run.losses, np.float32),
        )


if __name__ == "__main__":
    main()
