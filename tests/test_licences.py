"""Nobody gets a licence with facelib that he does not know of."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "experiments"))
import list_licences  # noqa: E402

FORBIDDEN = re.compile(
    r"\bA?GPL|(?<!Lesser )General Public|non.?commercial|research only|\bNC\b", re.IGNORECASE
)
SHIPPED_CODE = {".js", ".html", ".css", ".woff", ".woff2", ".ttf", ".otf"}


@pytest.fixture(scope="module")
def installed():
    return list_licences.installed()


def listed():
    """Package and group of each row of the page's table."""
    text = list_licences.PAGE.read_text("utf-8")
    between = text.partition(list_licences.BEGIN)[2].partition(list_licences.END)[0]
    rows = [line.strip("| ").split(" | ") for line in between.strip().splitlines()[2:]]
    return {row[0]: row[2] for row in rows}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems install other packages")
def test_the_page_lists_every_installed_package_with_its_group(installed):
    table = listed()
    for each in installed:
        assert table.get(each.name) == each.group, "run python experiments/list_licences.py"
    # Another version of Python may need fewer packages, but none that nobody asks for.
    pins = re.findall(r"(?m)^([\w.-]+)==", (ROOT / "requirements.txt").read_text("utf-8"))
    assert table.keys() <= {*pins, "torch"}


def test_every_licence_is_stated(installed):
    assert [each.name for each in installed if each.licence == list_licences.NOT_STATED] == []


def test_the_core_brings_no_licence_that_binds_what_its_users_make(installed):
    core = [each for each in installed if each.group == list_licences.CORE]
    assert {"numpy", "onnxruntime", "trimesh"} <= {each.name for each in core}
    assert [each for each in core if FORBIDDEN.search(each.licence)] == []


@pytest.mark.parametrize("words", ["GPL-3.0-or-later", "AGPL v3", "CC-BY-NC-4.0", "Research only"])
def test_licences_that_bind_are_recognised(words):
    assert FORBIDDEN.search(words)
    assert not FORBIDDEN.search("GNU Lesser General Public License (LGPLv3), MIT, NCSA")


def test_code_of_others_in_the_package_is_named():
    text = list_licences.PAGE.read_text("utf-8")
    others = [
        path.name
        for path in (ROOT / "facelib").rglob("*")
        if path.suffix in SHIPPED_CODE and "copyright" in path.read_text("utf-8", "replace").lower()
    ]
    assert others == ["head_view.js"] and f"{others[0]}` contains three.js (MIT)" in text
