"""FaceGen exports: files with known truth, read back, and files that are damaged."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from facelib.__main__ import main
from facelib.cli.common import BAD_DATA
from facelib.datasets.facegen import reader as facegen
from facelib.datasets.facegen import standin as facegen_standin
from facelib.datasets.facegen.files import read_keypoint_indices
from facelib.datasets.facegen.reader import (
    ImportSettings,
    person_pairs,
    read_person,
    register_export,
)
from facelib.datasets.facegen.view import HEADER, FaceGenView, read_view, write_view
from facelib.datasets.registry import FIRST_IDENTITY, is_stand_in
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.transforms import (
    extended_view,
    head_to_image_matrix,
    homogeneous,
    transform_points,
    viewport,
)
from facelib.imaging.crop import Crop
from facelib.pairs.store import ShardedPairs
from facelib.render.camera import Camera

LAYOUT, MODEL = load_layout(), load_head()


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Three people, registered."""
    folder = tmp_path_factory.mktemp("facegen")
    assert facegen_standin.write_facegen_standin(folder, 3, seed=4, size=160) == 3
    register_export(folder)
    return folder


@pytest.fixture
def damaged(export, tmp_path):
    """A copy of the export, to be damaged."""
    return Path(shutil.copytree(export, tmp_path / "export"))


def layout_file(export):
    (path,) = export.glob("layout-*.npz")
    return path


def files(name="00001"):
    views = [
        f"{name}_{view}{end}" for view in facegen.VIEWS for end in (".png", ".xml", "_cam.xml")
    ]
    return sorted([f"{name}.obj", *views])


def true_vertices_image(export, index):
    """Layout vertices in the crop about the true keypoints, from the generator alone."""
    head = facegen_standin.vertices_of(index, seed=4)
    rng = np.random.default_rng(np.random.SeedSequence(4, spawn_key=(index, 0)))
    whole = facegen_standin.export_camera(facegen_standin.random_pose_deg("front", rng), 160)
    crop = Crop.around_keypoints(whole.head_to_image(MODEL.keypoints(head)), 256)
    vertices = whole.cropped(crop).head_to_image(LAYOUT.from_head @ head)
    vertices[:, 2] -= vertices[:, 2].min()
    return vertices


def test_an_export_has_fg3s_files(export):
    assert sorted(path.name for path in export.iterdir()) == [
        "00001", "00002", "00003", "STAND-IN.txt", "keypoints.txt", layout_file(export).name,
    ]  # fmt: skip
    assert sorted(path.name for path in (export / "00001").iterdir()) == files()


def test_written_and_read_back_gives_the_same_position_map(export):
    """Another layout, registered on person 1, must give all three people's maps within 0.1 px."""
    matrix = register_export(export)
    for index in (1, 2, 3):
        person = read_person(export / f"{index:05d}")
        left, right = person_pairs(person, matrix, ImportSettings(jitter=False))
        truth = LAYOUT.position_map(true_vertices_image(export, index))
        for pair in (left, right):
            error = np.abs(LAYOUT.position_map(pair.vertices_image) - truth)[LAYOUT.coverage]
            assert error.mean() < 0.02
            assert error.max() < 0.1
        assert left.identity == right.identity == FIRST_IDENTITY + index
        assert left.side_pose_deg[1] < -45 < 45 < right.side_pose_deg[1]
        assert np.array_equal(left.front, right.front)


def test_the_layout_is_registered_once(export):
    before = layout_file(export).stat().st_mtime_ns
    register_export(export)
    assert layout_file(export).stat().st_mtime_ns == before


def test_other_keypoints_are_registered_anew_and_a_missing_file_of_them_is_named(damaged, tmp_path):
    indices = read_keypoint_indices(damaged / "keypoints.txt")
    before, mine = register_export(damaged), tmp_path / "mine.txt"
    words = ["pairs", "facegen", damaged, tmp_path / "pairs", "--keypoints", mine]
    result = run(*words)
    assert result.exit_code == BAD_DATA and str(mine) in result.output
    assert not (tmp_path / "pairs").exists()
    mine.write_text(" ".join(map(str, indices)))
    layout_file(damaged).write_bytes(b"torn")  # who reads it, notices
    with pytest.raises(ValueError, match="layout-"):
        register_export(damaged, mine)
    corrected = indices.copy()
    corrected[30] = indices[29]
    (damaged / "keypoints.txt").write_text(" ".join(map(str, corrected)))
    assert register_export(damaged).shape == before.shape
    assert len(list(damaged.glob("layout-*.npz"))) == 2


def test_the_background_follows_alpha_not_blackness(export):
    """A black but opaque head stays black; only transparent pixels are replaced."""
    person = read_person(export / "00001")
    rgba = np.zeros((160, 160, 4), np.float32)
    rgba[:, 80:, 3] = 1
    photos = {
        view: facegen.ExportedPhoto(rgba, photo.camera) for view, photo in person.photos.items()
    }
    black = facegen.ExportedPerson(person.name, person.vertices, photos)
    pair = next(person_pairs(black, register_export(export), ImportSettings(seed=1)))
    columns = pair.front.reshape(256, 256, 3).max(axis=(0, 2))
    assert columns[-20:].max() == 0
    assert columns[:20].min() > 0


