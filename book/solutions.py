"""Run the code of every solution after its chapter, and hold its text against what it prints.

    python book/solutions.py append FOLDER NOTEBOOK…   copies, with solutions' code as last cells
    python book/solutions.py check EXECUTED…           print every difference; fail if there is one

CONTRIBUTING.md describes how a solution is written.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

SOLUTION = "solution"  # a cell's tag, and its directive
PARSER = MarkdownIt().use(colon_fence_plugin)
NUMBER = r"[-−+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"
# In a text a number counts as a result if it has decimals or a unit.
UNIT = r"\s?(?:mm|cm|px|ms|s|dB|kB|MB|%|°)(?!\w)"
CONFIDENCE = "95"  # per cent: an interval's level is chosen, never printed
RESULT = re.compile(rf"(?<![\w.])({NUMBER})({UNIT})?")


@dataclass(frozen=True)
class Code:
    """A block of a solution's code, and the block of what it prints beneath it ("" for none)."""

    source: str
    printed: str


@dataclass(frozen=True)
class Solution:
    """A solution: the exercise's label and text, its code, and its text without blocks."""

    label: str
    exercise: str
    codes: tuple[Code, ...]
    prose: str


def fences(markdown: str) -> list[Token]:
    """Return the fenced blocks and directives of the outermost level."""
    return [t for t in PARSER.parse(markdown) if t.type in ("fence", "colon_fence")]


def directives(cells: list, name: str) -> Iterator[tuple[str, str]]:
    """Yield the argument or label, and the content, of every directive of a name."""
    for cell in cells:
        for fence in fences(cell.source) if cell.cell_type == "markdown" else ():
            if match := re.match(rf"\{{{name}\}}\s*(.*)", fence.info.strip()):
                label = re.search(r"(?m)^:label: *(\S+)", fence.content)
                yield match[1] if name == SOLUTION else label[1], fence.content


def solutions(notebook: nbformat.NotebookNode) -> list[Solution]:
    """Return the solutions of a chapter, in its order."""
    exercises = dict(directives(notebook.cells, "exercise"))
    return [
        Solution(label, exercises[label], *split(content))
        for label, content in directives(notebook.cells, SOLUTION)
    ]


def split(content: str) -> tuple[tuple[Code, ...], str]:
    """Return a solution's blocks of code, and its text without formulas, options and blocks."""
    blocks, lines, codes = fences(content), content.splitlines(), []
    for block in blocks:
        info = block.info.strip()
        if info == "python":
            codes.append(Code(block.content, ""))
        elif info == "text" and codes:
            codes[-1] = Code(codes[-1].source, codes[-1].printed + block.content)
        lines[slice(*block.map)] = [""] * (block.map[1] - block.map[0])
    prose = "\n".join(line for line in lines if not line.startswith(":"))
    return tuple(codes), re.sub(r"(?s)\$\$.*?\$\$|\$.*?\$|`.*?`|\{\w+\}`.*?`", " ", prose)


def append(path: Path, folder: Path) -> None:
    """Write a copy of a chapter with its solutions' code at its end, which the book leaves out."""
    notebook = nbformat.read(path, as_version=4)
    tags = ["remove-cell", SOLUTION]
    notebook.cells += [
        nbformat.v4.new_code_cell(code.source, id=f"{SOLUTION}-{n}-{k}", metadata={"tags": tags})
        for n, solution in enumerate(solutions(notebook))
        for k, code in enumerate(solution.codes)
    ]
    nbformat.write(notebook, folder / path.name)


def faults(notebook: nbformat.NotebookNode) -> list[str]:
    """Return one sentence for each difference between solutions and what their code printed."""
    found = []
    run = iter([c for c in notebook.cells if SOLUTION in c.metadata.get("tags", [])])
    for solution in solutions(notebook):
        printed = [text_of(next(run)) for _ in solution.codes]
        for code, text in zip(solution.codes, printed, strict=True):
            if code.printed and not agree(code.printed, text):
                found.append(
                    f"{solution.label}: the text block has\n{code.printed}but it prints\n{text}"
                )
        if solution.codes:
            known = [CONFIDENCE, solution.exercise, *printed]
            known += [code.source for code in solution.codes]
            for number in unknown_numbers(solution.prose, "\n".join(known)):
                found.append(f"{solution.label}: its code never prints the text's {number}")
    return found


def text_of(cell: nbformat.NotebookNode) -> str:
    """Return what an executed cell printed, and its last expression's value."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif output.output_type == "execute_result":
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def agree(expected: str, printed: str) -> bool:
    """Compare word by word: numbers within one of the last digit; `...` is any number or word."""
    ours, theirs = (re.findall(rf"\.\.\.|{NUMBER}|[^\s\d]+", text) for text in (expected, printed))
    return len(ours) == len(theirs) and all(map(same_word, ours, theirs))


def same_word(expected: str, printed: str) -> bool:
    """Compare two words or two numbers."""
    if expected in ("...", printed):
        return True
    if not (re.fullmatch(NUMBER, expected) and re.fullmatch(NUMBER, printed)):
        return False
    return abs(value(expected) - value(printed)) <= 1.001 * last_digit(expected)


def unknown_numbers(prose: str, known: str) -> Iterator[str]:
    """Yield the results in a text that round to no known number, nor to 100 times one for %."""
    numbers = [abs(value(n)) for n in re.findall(NUMBER, known)]
    for number, unit in RESULT.findall(prose):
        if unit or "." in number:
            near = 0.501 * last_digit(number)
            factors = (1, 100) if "%" in unit else (1,)
            if not any(abs(abs(value(number)) - f * n) <= near for n in numbers for f in factors):
                yield number + unit


def value(number: str) -> float:
    """Return a number's value; the minus may be the typographic one."""
    return float(number.replace("−", "-"))


def last_digit(number: str) -> float:
    """Return what one step of a number's last digit is worth: 0.01 for 1.23."""
    mantissa, _, power = number.partition("e")
    return 10.0 ** (int(power or 0) - len(mantissa.partition(".")[2]))


def main() -> None:
    """Run one of the two steps."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("step", choices=("append", "check"))
    parser.add_argument("paths", nargs="+", type=Path)
    options = parser.parse_args()
    if options.step == "append":
        folder, *notebooks = options.paths
        for path in notebooks:
            append(path, folder)
        return
    failures = [
        f"{path.name}: {fault}"
        for path in options.paths
        for fault in faults(nbformat.read(path, as_version=4))
    ]
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
