"""Measure what the second photo is worth, on pairs of one sitting.

    python experiments/one_or_two_photos.py WORK

Both photos of such a pair have one camera, light and background, so that only the head's pose
differs: the best case for a second photo. Networks are trained with and without it, on the same
people in the same order, once per seed:

- `one_view` goes on from its shipped weights. `two_view` starts as the same function: the filters
  of its first layer ignore the side photo until training changes them.
- `compact` starts from fresh weights, with every side photo or with none.
- `one_view` goes on once more, on depths as the thesis stored them (`flat_depth.py`).

A network that has a second photo is also tested with the side photo of somebody else. Training
stops after a fixed number of samples, and the last weights are scored: nothing is selected. Random
changes of the photos are off, for they would differ between the two. Everything in the folder
WORK is kept, so a stopped run can be resumed. The result is data/tries/one_or_two.json, for
chapters 11 and 14. Half an hour of one core.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path

import click
import numpy as np
import torch
from flat_depth import flatten_set, flattened, flattened_weights

from facelib.evaluation.metrics import depth_error_mm, shape_error_mm, vertex_error_mm
from facelib.evaluation.pairs import mean_vertices, score_face
from facelib.face.layout import load_layout
from facelib.files.atomic import replacing, sha256
from facelib.files.paths import data_dir
from facelib.imaging.crop import Crop
from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import create
from facelib.networks.weights import load_weights, save_weights
from facelib.pairs.augmentation import NO_AUGMENTATION
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs
from facelib.reconstruction.dense_fit import DenseFit
from facelib.reconstruction.position_maps import predict_position_maps
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.settings import FORMAT, Plan, SyntheticSettings
from facelib.training.config import TrainConfig
from facelib.training.environment import environment
from facelib.training.loop import train
from facelib.training.recipe import load_recipe

RESULT = data_dir() / "tries" / "one_or_two.json"
WEIGHTS = data_dir() / "weights"
DENSE = data_dir() / "dense" / "dense.safetensors"
BATCH = 50
COLUMNS = ("vertex_error_mm", "depth_error_mm", "shape_error_mm", "depth_slope")
COLUMNS += ("surface_distance_mm", "thesis_nme")  # not where the side photo is another person's
OWN, STRANGER, NONE = "own side", "another person's side", "no side"


@dataclass(frozen=True)
class Trial:
    """The settings of the trainings.

    Attributes:
        size: of photos and maps, px.
        seed: of all pairs.
        n_training: training pairs, one per person.
        n_held_out: test pairs, of other people.
        going_on_samples: samples with which `one_view` and `two_view` go on.
        fresh_samples: samples of `compact`.
        seeds: one training of each kind per seed; a seed draws weights and order.
    """

    size: int = 64
    seed: int = 31
    n_training: int = 8192
    n_held_out: int = 200
    going_on_samples: int = 4096
    fresh_samples: int = 16384
    seeds: tuple[int, ...] = (0, 1, 2)

    def sitting(self, held_out: bool) -> SyntheticSettings:
        """Return the settings of the pairs; held-out photos are large enough for every network."""
        return SyntheticSettings(256 if held_out else self.size, self.seed, held_out, sitting=True)


def widened_weights(path: Path) -> Path:
    """Write `two_view` with the shipped `one_view`'s function: it ignores the side photo."""
    one = load_weights(WEIGHTS / "one_view.safetensors")
    two, state = create("two_view", one.size), one.state_dict()
    (name,) = [n for n, w in two.state_dict().items() if w.shape != state[n].shape]
    state[name] = torch.cat([state[name], torch.zeros_like(state[name])], dim=1)
    two.load_state_dict(state)
    save_weights(path, two, {"result": "one_view, widened"})
    return path


def trained(recipe: str, pairs: Path, run: Path, samples: int, **own: object) -> FaceNetwork:
    """Train by the first stage of a recipe, but for samples and random changes."""
    settings = load_recipe(recipe).stages[0].settings | {
        "data_dir": pairs,
        "run_dir": run,
        "max_samples": samples,
        "samples_per_epoch": samples,
        "warmup_samples": 800,
        "validation_fraction": 0.01,
        "augmentation": asdict(NO_AUGMENTATION),
        "threads": 1,
        "progress": False,
    }
    for name in asdict(NO_AUGMENTATION):
        settings.pop(name, None)
    return load_weights(train(TrainConfig.from_dict(settings | own)))