def test_the_same_seed_gives_the_same_pairs(export):
    person, matrix = read_person(export / "00002"), register_export(export)
    a, b, c = (next(person_pairs(person, matrix, ImportSettings(seed=seed))) for seed in (5, 5, 6))
    assert np.array_equal(a.front, b.front) and np.array_equal(a.side, b.side)
    assert not np.array_equal(a.front, c.front)


def test_a_camera_agrees_with_equation_4_1(tmp_path):
    """The reader's camera against viewport · extended view · placing, off the axis too."""
    rng = np.random.default_rng(0)
    points = MODEL.mean_head[::97]
    for width, height in ((256, 256), (300, 200)):
        camera = Camera.perspective(rng.uniform(-1, 1, 3), 900, 1500, width, height, (90, 130.5))
        write_view(tmp_path / "p.xml", tmp_path / "c.xml", FaceGenView.of_camera(camera))
        view = read_view(tmp_path / "p.xml", tmp_path / "c.xml")
        found = view.camera(width, height).head_to_image(points)
        np.testing.assert_allclose(found, camera.head_to_image(points), atol=1e-6)
        to_image = head_to_image_matrix(
            homogeneous(view.rotation, view.translation_eye),
            extended_view(*view.frustum),
            viewport(-0.5, width - 0.5, height - 0.5, -0.5, 0, 1),
        )
        np.testing.assert_allclose(transform_points(to_image, points)[:, :2], found[:, :2])


def pose_xml(real, items):
    inner = "".join(f"<item>{item}</item>" for item in items)
    real = "" if real is None else f"<m_real>{real}</m_real>"
    return (
        f"{HEADER}<rend><pose><rotateToHcs>{real}<m_comp><m>{inner}</m></m_comp></rotateToHcs>"
        "</pose></rend></val></boost_serialization>"
    )


@pytest.mark.parametrize(
    ("real", "items", "expected"),
    [
        (None, (0.1, -0.5, 0.2), (0.1, -0.5, 0.2, 1)),  # as the thesis's files: w is not there
        (0.3, (0.1, -0.5, 0.2), (0.1, -0.5, 0.2, 0.3)),
        (-2, (0, 1, 0), (0, 1, 0, -2)),
        (None, (0.1, -0.5, 0.2, 0.4), (0.1, -0.5, 0.2, 0.4)),
    ],
)
def test_the_quaternion_is_read_with_and_without_w(export, tmp_path, real, items, expected):
    (tmp_path / "pose.xml").write_text(pose_xml(real, items))
    view = read_view(tmp_path / "pose.xml", export / "00001" / "00001_front_cam.xml")
    np.testing.assert_allclose(view.rotation, Rotation.from_quat(expected).as_matrix(), atol=1e-12)


def test_boosts_counters_are_not_numbers(export, tmp_path):
    text = (export / "00001" / "00001_front_cam.xml").read_text()
    counted = text.replace("<m>", "<m><count>3</count><item_version>0</item_version>")
    (tmp_path / "cam.xml").write_text(counted)
    pose = export / "00001" / "00001_front.xml"
    a, b = (
        read_view(pose, path)
        for path in (tmp_path / "cam.xml", pose.with_name("00001_front_cam.xml"))
    )
    np.testing.assert_array_equal(a.translation_eye, b.translation_eye)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
    "<boost_serialization><val>&b;</val></boost_serialization>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    "<boost_serialization><val>&a;</val></boost_serialization>"
)


def number_in(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("00002_left.xml", None, "00002_left.xml"),
        ("00002_left.xml", BOMB, "may be trusted"),
        ("00002_left.xml", OUTSIDE, "may be trusted"),
        ("00002_left.xml", "<val>", "is not XML"),
        ("00002_left.xml", pose_xml(0, (0, 0, 0)), "quaternion"),
        ("00002_left.xml", pose_xml(1, (0, "nan", 0)), "finite numbers"),
        ("00002_left.xml", pose_xml(1, (0, 0)), "3 or 4 numbers"),
        ("00002_left.xml", pose_xml(1, (0, 0, 0)), "yaw of more than 45"),
        ("00002_left.xml", " " * (1 << 21), "of at most 1048576 bytes"),
        ("00002_front_cam.xml", pose_xml(1, (0, 0, 0)), "modelview/translation"),
        ("00002_front.png", "no picture", "00002_front.png"),
        ("00002_front.png", None, "00002_front.png"),
        ("00002.obj", None, "00002.obj"),
        ("00002.obj", "v 1 2\n", "00002.obj"),
        ("00002.obj", "v 1 2 3\n", "1 vertices"),
        ("00002.obj", "", "00002.obj"),
    ],
)
def test_a_bad_person_is_skipped_and_named(damaged, file, content, says):
    path = damaged / "00002" / file
    path.unlink() if content is None else path.write_text(content)
    skipped = {}
    people = facegen.list_people(damaged)
    pairs = list(
        facegen.iterate_pairs(people, register_export(damaged), ImportSettings(size=32), skipped)
    )
    assert [pair.name for pair in pairs] == [
        f"facegen-{name}-{side}" for name in ("00001", "00003") for side in ("left", "right")
    ]
    assert list(skipped) == ["00002"]
    assert says in skipped["00002"]
    assert "\n" not in skipped["00002"]


