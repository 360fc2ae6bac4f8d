"""Questions without a kernel: how they are written, and what becomes of them in a page."""

import importlib.util
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SPEC = importlib.util.spec_from_file_location("quiz", ROOT / "book" / "quiz.py")
QUIZ = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(QUIZ)

ANSWERS = """- [ ] 3.
  One less.
- [x] $4$.
  Two and two,
  counted.
- [ ] 5 [*sic*].
  One more.
"""


def test_answers_have_a_verdict_and_a_reason():
    first, second, third = QUIZ.read_answers(ANSWERS)
    assert (first.right, second.right, third.right) == (False, True, False)
    assert second == QUIZ.Answer(True, "$4$.", "Two and two, counted.")


@pytest.mark.parametrize(
    "right, wrong, words",
    [
        ("[x]", "[ ]", "3, 0 right"),
        ("[ ] 3", "[x] 3", "3, 2 right"),
        ("  One less.\n", "", "reason"),
        ("[ ] 3", "3", "needs"),
        ("- [ ] 3.\n  One less.\n", "", "got 2"),
    ],
)
def test_a_badly_written_quiz_is_refused(right, wrong, words):
    assert right in ANSWERS
    with pytest.raises(ValueError, match=words):
        QUIZ.read_answers(ANSWERS.replace(right, wrong, 1))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_quizzes_of_the_chapters_are_well_written(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for _, quiz in re.findall(r"(?ms)^(```|~~~)\{quiz\} [^\n]+\n(.*?)^\1$", cell.source):
            QUIZ.read_answers(quiz)
