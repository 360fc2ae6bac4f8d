import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from damage import DAMAGE, damaged, with_size
from hypothesis import HealthCheck, given, settings
from scipy import io
from standins import COLUMNS, ROWS, SEED, basel_face, basel_folder, photo_folder

from facelib.__main__ import main
from facelib.datasets.w300lp import index as w300lp_index
from facelib.datasets.w300lp import standin as w300lp_standin
from facelib.datasets.w300lp.aflw2000 import read_test_photos
from facelib.datasets.w300lp.basel import load_basel
from facelib.datasets.w300lp.basel_standin import standin_model
from facelib.datasets.w300lp.fitted_photo import (
    crop_fitted,
    place,
    read_parameters,
    rotation_from_angles,
)
from facelib.datasets.w300lp.index import (
    FIRST_IDENTITY,
    Index,
    Sample,
    Skipped,
    index_samples,
    list_samples,
    plan_pairs,
)
from facelib.datasets.w300lp.keypoint_fit import fit_keypoints
from facelib.datasets.w300lp.reader import iterate_pairs, make_pair, prepare_pairs, read_sample
from facelib.datasets.w300lp.standin import (
    SIZE,
    random_face,
    random_poses,
    seat,
    shoot,
    write_aflw2000_standin,
    write_w300lp_standin,
)
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.imaging.imagefiles import read_image
from facelib.pairs.store import ShardedPairs, split_by_identity
from facelib.synthetic.people.population import HELD_OUT_ABOVE, load_population


@pytest.fixture(scope="module")
def index():
    return index_samples(photo_folder())


@pytest.fixture
def copy(tmp_path):
    """A copy of the stand-in that a test may spoil."""
    root = tmp_path / "300W_LP"
    shutil.copytree(photo_folder(), root)
    (root / "facelib-index.npz").unlink(missing_ok=True)
    return root


def test_rotation_is_the_product_that_the_files_mean():
    """The three matrices as 3DDFA writes them."""
    x, y, z = 0.3, -0.7, 0.2
    c, s = np.cos, np.sin
    rx = np.array([[1, 0, 0], [0, c(x), s(x)], [0, -s(x), c(x)]])
    ry = np.array([[c(y), 0, -s(y)], [0, 1, 0], [s(y), 0, c(y)]])
    rz = np.array([[c(z), s(z), 0], [-s(z), c(z), 0], [0, 0, 1]])
    np.testing.assert_allclose(rotation_from_angles(x, y, z), rx @ ry @ rz, atol=1e-12)
    nose = rotation_from_angles(0, -0.5, 0) @ [0, 0, 1]
    assert nose[0] > 0  # a negative yaw turns the face to the image's right


def _truth(number=0):
    """The first face of the stand-in, drawn again: its grid's vertices in the image of pose k."""
    model = standin_model(COLUMNS, ROWS)
    rng = np.random.default_rng([SEED, number])
    face = random_face(rng, model)
    grid_head = model.to_grid @ model.head_vertices(face.shape, face.expression)
    return model, [pose.camera.head_to_image(grid_head) for pose in random_poses(rng)]


def test_parameters_give_back_the_vertices_on_the_photo_and_its_mirror_image(index):
    basel = load_basel(basel_folder())
    model, truths = _truth()
    name = index.samples[0].face
    for k, truth in enumerate(truths):
        for folder, expected in (
            ("AFW", truth[:, :2]),
            ("AFW_Flip", (truth[model.mirrored] * [-1, 1, 1] + [SIZE - 1, 0, 0])[:, :2]),
        ):
            parameters = read_parameters(photo_folder() / folder / f"{name}_{k}.mat")
            vertices = basel.vertices(parameters.shape_para, parameters.exp_para)
            placed = place(vertices, parameters, SIZE)
            assert np.abs(placed[:, :2] - expected).max() < 0.1
            marks = placed[basel.head.keypoint_triangles[:, 0], :2]
            assert np.abs(marks - parameters.keypoints_image).max() < 0.1


def test_photos_show_the_face_where_the_keypoints_are(index):
    """The drawn background of a face is the same in all its photos; its head covers the points."""
    sample = index.samples[0]
    photo = read_sample(photo_folder(), sample, basel_face())
    flipped = read_sample(photo_folder(), Sample("AFW_Flip", sample.stem), basel_face())
    difference = photo.image[:, ::-1].astype(int) - flipped.image
    assert np.abs(difference).mean() < 4  # JPEG
    layout = load_layout()
    marks = layout.keypoints(photo.vertices_image)
    assert np.linalg.norm((marks - photo.keypoints_image)[:, :2], axis=1).mean() < 3  # px