def test_a_frustum_that_is_none_is_refused(export):
    view = read_view(*(export / "00001" / f"00001_front{end}.xml" for end in ("", "_cam")))
    left, right, bottom, top, near, far = view.frustum
    for wrong in (
        (right, left, bottom, top, near, far),
        (left, right, bottom, top, far, near),
        (left, right, 2 * bottom, top, near, far),
        (left, right, bottom, top, -near, far),
    ):
        with pytest.raises(ValueError, match="frustum"):
            FaceGenView(view.quaternion, view.linear, view.translation_eye, wrong).camera(160, 160)
    with pytest.raises(ValueError, match="behind"):
        FaceGenView(view.quaternion, view.linear, np.ones(3), view.frustum).camera(160, 160)


def test_a_truncated_photo_is_refused(damaged):
    path = damaged / "00001" / "00001_right.png"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"00001_right\.png"):
        read_person(path.parent)


TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
NUMBER = st.floats().map(str) | TEXT.map(lambda t: t.replace("<", "").replace("&", ""))
TREE = st.recursive(
    NUMBER,
    lambda inner: st.builds(
        lambda tag, parts: f"<{tag}>{''.join(parts)}</{tag}>",
        st.sampled_from("val rend pose rotateToHcs m_comp m_real m item modelview frustum".split()),
        st.lists(inner, max_size=6),
    ),
)
POSES = st.builds(pose_xml, st.none() | NUMBER, st.lists(NUMBER, max_size=5))


@settings(deadline=None, max_examples=100)
@given(content=st.binary(max_size=200) | (TREE | POSES).map(str.encode), as_camera=st.booleans())
def test_any_xml_gives_a_view_or_a_value_error(tmp_path_factory, content, as_camera):
    folder = tmp_path_factory.getbasetemp()
    paths = folder / "pose.xml", folder / "pose_cam.xml"
    write_view(*paths, FaceGenView.of_camera(Camera.perspective((0, 0, 0), 900, 900)))
    paths[as_camera].write_bytes(content)
    try:
        view = read_view(*paths)
        camera = view.camera(256, 256)
    except ValueError as error:
        assert str(error)
    else:
        assert np.isfinite(camera.head_to_image(np.zeros((1, 3)))).all()


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_line_imports_what_it_can(damaged, tmp_path):
    (damaged / "00003" / "00003.obj").unlink()
    result = run("pairs", "facegen", damaged, tmp_path / "pairs", "--size", 64)
    assert result.exit_code == 0, result.output
    assert "wrote 4 pairs" in result.output and "skipped 00003" in result.output
    pairs = ShardedPairs(tmp_path / "pairs")
    assert len(pairs) == 4 and pairs.settings["source"] == "facegen"
    assert pairs.settings["stand_in"]


@pytest.mark.parametrize("what", ["empty", "missing", "keypoints", "nobody", "stale"])
def test_an_export_that_is_none_gives_one_sentence(damaged, tmp_path, what):
    export = damaged
    if what in ("empty", "missing"):
        export = tmp_path / "other"
        export.mkdir() if what == "empty" else None
    elif what == "keypoints":
        (export / "keypoints.txt").unlink()
    elif what == "nobody":
        for path in export.glob("*/*.obj"):
            path.unlink()
    else:
        layout_file(export).write_bytes(b"torn")
    result = run("pairs", "facegen", export, tmp_path / "pairs")
    assert result.exit_code == BAD_DATA
    assert result.output.startswith("Error: ") and result.output.count("\n") <= 1
    assert not (tmp_path / "pairs" / "manifest.json").exists()


def test_a_stand_in_goes_on_where_it_was_stopped(export, tmp_path):
    shutil.copytree(export / "00001", tmp_path / "out" / "00001")
    (tmp_path / "out" / ".00002.partial").mkdir()
    out = tmp_path / "out"
    result = run("standin", "facegen", out, "--count", 2, "--seed", 4, "--size", 160)
    assert result.exit_code == 0, result.output
    assert "1 people" in result.output and is_stand_in(out)
    for name in files("00002"):
        ours, theirs = tmp_path / "out" / "00002" / name, export / "00002" / name
        assert ours.read_bytes() == theirs.read_bytes()
    assert not list((tmp_path / "out").glob(".*"))
