"""Train a network for dense points; repeating the command resumes a stopped run.

python experiments/train_dense.py runs/dense --folder pairs --held-out held --samples 300000
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import numpy as np
import torch
from dense_data import Photos, Stream, shrunk

from facelib.face.dense_points import REGIONS, load_dense_points
from facelib.files.atomic import replacing
from facelib.networks.precision import whiten_errors
from facelib.training.learner import weight_average
from facelib.training.terms import heat_map_error

TYPICAL = 0.01


def losses(answer, batch, trust: float) -> dict[str, torch.Tensor]:
    """Compare with the ground truth; `trust` 0..1: how far the Gaussian also moves the points."""
    truth = batch.points
    # A guess may contain only the keypoints, which come first.
    guesses = [distance(guess, truth[:, : guess.shape[1]]) for guess in answer.guesses]
    each = {"guess": sum(guesses, torch.zeros(()))}
    # Heat maps are trained by their cross-entropy, which converges faster.
    if answer.heat_maps is not None:
        maps = answer.heat_maps
        each["heat"] = heat_map_error(maps, truth[:, : maps.shape[1]])
    each["place"] = distance(answer.points, truth)
    error = truth - (answer.points if trust else answer.points.detach())
    each["likelihood"] = gaussian_cost(error, answer.root).mean()
    each["visible"] = torch.nn.functional.binary_cross_entropy_with_logits(
        answer.visible, batch.seen
    )
    return each


def distance(points, truth):
    """Mean distance in TYPICAL deviations."""
    return ((points - truth).square().sum(dim=-1) + 1e-10).sqrt().mean() / TYPICAL


def gaussian_cost(error, root):
    """Negative log-likelihood of (…, 2) errors under (…, 3) precision roots, up to a constant."""
    a, b, _ = root.unbind(-1)
    whitened = whiten_errors(error, root).square().sum(dim=-1)
    # Outliers count linearly: a hand in front of a face is not Gaussian noise.
    robust = torch.where(whitened < 9, whitened, 6 * whitened.clamp_min(1e-6).sqrt() - 9)
    return 0.5 * robust - (a * b * TYPICAL**2).log()


def rate_at(sample: int, total: int, highest: float, falling: float = 0.4) -> float:
    """Rise over at most 5,000 samples, hold, and fall to 0 over the last share of the run."""
    rise = min(1.0, (sample + 1) / min(5_000, 0.1 * total))
    fall = (total - sample) / (falling * total) if falling else 1.0
    return highest * rise * min(1.0, max(0.0, fall))


@torch.no_grad()
def answers(network, photos: Photos, size: int, batch: int = 25):
    """Yield a network's predictions for all photos in order: arrays of points, roots, log odds."""
    network.eval()
    found = []
    for start in range(0, len(photos), batch):
        some = [photos[k] for k in range(start, min(start + batch, len(photos)))]
        images = np.stack([shrunk(p.image, p.points, size)[0] for p in some])
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            a = network(x.contiguous(memory_format=torch.channels_last))
        found.append((a.points, a.root, a.visible, *a.guesses))
    network.train()
    return [torch.cat(part).float().numpy() for part in zip(*found, strict=True)]


def score(answer, photos: Photos) -> dict:
    """Measure arrays as `answers` returns them: mm by region and view, calibration, visibility."""
    points, root, visible, *guesses = answer
    every = [photos[k] for k in range(len(photos))]
    truth = np.stack([(p.points + 0.5) / photos.size for p in every])
    mm = photos.size / np.array([p.px_per_mm for p in every])[:, None]
    seen = np.stack([p.seen for p in every])
    error = truth - points
    far = np.linalg.norm(error, axis=2) * mm
    white = whiten_errors(torch.from_numpy(error), torch.from_numpy(root)).numpy()
    dense, out = load_dense_points(), {}
    chosen = {name: dense.region == k for k, name in enumerate(REGIONS)}
    chosen |= {"inner": dense.inner, "all": np.ones(len(dense), bool)}
    keypoints = np.zeros(len(dense), bool)
    keypoints[17:68] = True
    chosen["keypoints 17-67"] = keypoints
    for side, view in enumerate(("front", "side")):
        rows = np.arange(side, len(far), 2)
        for name, these in chosen.items():
            part = np.ix_(rows, np.flatnonzero(these))
            shown = seen[part]
            out[f"{view} {name}"] = {
                "mm": float(far[part].mean()),
                "mm_seen": float(far[part][shown].mean()),
                "median_mm": float(np.median(far[part])),
                "within": float((np.abs(white[part]) < 1).mean()),
                "factor": float(np.quantile(np.abs(white[part]), 0.6827)),
                "visible_right": float(((visible[part] > 0) == shown).mean()),
            }
        for k, guess in enumerate(guesses):
            n = guess.shape[1]
            g = np.linalg.norm(truth[:, :n] - guess, axis=2) * mm
            out[f"{view} inner"][f"guess_{k}_mm"] = float(g[rows][:, dense.inner[:n]].mean())
    return out


