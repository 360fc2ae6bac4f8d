"""Generation with workers that die, spoilt shards, full disks and lost folders."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import psutil
import pytest
from click.testing import CliRunner
from full_disk import files_end_at

from facelib.__main__ import main
from facelib.cli.common import UNWRITABLE
from facelib.pairs.shards import MANIFEST, read_manifest
from facelib.pairs.store import ShardedPairs
from facelib.synthetic import generation
from facelib.synthetic.generation import generate_pairs
from facelib.synthetic.ingredients import Ingredients
from facelib.synthetic.settings import Plan, SyntheticSettings

PLAN = Plan(16, SyntheticSettings(size=16, seed=3, ingredients=Ingredients()), shard_size=2)
COMMAND = ["--size", "16", "--seed", "3", "--shard-size", "2", "--with", "none", "--quiet"]
PATIENCE = 120  # s; seconds are enough on an idle machine


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """The folder that one process makes without a fault."""
    folder = tmp_path_factory.mktemp("serial") / "set"
    generate_pairs(folder, PLAN)
    return folder


@pytest.fixture
def made(serial, tmp_path):
    """A copy of it."""
    return shutil.copytree(serial, tmp_path / "set")


def command(folder, *more):
    """The exit code and the last line that the command prints."""
    words = ["pairs", "synthetic", folder, "--count", 16, *COMMAND, *more]
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output.strip().splitlines()[-1]


@pytest.mark.parametrize("length", [0, 50, 1000])
def test_a_shard_cut_short_is_made_again(made, serial, length):
    os.truncate(made / "00003_vertices.npy", length)
    assert generate_pairs(made, PLAN) == 2
    assert contents(made) == contents(serial)


def test_a_shard_that_differs_from_its_checksum_is_made_again_when_asked(made, serial):
    path = made / "00003_front.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert generate_pairs(made, PLAN) == 0
    assert command(made, "--verify") == (0, f"wrote 2 pairs to {made}")
    assert contents(made) == contents(serial)
    ShardedPairs(made).verify()


def test_a_full_disk_is_a_sentence_and_the_next_run_finishes(made, serial):
    for path in made.glob("0000[4-7]*"):
        path.unlink()
    manifest = (made / MANIFEST).stat().st_size
    with files_end_at(manifest + 200):
        code, said = command(made)
    assert code == UNWRITABLE
    assert said == f"Error: cannot write pairs: {made / '00004_vertices.npy'}: File too large"
    assert generate_pairs(made, PLAN) == 8
    assert contents(made) == contents(serial)


def test_a_folder_removed_meanwhile_is_a_sentence(tmp_path, monkeypatch):
    real = generation.make_shard

    def make(folder, number, plan):
        if number == 2:
            shutil.rmtree(folder)
        return real(folder, number, plan)

    monkeypatch.setattr(generation, "make_shard", make)
    code, said = command(tmp_path / "set")
    assert code == UNWRITABLE
    assert said == f"Error: cannot write pairs: {tmp_path / 'set'} was removed while this " \
        "program wrote to it"  # fmt: skip


def test_what_a_dead_worker_was_writing_is_removed(tmp_path, serial):
    def make(folder, number, plan):
        (folder / f".0000{number}_front.npy.1.tmp").touch()  # process 1 is always there
        return real(folder, number, plan)

    real = generation.make_shard
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generation, "make_shard", make)
        generate_pairs(tmp_path / "set", PLAN)
    assert contents(tmp_path / "set") == contents(serial)


def workers_of(program):
    """The processes that make shards for a program."""
    children = psutil.Process(program.pid).children(recursive=True)
    return [child for child in children if "popen_loky" in " ".join(child.cmdline())]


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_worker_that_is_killed_is_noticed_and_nothing_finished_is_lost(tmp_path):
    folder = tmp_path / "set"
    words = ["pairs", "synthetic", str(folder), "--count", "4000", "--workers", "2", *COMMAND]
    program = subprocess.Popen(
        [sys.executable, "-m", "facelib", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        wait_for(lambda: (folder / MANIFEST).exists() and read_manifest(folder)["shards"])
        workers_of(program)[0].send_signal(signal.SIGKILL)
        _, said = program.communicate(timeout=PATIENCE)
    finally:
        program.kill()
    assert program.returncode == UNWRITABLE
    assert said.splitlines()[-1].startswith(
        "Error: cannot write pairs: a worker process was killed"
    )
    assert not list(folder.glob(".lock"))
    stored = ShardedPairs(folder)
    stored.verify()
    assert 0 < len(stored) < 4000


@pytest.fixture
def scheduler():
    """A Dask scheduler without workers: its address."""
    program = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard",
         "--host", "127.0.0.1"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in program.stderr:
        if "Scheduler at:" in line:
            break
    drain = Thread(target=program.stderr.read, daemon=True)
    drain.start()
    yield program, line.split()[-1]
    program.kill()
    program.wait()


def start_worker(address, folder):
    """Start a worker process that is not started again when it dies."""
    words = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", address, *words],
        stderr=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip


def test_workers_that_die_leave_and_join_change_no_byte(tmp_path, serial, scheduler):
    _, address = scheduler
    workers = [start_worker(address, tmp_path) for _ in range(2)]
    folder, made = tmp_path / "set", []

    def kill_and_join():
        wait_for(lambda: list(folder.glob("*_facts.npy")))
        workers[0].kill()
        workers.append(start_worker(address, tmp_path))
        wait_for(lambda: len(list(folder.glob("*_facts.npy"))) > 4)
        workers[1].terminate()

    other = Thread(target=kill_and_join)
    other.start()
    try:
        made.append(generate_pairs(folder, PLAN, dask=address))
    finally:
        other.join()
        for worker in workers:
            worker.kill()
            worker.wait()
    assert made == [16]
    assert contents(folder) == contents(serial)


def test_a_cluster_without_workers_is_a_sentence(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr(generation, "WAIT_SECONDS", 1)
    code, said = command(tmp_path / "set", "--dask", scheduler[1])
    assert code == UNWRITABLE and said.endswith(f"the cluster {scheduler[1]} has no workers")


def test_a_cluster_that_goes_is_a_sentence(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr(generation, "WAIT_SECONDS", 2)
    program, address = scheduler
    other = Thread(target=lambda: (wait_for((tmp_path / "set" / MANIFEST).exists), program.kill()))
    other.start()
    code, said = command(tmp_path / "set", "--dask", address)
    other.join()
    assert code == UNWRITABLE and address in said


def test_a_client_that_tries_to_connect_again_is_waited_for(tmp_path, scheduler, monkeypatch):
    distributed = pytest.importorskip("distributed")
    program, address = scheduler
    real = distributed.wait

    def wait(*given, **options):
        if program.poll() is None:
            program.kill()
            program.wait()
            raise distributed.TimeoutError
        return real(*given, **options)

    monkeypatch.setattr(distributed, "wait", wait)
    # What a client may know of its cluster while it has no connection.
    monkeypatch.setattr(distributed.Client, "scheduler_info", lambda _: {})
    monkeypatch.setattr(generation, "CONNECT_SECONDS", 2)
    code, said = command(tmp_path / "set", "--dask", address)
    assert code == UNWRITABLE and said.endswith(f"the cluster {address} has gone")
