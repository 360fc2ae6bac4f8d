"""Scans like MICC Florence's: stand-ins, turned to face the camera without a hand, photographed."""

import numpy as np
import pytest

from facelib.datasets.florence import reader as florence
from facelib.datasets.florence import scan_pose
from facelib.datasets.florence import standin as florence_standin
from facelib.datasets.florence.scan_file import Scan, read_scan
from facelib.datasets.registry import STAND_IN_MARKER
from facelib.detect.faces import NoFaceError
from facelib.face.headmodel import load_head
from facelib.face.layout import load_layout
from facelib.geometry.mesh import Mesh
from facelib.geometry.registration import umeyama
from facelib.geometry.surface import nearest_surface_finder
from facelib.geometry.transforms import Similarity, rotation_from_pose, rotation_x
from facelib.synthetic.samples import make_person
from facelib.synthetic.settings import SyntheticSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One subject of a stand-in, as the command writes it."""
    folder = tmp_path_factory.mktemp("florence") / "standin"
    assert florence_standin.write_florence_standin(folder, count=1) == 1
    return folder


@pytest.fixture(scope="module")
def scan(folder):
    """That subject's scan as its file has it."""
    return read_scan(florence.list_subjects(folder)[0].path)


@pytest.fixture(scope="module")
def facing(folder):
    """That subject, turned to face the camera."""
    return florence.load_subject(florence.list_subjects(folder)[0])


def true_head():
    """The head behind the first subject, head frame, mm."""
    person = make_person(0, SyntheticSettings(seed=0, held_out=True))
    return person, load_head().vertices(person.shape)


def test_stand_in_has_the_data_sets_folders_and_says_what_it_is(folder, scan):
    files = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    place = "subject_01/Model/frontal1/obj/standin0001"
    assert files == sorted([STAND_IN_MARKER, *(place + end for end in (".jpg", ".mtl", ".obj"))])
    assert "STAND-IN for MICC Florence" in (folder / STAND_IN_MARKER).read_text()
    text = (folder / f"{place}.obj").read_text()
    sides = {line.count(" ") for line in text.splitlines() if line.startswith("f ")}
    assert sides == {3, 4}, "triangles and quads"
    assert scan.notes == () and scan.mesh_scan.texture is not None
    assert len(scan.mesh_scan.vertices) > 3 * len(load_head().mean_head)


def test_scan_lies_on_the_true_head_up_to_its_noise():
    person, vertices = true_head()
    grid = florence_standin.scan_person(person, florence_standin.subject_generator(0, 0))
    points = grid.points_head[grid.seen]
    bare = (points[:, 2] > 60) & (np.abs(points[:, 0]) < 40) & (np.abs(points[:, 1]) < 60)
    assert bare.sum() > 500
    on_head = nearest_surface_finder(vertices, load_head().triangles)
    away = np.linalg.norm(on_head(points[bare]) - points[bare], axis=1)
    assert 0.05 < away.mean() < 0.5


def test_a_stand_in_never_mixes_with_other_files(folder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="empty folder"):
        florence_standin.write_florence_standin(folder, count=1)

    def full(place, index, seed):
        (place / "half").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(florence_standin, "write_subject", full)
    with pytest.raises(OSError, match="No space"):
        florence_standin.write_florence_standin(tmp_path / "new", count=1)
    assert list(tmp_path.iterdir()) == []


def test_missing_data_set_is_named_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="standin florence"):
        florence.list_subjects(tmp_path)


def test_scan_faces_the_camera_where_the_true_head_does(facing):
    _, vertices = true_head()
    layout = load_layout()
    keypoints = layout.keypoints(layout.from_head @ vertices)
    assert np.linalg.norm(facing.nose_tip_head - keypoints[30]) < 8
    assert np.linalg.norm(facing.points_head[:, :2] - _five(keypoints)[:, :2], axis=1).max() < 10
    mean_face = layout.keypoints(layout.references_head[0])
    nearest = umeyama(mean_face, keypoints).apply(mean_face)  # a mean face comes no nearer
    missed, least = (
        np.linalg.norm(points - keypoints, axis=1).mean()
        for points in (facing.keypoints_head, nearest)
    )
    assert missed < least + 4


def _five(keypoints):
    eyes = [keypoints[36:42].mean(axis=0), keypoints[42:48].mean(axis=0)]
    return np.stack([*eyes, *keypoints[[30, 48, 54]]])


