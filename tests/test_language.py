"""The prose of the book, the README and the docstrings is plain: what reads badly is not in it.

Each rule is a construction that a review of the book tripped over, with what to write instead.
"""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("book/**/*.md"),
    ROOT / "data" / "README.md",
    *ROOT.glob("notebooks/*.ipynb"),
]
MODULES = sorted(ROOT.glob("facelib/**/*.py"))
COUNTED = (
    "mm|px|kB|MB|texels|pixels|points|rows|lines|numbers|weights|photos|pairs|panels|heads|faces"
    "|vertices|values|files|seconds|minutes|colours|one (?:panel|marker|scan|line|row|point|curve)"
)
COUNTS = (
    "millimetre|vertex|texel|pixel|point|photo|pair|person|face|head|network|chapter|cell|row"
    "|channel|epoch|second|minute|sample|file|colour"
)
RULES = {
    r"(?m)^#+ .*[–—]": "a dash in a heading: use a colon, or two headings",
    rf"\b(?:{COUNTED}) an? (?:{COUNTS})\b(?! of| \w+s\b)": "'a' for 'per'",
    r"\b(?:is|are|was|were) told\b": "'is told': say who tells, or 'knows'",
    r"\bnetworks? (?:itself |alone )?(?:says?|said|thinks?|believes?)\b": "a network predicts",
    r"\b(?:mm|px|%|millimetres?|pixels?) and no more\b": "'at most'",
    r"\b(?:can|could) be had\b": "'be had': say who gets it",
    r"\bnone can stand\b": "an inverted negation",
    r"\bOut come\b": "an inverted sentence: the subject first",
    r"\bmake(?:s)? none\b": "'make no difference'",
    r"\b(?:obviously|of course|needless to say|it should be noted)\b": "a filler",
    r"\b(?:leverages?|in order to)\b": "'use', 'to'",
    r"(?<!\w)(?:e\.g\.|i\.e\.|etc\.)": "an abbreviation: 'such as', 'that is'",
}
CODE = re.compile(r"(?ms)^```(?:python|sh|text|yaml).*?^```|\$\$.*?\$\$|`[^`\n]*`")


def cells(path: Path) -> str:
    """Return the prose of a notebook: its Markdown, and captions and alt texts of figures."""
    parts = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            parts.append("".join(cell["source"]))
        figure = cell["metadata"].get("mystnb", {})
        parts.append(figure.get("figure", {}).get("caption", ""))
        parts.append(figure.get("image", {}).get("alt", ""))
    return "\n\n".join(parts)


def docstrings(path: Path) -> str:
    documented = ast.Module, ast.ClassDef, ast.FunctionDef
    found = [n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, documented)]
    return "\n\n".join(ast.get_docstring(node) or "" for node in found)


def prose(path: Path) -> str:
    read = {".ipynb": cells, ".py": docstrings}.get(path.suffix, lambda p: p.read_text("utf-8"))
    return CODE.sub(" ", read(path))


def faults(text: str) -> list[str]:
    """Return each place that breaks a rule, with the rule."""
    return [
        f"{' '.join(text[max(0, m.start() - 30) : m.end() + 30].split())!r}: {rule}"
        for pattern, rule in RULES.items()
        for m in re.finditer(pattern, text, 0 if "(?m)" in pattern else re.IGNORECASE)
    ]


@pytest.mark.parametrize("path", PAGES + MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_prose_is_plain(path):
    assert faults(prose(path)) == []


@pytest.mark.parametrize(
    "text",
    [
        "## Two heads – one face",
        "There are 4 texels a millimetre.",
        "one panel a network",
        "The program is told where the face is.",
        "the network says so",
        "so that directions can be had",
    ],
)
def test_a_bad_sentence_is_found(text):
    assert len(faults(text)) == 1


@pytest.mark.parametrize(
    "text", ["texels per millimetre", "the numbers a face needs", "five points of a face", "a head"]
)
def test_a_good_sentence_passes(text):
    assert faults(text) == []
