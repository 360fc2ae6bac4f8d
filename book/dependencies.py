"""Print the make rules that say which facelib modules each chapter uses.

Every notebook's imports are read (not run), and facelib's own imports are followed from there, so
that make executes a chapter again only when something that it uses has changed. It needs nothing
but the standard library, because make runs it before the environment exists.
"""

import ast
import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Files that a module reads when it is asked for what ships with the project; what a chapter reads
# itself, by data_file("folder", "name") or data_files("folder", "pattern"), is found in its source.
DATA_OF_MODULE = {
    "facelib/face/headmodel.py": "data/head/head.npz",
    "facelib/face/layout.py": "data/head/layout.npz",
    "facelib/face/dense_points.py": "data/head/points.npz",
    "facelib/fitting/head_prior.py": "data/head/prior.npz",
    "facelib/avatar/surface.py": "data/head/surface.npz",
    "facelib/avatar/texture/paint.py": "data/head/texture.npz",
    "facelib/synthetic/people/population.py": "data/head/people.npz",
}
DATA_FILE = re.compile(r"""data_files?\("([^"]+)", "([^"]+)"\)""")
# What a script beside the package has recorded: joinpath("experiments", "name.json").
RECORD = re.compile(r"""joinpath\("(experiments)", "([^"]+)"\)""")


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name; a package is its `__init__`."""
    found = {}
    for path in sorted((ROOT / "facelib").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported_modules(path: Path) -> set[str]:
    """Return the modules of facelib that a file imports, inside functions too."""
    return modules_in(path.read_text(encoding="utf-8"))


def modules_in(source: str) -> set[str]:
    """Return the modules of facelib that Python text imports by absolute names."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            of_module = {f"{node.module}.{alias.name}" for alias in node.names}
            # `from package import module` runs the module; it takes nothing of the package.
            submodules = of_module & modules().keys()
            names |= submodules or {node.module}
    return names & modules().keys()


def notebook_source(path: Path) -> str:
    """Return a notebook's code as one Python text; lines with a shell or magic command go."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    commands = [line for line in code.splitlines() if re.match(r"\s*[!%]", line)]
    if any("facelib " in line for line in commands):
        # The program imports its commands by name, each when it is called.
        code += "".join(f"\nimport {name}" for name in modules() if name.startswith("facelib.cli"))
        code += "\nimport facelib.__main__"
    return re.sub(r"(?m)^(\s*)[!%].*$", r"\1pass", code)


def with_packages(name: str) -> set[str]:
    """Return a module and the packages that it lies in, which importing it executes."""
    parts = name.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}


def used_files(notebook: Path) -> list[str]:
    """Return the facelib files that a notebook uses, directly or not, and their data files."""
    code = notebook_source(notebook)
    used, waiting = set(), modules_in(code)
    while waiting:
        executed = with_packages(waiting.pop()) - used
        used |= executed
        waiting |= set().union(*(imported_modules(modules()[name]) for name in executed)) - used
    files = sorted(str(modules()[name].relative_to(ROOT)) for name in used)
    data = [DATA_OF_MODULE[file] for file in files if file in DATA_OF_MODULE]
    for folder, pattern in DATA_FILE.findall(code):
        found = [str(file.relative_to(ROOT)) for file in (ROOT / "data" / folder).glob(pattern)]
        # The folder's own time changes when one of many files comes or goes.
        data += [*found, f"data/{folder}"] if "*" in pattern else found
    data += ["/".join(parts) for parts in RECORD.findall(code)]
    return files + sorted(file for file in set(data) if (ROOT / file).exists())


def main() -> None:
    """Print one rule per chapter."""
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        print(f"book/chapters/{notebook.name}: {' '.join(used_files(notebook))}")


if __name__ == "__main__":
    main()
