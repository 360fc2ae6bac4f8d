"""Folders of people: which photos belong together, and the table of what became of them."""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facelib.reconstruction.photo_pairs import (
    DONE,
    FAILED,
    PairResult,
    PhotoPair,
    find_pairs,
    fingerprint,
    is_finished,
    read_results,
    write_results,
)


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_names_and_subfolders_make_pairs_and_other_files_are_left_alone(tmp_path):
    make(tmp_path, "Ann_front.jpg", "Ann_side.PNG", "bo-Front.webp", "old/holiday.jpg", "notes.txt")
    make(tmp_path, "Cy/front.heic", "Cy/Side.heic", "Cy/other.jpg", "Ann_front.txt", ".x_front.jpg")
    pairs = {pair.name: [path.name for path in pair.photos] for pair in find_pairs(tmp_path)}
    assert pairs == {
        "Ann": ["Ann_front.jpg", "Ann_side.PNG"],
        "Cy": ["front.heic", "Side.heic"],
        "bo": ["bo-Front.webp"],
    }


def test_a_side_photo_without_a_front_is_still_listed(tmp_path):
    make(tmp_path, "Ann_side.jpg")
    (pair,) = find_pairs(tmp_path)
    assert (pair.name, pair.front, pair.problem) == ("Ann", None, "there is no front photo")


def test_two_photos_of_one_view_spoil_their_own_pair_alone(tmp_path):
    make(tmp_path, "Ann_front.jpg", "Ann_front.png", "Bo_front.jpg", "Cy/front.jpg", "Cy_front.jpg")
    problems = {pair.name: pair.problem for pair in find_pairs(tmp_path)}
    assert "Ann_front.jpg and Ann_front.png" in problems["Ann"]
    assert problems["Bo"] == "" and "two photos" in problems["Cy"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["holiday.jpg"], "NAME_front.jpg"),
        (["Ann_front.jpg", "ann_front.png"], "one pair per name"),
    ],
)
def test_a_folder_without_pairs_or_with_names_alike_is_refused(tmp_path, names, words):
    make(tmp_path, *names)
    with pytest.raises(ValueError, match=words):
        find_pairs(tmp_path)


def test_a_csv_file_names_the_photos_from_its_own_folder(tmp_path):
    table = tmp_path / "pairs.csv"
    # A spreadsheet writes a byte order mark.
    table.write_text("name,front,side\nAnn,in/1.jpg,in/2.jpg\nBo,in/3.jpg,\n", "utf-8-sig")
    ann, bo = find_pairs(table)
    assert ann == PhotoPair("Ann", tmp_path / "in/1.jpg", tmp_path / "in/2.jpg")
    assert bo == PhotoPair("Bo", tmp_path / "in/3.jpg")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".hidden", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    table = tmp_path / "pairs.csv"
    table.write_text(f"name,front,side\n{name},1.jpg,2.jpg\n")
    with pytest.raises(ValueError, match="a name that a file can have"):
        find_pairs(table)


def test_a_csv_file_with_other_columns_is_refused(tmp_path):
    table = tmp_path / "pairs.csv"
    table.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns name, front and side"):
        find_pairs(table)


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs", "Cc"])), min_size=2, max_size=2))
def test_the_table_of_results_comes_back_as_it_was(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("table") / "results.csv"
    result = PairResult(words[0], DONE, words[1], files="a b.obj|a_b.mtl")
    write_results(path, [result])
    assert read_results(path) == {result.name: result}


def test_another_csv_file_is_no_table_of_results(tmp_path):
    (tmp_path / "results.csv").write_text("my,own,table\n1,2,3\n")
    with pytest.raises(ValueError, match="another file"):
        read_results(tmp_path / "results.csv")


def test_a_pair_is_finished_until_a_photo_a_setting_or_a_file_changes(tmp_path):
    make(tmp_path, "front.jpg", "side.jpg", "me.glb")
    pair = PhotoPair("me", tmp_path / "front.jpg", tmp_path / "side.jpg")
    mark = fingerprint(pair, "detail 1")
    result = PairResult("me", DONE, files="me.glb", fingerprint=mark)
    assert is_finished(result, mark, tmp_path)
    assert not is_finished(None, mark, tmp_path)
    assert not is_finished(replace(result, status=FAILED), mark, tmp_path)
    assert not is_finished(result, fingerprint(pair, "detail 2"), tmp_path)
    pair.side.write_text("another")
    assert not is_finished(result, fingerprint(pair, "detail 1"), tmp_path)
    (tmp_path / "me.glb").unlink()
    assert not is_finished(result, mark, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "name,front\nJosé,1.jpg\n".encode("latin-1"),
        b"name,front\n" + b"x" * 200_000 + b",1.jpg\n",
        b'name,front\na,"' + b"1" * 200_000,
        b"name,front\n" + b"x" * 300 + b",1.jpg\n",
        b"name,front\na\x1b[2J,1.jpg\n",
        b"name,front\na,1\0.jpg\n",
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path, content):
    (tmp_path / "pairs.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"pairs\.csv") as caught:
        find_pairs(tmp_path / "pairs.csv")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500


def test_a_pipe_in_the_place_of_a_photo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "front.jpg")
    with pytest.raises(OSError, match="no regular file"):
        fingerprint(PhotoPair("me", tmp_path / "front.jpg"), "")
