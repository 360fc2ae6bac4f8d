"""The short form of `experiments/soak.py kills`: programs that are killed while they write."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from soaking.killed_programs import Program, programs
from soaking.kills import WRITING, stop_and_start_again, undisturbed
from soaking.trials import FAULT

# Writes a file in place, half by half, and takes it for whole if it is there.
IN_PLACE = """
import pathlib, time
out = pathlib.Path("out")
if not out.exists():
    with out.open("w") as file:
        file.write("half")
        file.flush()
        time.sleep(5)
        file.write("whole")
"""
EARLY = 3  # changes of the files, of which every run makes more


@pytest.mark.parametrize("subject", ["facelib pairs", "facelib standin facegen"])
def test_a_program_killed_while_it_writes_ends_as_if_it_had_not_been(subject, tmp_path):
    program = next(each for each in programs() if each.subject == subject)
    given, trial = tmp_path / "given", tmp_path / "trial"
    given.mkdir()
    reference = replace(undisturbed(program, given, trial), changes=EARLY)
    rng = np.random.default_rng(0)
    trials = stop_and_start_again(program, reference, [WRITING, WRITING], given, trial, rng)
    assert [each.words for each in trials if each.outcome == FAULT] == []
    assert [each.outcome for each in trials] == ["killed", "killed"]


def test_a_program_that_writes_in_place_is_found_out(tmp_path):
    program = Program("in place", (sys.executable, "-c", IN_PLACE))
    given, trial = tmp_path / "given", tmp_path / "trial"
    given.mkdir()
    reference = undisturbed(program, given, trial)
    rng = np.random.default_rng(0)
    once = replace(reference, changes=2)  # nothing, then half a file
    trials = [
        each
        for _ in range(4)
        for each in stop_and_start_again(program, once, [WRITING], given, trial, rng)
    ]
    words = " ".join(each.words for each in trials if each.outcome == FAULT)
    assert "out is partial" in words and "out differs from the undisturbed run" in words
