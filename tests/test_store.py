"""Shards return what was written and survive a stop; splits keep people apart."""

import errno
import json
import os

import numpy as np
import psutil
import pytest
from full_disk import files_end_at
from hypothesis import given
from hypothesis import strategies as st

from facelib.files.lock import FolderInUseError, locked
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs, split_by_identity, write_shards


def make_pair(seed, size=8, n_vertices=5):
    rng = np.random.default_rng(seed)
    return FacePair(
        front=rng.integers(0, 256, (size, size, 3), dtype=np.uint8),
        side=rng.integers(0, 256, (size, size, 3), dtype=np.uint8),
        vertices_image=rng.normal(size=(n_vertices, 3)).astype(np.float32),
        identity=seed // 2,
        front_pose_deg=rng.normal(size=3).astype(np.float32),
        side_pose_deg=rng.normal(size=3).astype(np.float32),
        name=f"pair-{seed}",
        px_per_mm=np.float32(0.25 + seed),
    )


def test_pairs_come_back_as_written(tmp_path):
    pairs = [make_pair(i) for i in range(7)]
    assert write_shards(iter(pairs), tmp_path / "set", {"seed": 3}, shard_size=3) == 7
    stored = ShardedPairs(tmp_path / "set")
    assert (len(stored), stored.settings, stored.complete) == (7, {"seed": 3}, True)
    assert stored.identities.tolist() == [0, 0, 1, 1, 2, 2, 3]
    for expected, got in zip(pairs, stored, strict=True):
        for key, value in vars(expected).items():
            np.testing.assert_array_equal(getattr(got, key), value)
    assert stored[-1].name == "pair-6"
    stored.verify()


def test_reading_past_the_end_is_an_index_error(tmp_path):
    write_shards([make_pair(0)], tmp_path, {})
    with pytest.raises(IndexError, match="got 1"):
        ShardedPairs(tmp_path)[1]


def test_a_stopped_run_leaves_its_finished_shards(tmp_path):
    def stopping():
        yield from (make_pair(i) for i in range(5))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(stopping(), tmp_path, {}, shard_size=2)
    stored = ShardedPairs(tmp_path)
    assert (len(stored), stored.complete) == (4, False)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_changed_file_fails_verification(tmp_path):
    write_shards([make_pair(0)], tmp_path, {})
    path = tmp_path / "00000_front.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="00000_front"):
        ShardedPairs(tmp_path).verify()


def test_bad_input_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"manifest\.json"):
        ShardedPairs(tmp_path)
    with pytest.raises(ValueError, match="at least one pair"):
        write_shards([], tmp_path, {})
    with pytest.raises(ValueError, match="one image size"):
        write_shards([make_pair(0), make_pair(1, n_vertices=6)], tmp_path / "a", {})
    with pytest.raises(ValueError, match="one image size"):
        write_shards([make_pair(0), make_pair(1, size=16)], tmp_path / "b", {}, shard_size=1)
    write_shards([make_pair(0)], tmp_path / "c", {})
    with pytest.raises(ValueError, match="without pairs"):
        write_shards([make_pair(0)], tmp_path / "c", {})


def test_manifest_is_plain_json_with_checksums(tmp_path):
    write_shards([make_pair(0)], tmp_path, {"a": 1})
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {len(s) for s in manifest["shards"][0]["sha256"].values()} == {64}
    assert (manifest["size"], manifest["n_vertices"]) == (8, 5)


@given(
    identities=st.lists(st.integers(0, 30), min_size=2, max_size=80),
    fraction=st.floats(0, 0.5),
    seed=st.integers(0, 100),
)
def test_split_never_shares_a_person(identities, fraction, seed):
    identities = np.array(identities)
    n_people = len(np.unique(identities))
    if n_people < 2:
        return
    train, valid = split_by_identity(identities, fraction, np.random.default_rng(seed))
    assert sorted([*train, *valid]) == list(range(len(identities)))
    assert not set(identities[train]) & set(identities[valid])
    assert len(np.unique(identities[valid])) == np.ceil(fraction * n_people)


def test_split_that_leaves_no_one_is_refused():
    with pytest.raises(ValueError, match="both sides"):
        split_by_identity(np.array([1, 1]), 0.5, np.random.default_rng(0))


