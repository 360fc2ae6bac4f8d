import struct
import zlib

import numpy as np
import pytest
from damage import DAMAGE, damaged
from hypothesis import given, settings
from scipy import io

from facelib.files.matfiles import read_mat, read_struct

WANTED = {"Pose_Para": (1, 7), "pt2d": (2, None)}


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {"Pose_Para": rng.random((1, 7), np.float32), "pt2d": rng.random((2, 68))}


@pytest.fixture(scope="module")
def good(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("mat") / "good.mat"
    io.savemat(path, arrays, do_compression=True)
    return path


def refused(folder, arrays, words, wanted=WANTED, **options):
    path = folder / "bad.mat"
    io.savemat(path, arrays, **options)
    with pytest.raises(ValueError, match=words) as caught:
        read_mat(path, wanted)
    assert str(path) in str(caught.value)


def test_arrays_come_back_as_they_were(good, arrays):
    read = read_mat(good, WANTED)
    assert read.keys() == WANTED.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_what_is_wrong_is_said(tmp_path, arrays):
    refused(tmp_path, {"pt2d": arrays["pt2d"]}, "expected Pose_Para .* found only pt2d")
    refused(tmp_path, {**arrays, "pt2d": arrays["pt2d"].T}, "as 2 × n numbers, got 68 × 2")
    refused(tmp_path, {**arrays, "pt2d": np.array([["ab"], ["cd"]])}, "got 2 × 1 char|numbers")
    refused(tmp_path, {**arrays, "pt2d": np.full((2, 3), np.nan)}, "finite numbers in pt2d")
    refused(tmp_path, {**arrays, "pt2d": np.zeros((2, 3), object)}, "cell")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="found no such file"):
        read_mat(tmp_path / "none.mat", WANTED)


def test_version_7_3_says_how_to_save_it_again(tmp_path):
    path = tmp_path / "new.mat"
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(header + b"\x89HDF\r\n\x1a\n" + bytes(600))
    with pytest.raises(ValueError, match="-v7"):
        read_mat(path, WANTED)
    with pytest.raises(ValueError, match="-v7"):
        read_struct(path, "model", WANTED, 2**20)


def test_long_files_and_arrays_are_refused_unread(tmp_path, arrays):
    refused(tmp_path, {**arrays, "pt2d": np.zeros((2, 2**20))}, "small", do_compression=True)
    refused(tmp_path, {**arrays, "pt2d": np.zeros((2, 2**20))}, "bytes", do_compression=False)


def test_a_truncated_file_gives_one_error(good, tmp_path):
    content = good.read_bytes()
    path = tmp_path / "short.mat"
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="short.mat"):
            read_mat(path, WANTED)


@settings(max_examples=300, deadline=None)
@given(damage=DAMAGE)
def test_no_bytes_lead_to_another_error(good, damage):
    path = good.with_name("changed.mat")
    path.write_bytes(damaged(good.read_bytes(), damage))
    try:
        assert read_mat(path, WANTED)["Pose_Para"].shape == (1, 7)
    except ValueError as error:
        assert "changed.mat" in str(error)


def test_a_struct_comes_field_by_field(tmp_path, arrays):
    path = tmp_path / "struct.mat"
    io.savemat(path, {"model": arrays})
    read = read_struct(path, "model", WANTED, 2**20)
    np.testing.assert_array_equal(read["pt2d"], arrays["pt2d"])
    with pytest.raises(ValueError, match=r"model\.other .* found only Pose_Para, pt2d"):
        read_struct(path, "model", {"other": (1, 1)}, 2**20)
    with pytest.raises(ValueError, match="expected a struct info"):
        read_struct(path, "info", WANTED, 2**20)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("place", "number"), [(0, 0x8000), (0, 14), (0, 15), (0, 8), (-48, 3), (-48, 0xFF), (4, 2**31)]
)
def test_a_type_that_no_element_has_never_reaches_scipy(tmp_path, packed, place, number):
    """It would end the program: scipy looks it up outside of its table."""
    path = tmp_path / "a.mat"
    io.savemat(path, {"Pose_Para": np.ones((1, 7), np.float32)})
    content = bytearray(path.read_bytes())
    data = content.index(struct.pack("<II", 7, 28)) + place
    content[data : data + 4] = struct.pack("<I", number)
    if packed:
        body = zlib.compress(bytes(content[128:]))
        content[128:] = struct.pack("<II", 15, len(body)) + body
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.mat"):
        read_mat(path, {"Pose_Para": (1, 7)})


def test_numbers_that_float32_cannot_hold_are_refused(tmp_path):
    io.savemat(tmp_path / "a.mat", {"x": np.array([[1e300]])})
    with pytest.raises(ValueError, match=r"sensible numbers in x of .*a\.mat"):
        read_mat(tmp_path / "a.mat", {"x": (1, 1)})
