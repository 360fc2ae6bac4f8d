"""Files appear whole or not at all; tables are what Markdown readers expect."""

import hashlib
import os
import shlex

import pytest

from facelib.files.atomic import remove_unfinished, replacing, sha256
from facelib.files.command import PROJECT, typed_command
from facelib.files.tables import markdown


def test_a_file_is_replaced_when_all_of_it_is_written(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old" and temporary.parent == tmp_path
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_what_stops_a_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_what_a_killed_program_left_is_removed_and_nothing_else(tmp_path):
    kept, other = tmp_path / "00001_front.npy", tmp_path / ".notes.99999999.tmp"
    for path in (kept, other, tmp_path / ".00001_front.npy.99999999.tmp"):
        path.write_text("x")
    remove_unfinished(tmp_path, "[0-9]*_*.npy")
    assert sorted(tmp_path.iterdir()) == sorted([kept, other])


def test_a_hidden_file_without_the_number_of_a_process_is_not_ours(tmp_path):
    path = tmp_path / ".notes.old.tmp"
    path.write_text("mine")
    remove_unfinished(tmp_path)
    assert path.read_text() == "mine"


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    path, left = tmp_path / "set", tmp_path / ".set.99999999.tmp"
    left.mkdir()
    (left / "a").write_text("half")
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [left]
    remove_unfinished(tmp_path, path.name)
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "a").write_text("whole")
    assert list(tmp_path.rglob("*")) == [path, path / "a"]


def test_a_program_that_still_runs_keeps_its_temporary_file(tmp_path):
    path = tmp_path / f".result.json.{os.getppid()}.tmp"
    path.write_text("half")
    remove_unfinished(tmp_path)
    assert path.exists()


def test_the_checksum_is_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"face")
    assert sha256(tmp_path / "file") == hashlib.sha256(b"face").hexdigest()


def test_a_table_has_a_rule_under_its_heads():
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n|---|---|\n| 1 | 2 |"


def test_padded_columns_keep_to_their_sides():
    table = markdown(["run", "mm"], [["first", "7"], ["x", "12.5"]], "<>")
    assert table.splitlines() == [
        "| run   |   mm |",
        "| ----- | ---: |",
        "| first |    7 |",
        "| x     | 12.5 |",
    ]


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="expected 2 cells"):
        markdown(["a", "b"], [["1"]])


def test_a_quoted_command_names_no_folder_of_this_machine():
    words = [str(PROJECT / "experiments" / "try.py"), "/elsewhere/pairs", "--size", "128", "runs/x"]
    assert typed_command(words) == "python experiments/try.py pairs --size 128 runs/x"


def test_a_command_is_quoted_so_that_a_shell_reads_the_same_words() -> None:
    words = ["try.py", "--weights", "after 16,000 photos: 128 px", "it's"]
    assert shlex.split(typed_command(words)) == ["python", *words]