def test_files_are_closed_as_soon_as_the_pairs_are_forgotten(tmp_path):
    write_shards(map(make_pair, range(3)), tmp_path, {}, shard_size=1)
    before = psutil.Process().num_fds()
    pairs = ShardedPairs(tmp_path)
    pairs.arrays(2)
    del pairs
    assert psutil.Process().num_fds() == before


@pytest.fixture
def stored(tmp_path):
    """Six pairs in three shards: the folder."""
    write_shards([make_pair(i) for i in range(6)], tmp_path / "set", {}, shard_size=2)
    return tmp_path / "set"


SPOILERS = {
    "missing": lambda path: path.unlink(),
    "cut short": lambda path: os.truncate(path, path.stat().st_size - 5),
    "damaged": lambda path: os.truncate(path, 30),
    "damaged ": lambda path: os.truncate(path, 0),
    "too long": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "must have 2 rows": lambda path: np.save(path, np.zeros((3, 8, 8, 3), np.uint8)),
}


@pytest.mark.parametrize("words", SPOILERS)
def test_a_spoilt_file_is_named_when_the_set_is_opened(stored, words):
    path = stored / "00001_front.npy"
    SPOILERS[words](path)
    with pytest.raises(ValueError, match=f"{path}.*{words.strip()}.*repeat the command"):
        ShardedPairs(stored)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: os.truncate(path, 200), "was changed"),
        (lambda path: path.unlink(), "is missing"),
        (lambda path: np.save(path, np.zeros((2, 8, 8, 3), np.uint8)), "was changed"),
    ],
)
def test_a_file_that_changes_under_an_open_set_is_named(stored, spoil, words):
    pairs = ShardedPairs(stored)
    pairs[2]
    path = stored / "00001_front.npy"
    spoil(path)
    os.utime(path, ns=(0, 0)) if path.exists() else None  # whatever the clock's resolution
    with pytest.raises(ValueError, match=f"{path} {words}"):
        pairs[2]
    assert pairs[0].name == "pair-0"


def test_a_missing_file_fails_verification(stored):
    pairs = ShardedPairs(stored)
    (stored / "00001_side.npy").unlink()
    with pytest.raises(ValueError, match="00001_side.npy is missing"):
        pairs.verify()


def test_vertices_that_are_not_finite_are_named(stored):
    vertices = np.zeros((2, 5, 3), np.float32)
    vertices[1, 2, 0] = np.nan
    np.save(stored / "00001_vertices.npy", vertices)
    pairs = ShardedPairs(stored)
    assert pairs[2].name == "pair-2"
    with pytest.raises(ValueError, match="pair 3 of .* not finite"):
        pairs[3]


def test_equal_sets_have_equal_fingerprints(tmp_path):
    for name, seeds in {"a": (0, 1), "b": (0, 1), "c": (0, 2)}.items():
        write_shards([make_pair(seed) for seed in seeds], tmp_path / name, {})
    a, b, c = (ShardedPairs(tmp_path / name).fingerprint for name in "abc")
    assert a == b != c


def test_a_folder_in_use_gets_no_pairs(tmp_path):
    with locked(tmp_path), pytest.raises(FolderInUseError):
        write_shards([make_pair(0)], tmp_path, {})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_with_the_file(tmp_path):
    """Of itself, numpy says `25284 requested and 23520 written`."""
    write_shards([make_pair(0, n_vertices=900)], tmp_path / "whole", {})
    n_bytes = (tmp_path / "whole" / "00000_vertices.npy").stat().st_size
    pairs = (make_pair(i, n_vertices=900) for i in range(5))
    with files_end_at(2 * n_bytes - 128), pytest.raises(OSError, match="vertices.npy") as caught:
        write_shards(pairs, tmp_path / "full", {}, shard_size=3)
    assert caught.value.errno == errno.EFBIG
    assert not list((tmp_path / "full").glob(".*"))


def test_shards_before_the_disk_was_full_can_be_read(tmp_path):
    def growing():
        yield from (make_pair(i) for i in range(4))
        with files_end_at(100):
            yield make_pair(4)
            yield make_pair(5)

    with pytest.raises(OSError, match="too large"):
        write_shards(growing(), tmp_path, {}, shard_size=2)
    assert len(ShardedPairs(tmp_path)) == 4
    assert not list(tmp_path.glob(".*"))
