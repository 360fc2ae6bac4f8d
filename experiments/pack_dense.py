"""Calibrate and measure a training run of `dense`, and pack it into the shipped files.

    python experiments/pack_dense.py runs/dense --size 192 --calibrate cal_mixed --calibrate \
        cal_thesis --held-out held_mixed --held-out held_thesis

The deviations are multiplied by one factor per region, such that 68.27 % of the errors on the
people of the `--calibrate` folders lie within one; the scores are of the `--held-out` folders.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import click
import numpy as np
import torch
from dense_data import Photos, shrunk
from scipy.special import logit
from train_dense import score

from facelib.face.dense_points import REGIONS, load_dense_points
from facelib.files.atomic import replacing
from facelib.files.command import typed_command
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.networks.dense import Dense, save_dense
from facelib.networks.onnx_export import export_model, write_model
from facelib.networks.precision import whiten_errors

BATCH = 25
CARD = """# dense

Finds {n_points} points of a face in one photo, from profile to profile: each with the covariance of
its error and the probability that the photo shows it. With the fit of `facelib.fitting` behind it
(chapter 14) it is the default of `facelib reconstruct`. Chapter 9 describes the network.

- **Input**: one photo of {size} × {size} px, cut square around the face.
- **Learned from**: photos of synthetic people alone (CC0; `experiments/dense_pairs.py`),
  {samples:,} seen in {stages} stages, {hours:.1f} hours of one processor core. Log:
  `dense.log.jsonl`. The first stage and the start of the second had people from before the
  calibration to real ones (chapter 5).
- **Measured on** people whom no stage has seen, from a region of shapes that is kept out of
  training. The people from before the calibration kept out of nearly the same region. Command:
  `{command}`, {date}. Each cell: mean error in mm, in brackets that of the visible points alone;
  share of errors within one deviation along each axis; share of points whose visibility is right.

{table}

**Limits**: real people vary in ways that the synthetic ones do not. No photo of a real person was
used, so nothing here is measured on real photos, except that predictions agree with each other
(`facelib consistency`). Children are not in the head model. The largest errors are of faces that a
hand hides for the most part.
"""
WITHIN = 0.6827  # share of a normal distribution within one deviation


def found(network: Dense, photos: Photos, size: int) -> list[np.ndarray]:
    """Find the points as facelib does; arrays in crop sides, as `train_dense.answers` has them."""
    parts = []
    for start in range(0, len(photos), BATCH):
        some = [photos[k] for k in range(start, min(start + BATCH, len(photos)))]
        images = [shrunk(p.image, p.points, size)[0] for p in some]
        points = network.find_points(np.stack(images).astype(np.float32) / 255)
        root = np.linalg.cholesky(np.linalg.inv(points.covariances)) * size
        abc = np.stack([root[..., 0, 0], root[..., 1, 1], root[..., 1, 0]], axis=-1)
        parts.append(((points.places + 0.5) / size, abc, logit(points.visibility)))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


def calibrate(network: Dense, folders: list[Path], size: int) -> dict[str, float]:
    """Set the factor of each region; returns them."""
    region, factors, rows = load_dense_points().region, {}, []
    for folder in folders:
        photos = Photos([folder])
        points, root, _ = found(network, photos, size)
        truth = [(photos[k].points + 0.5) / photos.size for k in range(len(photos))]
        errors = torch.from_numpy(np.stack(truth) - points)
        rows.append(whiten_errors(errors, torch.from_numpy(root)).abs().numpy())
    white = np.concatenate(rows)
    for number, name in enumerate(REGIONS):
        factors[name] = float(np.quantile(white[:, region == number], WITHIN))
        network.calibration[torch.from_numpy(region == number)] *= factors[name]
    return factors


def table(scores: dict[str, dict]) -> str:
    """Format the scores: one row per part of the face."""
    heads = ["mm (visible) · within 1 σ · visibility right"]
    columns = [(name, view) for name in scores for view in ("front", "side")]
    heads += [f"{name.removeprefix('held_')}, {view}" for name, view in columns]
    parts = [key.removeprefix("front ") for key in next(iter(scores.values())) if "front" in key]
    lines = []
    for part in parts:
        cells = [scores[name][f"{view} {part}"] for name, view in columns]
        lines.append(
            [part]
            + [
                f"{c['mm']:.2f} ({c['mm_seen']:.2f}) · {c['within']:.0%} · {c['visible_right']:.0%}"
                for c in cells
            ]
        )
    return markdown(heads, lines)


def joined(logs: list[Path]) -> list[dict]:
    """Join the logs of stages, each trained on from the one before; samples and minutes go on."""
    lines, before = [], {"samples": 0, "minutes": 0.0}
    for number, log in enumerate(logs, start=1):
        stage = [json.loads(line) for line in log.read_text().splitlines()]
        for line in stage:
            lines.append({"stage": number} | line | {k: line[k] + before[k] for k in before})
        before = {k: lines[-1][k] for k in before}
    return lines


def card(about: dict, log: list[dict]) -> str:
    """Describe the weights for people who may use them."""
    return CARD.format(
        n_points=len(load_dense_points()),
        samples=log[-1]["samples"],
        hours=log[-1]["minutes"] / 60,
        stages=log[-1]["stage"],
        table=table(about["scores"]),
        **{key: about[key] for key in ("size", "command", "date")},
    )


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--size", required=True, type=int)
@click.option("--calibrate", "known", multiple=True, type=click.Path(path_type=Path))
@click.option("--held-out", "held", multiple=True, type=click.Path(path_type=Path))
@click.option("--earlier", multiple=True, type=click.Path(path_type=Path), help="Earlier stages.")
@click.option("--out", default=data_dir() / "dense", type=click.Path(path_type=Path))
def main(run_dir: Path, size: int, known, held, earlier, out: Path) -> None:
    """Write dense.safetensors, the same as dense.onnx, dense.json, dense.md and dense.log.jsonl."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    state = torch.load(run_dir / "checkpoint.pt", weights_only=True)
    network = Dense()
    network.load_state_dict(state["network"] | state["average"], strict=False)
    network = network.to(memory_format=torch.channels_last).eval()
    about = {
        "size": size,
        "steps_of_last_stage": state["step"],
        "calibration": calibrate(network, list(known), size),
        "command": typed_command(),
        "date": date.today().isoformat(),
    }
    scores = {
        path.name: score(found(network, Photos([path]), size), Photos([path])) for path in held
    }
    save_dense(out / "dense.safetensors", network, about)
    write_model(out / "dense.onnx", export_model(out / "dense.safetensors"))
    with replacing(out / "dense.json") as temporary:
        temporary.write_text(json.dumps(about | {"scores": scores}, indent=1) + "\n")
    log = joined([run / "log.jsonl" for run in (*earlier, run_dir)])
    with replacing(out / "dense.log.jsonl") as temporary:
        temporary.write_text("".join(json.dumps(line) + "\n" for line in log))
    with replacing(out / "dense.md") as temporary:
        temporary.write_text(card(about | {"scores": scores}, log))
    print(table(scores))


if __name__ == "__main__":
    main()
