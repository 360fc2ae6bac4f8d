"""One program at a time writes to a folder; the others hear who it is."""

import fcntl
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from full_disk import files_end_at

from facelib.__main__ import main
from facelib.cli.common import UNWRITABLE
from facelib.files.lock import LOCK, FolderInUseError, locked

HOLDER = """
import sys
from pathlib import Path
from facelib.files.lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another program that holds the lock of a folder until it is killed or its input ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as program:
        program.stdout.readline()
        yield program
        program.kill()


def test_a_folder_in_use_names_its_user(tmp_path, holder):
    with pytest.raises(FolderInUseError, match=f"process {holder.pid} on .*, since 20"):
        with locked(tmp_path):
            pytest.fail("two programs hold the lock")
    holder.communicate()
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert not list(tmp_path.iterdir())


def test_the_lock_of_a_killed_program_is_gone(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        assert f'"process": {os.getpid()}' in (tmp_path / LOCK).read_text()
    assert not list(tmp_path.iterdir())


def test_a_lock_is_also_kept_from_another_call_of_the_same_program(tmp_path):
    with locked(tmp_path / "new"), pytest.raises(FolderInUseError, match="in use by"):
        with locked(tmp_path / "new"):
            pytest.fail("two calls hold the lock")


def test_a_holder_that_has_not_said_who_it_is_still_holds_the_lock(tmp_path):
    with (tmp_path / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(FolderInUseError, match="in use by another program"):
            with locked(tmp_path):
                pytest.fail("two programs hold the lock")


def test_a_lock_file_that_its_holder_removes_meanwhile_is_not_taken_for_the_lock(
    tmp_path, monkeypatch
):
    real = fcntl.flock

    def flock(file, how):
        monkeypatch.setattr(fcntl, "flock", real)
        real(file, how)
        (tmp_path / LOCK).unlink()  # as a holder that ends just before

    monkeypatch.setattr(fcntl, "flock", flock)
    with locked(tmp_path), pytest.raises(FolderInUseError):
        with locked(tmp_path):
            pytest.fail("the first lock is on a file that nobody else sees")


def test_a_folder_whose_file_system_has_no_locks_is_named(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match=LOCK):
        with locked(tmp_path):
            pytest.fail("there is no lock")


def test_a_folder_that_is_removed_meanwhile_is_named(tmp_path):
    with pytest.raises(OSError, match=f"{tmp_path / 'out'} was removed"), locked(tmp_path / "out"):
        (tmp_path / "out").rename(tmp_path / "elsewhere")
        (tmp_path / "out" / "file").write_text("")


def test_a_full_disk_leaves_no_lock(tmp_path):
    with files_end_at(0), pytest.raises(OSError, match=f"too large: '{tmp_path / LOCK}'"):
        with locked(tmp_path):
            pytest.fail("the holder's name cannot be written")
    assert not list(tmp_path.iterdir())


def test_a_stand_in_is_written_by_one_program_at_a_time(tmp_path):
    with locked(tmp_path / "fg"):
        done = CliRunner().invoke(main, ["standin", "facegen", str(tmp_path / "fg")])
    assert done.exit_code == UNWRITABLE and "fg is in use by" in done.output


def test_a_folder_in_which_nothing_was_written_is_removed_again(tmp_path):
    (tmp_path / "old").mkdir()
    for name in ("old", "new", "filled"):
        with locked(tmp_path / name):
            (tmp_path / "filled" / "file").touch() if name == "filled" else None
    assert {path.name for path in tmp_path.iterdir()} == {"old", "filled"}
