"""Measure the effect of each loss: the same small network, trained with each on the same pairs.

    python experiments/ablate_losses.py PAIRS HELD_OUT WORK

PAIRS and HELD_OUT are folders of pairs, the second of people who are not in the first. Every row
uses the same samples in the same order, once per seed. The weights give each term a gradient about
as long as the position's for the trained `compact` (`benchmarks/losses.py` prints that). Runs and
scores are stored in the folder WORK, so a stopped trial can be resumed. The result is
data/ablation/losses.json, for chapter 10.

Only `compact` is tried: a network that predicts maps directly stays at the mean face for longer
than such a trial lasts, and there all losses are equivalent.
"""

import argparse
import json
import time
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np
import torch
from ablate_ingredients import BATCH, Trial, train_row, write_result

from facelib.evaluation.pairs import mean_vertices, predict_vertices, score_face
from facelib.evaluation.scores import METRICS
from facelib.face.layout import UVLayout, load_layout
from facelib.files.paths import data_dir
from facelib.imaging.crop import Crop
from facelib.networks.base import FaceNetwork
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs
from facelib.training.environment import environment
from facelib.training.settings import LossSettings
from facelib.training.stream import make_batch

RESULT = data_dir() / "ablation" / "losses.json"
ROWS = {
    "squared error": LossSettings(),
    "hard mask": LossSettings(mask="hard"),
    "no mask": LossSettings(mask="none"),
    "absolute error": LossSettings("absolute"),
    "squared, normals": LossSettings(normal_weight=0.1),
    "squared, edges": LossSettings(edge_weight=0.05),
    "squared, keypoints": LossSettings(keypoint_weight=1.0),
    "squared, shape": LossSettings(shape_weight=10.0),
    "squared, confidence": LossSettings(confidence=True),
    "absolute, shape": LossSettings("absolute", shape_weight=3.0),
    "absolute, confidence": LossSettings("absolute", confidence=True),
    "absolute, all terms": LossSettings(
        "absolute", normal_weight=1.0, edge_weight=1.0, keypoint_weight=1.0, shape_weight=3.0
    ),
}


def scores_of(predictions: list[np.ndarray], faces: list[FacePair], layout: UVLayout) -> dict:
    """Score predicted vertices, px of the faces' crops: for each metric, a list over faces."""
    region, both = layout.labels["face"], zip(predictions, faces, strict=True)
    scores = [score_face(prediction, face, layout.triangles, region) for prediction, face in both]
    columns = zip(*(astuple(score)[2:] for score in scores), strict=True)
    return {name: np.round(c, 5).tolist() for name, c in zip(METRICS, columns, strict=True)}


@torch.inference_mode()
def predicted_deviations_mm(
    network: FaceNetwork, held_out: ShardedPairs, count: int, layout: UVLayout
) -> list[float]:
    """Return the deviation that a network predicts for each face, mean over its surface, mm."""
    deviations, covered = [], torch.from_numpy(layout.coverage)
    for start in range(0, count, BATCH):
        batch = make_batch(held_out, range(start, min(start + BATCH, count)), layout)
        log_deviation = network.answer(batch.photos).log_deviation
        deviation_px = log_deviation[:, 0, covered].exp().mean(dim=1) * layout.size * POSITION_SCALE
        deviations.append(deviation_px.numpy() / batch.px_per_mm)
    return np.concatenate(deviations).round(4).tolist()


def main() -> None:
    """Read the command line, make all rows, and write the result after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, help="folder of pairs to learn from")
    parser.add_argument("held_out", type=Path, help="folder of pairs of other people")
    parser.add_argument("work", type=Path, help="folder for runs and scores")
    parser.add_argument("--samples", type=int, default=Trial.samples, help="to see in each run")
    parser.add_argument("--faces", type=int, help="held-out faces to score; all if not given")
    parser.add_argument("--result", type=Path, default=RESULT, help="file to write")
    arguments = parser.parse_args()
    pairs, held_out = ShardedPairs(arguments.pairs), ShardedPairs(arguments.held_out)
    faces = [held_out[i] for i in range(len(held_out))[: arguments.faces]]
    trial = replace(
        Trial(), n_training=len(pairs), n_held_out=len(faces), samples=arguments.samples
    )
    layout = load_layout(trial.size)
    mean_face = mean_vertices(pairs[i] for i in range(0, len(pairs), 10))
    mean_face = Crop.whole(pairs.size, held_out.size).image_to_crop(mean_face)
    result = {
        "command": f"python experiments/{Path(__file__).name} PAIRS HELD_OUT WORK"
        f" --samples {trial.samples}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "trial": asdict(trial),
        "pairs": pairs.settings,
        "held_out": held_out.settings,
        "environment": environment(),
        "mean_face": scores_of([mean_face] * len(faces), faces, layout),
        "rows": {},
    }
    for name, loss in ROWS.items():
        folder, runs = arguments.work / name.replace(", ", "_").replace(" ", "_"), []
        for seed in trial.seeds:
            weights = train_row(trial, arguments.pairs, folder / f"run_{seed}", seed, loss)
            record = folder / f"scores_{len(faces)}_{seed}.json"
            if not record.exists():
                network = load_weights(weights)
                predictions = [predict_vertices(network, face, layout) for face in faces]
                scores = scores_of(predictions, faces, layout)
                if loss.confidence:
                    deviations = predicted_deviations_mm(network, held_out, len(faces), layout)
                    scores["told_deviation_mm"] = deviations
                write_result(record, scores)
            runs.append(json.loads(record.read_text(encoding="utf-8")))
        result["rows"][name] = {"loss": asdict(loss), "runs": runs}
        write_result(arguments.result, result)
        errors = (f"{np.mean(run['vertex_error_mm']):.2f}" for run in runs)
        print(f"{name:22s}", *errors, "mm", flush=True)
    print(f"wrote {arguments.result.name}")


if __name__ == "__main__":
    main()
