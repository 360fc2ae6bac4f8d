"""Options that are made from dataclasses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click
import pytest
from click.testing import CliRunner

from facelib.cli.options import dataclass_options, typed


@dataclass(frozen=True)
class Photo:
    size: int = field(default=256, metadata={"help": "Side of the photo, px.", "minimum": 16})
    zoom: float = field(default=1.5, metadata={"help": "Zoom.", "above": 0, "maximum": 9})
    blend: float = field(default=0.5, metadata={"help": "Blend.", "minimum": 0, "below": 1})
    poses: str = field(default="wide", metadata={"help": "Poses.", "choices": ("wide", "thesis")})
    light: Literal["sun", "lamp"] = field(default="sun", metadata={"help": "Light."})
    folder: Path | None = field(default=None, metadata={"help": "Folder."})
    noisy: bool = field(default=False, metadata={"help": "Add noise.", "option": "--noise"})
    internal: int = 3


@dataclass(frozen=True)
class Person:
    seed: int | None = field(default=None, metadata={"help": "Seed."})


@dataclass(frozen=True)
class Plan:
    count: int = field(metadata={"help": "How many.", "minimum": 1})


def run(*words, **options):
    """Call a command with some words; return the values that it received, and its output."""
    got = {}

    @click.command()
    @dataclass_options(Photo, Person, **options)
    def command(**values):
        got.update(values)

    result = CliRunner().invoke(command, [str(word) for word in words])
    return got, result


def test_what_is_typed_makes_the_dataclasses():
    got, result = run("--size", 64, "--folder", "here", "--noise", "--light", "lamp", "--seed", 7)
    assert result.exit_code == 0, result.output
    photo = Photo(**typed(Photo, got))
    assert photo == Photo(size=64, folder=Path("here"), noisy=True, light="lamp")
    assert Person(**typed(Person, got)) == Person(seed=7)


def test_what_is_not_typed_is_left_to_the_dataclass():
    got, _ = run("--no-noise")
    assert typed(Photo, got) == {"noisy": False}
    assert typed(Person, got) == {}


def test_help_has_each_fields_sentence_and_default():
    _, result = run("--help")
    text = " ".join(result.output.split())
    assert "--size INTEGER RANGE Side of the photo, px. [default: 256] [x>=16]" in text
    assert "--poses [wide|thesis] Poses. [default: wide]" in text
    assert "--noise / --no-noise Add noise. --seed" in text
    assert "internal" not in text


@pytest.mark.parametrize(
    "words",
    [
        ["--size", 8],
        ["--zoom", 0],
        ["--zoom", 10],
        ["--blend", 1],
        ["--poses", "any"],
        ["--light", "moon"],
        ["--seed", "x"],
    ],
)
def test_values_that_the_fields_do_not_allow_are_refused(words):
    _, result = run(*words)
    assert result.exit_code == 2
    assert words[0] in result.output


def test_a_field_can_be_left_out():
    _, result = run("--zoom", 2, skip=("zoom",))
    assert result.exit_code == 2 and "No such option" in result.output


def test_two_fields_of_one_name_are_refused():
    with pytest.raises(ValueError, match="got seed twice"):
        dataclass_options(Person, Person)


def test_a_field_without_a_default_must_be_typed():
    command = click.command()(dataclass_options(Plan)(lambda count: click.echo(count)))
    assert CliRunner().invoke(command, ["--count", "3"]).output == "3\n"
    missing = CliRunner().invoke(command, [])
    assert missing.exit_code == 2 and "Missing option '--count'" in missing.output


def test_a_field_of_two_numbers_takes_two_words():
    @dataclass(frozen=True)
    class Range:
        scale: tuple[float, float] = field(default=(0.5, 2.0), metadata={"help": "Scale."})

    command = click.command()(dataclass_options(Range)(lambda scale: click.echo(scale)))
    assert CliRunner().invoke(command, ["--scale", "1", "3"]).output == "(1.0, 3.0)\n"
    assert "[default: 0.5 2.0]" in CliRunner().invoke(command, ["--help"]).output
