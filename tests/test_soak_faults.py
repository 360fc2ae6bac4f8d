"""A short form of the soak tool's faults, and that the tool notices a broken promise."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from facelib.training.checkpoint import CHECKPOINT
from facelib.training.config import BEST
from facelib.training.log import LOG

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "experiments"))
from soaking import faults  # noqa: E402


def test_faults_cost_a_sentence_and_no_work(tmp_path):
    """In a process of its own, because the tool forks, and other tests use threads."""
    words = ["faults", "--minutes", "0.3", "--seed", "0", "--out", str(tmp_path / "soak.json")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "experiments" / "soak.py"), *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (record,) = json.loads((tmp_path / "soak.json").read_text())["faults"]
    assert sum(row["tried"] for row in record["rows"]) >= 1
    assert record["faults"] == []


def test_a_program_that_breaks_a_promise_is_found_out(tmp_path):
    program = faults.Program(faults.command(faults.TRAIN, tmp_path, tmp_path / "nowhere"))
    with pytest.raises(faults.BrokenPromiseError, match="exit code 8: .*nowhere"):
        program.end({0: ("done", "")})
    program = faults.Program(["train", "--no-such-option"])
    with pytest.raises(faults.BrokenPromiseError, match="No such option"):
        program.end({2: ("refused", "another sentence")})


def write_run(folder, weight=1.0, loss=0.5, seconds=3.0):
    folder.mkdir()
    save_file({"weight": np.full(3, weight, np.float32)}, folder / BEST)
    (folder / CHECKPOINT).touch()
    lines = {"config": {}, "date": seconds}, {"step": 1, "loss": loss, "seconds": seconds}
    (folder / LOG).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_runs_are_the_same_if_only_their_times_differ(tmp_path):
    one = write_run(tmp_path / "one")
    assert faults.same_run(one, write_run(tmp_path / "slower", seconds=9.0))
    assert not faults.same_run(one, write_run(tmp_path / "heavier", weight=2.0))
    assert not faults.same_run(one, write_run(tmp_path / "worse", loss=0.6))
    (one / ".best.safetensors.7.tmp").touch()
    assert not faults.same_run(one, tmp_path / "slower")


def test_pairs_are_the_same_if_their_bytes_are(tmp_path):
    for name, content in {"a": "1", "b": "1", "c": "2"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(content)
    assert faults.same_pairs(tmp_path / "a", tmp_path / "b")
    assert not faults.same_pairs(tmp_path / "a", tmp_path / "c")
