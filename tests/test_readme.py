"""The README: its tables are those that the records give, and the citation names this version."""

import re
import sys
from pathlib import Path

import pytest
import yaml

import facelib

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "experiments"))
import write_readme  # noqa: E402


def test_the_tables_are_those_of_the_records():
    text = (ROOT / "README.md").read_text("utf-8")
    # Word by word: a number may differ in its last digit where another library draws people again.
    assert numbers(write_readme.written(text)) == pytest.approx(numbers(text), abs=0.011)
    assert words(write_readme.written(text)) == words(text)


def test_a_table_that_was_changed_by_hand_is_noticed():
    text = (ROOT / "README.md").read_text("utf-8")
    changed = text.replace("dense and its fit", "dense and its luck")
    assert changed != text
    assert words(write_readme.written(changed)) != words(changed)
    with pytest.raises(ValueError, match="comments of results"):
        write_readme.written("# No table")


def test_every_file_that_the_readme_links_is_there():
    text = (ROOT / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).is_file()] == []


def test_the_citation_names_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == facelib.__version__
    assert cited["title"] in (ROOT / "README.md").read_text("utf-8")


def numbers(text):
    return [float(found) for found in re.findall(r"\d+\.\d+", text)]


def words(text):
    return re.sub(r"\d+\.\d+", "#", text)
