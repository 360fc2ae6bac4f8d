"""The index of 300W-LP: names, poses, cache, and the plan of pairs."""

import shutil

import numpy as np
import pytest
from standins import photo_folder

from facelib.datasets.w300lp import index as w300lp_index
from facelib.datasets.w300lp.index import (
    FIRST_IDENTITY,
    Index,
    PhotoSample,
    index_samples,
    list_samples,
    plan_pairs,
)
from facelib.pairs.store import split_by_identity


@pytest.fixture(scope="module")
def index():
    return index_samples(photo_folder())


@pytest.fixture
def copy(tmp_path):
    """A copy of the stand-in that a test may damage."""
    root = tmp_path / "300W_LP"
    shutil.copytree(photo_folder(), root)
    (root / "facelib-index.npz").unlink(missing_ok=True)
    return root


def test_names_give_subset_person_and_step():
    for stem, face, k in (
        ("AFW_134212_1_0", "AFW_134212_1", 0),
        ("HELEN_1030333538_1_12", "HELEN_1030333538_1", 12),
        ("IBUG_image_008_1_0", "IBUG_image_008_1", 0),
        ("LFPW_image_train_0001_3", "LFPW_image_train_0001", 3),
    ):
        sample, twin = PhotoSample("HELEN", stem), PhotoSample("HELEN_Flip", stem)
        assert (sample.face, sample.k) == (face, k)
        assert sample.identity == twin.identity >= FIRST_IDENTITY
        assert twin.flipped and not sample.flipped


def test_listing_counts_photos_and_names_what_is_no_sample(copy):
    for name in ("notes.txt", "odd name_0.mat", "..._1.mat", "AFW_1_1_0.mat", "no_k.jpg"):
        (copy / "AFW" / name).touch()
    (copy / "AFW" / "AFW_2_1_0.mat").mkdir()
    (copy / "AFW" / "AFW_2_1_0.jpg").touch()
    (copy / "AFW" / "AFW_3_1_0.jpg").touch()
    samples, stamps, skipped = list_samples(copy)
    reasons = {entry.name: entry.reason for entry in skipped}
    assert len(samples) == len(stamps) == 34
    assert reasons["AFW/odd name_0"] == reasons["AFW/..._1"] == "the name is not NAME_k.mat"
    assert reasons["AFW/AFW_1_1_0"] == "the .jpg is missing"
    assert reasons["AFW/AFW_3_1_0"] == "the .mat is missing"
    assert reasons["AFW/AFW_2_1_0"] == ".mat is not a file"
    assert len(skipped) == 6


def test_samples_are_sorted_by_step_as_a_number(copy):
    for k in range(12):
        for ending in (".mat", ".jpg"):
            (copy / "AFW" / f"AFW_1_1_{k}{ending}").touch()
    samples = [s for s in list_samples(copy)[0] if s.face == "AFW_1_1"]
    assert [s.k for s in samples] == list(range(12))


def test_poses_are_read_once_and_again_only_where_a_file_changed(copy, monkeypatch):
    first = index_samples(copy)
    opened = []
    plain = w300lp_index.read_mat
    monkeypatch.setattr(
        w300lp_index, "read_mat", lambda path, *rest: opened.append(path) or plain(path, *rest)
    )
    again = index_samples(copy)
    assert not opened
    np.testing.assert_array_equal(again.poses, first.poses)
    changed = copy / first.samples[3].folder / f"{first.samples[3].stem}.mat"
    changed.write_bytes(b"spoilt")
    third = index_samples(copy)
    assert opened == [changed]
    assert [entry.name for entry in third.skipped] == [first.samples[3].name]
    assert len(third.samples) == 33
    assert "damaged" in third.skipped[0].reason


def test_a_damaged_cache_is_made_anew(copy, caplog):
    (copy / "facelib-index.npz").write_bytes(b"PK nothing")
    index = index_samples(copy)
    assert "reading all poses anew" in caplog.text and "facelib-index.npz" in caplog.text
    assert len(index.samples) == 34
    assert len(index_samples(copy).samples) == 34


def test_pairs_join_a_front_and_a_side_photo_of_one_face(index):
    pairs = plan_pairs(index)
    yaw = dict(zip(index.samples, np.degrees(np.abs(index.yaws)), strict=True))
    assert pairs == plan_pairs(index)
    for pair in pairs:
        assert (pair.front.face, pair.front.folder) == (pair.side.face, pair.side.folder)
        assert yaw[pair.front] <= 45 < yaw[pair.side] <= 100
    with_side = {(s.folder, s.face) for s in index.samples if yaw[s] > 45}
    fronts = [s for s in index.samples if yaw[s] <= 45 and (s.folder, s.face) in with_side]
    assert [pair.front for pair in pairs] == fronts
    assert pairs != plan_pairs(index, seed=1)


def test_a_faces_pairs_do_not_depend_on_who_else_is_there(index):
    name = index.samples[0].face
    alone = [i for i, sample in enumerate(index.samples) if sample.face == name]
    few = Index(index.root, tuple(index.samples[i] for i in alone), index.poses[alone], (), True)
    assert plan_pairs(few) == [pair for pair in plan_pairs(index) if pair.front.face == name]


def test_the_split_keeps_a_person_and_their_mirror_image_together(index):
    pairs = plan_pairs(index)
    people = np.array([pair.front.identity for pair in pairs])
    train, valid = split_by_identity(people, 0.3, np.random.default_rng(0))
    faces = [{pairs[i].front.face for i in part} for part in (train, valid)]
    assert not faces[0] & faces[1] and all(faces)


@pytest.mark.parametrize("spoil", ["poses", "names", "stamps", "packing"])
def test_a_cache_of_other_arrays_is_made_anew(copy, caplog, spoil):
    index_samples(copy)
    path = copy / "facelib-index.npz"
    with np.load(path) as file:
        arrays = {**file}
    if spoil == "packing":  # an exception of zlib, not of zip
        content = bytearray(path.read_bytes())
        content[60:90] = bytes(30)
        path.write_bytes(content)
    else:
        np.savez_compressed(path, **{**arrays, spoil: np.zeros(3)})
    assert len(index_samples(copy).samples) == 34
    assert "reading all poses anew" in caplog.text
