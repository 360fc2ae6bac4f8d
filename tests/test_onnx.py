"""Sessions of ONNX Runtime, and no telemetry."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from facelib.detect.centerface import model_path
from facelib.files.onnx import open_session

ROOT = Path(__file__).resolve().parents[1]


def python(code, home):
    """Run code in a Python whose home is empty and whose ONNX Runtime may do what it likes."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    environment |= {"HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-W", "always", "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def files_below(folder):
    return [str(path) for path in folder.rglob("*") if path.is_file()]


def test_onnx_runtime_leaves_nothing_in_the_users_home(tmp_path):
    code = "from facelib.files.onnx import open_session; from pathlib import Path; "
    done = python(f"{code} open_session(Path({str(model_path())!r}))", tmp_path)
    assert files_below(tmp_path) == []
    assert done.stderr == ""


def test_onnx_runtime_that_came_first_is_an_occasion_to_warn(tmp_path):
    done = python("import sys; sys.modules['onnxruntime'] = sys; import facelib", tmp_path)
    assert "ORT_DISABLE_TELEMETRY=1" in done.stderr


def test_nobody_else_imports_onnx_runtime():
    rooms = ("facelib", "experiments", "notebooks")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*")]
    importers = {
        path.relative_to(ROOT).as_posix()
        for path in sources
        if path.suffix in (".py", ".ipynb") and "import onnxruntime" in path.read_text("utf-8")
    }
    assert importers == {"facelib/files/onnx.py"}


def test_a_file_that_is_missing_or_no_model_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no\.onnx, found no such file"):
        open_session(tmp_path / "no.onnx")
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ValueError, match=r"text\.onnx"):
        open_session(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match="the bytes given"):
        open_session(b"no model")


def test_a_model_with_text_in_no_encoding_prints_nothing(capfd):
    """ONNX Runtime would print its error and try again."""
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    nodes = [onnx.helper.make_node("Nonsense", ["x"], ["y"])]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", value[:1], value[1:]))
    content = model.SerializeToString().replace(b"Nonsense", b"Nons\xffnse")
    with pytest.raises(ValueError, match="the bytes given"):
        open_session(content)
    assert capfd.readouterr() == ("", "")
