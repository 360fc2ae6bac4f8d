"""One letter has one meaning: each letter of the formulas stands in the book's tables of letters.

A letter of the first table means the same in all chapters. A letter of the second one means what is
said there, in the chapters named there. Looked at are bold, calligraphic and Greek letters, and
Latin capitals; small Latin letters count and index, and each formula says what.
"""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTATION = (ROOT / "book" / "notation.md").read_text("utf-8")
CHAPTERS = {int(path.name[:2]): path for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")}

GREEK = (
    "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega alpha beta gamma delta epsilon varepsilon "
    "zeta eta theta kappa lambda mu nu xi rho varrho sigma varsigma tau phi varphi chi psi omega"
).replace(" ", "|")
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$|```\{math\}\n(.*?)```", re.DOTALL)
# Words, sets of numbers, and names that hang below a letter are no letters.
WORDS = re.compile(
    r":label:.*|\\(?:text|mathrm|operatorname|mathbb|label|underbrace)\*?\{[^{}]*\}"
    r"|_\\?[a-zA-Z]+|_\{[^{}]*\}"
)
STYLED = re.compile(r"\\(mathbf|boldsymbol|mathcal) ?(?:\{(\\?[A-Za-z]+)\}|(\\[A-Za-z]+))")
PLAIN = re.compile(rf"\\(?:{GREEK})(?![a-zA-Z])|(?<![\\a-zA-Z])[A-Z](?![a-zA-Z])")


def letters(formula: str) -> set[str]:
    """Return the letters of a formula: `bold L`, `mathcal N`, `\\sigma`, `S`."""
    found = set()

    def take(match: re.Match) -> str:
        style = "mathcal" if match[1] == "mathcal" else "bold"
        found.add(f"{style} {match[2] or match[3]}")
        return " "

    rest = STYLED.sub(take, WORDS.sub(" ", formula))
    return found | set(PLAIN.findall(rest))


def formulas(text: str) -> list[str]:
    return [next(filter(None, each)) for each in FORMULA.findall(text)]


def rows(name: str) -> list[list[str]]:
    """Return the cells of a table of the page, without its head."""
    table = re.search(rf":name: {name}\n(.*?)```", NOTATION, re.DOTALL)[1]
    cells = [re.split(r"\n  - ", each) for each in re.split(r"(?m)^\* - ", table)[2:]]
    return [[" ".join(cell.split()) for cell in row] for row in cells]


def named(cell: str) -> set[str]:
    return set().union(*map(letters, formulas(cell)))


EVERYWHERE = set().union(*(named(row[0]) for row in rows("tab-letters")))
LOCAL = [
    (letter, int(chapter))
    for cell, chapters, _ in rows("tab-local-letters")
    for letter in named(cell)
    for chapter in chapters.split(",")
]


def used(path: Path) -> set[str]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return set().union(*map(letters, formulas(text)))


def test_letters_of_a_formula_are_found_in_every_style():
    formula = (
        r"\boldsymbol\Sigma_i^{-1} \mathbf{L}_\text{eye} \mathcal{N}(0, \sigma_z^2 S) \max a_V"
    )
    assert letters(formula) == {r"bold \Sigma", "bold L", "mathcal N", r"\sigma", "S"}


@pytest.mark.parametrize("number", sorted(CHAPTERS))
def test_every_letter_of_a_chapter_stands_in_a_table(number):
    known = EVERYWHERE | {letter for letter, chapter in LOCAL if chapter == number}
    assert used(CHAPTERS[number]) - known == set()


def test_no_letter_has_two_meanings_in_one_chapter():
    assert {letter for letter, _ in LOCAL} & EVERYWHERE == set()
    assert [pair for pair, count in Counter(LOCAL).items() if count > 1] == []


def test_the_table_names_no_letter_that_its_chapter_does_not_use():
    assert [(x, n) for x, n in LOCAL if x not in used(CHAPTERS[n])] == []
