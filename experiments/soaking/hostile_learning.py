"""Readers of pairs, networks, runs and tables, each with a small valid file to spoil."""

from __future__ import annotations

import json
import math
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from soaking import hostile_formats as formats
from soaking import hostile_forms as forms
from soaking.hostile_subjects import Subject, noise

SIZE = 32  # px of the networks' photos


# -------------------------------------------------------------------------------------------- pairs
def _pairs(folder: Path, spoil: str = "manifest.json") -> Path:
    from facelib.pairs.sample import FacePair
    from facelib.pairs.store import write_shards

    rng = np.random.default_rng(0)
    pairs = (
        FacePair(
            noise(16, 16), noise(16, 16)[::-1],
            rng.uniform(0, 16, (5, 3)).astype(np.float32), person, np.zeros(3, np.float32),
            np.zeros(3, np.float32), f"person {person}", 0.5,
        )
        for person in range(3)
    )  # fmt: skip
    settings = {"source": "synthetic", "seed": 0, "ingredients": {"hair": True}}
    write_shards(pairs, folder, settings, shard_size=2)
    return folder / spoil


def _read_pairs(path: Path) -> None:
    from facelib.pairs.store import ShardedPairs, split_by_identity

    pairs = ShardedPairs(path.parent)
    for index in range(len(pairs)):
        pair = pairs[index]
        pair.check()
        assert np.isfinite(pair.vertices_image).all() and np.isfinite(pair.px_per_mm)
    split_by_identity(pairs.identities, 0.0, np.random.default_rng(0))


def _continue_pairs(path: Path) -> None:
    from facelib.synthetic.generation import begun_manifest
    from facelib.synthetic.settings import Plan

    begun_manifest(path.parent, Plan(3), 5)


def _begun(folder: Path) -> Path:
    from facelib.pairs.shards import write_manifest
    from facelib.synthetic.generation import begun_manifest
    from facelib.synthetic.settings import Plan

    write_manifest(folder, begun_manifest(folder, Plan(3), 5))
    return folder / "manifest.json"


def _evaluate(path: Path, out: Path) -> list[str]:
    return ["evaluate", "pairs", str(path.parent), "--json", str(out / "scores.json")]


PAIRS = (
    Subject("pairs manifest", "texts", _pairs, _read_pairs, forms.JSON, True, _evaluate),
    Subject("pairs to continue", "texts", _begun, _continue_pairs, forms.JSON, True),
    *(
        Subject(f"pairs {name}", "texts", partial(_pairs, spoil=f"00001_{name}.npy"), _read_pairs,
                forms.NPY)
        for name in ("front", "vertices", "facts")
    ),
)  # fmt: skip


# ----------------------------------------------------------------------------------------- networks
@lru_cache(maxsize=1)
def _network():
    import torch

    from facelib.networks.catalogue import create

    torch.manual_seed(0)
    return create("compact", SIZE)


def _weights(folder: Path) -> Path:
    from facelib.networks.weights import save_weights

    save_weights(folder / "best.safetensors", _network(), {"data": {"seed": 0}}, half=True)
    return folder / "best.safetensors"


def _dense(folder: Path) -> Path:
    from facelib.files.paths import data_file

    path = folder / "dense.safetensors"
    path.write_bytes(data_file("dense", "dense.safetensors").read_bytes())
    return path


def _read_weights(path: Path) -> None:
    import torch

    from facelib.networks.loading import load_network

    network = load_network(path)
    assert all(torch.isfinite(each).all() for each in network.state_dict().values())


def _read_card(path: Path) -> None:
    from facelib.networks.weights import read_card

    assert isinstance(read_card(path)["size"], int)