def test_keypoints_read_from_the_position_map_lie_on_those_of_the_file(index):
    """From .mat and photo to the map that a network learns, and back to the file's own points."""
    layout, rng = load_layout(), np.random.default_rng(0)
    for planned in plan_pairs(index)[::2]:
        photo = read_sample(photo_folder(), planned.front, basel_face())
        _, vertices_crop, crop = crop_fitted(photo, 256, rng)
        found = layout.keypoints(layout.vertices(layout.position_map(vertices_crop)))
        in_file = np.pad(photo.parameters.keypoints_image, ((0, 0), (0, 1)))
        expected = crop.image_to_crop(in_file)
        apart = np.linalg.norm((found - expected)[:, :2], axis=1)
        assert apart[17:].mean() < 2.5  # px; our 68 points and the model's were chosen apart


def test_names_give_subset_person_and_step():
    for stem, face, k in (
        ("AFW_134212_1_0", "AFW_134212_1", 0),
        ("HELEN_1030333538_1_12", "HELEN_1030333538_1", 12),
        ("IBUG_image_008_1_0", "IBUG_image_008_1", 0),
        ("LFPW_image_train_0001_3", "LFPW_image_train_0001", 3),
    ):
        sample, twin = Sample("HELEN", stem), Sample("HELEN_Flip", stem)
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
    assert reasons["AFW/AFW_2_1_0"] == ".mat is no file"
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


def test_a_damaged_cache_is_made_anew(copy):
    (copy / "facelib-index.npz").write_bytes(b"PK nothing")
    with pytest.warns(UserWarning, match="reading all poses anew"):
        index = index_samples(copy)
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
    words = ("finite", "199 × 1|29 × 1", "another one", "puts? it at")
    for (name, array), word in zip(spoilt.items(), words, strict=True):
        io.savemat(base.with_suffix(".mat"), {**arrays, name: array})
        _one_left_out(copy, front, word)
    io.savemat(base.with_suffix(".mat"), {k: v for k, v in arrays.items() if k != "Exp_Para"})
    _one_left_out(copy, front, "expected Exp_Para")
    io.savemat(base.with_suffix(".mat"), arrays)
    for content, word in ((photo[:2000], "damaged"), (b"", "none that can be read")):
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
    done = run(main, ["pairs-300w-lp", str(tmp_path / "out"), *options])
    assert done.exit_code == 0 and "stand-in of 300W-LP: 34 photos" in done.output
    shown = run(main, ["evaluate", str(tmp_path / "out"), "--limit", "1"])
    assert shown.output.startswith("STAND-IN for 300W-LP"), shown.output
    again = run(main, ["pairs-300w-lp", str(tmp_path / "out"), *options])
    assert again.exit_code == 8 and "without pairs" in again.output
    missing = run(main, ["pairs-300w-lp", str(tmp_path / "x"), "--bfm", str(tmp_path)])
    assert missing.exit_code == 8 and "standin bfm" in missing.output
    assert not (tmp_path / "x").exists()


def test_aflw2000_photos_come_with_their_own_keypoints(tmp_path):
    root = tmp_path / "AFLW2000"
    write_aflw2000_standin(root, 2, columns=COLUMNS, rows=ROWS)
    arrays = io.loadmat(root / "image00002.mat")
    assert arrays["pt2d"].shape == (2, 21) and arrays["pt3d_68"].shape == (3, 68)
    (root / "image00009.mat").write_bytes(b"")
    first, _, spoilt = read_test_photos(root, basel_face(), 128)
    assert spoilt.name == "image00009"
    assert first.photo.shape == (128, 128, 3)
    marks = load_layout().keypoints(first.vertices_image)
    assert np.abs(first.keypoints_image - marks).mean(axis=0).max() < 2
    with pytest.raises(FileNotFoundError, match="facelib standin aflw2000"):
        list(read_test_photos(tmp_path, basel_face()))


@pytest.mark.parametrize("write", [write_w300lp_standin, write_aflw2000_standin])
def test_stand_ins_go_nowhere_near_the_real_set(tmp_path, write):
    (tmp_path / "AFW").mkdir()
    with pytest.raises(ValueError, match="new or an empty folder"):
        write(tmp_path, 2, columns=COLUMNS, rows=ROWS)
    assert list(tmp_path.iterdir()) == [tmp_path / "AFW"]


