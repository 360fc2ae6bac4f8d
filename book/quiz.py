"""Sphinx extension for the questions at a chapter's end: they need no kernel and no script.

    ```{quiz} What is 2 + 2?
    - [ ] 3.
      The reason why not, which unfolds below the answer.
    - [x] 4.
      The reason why.
    ```

A fence of backticks may have none in its first line: where the question has, take `~~~`.

Each answer is a `details` element, so that keys, screen readers and browsers without scripts open
it as they open any other.
"""

import re
from dataclasses import dataclass

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

ANSWERS = range(3, 5)  # three or four
VERDICTS = {True: "Right.", False: "No."}


@dataclass(frozen=True)
class Answer:
    """One of the answers, and the reason why it is right or wrong."""

    right: bool
    text: str
    reason: str


def read_answers(content: str) -> list[Answer]:
    """Read the lines of a quiz.

    Raises:
        ValueError: if there are not three or four answers, one right, each with its reason.
    """
    items = re.split(r"(?m)^- ", content)
    answers = []
    for item in items[1:]:
        first, _, reason = item.partition("\n")
        mark = re.fullmatch(r"\[([ x])\] (.+)", first)
        if mark is None or not reason.strip():
            raise ValueError(f"an answer needs [ ] or [x], and a reason on the next line: {first}")
        answers.append(Answer(mark[1] == "x", mark[2], " ".join(reason.split())))
    n_right = sum(answer.right for answer in answers)
    if items[0].strip() or len(answers) not in ANSWERS or n_right != 1:
        got = f"got {len(answers)}, {n_right} right"
        raise ValueError(f"a quiz needs three or four answers, one of them right; {got}")
    return answers


class Quiz(Directive):
    """A question with answers that unfold their reasons."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the question and one `details` element per answer."""
        try:
            answers = read_answers("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from None
        env = self.state.document.settings.env
        name = nodes.make_id(f"quiz {env.docname} {env.new_serialno('quiz') + 1}")
        parts = [
            html(f'<div class="quiz" role="group" aria-labelledby="{name}"><div id="{name}">'),
            *self._parsed(self.arguments[0]),
            html("</div>"),
        ]
        for answer in answers:
            name = "quiz-right" if answer.right else "quiz-wrong"
            parts += [
                html(f'<details class="quiz-answer {name}"><summary>'),
                nodes.inline("", "", *self.state.inline_text(answer.text, self.lineno)[0]),
                html("</summary>"),
                *self._parsed(f"**{VERDICTS[answer.right]}** {answer.reason}"),
                html("</details>"),
            ]
        return [*parts, html("</div>")]

    def _parsed(self, text: str) -> list[nodes.Node]:
        parent = nodes.container()
        self.state.nested_parse(StringList([text]), self.content_offset, parent)
        return parent.children


def html(text: str) -> nodes.raw:
    """Return a piece of a page that only HTML has."""
    return nodes.raw("", text, format="html")


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("quiz", Quiz)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
