"""The make rules for the dependencies of a chapter."""

import importlib.util
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def used_files(tmp_path: Path, *code: str) -> list[str]:
    spec = importlib.util.spec_from_file_location("dependencies", ROOT / "book" / "dependencies.py")
    dependencies = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dependencies)
    notebook = tmp_path / "chapter.ipynb"
    cells = [{"cell_type": "code", "source": [line]} for line in code]
    notebook.write_text(json.dumps({"cells": cells}))
    return dependencies.used_files(notebook)


def test_imports_are_followed_to_modules_and_what_these_read(tmp_path):
    used = used_files(tmp_path, "from facelib.evaluation import pairs")
    assert {"facelib/evaluation/pairs.py", "facelib/face/layout.py", "data/head/layout.npz"} <= set(
        used
    )
    assert "facelib/training/loop.py" not in used


def test_a_file_that_a_chapter_reads_counts_if_it_ships(tmp_path):
    code = 'data_file("head", "head.npz"), data_file("head", "no.npz")'
    assert used_files(tmp_path, code) == ["data/head/head.npz"]


def test_a_record_beside_the_package_counts(tmp_path):
    code = 'IN_CLONE.parent.joinpath("experiments", "sweep.yaml")'
    assert used_files(tmp_path, code) == ["experiments/sweep.yaml"]


def test_many_files_count_with_their_folder_which_tells_of_new_ones(tmp_path):
    used = used_files(tmp_path, 'data_files("head", "*.npz")')
    files = sorted((ROOT / "data" / "head").glob("*.npz"))
    assert len(files) > 2
    assert used == ["data/head", *(path.relative_to(ROOT).as_posix() for path in files)]
