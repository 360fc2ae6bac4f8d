"""Write book/messages.md: every sentence that facelib may say when something is wrong.

    python experiments/list_messages.py

The sentences are read from the sources, not collected by hand: what is raised, what is warned of,
and the doubts about photos. What a sentence fills in at run time is in braces.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facelib.cli import common
from facelib.files.atomic import replacing
from facelib.files.tables import markdown

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "book" / "messages.md"
WARN = ("warn", "warning")
DOUBT = "Doubt"
SHOWN_TO = {"BadParameter": 2, "UsageError": 2}  # exit codes of click
FILLED = re.compile(r"\{[^}]*\}")
HEAD = """\
# What it says when something is wrong

Every sentence below is in the code; `experiments/list_messages.py` collects them from there, and a
test compares this page with the code. Words in braces are filled in: a file, a number, a name.

## Exit codes

A command ends with one of these numbers, for programs that call it. `facelib --help` prints them.
Ctrl-C and SIGTERM give 1; for one that is ended by SIGKILL a shell reports 137.

"""
OF_COMMANDS = """
## Sentences of the commands

These come with an exit code. A command that fails because of a sentence further below puts its own
words before it, such as "cannot reconstruct:".

"""
OF_LIBRARY = """
## Sentences of the library

In Python they are the text of an exception or of a warning. Most of them speak of a file. Those
that speak of shapes, such as "expected points (N, 3)", are for programmers, and a command that
shows one has a fault. A *doubt* is said about photos from which a head was made all the same.
"""


@dataclass(frozen=True)
class Message:
    """A sentence in the sources.

    Attributes:
        room: of the package, such as `imaging`.
        file: below the package's folder.
        kind: `warning`, `doubt`, or the name of an exception.
        text: the sentence.
        exit_code: of a command that fails with it; None for the library's.
    """

    room: str
    file: str
    kind: str
    text: str
    exit_code: int | None


def messages(package: Path) -> list[Message]:
    """Return all messages of a package, sorted by place, kind and text."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in package.rglob("*.py")}
    shared = defaultdict(set)
    for tree in trees.values():
        for name, value in _constants(tree).items():
            shared[name].add(value)
    values = {name: value for name, (value, *others) in shared.items() if not others}
    found = set()
    for path, tree in trees.items():
        file = path.relative_to(package)
        room = file.parts[0] if len(file.parts) > 1 else package.name
        for scope in _scopes(tree):
            for kind, words, code in _said(scope):
                for text in _texts(words, scope, values | _constants(tree)):
                    found.add(Message(room, file.as_posix(), kind, text, code))
    return sorted(found, key=lambda m: (m.room, m.file, m.kind, m.text, m.exit_code or 0))


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return a module's own names for plain texts and numbers, with their values as text."""
    return {
        node.targets[0].id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def _scopes(tree: ast.Module) -> Iterator[ast.AST]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    yield from (node for node in ast.walk(tree) if isinstance(node, functions))
    yield ast.Module([n for n in tree.body if not isinstance(n, (*functions, ast.ClassDef))], [])


def _said(scope: ast.AST) -> Iterator[tuple[str, ast.expr, int | None]]:
    """Yield kind, words and exit code of everything that a function says."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
            name = ast.unparse(node.exc.func).rpartition(".")[2]
            code = SHOWN_TO.get(name)
            if name == common.Failure.__name__:
                code = getattr(common, ast.unparse(node.exc.args[1]))
            yield name, node.exc.args[0], code
        elif isinstance(node, ast.Call) and node.args:
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in WARN:
                yield "warning", _filled(node), None
            elif name == DOUBT:
                yield "doubt", node.args[-1], None


def _filled(call: ast.Call) -> ast.expr:
    """Return the words of a warning; those of a log have their values beside them."""
    words, *values = call.args
    if isinstance(words, ast.Constant) and values:
        parts = re.split("(%s)", words.value)
        filled = iter(values)
        joined = [
            ast.FormattedValue(next(filled), -1) if part == "%s" else ast.Constant(part)
            for part in parts
        ]
        return ast.JoinedStr(joined)
    return words


def _texts(words: ast.expr, scope: ast.AST, values: dict[str, str]) -> list[str]:
    """Return the sentences that an expression may be; none if it only passes one on."""
    if isinstance(words, ast.Name):
        assigned = [
            node.value
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == words.id
        ]
        return [text for value in assigned for text in _texts(value, scope, values)]
    text = _text(words, values)
    return [text] if re.search("[A-Za-z]{2}", FILLED.sub("", text)) else []


def _text(words: ast.expr, values: dict[str, str]) -> str:
    """Write an expression with what it fills in as a name in braces, or … if it has none."""
    if isinstance(words, ast.Constant):
        return str(words.value)
    if isinstance(words, ast.JoinedStr):
        return "".join(_text(value, values) for value in words.values)
    if isinstance(words, ast.BinOp):
        return _text(words.left, values) + _text(words.right, values)
    value = words.value if isinstance(words, ast.FormattedValue) else words
    if isinstance(value, ast.Name) and value.id in values:
        return values[value.id]
    return f"{{{_name(value) or '…'}}}"


def _name(value: ast.AST) -> str:
    """Return what a value is called: its own name, or that of what it is computed from."""
    if isinstance(value, ast.Name):
        return "" if value.id in ("self", "cls", "np") else value.id.strip("_")
    if isinstance(value, ast.Attribute):
        return "kind" if value.attr == "__name__" else value.attr.strip("_")
    parts = ast.iter_child_nodes(value)
    extreme = ""
    if isinstance(value, ast.Call):
        method = value.func if isinstance(value.func, ast.Attribute) else None
        parts = (*value.args, method.value if method else value.func)
        called = method.attr if method else getattr(value.func, "id", "")
        extreme = {"min": "least ", "max": "most "}.get(called, "")
    name = next(filter(None, map(_name, parts)), "")
    return extreme * bool(name) + name


def _cell(text: str) -> str:
    """Write a sentence as code in a table's cell."""
    # The spaces are not shown; without them, a backtick at an end would be one of the marks.
    code = f"`` {text} ``" if "`" in text else f"`{text}`"
    return code.replace("|", "\\|")


def page(found: list[Message]) -> str:
    """Return the page."""
    codes = re.findall(r"(?m)^  (\d+) +(.+)$", common.EXIT_CODES)
    parts = [HEAD, markdown(("code", "meaning"), codes), "\n", OF_COMMANDS]
    own = [m for m in found if m.exit_code is not None]
    rows = [(_cell(m.text), str(m.exit_code), f"`{m.file}`") for m in own]
    parts += [markdown(("sentence", "exit code", "in"), rows), "\n", OF_LIBRARY]
    others = [m for m in found if m.exit_code is None]
    for room in sorted({m.room for m in others}):
        rows = [(_cell(m.text), m.kind, f"`{m.file}`") for m in others if m.room == room]
        parts += [f"\n### {room}\n\n", markdown(("sentence", "as", "in"), rows), "\n"]
    return "".join(parts)


def main() -> None:
    """Write the page."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with replacing(PAGE) as temporary:
        temporary.write_text(page(messages(ROOT / "facelib")), encoding="utf-8")


if __name__ == "__main__":
    main()
