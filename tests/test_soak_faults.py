"""A short form of the soak tool's faults: programs say in a sentence what stops them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "experiments"))
from soaking import faults


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return faults.prepare(tmp_path_factory.mktemp("scene"))


@pytest.mark.parametrize(
    ("subject", "attack"),
    [pair for pair in faults.ATTACKS if pair[1] is not faults.worker_killed],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_fault_costs_a_sentence_and_no_work(scene, tmp_path, subject, attack):
    attack(np.random.default_rng(0), scene, subject, tmp_path)


def test_a_program_that_breaks_a_promise_is_found_out(scene, tmp_path):
    program = faults.Program(faults.command(faults.TRAIN, tmp_path, tmp_path / "nowhere"))
    with pytest.raises(faults.BrokenPromiseError, match="exit code 8: .*nowhere"):
        program.end({0: ("done", "")})
    program = faults.Program(["train", "--no-such-option"])
    with pytest.raises(faults.BrokenPromiseError, match="No such option"):
        program.end({2: ("refused", "another sentence")})


def test_a_result_that_differs_is_found_out(scene, tmp_path):
    """A finished run is left as it is, so other numbers in its log stay."""
    folder = tmp_path / "out"
    faults.shutil.copytree(scene.run, folder)
    log = folder / "log.jsonl"
    log.write_text(log.read_text().replace('"epoch": 2', '"epoch": 7', 1))
    with pytest.raises(faults.BrokenPromiseError, match="the result is another one"):
        faults.finish(scene, faults.TRAIN, tmp_path)
