"""No code unpickles or executes what a file says, whatever the file calls itself."""

import ast
import importlib.util
import io
import pickle
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from facelib.cli.common import Failure, read_photo
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.face.matrix_file import load_matrix
from facelib.files.matfiles import read_mat
from facelib.files.paths import data_dir
from facelib.fitting.head_prior import shipped_prior
from facelib.fitting.learned_errors import LearnedErrors
from facelib.geometry.meshfiles import read_mesh
from facelib.networks.loading import load_network
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs, write_shards
from facelib.synthetic.people.population import load_population
from facelib.training.checkpoint import Checkpoint

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(
    path
    for folder in ("facelib", "experiments", "benchmarks", "book", "notebooks")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".ipynb") and not {"_build", "chapters"} & set(path.parts)
)
MODULES = {"cloudpickle", "dill", "jsonpickle", "marshal", "shelve"}
CALLS = {
    "eval", "exec", "joblib.Memory", "joblib.load", "pandas.read_pickle", "pickle.Unpickler",
    "pickle.load", "pickle.loads", "torch.hub.load", "torch.jit.load", "yaml.full_load",
    "yaml.load", "yaml.load_all", "yaml.unsafe_load",
}  # fmt: skip


def source_of(path):
    """The Python text of a module, or of a notebook's cells."""
    if path.suffix == ".py":
        return path.read_text(encoding="utf-8")
    spec = importlib.util.spec_from_file_location("dependencies", ROOT / "book" / "dependencies.py")
    reader = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reader)
    return reader.notebook_source(path)


def unsafe_readers(source):
    """The calls and imports in a Python text that could run code out of a file."""
    tree = ast.parse(source)
    whole_names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            whole_names |= {a.asname or a.name: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole_names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    found = [name for name in whole_names.values() if name.split(".")[0] in MODULES]
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        head, dot, rest = ast.unparse(call.func).partition(".")
        name = whole_names.get(head, head) + dot + rest
        options = {word.arg: ast.unparse(word.value) for word in call.keywords}
        if (
            name in CALLS
            or (options.get("allow_pickle", "False") != "False" and name != "numpy.save")
            or (name == "torch.load" and options.get("weights_only") != "True")
        ):
            found.append(ast.unparse(call))
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle as p; p.load(file)",
        "from pickle import loads; loads(data)",
        "import numpy as np; np.load(path, allow_pickle=True)",
        "import torch; torch.load(path)",
        "import torch; torch.load(path, weights_only=False)",
        "import yaml; yaml.load(text, Loader=yaml.Loader)",
        "from joblib import Memory; Memory(folder)",
        "import dill",
        "eval(text)",
    ],
)
def test_each_way_to_run_a_file_is_recognised(line):
    assert unsafe_readers(line)
    assert not unsafe_readers("import torch; torch.load(path, weights_only=True); model.eval()")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_source_reads_files_in_a_way_that_runs_them(path):
    assert unsafe_readers(source_of(path)) == []


class Bomb:
    """An object whose unpickling creates a file."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return open, (self.mark, "x")


def as_pickle(bomb):
    return pickle.dumps(bomb)


def as_torch(bomb):
    file = io.BytesIO()
    torch.save({"best": None, "network": bomb}, file)
    return file.getvalue()


def as_npy(bomb):
    file = io.BytesIO()
    np.save(file, np.array([bomb], object), allow_pickle=True)
    return file.getvalue()


def as_npz(bomb):
    """Every array that any of our readers asks for, pickled."""
    file = io.BytesIO()
    names = {name for path in data_dir().rglob("*.npz") for name in np.load(path).files}
    with zipfile.ZipFile(file, "w") as archive:
        for name in names | {"format"}:
            archive.writestr(f"{name}.npy", as_npy(bomb))
    return file.getvalue()


def read_prior(path):
    return LearnedErrors.load(path, shipped_prior())


def read_checkpoint(path):
    config = SimpleNamespace(run=SimpleNamespace(run_dir=path.parent))
    Checkpoint(config, None, None, None).load(torch.device("cpu"))


def read_array(path):
    return read_mat(path, {"x": None}, 10**9)


@pytest.mark.parametrize("payload", [as_pickle, as_torch, as_npy, as_npz])
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("weights.safetensors", load_network),
        ("weights.onnx", load_network),
        ("checkpoint.pt", read_checkpoint),
        ("head.npz", lambda path: load_head(path).mean_head),
        ("layout.npz", lambda path: load_layout(path=path)),
        ("people.npz", load_population),
        ("errors.npz", read_prior),
        ("matrix.npz", load_matrix),
        ("model.mat", read_array),
        ("photo.png", read_photo),
        ("face.glb", read_mesh),
    ],
)
def test_a_pickled_object_in_a_file_is_refused_and_not_run(tmp_path, name, read, payload):
    mark, path = tmp_path / "ran", tmp_path / name
    path.write_bytes(payload(Bomb(mark)))
    with pytest.raises((ValueError, OSError, KeyError, Failure)):
        read(path)
    assert not mark.exists()


def test_a_shard_of_pickled_objects_is_refused_and_not_run(tmp_path):
    image, pose = np.zeros((16, 16, 3), np.uint8), np.zeros(3, np.float32)
    point = np.zeros((4, 3), np.float32)
    write_shards([FacePair(image, image, point, 0, pose, pose, "toy", 1.0)], tmp_path, {})
    mark = tmp_path / "ran"
    next(tmp_path.glob("*facts*.npy")).write_bytes(as_npy(Bomb(mark)))
    with pytest.raises(ValueError, match="Object arrays|pickle"):
        ShardedPairs(tmp_path)
    assert not mark.exists()


def test_the_bomb_goes_off_in_a_reader_that_trusts_it(tmp_path):
    pickle.loads(as_pickle(Bomb(tmp_path / "ran"))).close()
    assert (tmp_path / "ran").exists()