@dataclass(frozen=True)
class Clock:
    """A rate that follows the time of day, for a machine with an unknown load.

    Attributes:
        end: s since the epoch, when training ends and the rate is 0.
        falling: s before it, when the rate begins to fall.
    """

    end: float
    falling: float

    @classmethod
    def until(cls, words: str) -> Clock:
        """Read `15:58,65`: today's hour and minute (UTC), and minutes of falling."""
        hour_minute, minutes = words.split(",")
        today = datetime.now(UTC)
        hour, minute = map(int, hour_minute.split(":"))
        end = today.replace(hour=hour, minute=minute, second=0).timestamp()
        return cls(end, 60 * float(minutes))

    def share(self) -> float:
        """Return the share of the highest rate that is due now, 0..1."""
        return min(1.0, max(0.0, (self.end - time.time()) / self.falling))


class Run:
    """A training run in a folder: checkpoint, log, and resuming."""

    def __init__(
        self, folder: Path, network, stream: Stream, total: int, rate: float, falling: float = 0.4
    ) -> None:
        """Open the folder, and resume an unfinished run in it."""
        self.folder, self.network, self.stream = folder, network, stream
        self.total, self.rate, self.falling = total, rate, falling
        self.clock: Clock | None = None
        decayed = [p for p in network.parameters() if p.ndim > 1]
        plain = [p for p in network.parameters() if p.ndim <= 1]
        groups = [{"params": decayed}, {"params": plain, "weight_decay": 0.0}]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, weight_decay=0.02, fused=True)
        self.average = weight_average(network, 0.999)
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "checkpoint.pt").exists():
            self.load(folder / "checkpoint.pt")

    def save(self, name: str = "checkpoint.pt") -> None:
        """Write the checkpoint, whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        path = self.folder / name
        with replacing(path) as temporary:
            torch.save(state, temporary)

    def load(self, path: Path) -> None:
        """Resume from a checkpoint."""
        state = torch.load(path, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average.module.load_state_dict(state["network"] | state["average"])
        self.average.n_averaged.fill_(state["step"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def log(self, line: dict) -> None:
        """Append a line to the log."""
        line = {"samples": self.step * self.stream.batch, "minutes": self.seconds / 60} | line
        with (self.folder / "log.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)

    def train(self, held: dict[str, Photos], size: int, score_every: int) -> None:
        """Train to the end."""
        batch_size, sums, since = self.stream.batch, {}, 0
        saved, scored = time.process_time(), self.step * batch_size // score_every
        while self.step * batch_size < self.total:
            began = time.process_time()
            rate = rate_at(self.step * batch_size, self.total, self.rate, self.falling)
            if self.clock is not None:
                rate *= self.clock.share()
                if rate == 0:
                    break
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            batch = self.stream(self.step)
            photos = batch.photos.contiguous(memory_format=torch.channels_last)
            self.optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16):
                answer = self.network(photos)
            trust = float(self.step * batch_size > 30_000)
            each = losses(answer, batch, trust)
            heat = each.get("heat", 0.0)
            loss = heat + 0.5 * each["guess"] + each["place"] + 0.5 * each["likelihood"]
            (loss + 0.5 * each["visible"]).backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), 10.0)
            self.optimizer.step()
            self.step += 1
            self.average.update_parameters(self.network)
            for name, value in each.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
            since += 1
            self.seconds += time.process_time() - began
            if self.step % 200 == 0:
                self.log({k: round(v / since, 4) for k, v in sums.items()} | {"rate": rate})
                sums, since = {}, 0
            if time.process_time() - saved > 60:
                self.save()
                saved = time.process_time()
            if self.step * batch_size // score_every > scored:
                scored = self.step * batch_size // score_every
                self.score(held, size)
        self.save()
        self.score(held, size)

    def score(self, held: dict[str, Photos], size: int) -> dict:
        """Score the mean weights on held-out photos and log the main figures."""
        network = self.average.module
        scores = {
            name: score(answers(network, photos, size), photos) for name, photos in held.items()
        }
        short = {
            f"{name} {view}": {k: round(v, 3) for k, v in found[f"{view} inner"].items()}
            | {"all": round(found[f"{view} all"]["mm"], 3)}
            for name, found in scores.items()
            for view in ("front", "side")
        }
        self.log({"scores": short})
        (self.folder / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
        return scores


@click.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--folder", "folders", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--held-out", "held", multiple=True, type=click.Path(path_type=Path))
@click.option("--design", default="dense", show_default=True)
@click.option("--size", default=128, show_default=True, help="Side of the crop, px.")
@click.option("--batch", default=32, show_default=True)
@click.option("--samples", default=100_000, show_default=True)
@click.option("--rate", default=1e-3, show_default=True)
@click.option("--falling", default=0.4, show_default=True, help="Share in which the rate falls.")
@click.option("--clock", metavar="HH:MM,MINUTES", help="End then; let the rate fall so long.")
@click.option("--start", type=click.Path(path_type=Path), help="Checkpoint of an earlier stage.")
@click.option("--seed", default=0, show_default=True)
@click.option("--score-every", default=25_000, show_default=True)
def main(run_dir, folders, held, design, size, start, clock, seed, score_every, **settings):
    """Train, and score on held-out photos regularly."""
    from dense_designs import DESIGNS

    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    network = DESIGNS[design](size).to(memory_format=torch.channels_last)
    if start is not None:
        network.load_state_dict(torch.load(start, weights_only=True)["average"], strict=False)
    stream = Stream(Photos(list(folders)), size, settings["batch"], seed)
    how = settings["samples"], settings["rate"], settings["falling"]
    run = Run(run_dir, network, stream, *how)
    run.clock = clock and Clock.until(clock)
    run.train({path.name: Photos([path]) for path in held}, size, score_every)


if __name__ == "__main__":
    main()