def going_on(network: str, start: Path, pairs: Path, run: Path, trial: Trial, seed: int):  # noqa: ANN201
    """Train one of the thesis's networks from weights that already find the face."""
    return trained(
        "one_view",
        pairs,
        run,
        trial.going_on_samples,
        network=network,
        init_weights=start,
        encoder_samples=0,
        calibrate=False,
        learning_rate=1e-3,
        seed=seed,
    )


def fresh(pairs: Path, run: Path, trial: Trial, seed: int, side_dropout: float) -> FaceNetwork:
    """Train `compact` with every side photo (0) or with none (1)."""
    samples = trial.fresh_samples
    return trained(
        "compact",
        pairs,
        run,
        samples,
        heatmap_warmup_samples=samples,
        side_dropout=side_dropout,
        seed=seed,
    )


class Examiner:
    """Scores networks on the held-out people; remembers every score in a file.

    Attributes:
        pairs: the people.
        found: scores by method and by the side photo given: a row of numbers per person.
    """

    def __init__(self, held_out: Path, memory: Path) -> None:
        """Open the people, and what an earlier call found."""
        stored = ShardedPairs(held_out)
        self.pairs = [stored[i] for i in range(len(stored))]
        self._memory = memory
        self.found: dict = json.loads(memory.read_text()) if memory.exists() else {}

    def photos(self, size: int, side: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return fronts, and sides as named, (N, size, size, 3) float32 each."""
        whole = Crop.whole(self.pairs[0].size, size)
        fronts, sides = (
            np.stack([whole.cut(getattr(p, view).astype(np.float32) / 255) for p in self.pairs])
            for view in ("front", "side")
        )
        return fronts, {OWN: sides, STRANGER: np.roll(sides, 1, axis=0), NONE: None}[side]

    def vertices(self, network: FaceNetwork | DenseFit, side: str) -> list[np.ndarray]:
        """Predict every face: (V, 3) px of the pair's front crop each."""
        layout, whole = load_layout(network.size), Crop.whole(self.pairs[0].size, network.size)
        fronts, sides = self.photos(network.size, side)
        answers = []
        for start in range(0, len(fronts), BATCH):
            part = slice(start, start + BATCH)
            maps = predict_position_maps(
                network, fronts[part], None if sides is None else sides[part]
            )
            answers += [whole.crop_to_image(layout.vertices(each)) for each in maps]
        return answers

    def examine(self, method: str, side: str, answer: Callable[[], list[np.ndarray]]) -> None:
        """Score a method unless an earlier call did: `answer` predicts all faces."""
        if side in self.found.get(method, {}):
            return
        measure = errors_of if side == STRANGER else all_errors_of
        rows = [measure(v, pair) for v, pair in zip(answer(), self.pairs, strict=True)]
        self.found.setdefault(method, {})[side] = np.round(rows, 4).tolist()
        with replacing(self._memory) as temporary:
            temporary.write_text(json.dumps(self.found))
        print(f"{method:28s}{side:24s}", np.mean(rows, axis=0).round(4), flush=True)

    def network(self, method: str, network: FaceNetwork | DenseFit, *sides: str) -> None:
        """Score a network with each kind of side photo."""
        for side in sides:
            self.examine(method, side, lambda side=side: self.vertices(network, side))


def errors_of(vertices: np.ndarray, pair: FacePair) -> list[float]:
    """Return the errors that need no alignment of surfaces, and the slope of depth."""
    face = load_layout().labels["face"]
    truth = pair.vertices_image[face].astype(np.float64) / pair.px_per_mm
    found = vertices[face] / pair.px_per_mm
    errors = [e(found, truth) for e in (vertex_error_mm, depth_error_mm, shape_error_mm)]
    return [*errors, depth_slope(found[:, 2], truth[:, 2])]


def all_errors_of(vertices: np.ndarray, pair: FacePair) -> list[float]:
    """Return `errors_of`, the surface distance and the thesis's NME."""
    layout = load_layout()
    score = score_face(vertices, pair, layout.triangles, layout.labels["face"])
    return [*errors_of(vertices, pair), score.surface_distance_mm, score.thesis_nme]


def depth_slope(predicted: np.ndarray, truth: np.ndarray) -> float:
    """Return the slope of predicted on true depth over a face's vertices; 1 is right."""
    centred = truth - truth.mean()
    return float(centred @ predicted / (centred @ centred))


def examine_shipped(examiner: Examiner, training: ShardedPairs, held_out: Path) -> None:
    """Score what needs no training."""
    mean = mean_vertices(training[i] for i in range(min(len(training), 1000)))
    mean = Crop.whole(examiner.pairs[0].size, training.size).crop_to_image(mean)
    examiner.examine("mean face", NONE, lambda: [mean] * len(examiner.pairs))
    for name, sides in (
        ("two_view", (OWN, STRANGER)),
        ("one_view", (NONE,)),
        ("compact", (OWN, STRANGER, NONE)),
    ):
        network = load_weights(WEIGHTS / f"{name}.safetensors")
        examiner.network(f"{name}, as shipped", network, *sides)
    examiner.network("dense and fit, as shipped", DenseFit.load(DENSE), OWN, STRANGER, NONE)
    stored = ShardedPairs(held_out)
    flat = [flattened(stored, i).vertices_image.astype(float) for i in range(len(stored))]
    examiner.examine("true face, depth flattened", NONE, lambda: flat)


def train_all(examiner: Examiner, work: Path, trial: Trial) -> None:
    """Train and score every network, seed by seed."""
    pairs, start = work / "training", WEIGHTS / "one_view.safetensors"
    wide = widened_weights(work / "widened.safetensors")
    flatten_set(ShardedPairs(pairs), work / "flattened")
    for seed in trial.seeds:
        network = fresh(pairs, work / f"compact_both_{seed}", trial, seed, 0.0)
        examiner.network(f"compact, both, seed {seed}", network, OWN, STRANGER)
        network = fresh(pairs, work / f"compact_front_{seed}", trial, seed, 1.0)
        examiner.network(f"compact, front, seed {seed}", network, NONE)
    for seed in trial.seeds:
        network = going_on("one_view", start, pairs, work / f"one_view_{seed}", trial, seed)
        examiner.network(f"one_view, seed {seed}", network, NONE)
        network = going_on("two_view", wide, pairs, work / f"two_view_{seed}", trial, seed)
        examiner.network(f"two_view, seed {seed}", network, OWN, STRANGER)
        if seed == trial.seeds[0]:
            flat = work / "flattened"
            begin = flattened_weights(start, work / "flat.safetensors", pairs, flat)
            network = going_on("one_view", begin, flat, work / "one_view_flat", trial, seed)
            examiner.network(f"one_view, depth flattened, seed {seed}", network, NONE)


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--seeds", default=3, show_default=True, help="Trainings of each kind.")
@click.option("--share", default=1.0, show_default=True, help="Of pairs and samples, to try it.")
def main(work: Path, seeds: int, share: float) -> None:
    """Write data/tries/one_or_two.json, or WORK/tried.json for a share below 1."""
    torch.set_num_threads(1)
    trial, whole = Trial(seeds=tuple(range(seeds))), share == 1
    if not whole:
        names = ("n_training", "n_held_out", "going_on_samples", "fresh_samples")
        trial = replace(trial, **{n: max(int(getattr(trial, n) * share), 128) for n in names})
    for name, count in (("held_out", trial.n_held_out), ("training", trial.n_training)):
        generate_pairs(work / name, Plan(count, trial.sitting(name == "held_out")))
    examiner = Examiner(work / "held_out", work / "scores.json")
    examine_shipped(examiner, ShardedPairs(work / "training"), work / "held_out")
    train_all(examiner, work, trial)
    shipped = [WEIGHTS / f"{n}.safetensors" for n in ("one_view", "two_view", "compact")]
    content = {
        "command": f"python experiments/{Path(__file__).name} WORK",
        "date": date.today().isoformat(),
        "generator_format": FORMAT,
        "trial": asdict(trial),
        "pairs": asdict(trial.sitting(held_out=False)),
        "environment": environment(),
        "weights": {p.stem: sha256(p) for p in [*shipped, DENSE]},
        "columns": COLUMNS,
        "errors": examiner.found,
    }
    with replacing(RESULT if whole else work / "tried.json") as temporary:
        temporary.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