def test_an_interrupted_stand_in_leaves_nothing(tmp_path, monkeypatch):
    def full(path, image):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(w300lp_standin, "write_image", full)
    with pytest.raises(OSError, match="No space"):
        write_w300lp_standin(tmp_path / "new", 2, columns=COLUMNS, rows=ROWS)
    assert not list(tmp_path.iterdir())


def test_people_of_the_stand_in_have_hair_and_some_of_them_glasses():
    model = standin_model(COLUMNS, ROWS)
    faces = [random_face(np.random.default_rng([9, i]), model) for i in range(24)]
    assert len({face.outfit.hair.kind for face in faces}) > 2
    wearers = [face for face in faces if face.outfit.glasses is not None]
    assert 2 < len(wearers) < 16
    bare = replace(wearers[0], outfit=replace(wearers[0].outfit, glasses=None))
    pose = next(random_poses(np.random.default_rng(0)))
    (seen, arrays), (unseen, same) = (shoot(seat(each, model), pose) for each in (wearers[0], bare))
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], same[name])
    differs = np.argwhere(np.abs(seen.astype(int) - unseen).max(axis=2) > 25)
    eyes = arrays["pt2d"][::-1, 36:48].mean(axis=1)
    assert len(differs) > 100
    apart = np.linalg.norm(np.median(differs, axis=0) - eyes)
    assert apart < 0.3 * np.ptp(arrays["pt2d"], axis=1).mean()


def test_some_people_of_the_stand_in_stand_in_strong_light_from_a_side():
    model = standin_model(COLUMNS, ROWS)
    ratios = []
    for i in range(30):
        rng = np.random.default_rng([9, i])
        pose = replace(next(random_poses(rng)), angles=np.zeros(3))
        photo, arrays = shoot(seat(random_face(rng, model), model), pose)
        marks = arrays["pt2d"].T
        cheeks = (marks[[2, 14]] + 2 * marks[[31, 35]]) / 3
        light = [
            (photo[y - 6 : y + 7, x - 6 : x + 7] / 255).mean() ** 2.2
            for x, y in cheeks.round().astype(int)
        ]
        ratios.append(max(light) / max(min(light), 1e-3))
    assert np.mean(np.array(ratios) > 2.5) > 0.1 and min(ratios) < 1.2


def test_people_of_aflw2000s_stand_in_are_held_out():
    model, people = standin_model(COLUMNS, ROWS), load_population()
    for held_out in (False, True):
        face = random_face(np.random.default_rng(1), model, held_out)
        assert (people.held_out_score(face.person.shape) > HELD_OUT_ABOVE) == held_out
        own = np.tensordot(face.person.shape, load_head().shape_basis, 1)
        shown = np.tensordot(face.shape, model.shapes, 1)
        assert np.linalg.norm(shown - own, axis=1).mean() < 1.0  # mm


def test_a_missing_set_names_the_way_to_a_stand_in(tmp_path):
    with pytest.raises(FileNotFoundError, match="facelib standin 300w-lp"):
        index_samples(tmp_path)


def test_photos_are_the_size_of_the_real_ones():
    paths = sorted(Path(photo_folder()).glob("*/*.jpg"))
    assert len(paths) == 34 and read_image(paths[0]).shape == (450, 450, 3)


def test_a_fit_to_68_points_meets_the_points_and_not_the_face(index):
    """What the truth of 300W-LP is worth: known here, since the stand-in's faces are known."""
    layout, face = load_layout(), basel_face()
    skin = layout.labels["face"] & ~layout.labels["membrane"]
    for sample in index.samples[:3]:
        photo = read_sample(photo_folder(), sample, face)
        fitted = fit_keypoints(photo.keypoints_image[:, :2], face, SIZE)
        vertices, keypoints = face.vertices(fitted.shape_para, fitted.exp_para)
        apart = np.linalg.norm(place(keypoints, fitted, SIZE) - photo.keypoints_image, axis=1)
        missed = np.linalg.norm(
            place(keypoints, fitted, SIZE)[:, :2] - photo.keypoints_image[:, :2], axis=1
        )
        assert missed.mean() < 1.5 < apart.mean()
        assert np.abs(fitted.pose_deg - photo.parameters.pose_deg).max() < 12
        error = place(vertices, fitted, SIZE) - photo.vertices_image
        error -= error[skin].mean(axis=0) * [0, 0, 1]  # the origin's depth is not seen
        error_mm = np.linalg.norm(error, axis=1)[skin].mean() / fitted.px_per_mm
        assert 0.5 < error_mm < 8
