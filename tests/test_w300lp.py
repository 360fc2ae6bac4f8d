"""Pairs from 300W-LP: their content, and the skipped samples."""

import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from damage import DAMAGE, damaged, with_size
from hypothesis import HealthCheck, given, settings
from scipy import io
from standins import basel_face, basel_folder, photo_folder

from facelib.__main__ import main
from facelib.datasets.basel.fitted_photo import (
    Skipped,
)
from facelib.datasets.w300lp.index import (
    Index,
    index_samples,
    plan_pairs,
)
from facelib.datasets.w300lp.reader import iterate_pairs, make_pair, prepare_pairs
from facelib.face.layout import load_layout
from facelib.pairs.store import ShardedPairs


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


def test_a_pair_is_the_same_kind_of_pair_as_every_other(index):
    plan = plan_pairs(index)
    pair = make_pair(index.root, plan[0], basel_face())
    pair.check()
    again = make_pair(index.root, plan[0], basel_face())
    np.testing.assert_array_equal(pair.front, again.front)
    np.testing.assert_array_equal(pair.vertices_image, again.vertices_image)
    layout = load_layout()
    assert pair.size == 256 and pair.vertices_image.shape == (len(layout.uv), 3)
    assert pair.vertices_image[:, 2].min() == 0
    marks = layout.keypoints(pair.vertices_image)
    box_mm = np.ptp(marks, axis=0)[:2].mean() / pair.px_per_mm
    assert 100 < box_mm < 180  # the size of a human face
    assert abs(pair.front_pose_deg[1]) <= 50 and 40 < abs(pair.side_pose_deg[1]) < 100
    # A face turned to the image's right has its nose right of its eyes' middle.
    nose, eyes = marks[30, 0], marks[[36, 45], 0].mean()
    assert abs(pair.front_pose_deg[1]) < 5 or (nose > eyes) == (pair.front_pose_deg[1] > 0)
    other = make_pair(index.root, plan[0], basel_face(), seed=1)
    assert np.abs(other.vertices_image - pair.vertices_image).max() > 0.5


def test_spoilt_samples_are_counted_and_named_and_the_rest_goes_on(copy, index):
    front = plan_pairs(index)[0].front
    base = copy / front.folder / front.stem
    good = io.loadmat(base.with_suffix(".mat"))
    photo = base.with_suffix(".jpg").read_bytes()
    spoilt = {
        "Shape_Para": np.full((199, 1), np.nan),
        "Exp_Para": np.zeros((28, 1)),
        "pt2d": good["pt2d"] + 200,
        "Pose_Para": good["Pose_Para"] * [[1, 1, 1, 9, 9, 9, 1]],
    }
    arrays = {name: array for name, array in good.items() if not name.startswith("__")}
    words = ("finite", "199 × 1|29 × 1", "another model", "puts? it at")
    for (name, array), word in zip(spoilt.items(), words, strict=True):
        io.savemat(base.with_suffix(".mat"), {**arrays, name: array})
        _one_left_out(copy, front, word)
    io.savemat(base.with_suffix(".mat"), {k: v for k, v in arrays.items() if k != "Exp_Para"})
    _one_left_out(copy, front, "expected Exp_Para")
    io.savemat(base.with_suffix(".mat"), arrays)
    for content, word in ((photo[:2000], "damaged"), (b"", "as an image")):
        base.with_suffix(".jpg").write_bytes(content)
        _one_left_out(copy, front, word)
    base.with_suffix(".jpg").write_bytes(with_size(photo, 60_000, 50_000))
    _one_left_out(copy, front, "at most 16.8 million px")


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(damage=DAMAGE)
def test_a_spoilt_photo_makes_a_pair_or_a_counted_skip(tmp_path_factory, index, damage):
    root = tmp_path_factory.mktemp("photos")
    pair = plan_pairs(index)[0]
    for sample in (pair.front, pair.side):
        (root / sample.folder).mkdir(exist_ok=True)
        for ending in (".mat", ".jpg"):
            name = f"{sample.name}{ending}"
            shutil.copyfile(photo_folder() / name, root / name)
    photo = root / f"{pair.front.name}.jpg"
    photo.write_bytes(damaged(photo.read_bytes(), damage))
    before = sorted(root.rglob("*"))
    poses = index.poses[[index.samples.index(each) for each in (pair.front, pair.side)]]
    few = Index(root, (pair.front, pair.side), poses, (), True)
    (result,) = iterate_pairs(few, basel_face(), size=32)
    if isinstance(result, Skipped):
        assert result.name.startswith(pair.front.name) and photo.name in result.reason
    else:
        result.check()
    assert sorted(root.rglob("*")) == before


def _one_left_out(root, front, word):
    index = index_samples(root)
    plan = [pair for pair in plan_pairs(index) if pair.front.face == front.face]
    few = Index(
        index.root,
        tuple(s for s in index.samples if s.face == front.face),
        index.poses[[s.face == front.face for s in index.samples]], (), True,
    )  # fmt: skip
    results = list(iterate_pairs(few, basel_face(), size=32))
    left_out = [result for result in results if isinstance(result, Skipped)]
    assert len(results) == len(plan)
    assert [entry.name.split("+")[0] for entry in left_out] == [front.name]
    assert re.search(word, left_out[0].reason), left_out[0].reason
    assert front.stem in left_out[0].reason


def test_a_copy_becomes_a_folder_of_pairs_with_a_report(copy, tmp_path):
    (copy / "AFW" / "AFW_9_1_0.jpg").touch()
    (copy / "AFW" / "AFW_9_1_0.mat").touch()
    report = prepare_pairs(copy, basel_folder(), tmp_path / "pairs", size=64)
    pairs = ShardedPairs(tmp_path / "pairs")
    assert len(pairs) == report.n_pairs > 8
    assert pairs.settings["source"] == "300W-LP" and pairs.settings["stand_in"]
    assert report.stand_in and "1 left out" in report.text
    assert "AFW/AFW_9_1_0" in (tmp_path / "pairs" / "skipped.txt").read_text()
    position_map = load_layout(64).position_map(pairs[0].vertices_image)
    assert position_map[..., 2].min() > -3


def test_workers_change_nothing(index):
    few = Index(index.root, index.samples[:12], index.poses[:12], (), True)
    one, two = (list(iterate_pairs(few, basel_face(), 32, workers=n)) for n in (1, 2))
    assert len(one) == len(two) > 0
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.front, b.front)


def test_the_command_makes_pairs_and_fails_in_one_sentence(tmp_path):
    run = CliRunner().invoke
    options = ["--photos", str(photo_folder()), "--bfm", str(basel_folder()), "--size", "32"]
    done = run(main, ["pairs", "300w-lp", str(tmp_path / "out"), *options])
    assert done.exit_code == 0 and "stand-in of 300W-LP: 34 photos" in done.output
    shown = run(main, ["evaluate", "pairs", str(tmp_path / "out"), "--limit", "1"])
    assert shown.output.startswith("STAND-IN for 300W-LP"), shown.output
    again = run(main, ["pairs", "300w-lp", str(tmp_path / "out"), *options])
    assert again.exit_code == 8 and "without pairs" in again.output
    missing = run(main, ["pairs", "300w-lp", str(tmp_path / "x"), "--bfm", str(tmp_path)])
    assert missing.exit_code == 8 and "standin bfm" in missing.output
    assert not (tmp_path / "x").exists()


def test_a_missing_set_names_the_way_to_a_stand_in(tmp_path):
    with pytest.raises(FileNotFoundError, match="facelib standin 300w-lp"):
        index_samples(tmp_path)
