"""The sentences that a user may read: collected in the book, and fit to be read."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "experiments"))
import list_messages  # noqa: E402

LONGEST = 260  # characters, about two lines


@pytest.fixture(scope="module")
def messages():
    return list_messages.messages(ROOT / "facelib")


def test_the_page_of_the_book_has_every_sentence_of_the_code(messages):
    text = list_messages.PAGE.read_text("utf-8")
    assert text == list_messages.page(messages), "run python experiments/list_messages.py"


def test_each_way_to_say_something_is_collected(tmp_path):
    room = tmp_path / "facelib" / "room"
    room.mkdir(parents=True)
    (room / "file.py").write_text(
        'LIMIT = 3\n'
        'def read(path, error):\n'
        '    if path:\n'
        '        message = f"no such file: {path}"\n'
        '    else:\n'
        '        message = "nothing"\n'
        '    raise Failure(message, NO_SUCH_FILE) from error\n'
        'def check(found):\n'
        '    logger.warning("%s was left out", found.name)\n'
        '    raise ValueError(f"at most {LIMIT} faces, " f"got {len(found)}")\n'
        'def passed_on(error):\n'
        '    raise ValueError(str(error))\n'
    )  # fmt: skip
    found = [(m.kind, m.text, m.exit_code) for m in list_messages.messages(tmp_path / "facelib")]
    assert found == [
        ("Failure", "no such file: {path}", 3),
        ("Failure", "nothing", 3),
        ("ValueError", "at most 3 faces, got {found}", None),
        ("warning", "{name} was left out", None),
    ]


def test_every_sentence_reads_as_one(messages):
    assert [f"{each.file}: {each.text}" for each in messages if not reads_as_one(each)] == []


def reads_as_one(message):
    text = message.text
    return (
        len(text) <= LONGEST
        and text == text.strip()
        and not re.search(r"\n|  |(?i:\b(invalid|illegal|bad input|failed to|error:|oops)\b)", text)
        and (message.kind == "doubt" or not text.endswith((".", ".)")))  # only doubts end in a stop
    )


@pytest.mark.parametrize(
    ("text", "kind", "fit"),
    [
        ("no such file", "warning", True),
        ("The photos may be swapped.", "doubt", True),
        ("no such file.", "warning", False),
        ("Failed to read", "warning", False),
        ("no  such file", "warning", False),
        (" no such file", "warning", False),
        ("no such\nfile", "warning", False),
        ("x" * (LONGEST + 1), "warning", False),
    ],
)
def test_what_does_not_read_as_one_is_noticed(text, kind, fit):
    message = list_messages.Message("files", "files/file.py", kind, text, None)
    assert reads_as_one(message) == fit


def test_every_exit_code_has_a_name_and_a_meaning(messages):
    named = {
        value
        for name, value in vars(list_messages.common).items()
        if name.isupper() and type(value) is int
    }
    listed = {int(code) for code in re.findall(r"(?m)^  (\d+) ", list_messages.common.EXIT_CODES)}
    assert listed == named | {0, 1, 2}
    assert {m.exit_code for m in messages} <= named | {2, None}


def test_no_command_exits_with_a_number_that_is_not_listed():
    for path in (ROOT / "facelib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("exit", "sys.exit"):
                pytest.fail(f"{path} exits by itself")