def _onnx(folder: Path) -> Path:
    """A network whose map is a photo times a number, as ONNX."""
    from onnx import TensorProto, helper, numpy_helper, save

    shape = ["batch", 3, SIZE, SIZE]
    front, side, answer = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name in ("front", "side", "position_map")
    )
    nodes = [helper.make_node("Mul", ["front", "factor"], ["position_map"])]
    factor = numpy_helper.from_array(
        np.ones((1, 3, 4, 4), np.float32).mean((2, 3), keepdims=True), "factor"
    )
    graph = helper.make_graph(nodes, "g", [front, side], [answer], [factor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    facts = {"network": "compact", "size": str(SIZE), "side_photo": "optional", "card": "{}"}
    helper.set_model_props(model, {**facts, "weights_sha256": "0" * 64})
    save(model, folder / "network.onnx")
    return folder / "network.onnx"


def _read_onnx(path: Path) -> None:
    from facelib.networks.onnx_network import open_network

    network = open_network(path)
    maps = network.position_maps(np.zeros((1, SIZE, SIZE, 3), np.float32), None)
    assert maps.shape == (1, SIZE, SIZE, 3)


def _export(path: Path, out: Path) -> list[str]:
    return ["export", "--weights", str(path), "-o", str(out / "network.onnx")]


NETWORKS = (
    Subject("weights", "networks", _weights, _read_weights, formats.SAFETENSORS, command=_export),
    Subject("weights card", "networks", _weights, _read_card, formats.SAFETENSORS),
    Subject("dense weights", "networks", _dense, _read_weights, formats.SAFETENSORS),
    Subject("onnx", "networks", _onnx, _read_onnx, formats.ONNX),
)  # fmt: skip


# --------------------------------------------------------------------------------------------- runs
def _log(folder: Path) -> Path:
    config = {"run_dir": "runs/mine", "network": "two_view", "size": 64, "seed": 3}
    about = {"date": "2031-02-03T04:05:06+00:00", "revision": "0123456789abcdef-dirty"}
    first = {
        "config": config, "mean_face_error_px": 5.0, "parameters": 1_234_567, "environment": about,
        "continued": [{"step": 1, "environment": about}], "ended": None, "n_train": 100,
        "data": {"preset": "wide", "ingredients": {"hair": True, "hats": False}},
        "encoder_start": {"samples": 3, "seconds": 2.0},
    }  # fmt: skip
    lines = [first]
    for step in range(1, 5):
        loss = None if step % 2 else 1 / step
        lines.append({
            "step": step, "samples": 10 * step, "seconds": 3.6 * step, "loss": 0.5,
            "validation_loss": loss, "validation_error_px": loss, "validation_error_mm": loss,
        })  # fmt: skip
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _read_log(path: Path) -> None:
    from facelib.training.run_table import draw_errors, markdown_table
    from facelib.training.runs import find_logs, read_runs

    (log,) = find_logs([path.parent])
    runs, fault = read_runs(log)
    assert runs or fault
    if fault:
        assert log.name in str(fault) and len(str(fault)) < 500
    table = markdown_table(runs)
    assert table.isprintable() or all(line.isprintable() for line in table.split("\n"))
    if runs:
        draw_errors(runs)
    for run in runs:
        json.dumps(run.to_dict())


def _read_training(path: Path) -> None:
    from facelib.training.runs import read_training

    read_training(path)


def _resume_log(path: Path) -> None:
    from facelib.training.log import Log, read_log

    Log(path.parent, {}).resume(3)
    read_log(path.parent)


@lru_cache(maxsize=1)
def _learner():
    from facelib.face.layout import load_layout
    from facelib.training.learner import Learner
    from facelib.training.processes import Processes

    config = _config(Path("."))
    return Learner(config, load_layout(SIZE), Processes("cpu"))


def _config(folder: Path):
    from facelib.training.config import TrainConfig

    settings = {"network": "compact", "size": SIZE, "batch_size": 2, "threads": 1}
    return TrainConfig.from_dict({**settings, "data_dir": folder, "run_dir": folder})


def _checkpoint(folder: Path) -> Path:
    from facelib.training.checkpoint import Checkpoint
    from facelib.training.progress import Progress

    Checkpoint(_config(folder), _learner(), Progress(3), "pairs").save()
    return folder / "checkpoint.pt"


def _read_checkpoint(path: Path) -> None:
    import torch

    from facelib.training.checkpoint import Checkpoint
    from facelib.training.progress import Progress

    progress = Progress()
    Checkpoint(_config(path.parent), _learner(), progress, "pairs").load(torch.device("cpu"))
    assert isinstance(progress.step, int) and progress.step >= 0
    assert not math.isnan(progress.best_loss)


def _record(folder: Path) -> Path:
    from facelib.evaluation.record import EvaluationRecord, write_record
    from facelib.evaluation.scores import Evaluation, FaceScore

    scores = tuple(FaceScore(f"face {k}", k, *np.arange(1.0, 7.0)) for k in range(3))
    about = {"command": "python", "weights": {"file": "a", "size": 3}, "seconds": 1.0}
    record = EvaluationRecord("dense", Evaluation(scores, scores), np.ones((4, 3)), about)
    write_record(folder / "scores.json", record)
    return folder / "scores.json"


def _read_record(path: Path) -> None:
    from facelib.evaluation.record import read_record
    from facelib.evaluation.tables import ced_table, score_table

    record = read_record(path)
    assert record.mean_face.ndim == 2 and np.isfinite(record.mean_face).all()
    score_table({record.method: record.evaluation})
    ced_table(record.method, record.evaluation)


def _runs(path: Path, out: Path) -> list[str]:
    return ["runs", str(path.parent), "--json", str(out / "runs.json")]


RUNS = (
    Subject("log", "runs", _log, _read_log, {"line": forms.json_line}, True, _runs),
    Subject("log of a training", "runs", _log, _read_training, {"line": forms.json_line}, True),
    Subject("log to resume", "runs", _log, _resume_log, {"line": forms.json_line}, True,
            writes=("log.jsonl",)),
    Subject("checkpoint", "networks", _checkpoint, _read_checkpoint, formats.CHECKPOINT,
            writes=("best.safetensors",)),
    Subject("evaluation record", "runs", _record, _read_record, forms.JSON, True),
)  # fmt: skip


# ------------------------------------------------------------------------------------------- tables
def _grid(folder: Path) -> Path:
    path = folder / "grid.yaml"
    path.write_text(
        "common: {network: compact, size: 64}\ngrid:\n  learning_rate: [0.5]\n  seed: [0, 1]\n"
    )
    return path


def _read_grid(path: Path) -> None:
    from grid import combinations, read_grid

    for name in combinations(read_grid(path)[1]):
        assert len(name) < 256 and name.isprintable() and Path(name).name == name


def _photo_list(folder: Path) -> Path:
    path = folder / "photos.csv"
    path.write_text("name,front,side\nann,a front.jpg,a side.jpg\nbob,b.jpg,\n")
    return path


def _read_photo_list(path: Path) -> None:
    from facelib.reconstruction.photo_pairs import find_pairs

    for pair in find_pairs(path):
        assert (
            Path(pair.name).name == pair.name and pair.name.isprintable() and len(pair.name) < 200
        )


def _results(folder: Path) -> Path:
    from facelib.reconstruction.photo_pairs import PairResult, write_results

    done = [PairResult(name, "done", files="a.glb", seconds="1.0") for name in ("ann", "bob")]
    write_results(folder / "results.csv", done)
    return folder / "results.csv"


def _read_results(path: Path) -> None:
    from facelib.reconstruction.photo_pairs import read_results

    read_results(path)


def _folder_of_pairs(path: Path, out: Path) -> list[str]:
    return ["reconstruct", "--pairs", str(path), "-o", str(out / "heads"), "--jobs", "1"]


TABLES = (
    Subject("sweep yaml", "runs", _grid, _read_grid, formats.YAML, True),
    Subject(
        "photos csv", "texts", _photo_list, _read_photo_list, formats.CSV, True, _folder_of_pairs
    ),
    Subject("results csv", "texts", _results, _read_results, formats.CSV, True),
)
