from pathlib import Path

import pytest

import facelib
from facelib.files.paths import data_dir, data_file, data_files


def test_data_lies_beside_the_package_unless_the_environment_says_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("FACELIB_DATA", raising=False)
    assert data_dir() == Path(facelib.__file__).resolve().parents[1] / "data"
    monkeypatch.setenv("FACELIB_DATA", str(tmp_path))
    assert data_dir() == tmp_path


def test_a_missing_file_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELIB_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="head/head.npz"):
        data_file("head", "head.npz")
    (tmp_path / "a.txt").write_text("")
    assert data_file("a.txt") == tmp_path / "a.txt"


def test_all_files_of_a_kind_are_found_and_none_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("FACELIB_DATA", str(tmp_path))
    (tmp_path / "logs").mkdir()
    for name in ("b.log", "a.log", "c.txt"):
        (tmp_path / "logs" / name).write_text("")
    assert data_files("logs", "*.log") == [tmp_path / "logs" / name for name in ("a.log", "b.log")]
    with pytest.raises(FileNotFoundError, match=r"none/\*\.log"):
        data_files("none", "*.log")
