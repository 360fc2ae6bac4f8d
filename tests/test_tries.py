"""The table of tries gives each one's change, result and log."""

import json
from datetime import date
from pathlib import Path

import pytest

from facelib.files.paths import data_dir, data_file
from facelib.networks.catalogue import NETWORKS

TRIES = json.loads(data_file("tries", "tries.json").read_text("utf-8"))["tries"]
KINDS = {
    "name": str,
    "network": str,
    "change": str,
    "size_px": int,
    "samples": int,
    "seeds": int,
    "error_mm": float,
    "compared_with": str | None,
    "date": str,
    "pairs_format": int,
    "record": str,
}
each = pytest.mark.parametrize("entry", TRIES, ids=lambda entry: entry["name"])


@each
def test_every_try_tells_all(entry: dict) -> None:
    assert entry.keys() == KINDS.keys()
    assert all(isinstance(entry[key], kind) for key, kind in KINDS.items())
    assert entry["network"] in NETWORKS and entry["error_mm"] > 0
    date.fromisoformat(entry["date"])


@each
def test_what_a_try_is_compared_with_is_another_try_of_its_network(entry: dict) -> None:
    if entry["compared_with"] is not None:
        (base,) = (other for other in TRIES if other["name"] == entry["compared_with"])
        assert base is not entry and base["network"] == entry["network"]


@each
def test_a_log_that_is_named_is_there(entry: dict) -> None:
    kind, _, where = entry["record"].partition(": ")
    if kind == "log":
        assert Path(data_dir(), where.split()[0]).is_file()


def test_names_are_unique() -> None:
    assert len({entry["name"] for entry in TRIES}) == len(TRIES)
