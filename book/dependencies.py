"""Print the make rules that say which facelib modules each chapter uses.

Every notebook's imports are read (not run), and facelib's own imports are followed from there, so
that make executes a chapter again only when something that it uses has changed. It needs nothing
but the standard library, because make runs it before the environment exists.
"""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Files that a module reads when it is asked for what ships with the project; what a chapter reads
# itself, by data_file("folder", "name") or data_files("folder", "pattern"), is found in its source.
DATA_OF_MODULE = {
    "facelib/headmodel.py": "data/head/head.npz",
    "facelib/people/population.py": "data/head/people.npz",
    "facelib/uvmap.py": "data/head/layout.npz",
}
DATA_FILE = re.compile(r"""data_files?\("([^"]+)", "([^"]+)"\)""")


def notebook_source(path: Path) -> str:
    """Return a notebook's code as one Python text; lines with a shell or magic command go."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    commands = [line for line in code.splitlines() if re.match(r"\s*[!%]", line)]
    if any("-m facelib" in line for line in commands):
        code += "\nimport facelib.__main__"
    return re.sub(r"(?m)^(\s*)[!%].*$", r"\1pass", code)


def imported_names(source: str, package: str) -> Iterator[str]:
    """Yield every dotted name that the source imports; package resolves relative imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def module_files(name: str) -> Iterator[Path]:
    """Yield the files that importing a dotted facelib name executes, packages included."""
    parts = name.split(".")
    if parts[0] != "facelib":
        return
    for depth in range(1, len(parts) + 1):
        base = ROOT.joinpath(*parts[:depth])
        yield from (f for f in (base / "__init__.py", base.with_suffix(".py")) if f.is_file())


def used_files(notebook: Path) -> list[str]:
    """Return the facelib files that a notebook uses, directly or not, and their data files."""
    found: set[Path] = set()
    code = notebook_source(notebook)
    waiting = [(code, "")]
    while waiting:
        source, package = waiting.pop()
        for name in imported_names(source, package):
            for file in set(module_files(name)) - found:
                found.add(file)
                parent = ".".join(file.relative_to(ROOT).parent.parts)
                waiting.append((file.read_text(encoding="utf-8"), parent))
    modules = sorted(str(file.relative_to(ROOT)) for file in found)
    data = [DATA_OF_MODULE[module] for module in modules if module in DATA_OF_MODULE]
    for folder, pattern in DATA_FILE.findall(code):
        found = [str(file.relative_to(ROOT)) for file in (ROOT / "data" / folder).glob(pattern)]
        # The folder's own time tells when one of many files has come or gone.
        data += [*found, f"data/{folder}"] if "*" in pattern else found
    return modules + sorted(file for file in set(data) if (ROOT / file).exists())


def main() -> None:
    """Print one rule a chapter."""
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        print(f"book/chapters/{notebook.name}: {' '.join(used_files(notebook))}")


if __name__ == "__main__":
    main()
