"""The registry: every dataset, its files that are present, and its stand-in."""

import pytest
from click.testing import CliRunner

from facelib.__main__ import main
from facelib.datasets import registry as datasets
from facelib.files.paths import data_dir


def test_registry_names_each_dataset_once_with_all_that_is_promised():
    for field in ("name", "folder"):
        values = [getattr(dataset, field) for dataset in datasets.DATASETS]
        assert len(set(values)) == len(values)
    for dataset in datasets.DATASETS:
        assert dataset.purpose and dataset.licence and dataset.ask and dataset.expected


def test_presence_counts_what_is_there(tmp_path):
    florence = datasets.find_dataset("florence")
    assert not datasets.presence(florence, tmp_path).present
    place = tmp_path / "florence" / "subject_01" / "Model" / "frontal1" / "obj"
    place.mkdir(parents=True)
    (place / "1.obj").touch()
    (place / "1.mtl").touch()
    assert datasets.presence(florence, tmp_path) == datasets.Presence((1,), False)
    datasets.mark_stand_in(tmp_path / "florence", florence, "a test")
    assert datasets.presence(florence, tmp_path) == datasets.Presence((1,), True)


def test_raw_files_of_the_basel_model_count_as_the_model(tmp_path):
    bfm = datasets.find_dataset("BFM")
    (tmp_path / "BFM" / "raw").mkdir(parents=True)
    for name in ("01_MorphableModel.mat", "BFM_UV.mat"):
        (tmp_path / "BFM" / "raw" / name).touch()
    assert datasets.presence(bfm, tmp_path).counts == (1, 1)
    (tmp_path / "BFM" / "BFM.mat").touch()
    assert datasets.presence(bfm, tmp_path).counts == (1, 1)


def test_data_prints_the_table_and_calls_a_stand_in_one(tmp_path):
    (tmp_path / "florence").mkdir()
    datasets.mark_stand_in(tmp_path / "florence", datasets.find_dataset("florence"), "a test")
    result = CliRunner().invoke(main, ["data", "--root", str(tmp_path)])
    assert result.exit_code == 0, result.output
    rows = {line.split(" | ")[0].strip("| "): line for line in result.output.splitlines()}
    for dataset in datasets.DATASETS:
        assert dataset.ask in rows[dataset.name] and dataset.licence in rows[dataset.name]
    assert "STAND-IN: 0 of 53 frontal scans" in rows["MICC Florence"]
    assert "STAND-IN" not in rows["300W-LP"]


def test_every_stand_in_that_the_registry_offers_is_a_command():
    offered = {dataset.stand_in for dataset in datasets.DATASETS} - {None}
    result = CliRunner().invoke(main, ["standin", "--help"])
    for name in offered:
        assert f"\n  {name} " in result.output


def test_cards_say_what_the_registry_says():
    cards = (data_dir() / "README.md").read_text(encoding="utf-8")
    for dataset in datasets.DATASETS:
        _, _, card = cards.partition(f"### {dataset.name} (`{dataset.folder}/`)")
        card = " ".join(card.split("###")[0].split())
        for words in (dataset.purpose, dataset.licence, dataset.ask):
            assert words.lower() in card.lower(), dataset.name
        assert (f"standin {dataset.stand_in}" in card) == (dataset.stand_in is not None)


def test_missing_dataset_is_one_sentence_with_the_command(tmp_path):
    sentence = datasets.missing_sentence(datasets.find_dataset("florence"), tmp_path)
    assert "micc.unifi.it" in sentence and "\n" not in sentence
    assert f"facelib standin florence {tmp_path}" in sentence
    textures = datasets.missing_sentence(datasets.find_dataset("dtd"), tmp_path)
    assert "standin" not in textures
    with pytest.raises(ValueError, match="florence"):
        datasets.find_dataset("nowhere")
