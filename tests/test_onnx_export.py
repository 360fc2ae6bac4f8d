"""Exported networks agree with torch, describe themselves, and refuse what does not fit."""

import json
import logging
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
import skimage.data
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors.torch import save_file

from facelib.__main__ import main
from facelib.files.atomic import sha256
from facelib.files.paths import data_file
from facelib.networks.catalogue import create
from facelib.networks.onnx_export import to_onnx, write_model
from facelib.networks.onnx_network import open_network
from facelib.networks.weights import load_weights, read_card, save_weights
from facelib.reconstruction.position_maps import NoSideError, predict_position_maps
from facelib.synthetic.samples import make_pair
from facelib.synthetic.settings import SyntheticSettings

TOLERANCE_PX = 1e-3
SIZE = 64


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def crops():
    """Front and side crops of three people."""
    pairs = [make_pair(index, SyntheticSettings(size=SIZE, seed=5)) for index in range(3)]
    views = [np.stack([getattr(pair, view) for pair in pairs]) for view in ("front", "side")]
    return [(view / 255).astype(np.float32) for view in views]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of a compact network that depends on its photos, with the exported file."""
    torch.manual_seed(1)
    network = create("compact", SIZE)
    for layer in (network.pose, network.shape):
        torch.nn.init.normal_(layer.weight, std=0.05)
    torch.nn.init.normal_(network.no_side)
    path = tmp_path_factory.mktemp("weights") / "mine.safetensors"
    save_weights(path, network, {"seed": 1})
    result = run("export", "--weights", path, "-o", path.with_suffix(".onnx"))
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return path


def same(network, exported, fronts, sides):
    expected = predict_position_maps(network, fronts, sides)
    got = predict_position_maps(exported, fronts, sides)
    assert got.shape == expected.shape and got.dtype == expected.dtype
    assert np.abs(got - expected).mean() < TOLERANCE_PX
    return got


def test_exported_compact_agrees_with_torch_with_and_without_a_side(weights, crops):
    network, exported = load_weights(weights), open_network(weights.with_suffix(".onnx"))
    fronts, sides = crops
    both, alone = same(network, exported, fronts, sides), same(network, exported, fronts, None)
    assert np.abs(both - alone).mean() > 1, "the side photo was not looked at"
    same(network, exported, fronts[:1], sides[:1])
    same(network, exported, fronts[:1], None)


@pytest.mark.parametrize("name", ["prn", "one_view", "two_view"])
def test_every_other_exported_network_agrees_with_torch(name, crops, tmp_path):
    torch.manual_seed(2)
    network = create(name, SIZE).eval()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        write_model(tmp_path / "net.onnx", to_onnx(network))
    assert not heard
    exported, (fronts, sides) = open_network(tmp_path / "net.onnx"), crops
    assert (exported.name, exported.size) == (name, SIZE)
    same(network, exported, fronts, sides)
    if name == "two_view":
        with pytest.raises(NoSideError, match="two_view"):
            predict_position_maps(exported, fronts, None)
    else:
        same(network, exported, fronts[:1], None)
    assert logging.getLogger("torch.onnx").level == logging.NOTSET


def test_a_file_describes_itself_and_nothing_of_this_machine(weights):
    path = weights.with_suffix(".onnx")
    model = onnx.load(path)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert (told["network"], told["size"], told["side_photo"]) == ("compact", "64", "optional")
    assert told["weights_sha256"] == sha256(weights)
    assert json.loads(told["card"]) == read_card(weights)
    assert [value.name for value in model.graph.input] == ["front", "side"]
    stored = load_weights(weights).state_dict().values()
    assert path.stat().st_size < 1.1 * 4 * sum(t.numel() for t in stored) + 200_000
    assert b".py" not in path.read_bytes()


@pytest.mark.parametrize("path", ["dense/dense.onnx", "weights/compact.onnx"])
def test_convolutions_of_the_shipped_networks_take_constants(path):
    """Others ONNX Runtime does not order for vector registers: they take a third longer."""
    graph = onnx.load(data_file(*path.split("/"))).graph
    constants = {tensor.name for tensor in graph.initializer}
    constants |= {
        node.output[0]
        for node in graph.node
        if node.op_type == "Constant" or (node.op_type == "Cast" and node.input[0] in constants)
    }
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 9  # none is hidden in a branch
    assert all(set(node.input[1:]) <= constants for node in convolutions)


def test_it_runs_without_torch(weights):
    code = (
        "import sys; import numpy as np; from facelib.networks.onnx_network import open_network\n"
        "from facelib.reconstruction.position_maps import predict_position_maps\n"
        f"network = open_network({str(weights.with_suffix('.onnx'))!r})\n"
        "predict_position_maps(network, np.zeros((1, 64, 64, 3), np.float32), None)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_reconstruct_takes_the_file_beside_the_weights_as_long_as_it_is_theirs(
    weights, tmp_path, caplog
):
    photo, mesh = tmp_path / "face.jpg", tmp_path / "me.ply"
    Image.fromarray(skimage.data.astronaut()[:256, 100:356]).save(photo)
    arguments = ("reconstruct", photo, "-o", mesh, "--front-box", 83, 50, 168, 175, "--weights")
    copy = tmp_path / "mine.safetensors"
    copy.write_bytes(weights.read_bytes())
    alone = run(*arguments, copy)
    assert f"wrote {mesh} (compact in torch)" in alone.output, alone.output
    in_torch = np.fromfile(mesh, np.uint8)
    exported = copy.with_suffix(".onnx")
    exported.write_bytes(weights.with_suffix(".onnx").read_bytes())
    for taken in (copy, exported):
        assert "(compact in ONNX Runtime)" in run(*arguments, taken).stdout
    assert len(in_torch) == mesh.stat().st_size
    save_weights(copy, create("compact", SIZE))
    stale = run(*arguments, copy)
    assert "mine.onnx was made of other weights" in caplog.text
    assert "(compact in torch)" in stale.stdout


def test_the_file_that_ships_is_of_the_weights_that_ship():
    path = data_file("weights", "compact.safetensors")
    assert open_network(path.with_suffix(".onnx")).weights_sha256 == sha256(path)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export", "-o", "net.pt"], 7, ["net.pt", ".onnx"]),
        (["export", "-o", "nowhere/net.onnx"], 6, ["cannot write", "net.onnx"]),
        (["export", "--weights", "no.safetensors", "-o", "net.onnx"], 8, ["no.safetensors"]),
        (["export", "--weights", "text.onnx", "-o", "net.onnx"], 8, ["text.onnx"]),
        (["export"], 2, ["--output"]),
        (["reconstruct", "face.png", "-o", "me.ply", "--weights", "no.onnx"], 8, ["no.onnx"]),
        (["reconstruct", "face.png", "-o", "me.ply", "--weights", "text.onnx"], 8, ["text.onnx"]),
        (["reconstruct", "face.png", "-o", "me.ply", "--weights", "other.onnx"], 8, ["other.onnx"]),
    ],
)
def test_failures_are_one_sentence_and_leave_nothing(tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((80, 60, 3), np.uint8)).save("face.png")
    (tmp_path / "text.onnx").write_text("no network at all")
    node = onnx.helper.make_node("Identity", ["a"], ["b"])
    values = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, (1,)) for n in "ab"]
    graph = onnx.helper.make_graph([node], "other", values[:1], values[1:])
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=10), "other.onnx")
    before = sorted(path.name for path in tmp_path.iterdir())
    boxed = ["--front-box", "10", "10", "50", "60"] if arguments[0] == "reconstruct" else []
    result = run(*arguments, *boxed)
    assert result.exit_code == code, result.output
    message = result.output.strip().splitlines()[-1]
    assert message.startswith("Error: ") and all(word in message for word in words)
    assert "Traceback" not in result.output
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path, monkeypatch):
    from pathlib import Path

    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_model(tmp_path / "net.onnx", onnx.ModelProto())
    assert not list(tmp_path.iterdir())


def test_crops_of_another_size_are_refused(weights):
    exported, larger = open_network(weights.with_suffix(".onnx")), np.zeros((1, 128, 128, 3))
    with pytest.raises(ValueError, match="64 px, got 128"):
        predict_position_maps(exported, larger, None)


@pytest.mark.parametrize(
    ("facts", "values", "words"),
    [
        ({"size": "4294967296"}, 1.0, "at most 1024 px"),
        ({"size": "-64"}, 1.0, "written by save_weights"),
        ({"network": "other"}, 1.0, "cannot be used: network must be"),
        ({"card": "[" * 100_000}, 1.0, "not JSON"),
        ({"card": "3"}, 1.0, "a card"),
        ({}, 1.0, "cannot be used"),
        ({}, float("nan"), "finite"),
    ],
)
def test_weights_that_cannot_be_right_are_named(tmp_path, facts, values, words):
    path = tmp_path / "a.safetensors"
    known = {"network": "compact", "size": "64", "card": "{}"}
    save_file({"x": torch.full((3,), values)}, path, {**known, **facts})
    with pytest.raises(ValueError, match=f"a.safetensors.*{words}|{words}.*a.safetensors"):
        load_weights(path)


@pytest.mark.parametrize("change", ["metadata", "nested card", "output", "side photo"])
def test_a_model_that_is_no_network_of_ours_is_named(tmp_path, change):
    value = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 3, 8, 8])
        for name in ("front", "x" if change == "output" else "position_map")
    ]
    node = onnx.helper.make_node("Identity", ["front"], [value[1].name])
    graph = onnx.helper.make_graph([node], "g", value[:1], value[1:])
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=10)
    facts = {
        "network": "a",
        "size": "8",
        "side_photo": "unused",
        "weights_sha256": "",
        "card": "{}",
    }
    if change != "output":
        name, odd = {
            "metadata": ("size", "x"), "nested card": ("card", "[" * 9999),
            "side photo": ("side_photo", "perhaps"),
        }[change]  # fmt: skip
        facts[name] = odd
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"facelib export.*a\.onnx"):
        open_network(tmp_path / "a.onnx")
