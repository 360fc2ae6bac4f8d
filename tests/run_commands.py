"""Run facelib commands in one process, and stop if one of them leaves a file in the home.

    python run_commands.py '[["data"], ["reconstruct", "front.jpg", "-o", "me.obj"]]'

One process instead of one for each command: they import the same libraries.
"""

import json
import os
import sys
from pathlib import Path

import click

from facelib.__main__ import main


def run(words: list[str]) -> None:
    try:
        main(words, prog_name="facelib", standalone_mode=False)
    except click.exceptions.Exit as done:
        assert done.exit_code == 0, words
    found = [str(path) for path in Path(os.environ["HOME"]).rglob("*")]
    assert found == [], f"{words} left {found}"


if __name__ == "__main__":
    for command in json.loads(sys.argv[1]):
        run(command)
