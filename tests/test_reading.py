"""Files of unknown origin are read, or refused in one sentence that names them."""

import io
import os
import zipfile

import numpy as np
import pytest

from facelib.files.reading import in_a_line, read_json, read_npz, read_text, regular_file


@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
def test_what_is_no_file_is_refused_at_once(tmp_path, what):
    path = tmp_path / "place"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)  # opening it would wait for a writer
    else:
        path.symlink_to("/dev/zero")  # reading it would never end
    with pytest.raises(ValueError, match="place, found no regular file"):
        read_text(path)
    with pytest.raises(ValueError, match="place, found no regular file"):
        read_npz(path, "arrays", 1000)


def test_a_missing_file_and_a_link_to_itself_are_missing(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    for name in ("none", "loop"):
        with pytest.raises(FileNotFoundError, match=f"expected a table at .*{name}"):
            regular_file(tmp_path / name, "a table")


def test_a_long_file_is_refused_unread(tmp_path):
    (tmp_path / "long").write_text("12345")
    with pytest.raises(ValueError, match="of at most 4 bytes at .*long, got 5"):
        read_text(tmp_path / "long", max_bytes=4)


def test_another_encoding_is_named_and_a_mark_is_no_text(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("é", "utf-8-sig")
    assert read_text(path) == "é"
    path.write_text("é", "latin-1")
    with pytest.raises(ValueError, match=r"in UTF-8, but byte 0 of .*words\.txt"):
        read_text(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "", "{", "9" * 5000])
def test_json_that_no_parser_reads_is_a_sentence(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json is not JSON") as caught:
        read_json(tmp_path / "a.json")
    assert len(str(caught.value)) < 400 and str(caught.value).isprintable()


def npz(tmp_path, **arrays):
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    return tmp_path / "a.npz"


def test_arrays_that_unpack_to_too_much_are_refused_unpacked(tmp_path):
    path = npz(tmp_path, zeros=np.zeros(10**6))
    assert path.stat().st_size < 20_000
    assert read_npz(path, "arrays", 10**7)["zeros"].shape == (10**6,)
    with pytest.raises(ValueError, match="it unpacks to 8000"):
        read_npz(path, "arrays", 10**6)


def test_a_header_that_announces_more_than_there_is_allocates_nothing(tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    lying = stream.getvalue().replace(b"(3,), }         ", b"(3000000000000,)}")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("a.npy", lying)
    with pytest.raises(ValueError, match=r"a\.npz"):
        read_npz(tmp_path / "a.npz", "arrays", 1000)


@pytest.mark.parametrize("how", ["pickle", "text", "cut", "encrypted", "flipped"])
def test_other_contents_are_refused_in_a_sentence(tmp_path, how):
    path = npz(tmp_path, a=np.arange(1000.0) if how != "pickle" else np.array([{}], object))
    content = bytearray(path.read_bytes())
    if how == "text":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("a.txt", "no array")
    elif how == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif how == "encrypted":
        content[content.find(b"PK\1\2") + 8] |= 1
        path.write_bytes(content)
    elif how == "flipped":
        content[80:90] = bytes(10)
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"expected arrays at .*a\.npz") as caught:
        read_npz(path, "arrays", 10**6)
    assert str(caught.value).isprintable()


def test_messages_of_others_fit_into_a_sentence():
    assert in_a_line("two\nlines \x1b[2J") == "two lines ?[2J"
    assert in_a_line(b"\x00") == "'?'"
    assert in_a_line(str([b"\x00a"]) + r" \\x0") == "['?a'] ?"
    assert len(in_a_line("x" * 1000)) == 200
