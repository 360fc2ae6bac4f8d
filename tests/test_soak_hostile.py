"""The short form of `experiments/soak.py hostile`: a few spoilt files for every reader."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "experiments"))
from soaking import hostile, hostile_bytes, hostile_commands  # noqa: E402
from soaking.hostile_worker import SUBJECTS, fault_of_sentence  # noqa: E402
from soaking.trials import FAULT  # noqa: E402

SEED, EACH = 11, 5


def faults(trials):
    return [
        f"{trial.subject}, {trial.attack}: {trial.words}"
        for trial in trials
        if trial.outcome == FAULT
    ]


def test_readers_read_rightly_or_refuse_in_a_sentence(tmp_path):
    """In one process, which loads everything once."""
    attempts = [(name, number) for name in SUBJECTS for number in range(EACH)]
    trials = hostile.try_readers(attempts, SEED, tmp_path)
    assert faults(trials) == []
    assert {trial.outcome for trial in trials} == {"read", "refused"}
    assert [trial.subject for trial in trials] == [name for name, _ in attempts]


def test_a_command_refuses_a_spoilt_file_in_one_line(tmp_path):
    trial = hostile_commands.try_command("photos csv", 1, SEED, tmp_path)
    assert faults([trial]) == []


def test_a_reader_that_does_what_it_must_not_is_found_out(tmp_path, monkeypatch):
    """Each trick of a bad reader is a fault, and a sentence that names the file is none."""
    path = tmp_path / "a.txt"
    path.touch()
    assert fault_of_sentence(f"expected numbers in {path}, got words", path) is None
    for words in (f"two\nlines {path}", "a file", f"{path} " + "x" * 500, f"{path} has b'\\x00'"):
        assert fault_of_sentence(words, path)[0] == FAULT


def test_the_same_number_makes_the_same_attempt(tmp_path):
    name = next(iter(SUBJECTS))
    first, again = (hostile.repeat(name, 3, SEED, tmp_path / each) for each in "ab")
    assert (first.attack, first.outcome) == (again.attack, again.outcome)
    spoilt = [(tmp_path / each / "attempt" / "photo.jpg") for each in "ab"]
    assert spoilt[0].exists() == spoilt[1].exists()
    if spoilt[0].is_file():
        assert spoilt[0].read_bytes() == spoilt[1].read_bytes()


def test_faults_of_bytes_change_them_and_repeat():
    content = bytes(range(200)) * 3
    for name, spoil in (hostile_bytes.BYTES | hostile_bytes.TEXT).items():
        once, again = (spoil(content, np.random.default_rng(5)) for _ in range(2))
        assert once == again, name
    changed = {hostile_bytes.spoilt(content, np.random.default_rng(k)) for k in range(20)}
    assert len(changed) > 15