def test_another_frame_and_unit_make_no_difference(scan, facing, monkeypatch):
    """A scan in metres that lies on its back; a few of the 24 sides are tried."""
    sides = [(0, 0), (0, np.pi), (np.pi / 2, 0), (-np.pi / 2, 0)]
    turns = [rotation_from_pose(pitch, yaw, 0.0).round() for pitch, yaw in sides]
    monkeypatch.setattr(scan_pose, "axis_rotations", lambda: turns)
    turn = rotation_x(np.pi / 2) @ rotation_from_pose(0.05, 0.1, -0.05)
    moved = Similarity(0.001, turn, np.array([0.1, -3.0, 0.4]))
    mesh = scan.mesh_scan
    lying = Mesh(moved.apply(mesh.vertices), mesh.triangles, mesh.uv, mesh.texture)
    again = scan_pose.set_upright(Scan(lying, ()))
    assert set(again.notes) == {"the scan is in units of 1000 mm", "the scan was rotated upright"}
    away = np.linalg.norm(again.mesh_head.vertices - facing.mesh_head.vertices, axis=1)
    assert away.max() < 3


def test_triangles_that_show_their_backs_are_turned(scan, facing):
    mesh = scan.mesh_scan
    inside_out = Mesh(mesh.vertices, mesh.triangles[:, ::-1], mesh.uv, mesh.texture)
    again = scan_pose.set_upright(Scan(inside_out, ()))
    np.testing.assert_array_equal(again.mesh_head.triangles, facing.mesh_head.triangles)


def test_surface_without_a_face_is_refused_by_name(folder, monkeypatch):
    monkeypatch.setattr(scan_pose, "detect_faces", lambda image: [])
    monkeypatch.setattr(scan_pose, "axis_rotations", lambda: [np.eye(3)] * 2)
    with pytest.raises(NoFaceError, match="standin0001.obj"):
        florence.load_subject(florence.list_subjects(folder)[0])


def test_region_is_the_face_within_the_radius(facing):
    region = florence.region_of_scan(facing)
    points = facing.mesh_head.vertices[region]
    assert np.linalg.norm(points - facing.nose_tip_head, axis=1).max() <= 95
    low, high = points.min(axis=0), points.max(axis=0)
    assert high[1] < 90 and low[1] > -115 and low[2] > -10, "no hair, neck or ears"
    assert florence.region_of_scan(facing, radius_mm=60).sum() < region.sum()


def test_photos_are_cut_as_in_training_on_black(facing):
    views = florence.photograph_scan(facing, 96)
    for photo in (views.front, views.side):
        assert photo.shape == (96, 96, 3) and photo.dtype == np.uint8
        assert (photo.max(axis=2) > 0).mean() > 0.3
    assert (views.side[:20, -20:] == 0).all(), "the face looks to the image's right"
    keypoints = views.front_camera.head_to_image(facing.keypoints_head)[:, :2]
    assert 0.6 < np.ptp(keypoints, axis=0).mean() / 96 < 0.73  # 1 / 1.5, listing A.1
    np.testing.assert_allclose((keypoints.min(0) + keypoints.max(0)) / 2, 47.5, atol=0.5)


def test_lifted_points_lie_on_the_surface():
    depth = np.full((40, 50), -np.inf, np.float32)
    rows, columns = np.indices(depth.shape)
    depth[5:35, 5:45] = (2 * columns + rows)[5:35, 5:45]
    points = np.array([[10.0, 20.0], [30.2, 8.1]])
    np.testing.assert_allclose(scan_pose.lift(points, depth)[:, 2], [40, 68])
    np.testing.assert_allclose(scan_pose.lift(np.array([[47.0, 20.0]]), depth)[0], [47, 20, 108])
    with pytest.raises(NoFaceError):
        scan_pose.lift(np.array([[200.0, 20.0]]), depth)
    with pytest.raises(NoFaceError):
        scan_pose.lift(points, np.full((9, 9), -np.inf))


def test_a_head_has_24_sides_to_lie_on():
    turns = np.array(scan_pose.axis_rotations())
    assert len(np.unique(turns.reshape(-1, 9), axis=0)) == len(turns) == 24
    np.testing.assert_array_equal(turns[0], np.eye(3))
    np.testing.assert_allclose(
        turns @ turns.transpose(0, 2, 1), np.broadcast_to(np.eye(3), (24, 3, 3))
    )
    np.testing.assert_allclose(np.linalg.det(turns), 1)


@pytest.mark.parametrize(("ratio", "unit"), [(0.9, 1), (1.2, 1), (11, 10), (950, 1000)])
def test_unit_is_told_by_the_size_of_the_face(ratio, unit):
    assert scan_pose.unit_mm(ratio) == unit


@pytest.mark.parametrize("ratio", [0.01, 3.0, 1e6])
def test_face_of_no_human_size_is_refused(ratio):
    with pytest.raises(ValueError, match="mm, cm, m"):
        scan_pose.unit_mm(ratio)
