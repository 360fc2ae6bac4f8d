"""Measure the effect of each ingredient: the same small network, trained with and without it.

    python experiments/ablate_ingredients.py WORK

For every row a training set is generated with all ingredients but one (and with all, and with
none). The network `compact` is trained on it and tested on held-out people who are photographed
with everything on. Sets and runs are stored in the folder WORK, so a stopped run can be resumed;
the result is data/ablation/ingredients.json, which chapter 7 reads.
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

from facelib.face.layout import UVLayout, load_layout
from facelib.files.atomic import replacing
from facelib.files.paths import data_dir
from facelib.networks.weights import load_weights
from facelib.pairs.store import ShardedPairs
from facelib.reconstruction.position_maps import predict_position_maps
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.settings import FORMAT, Plan, SyntheticSettings
from facelib.training.config import TrainConfig
from facelib.training.environment import environment
from facelib.training.loop import train
from facelib.training.settings import LossSettings
from facelib.training.stream import make_batch

RESULT = data_dir() / "ablation" / "ingredients.json"
BATCH = 64


@dataclass(frozen=True)
class Trial:
    """The settings that all rows share.

    Attributes:
        network: its name in `facelib.networks`.
        size: of photos and maps, px.
        n_training: number of training pairs.
        n_held_out: number of test pairs.
        samples: training samples seen.
        seeds: one training per seed, on the same pairs; their spread shows the effect of chance.
    """

    network: str = "compact"
    size: int = 64
    n_training: int = 2048
    n_held_out: int = 400
    samples: int = 16000
    seeds: tuple[int, ...] = (0, 1)


def rows() -> dict[str, Ingredients]:
    """Return the ingredients of every training set, by the row's name."""
    everything = Ingredients.all()
    without = {
        f"without {field.name}": replace(everything, **{field.name: False})
        for field in fields(Ingredients)
    }
    return {"everything": everything, **without, "none": Ingredients()}


def pairs_of(folder: Path, count: int, settings: SyntheticSettings, workers: int) -> ShardedPairs:
    """Generate a set, or the missing part of it."""
    generate_pairs(folder, Plan(count, settings), workers, progress=True)
    return ShardedPairs(folder)


def train_row(
    trial: Trial, pairs: Path, run: Path, seed: int, loss: LossSettings | None = None
) -> Path:
    """Train the network on one row's pairs, by the default loss or another; return its weights."""
    settings = {
        "data_dir": pairs,
        "run_dir": run,
        "network": trial.network,
        "size": trial.size,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "warmup_samples": 500,
        "max_grad_norm": 1.0,
        "max_samples": trial.samples,
        "samples_per_epoch": trial.samples // 4,
        "patience": 100,
        "validation_fraction": 0.05,
        "rotation_deg": 10.0,
        "dropout_probability": 0.0,
        "loss": loss or LossSettings(),
        "seed": seed,
        "threads": 1,
    }
    return train(TrainConfig.from_dict(settings))


def vertex_errors_mm(weights: Path, held_out: ShardedPairs, layout: UVLayout) -> np.ndarray:
    """Return the mean vertex error of every held-out face, mm, without alignment."""
    network, errors = load_weights(weights), []
    for start in range(0, len(held_out), BATCH):
        batch = make_batch(held_out, range(start, min(start + BATCH, len(held_out))), layout)
        photos = batch.photos.permute(0, 2, 3, 1).numpy()
        maps = predict_position_maps(network, photos[..., :3], photos[..., 3:])
        predicted = np.stack([layout.vertices(position_map) for position_map in maps])
        distance = np.linalg.norm(predicted - batch.vertices_image, axis=2).mean(axis=1)
        errors.append(distance / batch.px_per_mm)
    return np.concatenate(errors)


def mean_face_errors_mm(training: ShardedPairs, held_out: ShardedPairs) -> np.ndarray:
    """Return the error of the training set's mean face on every held-out face, mm."""
    mean = np.mean([training[i].vertices_image for i in range(len(training))], axis=0)
    truths = (held_out[i] for i in range(len(held_out)))
    return np.array(
        [np.linalg.norm(mean - t.vertices_image, axis=1).mean() / t.px_per_mm for t in truths]
    )


def write_result(path: Path, result: dict) -> None:
    """Write a result as JSON, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line, make all rows, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for pairs and runs")
    parser.add_argument("--workers", type=int, default=1, help="processes that generate")
    arguments = parser.parse_args()
    trial, work, started = Trial(), arguments.work, time.time()
    settings = SyntheticSettings(trial.size, seed=1)
    apart = replace(settings, held_out=True)
    held_out = pairs_of(work / "held_out", trial.n_held_out, apart, arguments.workers)
    layout, errors, mean_face = load_layout(trial.size), {}, None
    for name, ingredients in rows().items():
        folder = work / name.replace(" ", "_")
        chosen = replace(settings, ingredients=ingredients)
        pairs = pairs_of(folder / "pairs", trial.n_training, chosen, arguments.workers)
        if mean_face is None:
            mean_face = mean_face_errors_mm(pairs, held_out)
        errors[name] = []
        for seed in trial.seeds:
            weights = train_row(trial, folder / "pairs", folder / f"run_{seed}", seed)
            errors[name].append(vertex_errors_mm(weights, held_out, layout))
        print(f"{name:22s}", *(f"{e.mean():.2f} mm" for e in errors[name]), flush=True)
    result = {
        "command": f"python experiments/{Path(__file__).name} WORK",
        "date": time.strftime("%Y-%m-%d", time.gmtime(started)),
        "generator_format": FORMAT,
        "trial": asdict(trial),
        "pairs": asdict(settings),
        "environment": environment(),
        "mean_face_mm": mean_face.round(3).tolist(),
        "errors_mm": {n: [e.round(3).tolist() for e in runs] for n, runs in errors.items()},
    }
    write_result(RESULT, result)
    print(f"wrote {RESULT.name}")


if __name__ == "__main__":
    main()
