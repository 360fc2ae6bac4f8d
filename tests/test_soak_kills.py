"""The short form of `experiments/soak.py kills`: programs that are killed while they write."""

import sys
from dataclasses import replace

import nbformat
import numpy as np
import pytest
from soaking.killed_programs import Program, content, programs
from soaking.kills import TIMED, TOO_LATE, WRITING, stop_and_start_again, undisturbed
from soaking.trials import FAULT

# Writes a file in place, half by half, and takes it for whole if it is there.
IN_PLACE = """
import pathlib, time
out = pathlib.Path("out")
if not out.exists():
    with out.open("w") as file:
        file.write("half")
        file.flush()
        time.sleep(2)
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
    trials = stop_and_start_again(program, reference, [WRITING], given, trial, rng)
    assert [each.words for each in trials if each.outcome == FAULT] == []
    assert [each.outcome for each in trials] == ["killed"]


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


def test_a_kill_after_the_end_counts_as_none(tmp_path):
    program = Program("quick", (sys.executable, "-c", "open('out', 'w').write('whole')"))
    given, trial = tmp_path / "given", tmp_path / "trial"
    given.mkdir()
    late = replace(undisturbed(program, given, trial), work=1000.0)
    rng = np.random.default_rng(0)
    trials = stop_and_start_again(program, late, [TIMED, TIMED], given, trial, rng)
    assert [each.outcome for each in trials] == [TOO_LATE]


def test_a_refusal_of_finished_work_is_an_end():
    program = Program("stand-in", (), refusal="holds files")
    assert program.has_ended(6, "Error: out holds files") and program.has_ended(0, "")
    assert not program.has_ended(6, "Error: no space left") and not program.has_ended(-9, "")


def test_executed_notebooks_differ_in_more_than_the_name_of_a_drawn_cell(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("a = 1")])
    notebook.cells[0].metadata["tags"] = ["injected-parameters"]
    found = []
    for name, source in (("x", "a = 1"), ("y", "a = 1"), ("x", "a = 2")):
        notebook.cells[0].update(id=name, source=source)
        nbformat.write(notebook, tmp_path / "one.ipynb")
        found.append(content(tmp_path / "one.ipynb"))
    assert found[0] == found[1] != found[2]
