"""Every command with wrong words: one sentence, a listed exit code, and no file."""

import re

import click
import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image
from toy_training import random_pairs

from facelib.__main__ import main
from facelib.cli.common import EXIT_CODES
from facelib.pairs.store import write_shards

USAGE, FAULT = 2, 1
FAILURES = {int(code) for code in re.findall(r"(?m)^  (\d+) ", EXIT_CODES)} - {0, FAULT}
RANGES = click.IntRange | click.FloatRange
KINDS = ("missing", "folder", "empty", "binary")

# BAD stands for each kind of what cannot be read in turn.
READING = (
    "reconstruct BAD -o me.glb",
    "reconstruct face.jpg BAD -o me.obj",
    "reconstruct face.jpg -o me.ply --weights BAD",
    "reconstruct --pairs BAD -o out --jobs 1",
    "consistency BAD",
    "consistency --pair face.jpg BAD",
    "consistency face.jpg --weights BAD",
    "pairs facegen BAD out",
    "pairs facegen folder out --keypoints BAD",
    "pairs 300w-lp out --photos BAD --bfm BAD",
    "pairs facegen-poses BAD out --seed 0",
    "train BAD out --quiet",
    "train set out --quiet --network compact --size 64 --init-weights BAD",
    "runs BAD",
    "runs BAD --json rows.json --plot errors.png",
    "evaluate pairs BAD --json record.json",
    "evaluate pairs set --weights BAD",
    "evaluate pairs set --training BAD",
    "evaluate scans BAD --json record.json",
    "evaluate photos BAD",
    "export --weights BAD -o net.onnx",
)
# Folders cannot be made where a file is.
WRITING = (
    "pairs synthetic BAD --count 1 --size 64 --with none --quiet",
    "train set BAD --quiet --network compact --size 64 --max-samples 2",
    "reconstruct --pairs pairs.csv -o BAD --jobs 1",
    "reconstruct face.jpg -o BAD/me.glb",
    "export -o BAD/net.onnx",
    "standin bfm BAD",
    "standin florence BAD --count 1",
    "standin 300w-lp BAD --count 1",
    "standin aflw2000 BAD --count 1",
    "standin facegen BAD --count 1 --size 64",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One of each kind, and the good files that the commands need besides."""
    folder = tmp_path_factory.mktemp("words")
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    (folder / "binary").write_bytes(bytes(range(256)) * 16)
    Image.fromarray(skimage.data.astronaut()[:256, 100:356]).save(folder / "face.jpg")
    (folder / "pairs.csv").write_text("name,front,side\nme,face.jpg,\n")
    write_shards(random_pairs(3), folder / "set", {})
    return folder


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_one_sentence(folder, words, kind, monkeypatch):
    monkeypatch.chdir(folder)
    before = contents(folder)
    done = CliRunner().invoke(main, [word.replace("BAD", kind) for word in words.split()])
    assert done.exit_code in FAILURES, (done.output, done.exception)
    usage = ("Usage: ", "Try ", "compil")  # click's two lines, and those of numba's kernels
    said = [each for each in done.stderr.splitlines() if each and not each.startswith(usage)]
    assert len(said) == 1 and said[0].startswith("Error: ") and len(said[0]) > 20, said
    assert contents(folder) == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("words", READING)
def test_what_cannot_be_read_is_said_in_a_sentence(folder, words, kind, monkeypatch):
    assert_one_sentence(folder, words, kind, monkeypatch)


@pytest.mark.parametrize("words", WRITING)
def test_a_file_in_the_place_of_a_folder_is_said_in_a_sentence(folder, words, monkeypatch):
    assert_one_sentence(folder, words, "binary", monkeypatch)


def commands(command, words=()):
    """Yield every command with its words."""
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*words, name))


OPTIONS = [
    pytest.param(words, option, id=" ".join((*words, option.opts[0])))
    for words, command in commands(main)
    for option in command.params
    if isinstance(option, click.Option)
]


def wrong_values(kind):
    """Words that no option of this type takes."""
    if isinstance(kind, click.Choice):
        return ["nonsense"]
    if isinstance(kind, click.Tuple):
        return wrong_values(kind.types[0])
    if isinstance(kind, RANGES):
        return ["x", "nan", "inf", *([] if kind.min is None else [str(kind.min - 1)])]
    return ["x"] if kind in (click.INT, click.FLOAT) else []


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_a_wrong_value_is_refused_with_the_name_of_its_option(words, option):
    for value in wrong_values(option.type):
        done = CliRunner().invoke(main, [*words, option.opts[0], *[value] * option.nargs])
        assert done.exit_code == USAGE and option.opts[0] in done.stderr, (value, done.output)


def test_every_number_has_a_least_value():
    for words, command in commands(main):
        for option in command.params:
            kinds = option.type.types if isinstance(option.type, click.Tuple) else [option.type]
            if not option.name.endswith("_box"):  # checked against the photo
                assert click.INT not in kinds and click.FLOAT not in kinds, (words, option.opts)
                least = [kind.min for kind in kinds if isinstance(kind, RANGES)]
                assert None not in least, (words, option.opts)
