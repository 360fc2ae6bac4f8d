"""Time a network on one pair of 256×256 photos: in torch, and in ONNX Runtime.

Wall time on two threads, as a user experiences it. The engines alternate, and the fastest call
counts, so that other programs on the machine matter little. Fresh weights cost the same.

    OMP_NUM_THREADS=2 python benchmarks/inference.py
"""

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from facelib.networks.base import FaceNetwork
from facelib.networks.catalogue import create
from facelib.networks.onnx_export import to_onnx, write_model
from facelib.networks.onnx_network import OnnxNetwork, open_network
from facelib.reconstruction.position_maps import predict_position_maps

SIZE = 256
THREADS = 2
REPEATS = 60
TARGETS_MS = {"compact in torch": 25.0, "compact in ONNX Runtime": 15.0}


def exported(network: FaceNetwork) -> OnnxNetwork:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        write_model(path, to_onnx(network))
        return open_network(path)


def fastest_ms(calls: dict) -> dict[str, float]:
    times = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: min(spent) for name, spent in times.items()}


def calls(count: int = 1) -> dict[str, Callable]:
    """Return the ways to position maps of a batch of pairs."""
    shape = 2, count, SIZE, SIZE, 3
    fronts, sides = np.random.default_rng(0).random(shape, dtype=np.float32)
    compact, two_view = (create(name, SIZE).eval() for name in ("compact", "two_view"))
    in_onnx = exported(compact)
    ways = {
        "two_view in torch": (two_view, sides),
        "compact in torch": (compact, sides),
        "compact in ONNX Runtime": (in_onnx, sides),
        "compact in torch, front alone": (compact, None),
        "compact in ONNX Runtime, front alone": (in_onnx, None),
    }
    return {
        name: partial(predict_position_maps, network, fronts, second)
        for name, (network, second) in ways.items()
    }


def main() -> None:
    """Print how long each takes."""
    torch.set_num_threads(THREADS)
    times = fastest_ms(calls())
    for name, spent in times.items():
        ratio = spent / times["two_view in torch"]
        line = f"{name:38} {spent:6.1f} ms, {ratio:.2f} of two_view's"
        if name in TARGETS_MS:
            verdict = "met" if spent <= TARGETS_MS[name] else "MISSED"
            line += f"  (target {TARGETS_MS[name]} ms: {verdict})"
        print(line)


if __name__ == "__main__":
    main()
