"""Compare designs of a network for dense points, each trained for four minutes on one core.

    python experiments/try_dense.py WORK --folder pairs --held-out held_mixed --held-out held_thesis

`train_dense.py` trains every design in its own folder below WORK, so that a stopped comparison can
be resumed. The result is a file of figures, and a table on the screen.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from datetime import date
from pathlib import Path

import click
import numpy as np
import torch
from dense_data import Photos, Stream
from dense_designs import DESIGNS, SAMPLES
from train_dense import Run

from facelib.files.atomic import replacing
from facelib.files.command import typed_command
from facelib.files.onnx import open_session
from facelib.files.paths import data_dir
from facelib.files.tables import markdown
from facelib.networks.cost import count_multiply_adds

RESULT = data_dir() / "tries" / "dense.json"
TIMED_CALLS = 20


def cost(network: torch.nn.Module, size: int) -> dict[str, float]:
    """Count and time one photo, on one thread: the fastest of some calls."""
    network.eval()
    photo = torch.rand(1, 3, size, size)
    with torch.inference_mode():
        torch_ms = fastest_ms(lambda: network(photo))
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "multiply_adds": count_multiply_adds(network, photo),
        "torch_ms": torch_ms,
        "onnx_ms": onnx_ms(network, photo),
    }


def fastest_ms(call) -> float:  # noqa: ANN001
    """Return the processor time of the fastest call, ms."""
    times = []
    for _ in range(TIMED_CALLS):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def onnx_ms(network: torch.nn.Module, photo: torch.Tensor) -> float:
    """Time the same photo in ONNX Runtime, on one thread."""
    import io

    class Places(torch.nn.Module):
        def forward(self, photos: torch.Tensor) -> tuple[torch.Tensor, ...]:
            answer = network(photos)
            return answer.points, answer.root, answer.visible

    file = io.BytesIO()
    logging.disable(logging.WARNING)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(Places(), (photo,), file, opset_version=18, dynamo=True, verbose=False)
    session = open_session(file.getvalue(), threads=1)
    feed = {session.get_inputs()[0].name: photo.numpy()}
    return fastest_ms(lambda: session.run(None, feed))


def table(rows: dict[str, dict]) -> str:
    """Write the figures as a table; mm of inner points, mean over people."""
    heads = ["design", "thesis front", "mixed front", "thesis side", "mixed side"]
    heads += ["within 1 σ, mixed", "M mult-adds", "ms torch", "ms ONNX", "photos seen", "minutes"]
    lines = []
    for name, row in rows.items():
        mm = [
            f"{row['scores'][f'held_{preset}'][f'{view} inner']['mm']:.2f}"
            for view in ("front", "side")
            for preset in ("thesis", "mixed")
        ]
        mixed = row["scores"]["held_mixed"]
        within = np.mean([mixed[f"{view} inner"]["within"] for view in ("front", "side")])
        lines.append(
            [name, *mm, f"{within:.0%}", f"{row['cost']['multiply_adds'] / 1e6:.0f}"]
            + [f"{row['cost'][key]:.1f}" for key in ("torch_ms", "onnx_ms")]
            + [f"{row['samples']:,}", f"{row['minutes']:.1f}"]
        )
    return markdown(heads, lines)


@click.command()
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--folder", "folders", multiple=True, required=True, type=click.Path(path_type=Path))
@click.option("--held-out", "held", multiple=True, type=click.Path(path_type=Path))
@click.option("--size", default=128, show_default=True)
@click.option("--batch", default=32, show_default=True)
@click.option("--design", "names", multiple=True, type=click.Choice(DESIGNS), default=DESIGNS)
@click.option("--rate", default=1e-3, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(work: Path, folders, held, size, batch, names, rate, seed) -> None:
    """Train and measure every design."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    photos, held = Photos(list(folders)), {path.name: Photos([path]) for path in held}
    rows = {}
    for name in names:
        torch.manual_seed(seed)
        network = DESIGNS[name](size).to(memory_format=torch.channels_last)
        folder = work / name.replace(" ", "_").replace(",", "")
        run = Run(folder, network, Stream(photos, size, batch, seed), SAMPLES[name], rate)
        if run.step * batch < SAMPLES[name]:
            run.train(held, size, 10 * SAMPLES[name])
        scores = json.loads((folder / "scores.json").read_text())
        rows[name] = {"samples": SAMPLES[name], "minutes": run.seconds / 60}
        rows[name] |= {"cost": cost(network, size), "scores": scores}
    settings = {"size": size, "batch": batch, "rate": rate, "seed": seed}
    settings["photos"] = len(photos)
    about = {"command": typed_command(), "date": date.today().isoformat()}
    with replacing(RESULT) as temporary:
        temporary.write_text(json.dumps(about | {"settings": settings, "rows": rows}, indent=1))
    print(table(rows))


if __name__ == "__main__":
    main()
