"""The short form of `experiments/soak.py kills`: programs that are killed while they write."""

from dataclasses import replace

import numpy as np
import pytest
from soaking.killed_programs import programs
from soaking.kills import WRITING, stop_and_start_again, undisturbed
from soaking.trials import FAULT

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
