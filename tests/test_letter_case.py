"""Copies of licensed data whose names were made upper case, as other systems do."""

import shutil

import numpy as np
import pytest
from standins import COLUMNS, ROWS, basel_face, basel_folder, photo_folder

from facelib.datasets import registry
from facelib.datasets.aflw2000.reader import read_test_photos
from facelib.datasets.aflw2000.standin import write_aflw2000_standin
from facelib.datasets.basel.files import read_basel, read_uv
from facelib.datasets.facegen.reader import read_person
from facelib.datasets.facegen.standin import write_facegen_standin
from facelib.datasets.florence.reader import list_subjects
from facelib.datasets.florence.scan_file import read_scan
from facelib.datasets.florence.standin import write_florence_standin
from facelib.datasets.w300lp.index import index_samples, list_samples, plan_pairs
from facelib.datasets.w300lp.reader import make_pair
from facelib.files.letter_case import any_case, find_any_case


def loud(folder, target):
    """Copy a folder with every name below it in upper case."""
    for path in sorted(folder.rglob("*")):
        copy = target.joinpath(*(part.upper() for part in path.relative_to(folder).parts))
        if path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    return target


def test_the_exact_name_comes_first_then_any_case_then_the_exact_name_again(tmp_path):
    (tmp_path / "A[1]").mkdir()
    (tmp_path / "A[1]" / "x.JPG").touch()
    assert find_any_case(tmp_path, "a[1]", "X.jpg") == tmp_path / "A[1]" / "x.JPG"
    (tmp_path / "A[1]" / "X.jpg").touch()
    assert find_any_case(tmp_path, "a[1]", "X.jpg") == tmp_path / "A[1]" / "X.jpg"
    assert find_any_case(tmp_path, "b", "c.txt") == tmp_path / "b" / "c.txt"
    assert len(list(tmp_path.glob(any_case("a*/x.jpg")))) == 2


def test_the_registry_counts_files_in_any_case(tmp_path):
    for name in ("FLORENCE/SUBJECT_01/MODEL/FRONTAL1/OBJ/1.OBJ", "dtd/Images/Banded/a.JPG"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.touch()
    for name in ("florence", "dtd"):
        assert registry.presence(registry.find_dataset(name), tmp_path).counts == (1,)


def test_a_basel_model_is_found_in_any_case(tmp_path):
    folder = loud(basel_folder(), tmp_path)
    arrays, expected = read_basel(folder), read_basel(basel_folder())
    np.testing.assert_array_equal(arrays.shape_mean, expected.shape_mean)
    np.testing.assert_array_equal(read_uv(folder, arrays), read_uv(basel_folder(), expected))


def test_300w_lp_is_read_in_any_case(tmp_path):
    root = loud(photo_folder(), tmp_path / "300W_LP")
    samples, _, skipped = list_samples(root)
    known = {sample.name.lower() for sample in list_samples(photo_folder())[0]}
    assert {sample.name.lower() for sample in samples} == known and not skipped
    index = index_samples(root)
    make_pair(root, plan_pairs(index)[0], basel_face(), size=64).check()


def test_aflw2000_is_read_in_any_case(tmp_path):
    write_aflw2000_standin(tmp_path / "quiet", 1, columns=COLUMNS, rows=ROWS)
    (photo,) = read_test_photos(loud(tmp_path / "quiet", tmp_path / "loud"), basel_face(), 64)
    assert photo.photo.shape == (64, 64, 3)


def test_a_facegen_export_is_read_in_any_case(tmp_path):
    write_facegen_standin(tmp_path / "quiet", 1, seed=4, size=64)
    person = read_person(loud(tmp_path / "quiet", tmp_path / "loud") / "00001")
    expected = read_person(tmp_path / "quiet" / "00001")
    np.testing.assert_array_equal(person.vertices, expected.vertices)


def test_a_scan_with_its_material_and_texture_is_read_in_any_case(tmp_path):
    write_florence_standin(tmp_path / "quiet", count=1)
    (subject,) = list_subjects(loud(tmp_path / "quiet", tmp_path / "loud"))
    scan = read_scan(subject.path)
    assert subject.name == "SUBJECT_01" and scan.notes == ()
    assert scan.mesh_scan.texture is not None


@pytest.mark.parametrize("outside", ["SKIN.JPG", "skin.jpg"])
def test_a_link_out_of_a_scans_folder_is_not_followed_whatever_its_case(tmp_path, outside):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    folder = tmp_path / "scan"
    folder.mkdir()
    (folder / "a.obj").write_text(
        "mtllib a.mtl\nusemtl a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/1\n"
    )
    (folder / "a.mtl").write_text("newmtl a\nmap_Kd skin.jpg\n")
    (folder / outside).symlink_to(tmp_path / "secret.jpg")
    assert (
        "'skin.jpg' lies outside the scan's folder: not read" in read_scan(folder / "a.obj").notes
    )
