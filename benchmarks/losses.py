"""Time what each term of the loss adds to a training step of `compact`, and measure its gradient.

Processor time of one core, medians; forward and backward of the loss alone on maps, compared with a
whole step without the term, which needs no maps and uses vertices. The gradient's length, at the
weights of the shipped network, is given as a multiple of the position's: a weight near its inverse
gives both the same influence.

    OMP_NUM_THREADS=1 python benchmarks/losses.py
"""

from dataclasses import replace

import numpy as np
import torch
from timing import milliseconds

from facelib.face.layout import load_layout
from facelib.files.paths import data_file
from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import create
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings
from facelib.training.loss import TrainingLoss, vertex_columns
from facelib.training.settings import LossSettings

SIZE, BATCH, REPEATS = 64, 32, 15
TARGET_SHARE = 0.1  # of a step
WEIGHTS = tuple(f"{term}_weight" for term in ("normal", "edge", "keypoint", "shape"))


def batch_of_people(layout) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return photos (B, 6, S, S), true maps (B, 3, S, S) and vertices (B, 3, V, 1) of a batch."""
    pairs = [make_pair(i, SyntheticSettings(size=SIZE, seed=7)) for i in range(BATCH)]
    photos = np.stack([np.concatenate([p.front, p.side], axis=2) for p in pairs])
    maps = np.stack([layout.position_map(p.vertices_image) for p in pairs])
    photos = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255
    vertices = torch.from_numpy(np.stack([p.vertices_image for p in pairs]))
    truths = torch.from_numpy(maps).permute(0, 3, 1, 2), vertex_columns(vertices)
    return photos, *(truth / (SIZE * POSITION_SCALE) for truth in truths)


def step_ms(photos: torch.Tensor, vertices: torch.Tensor, loss: TrainingLoss) -> float:
    network = create("compact", SIZE).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        answer = network.answer(photos, draw_maps=False)
        loss(vertex_columns(answer.vertices), vertices).backward()
        optimizer.step()

    return milliseconds(step, REPEATS)[0]


def loss_ms(loss: TrainingLoss, prediction, maps: torch.Tensor, log_deviation) -> float:
    def forward_and_backward():
        prediction.grad = log_deviation.grad = None
        loss(prediction, maps, log_deviation).backward()

    return milliseconds(forward_and_backward, REPEATS)[0]


def gradient_length(value: torch.Tensor, network: FaceNetwork) -> float:
    weights = list(network.parameters())
    parts = torch.autograd.grad(value, weights, retain_graph=True, allow_unused=True)
    return sum(part.square().sum().item() for part in parts if part is not None) ** 0.5


def main() -> None:
    torch.set_flush_denormal(True)
    layout = load_layout(SIZE)
    photos, maps, vertices = batch_of_people(layout)
    trained = load_weights(data_file("weights", "compact.safetensors"))
    answer = trained(photos)
    prediction = answer.detach().contiguous().requires_grad_()
    log_deviation = torch.full((BATCH, 1, SIZE, SIZE), -4.0, requires_grad=True)
    for kind in ("squared", "absolute"):
        plain = LossSettings(kind)
        whole = step_ms(photos, vertices, TrainingLoss(plain, layout, at_vertices=True))
        alone = loss_ms(TrainingLoss(plain, layout), prediction, maps, log_deviation)
        everything = replace(plain, **dict.fromkeys(WEIGHTS, 1.0))
        terms = TrainingLoss(everything, layout).terms(answer, maps)
        lengths = {name: gradient_length(value, trained) for name, value in terms.items()}
        print(f"{kind} error: a step of {BATCH} at {SIZE} px {whole:.0f} ms, its loss {alone:.1f}")
        for name in (*WEIGHTS, "confidence"):
            chosen = replace(plain, **{name: True if name == "confidence" else 1.0})
            loss = TrainingLoss(chosen, layout)
            added = loss_ms(loss, prediction, maps, log_deviation) - alone
            verdict = "met" if added <= TARGET_SHARE * whole else "MISSED"
            term = name.removesuffix("_weight")
            print(f"  {term:11s} + {added:5.1f} ms, {added / whole:6.1%} {verdict}", end="")
            if term in lengths:
                print(f", gradient x {lengths[term] / lengths['position']:.2f}", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
