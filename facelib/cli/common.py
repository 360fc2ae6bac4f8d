"""Shared by all commands: exit codes, error messages, reading photos, loading networks, writing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

import click

from facelib.files.atomic import remove_unfinished

NO_SUCH_FILE, NOT_AN_IMAGE, NO_FACE, UNWRITABLE, UNKNOWN_ENDING, BAD_DATA = 3, 4, 5, 6, 7, 8
NOT_INSTALLED, SOME_FAILED = 9, 10

EXIT_CODES = """
\b
Exit codes:
  0  done
  1  interrupted, or a fault of this program
  2  wrong usage
  3  a file does not exist or cannot be read
  4  a file is not an image
  5  no face was found in a photo
  6  an output cannot be written
  7  the output's format is not supported
  8  weights or a data set are missing or invalid
  9  a package that the command needs is not installed
  10 some pairs of a folder failed

A signal that comes while Python itself starts or ends gives the shell's number
for it: 130 after Ctrl-C, 143 after `kill`, 137 after `kill -9`.
"""

PATH = click.Path(path_type=Path)


class Failure(click.ClickException):
    """An error that the user can fix: one sentence and its own exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Store the message, joined to one line, and the code."""
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def weights_option(command: Callable) -> Callable:
    """Add the option `--weights` to a command."""
    words = "Weights to use, .safetensors or .onnx.  [default: the shipped dense]"
    return click.option("--weights", type=PATH, metavar="FILE", help=words)(command)


def json_option(what: str) -> Callable:
    """Return the option that also writes a command's results to a JSON file."""
    words = f"Also write {what} to FILE."
    return click.option("--json", "json_file", type=PATH, metavar="FILE", help=words)


def verify_option(command: Callable) -> Callable:
    """Add the option `--verify` to a command that reads pairs."""
    words = "Compare the pairs with their checksums first."
    return click.option("--verify", is_flag=True, help=words)(command)


def load_network(weights: Path | None, prefer_onnx: bool = False):
    """Load a network as `facelib.reconstruction.loading` does; fail with one sentence."""
    from facelib.reconstruction.loading import load_predictor

    try:
        return load_predictor(weights, prefer_onnx)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error


def check_photo(path: Path) -> None:
    """Fail if a photo cannot be opened, which takes no time to find out."""
    if not path.exists():
        raise Failure(f"no such file: {path}", NO_SUCH_FILE)
    if path.is_dir():
        raise Failure(f"{path} is a folder, not an image", NOT_AN_IMAGE)
    if not os.access(path, os.R_OK):
        raise Failure(f"cannot read {path}: permission denied", NO_SUCH_FILE)


def read_photo(path: Path):
    """Read a photo; fail with one sentence."""
    from facelib.imaging import imagefiles

    check_photo(path)
    try:
        return imagefiles.read_photo(path)
    except (ValueError, OSError) as error:
        raise Failure(str(error), NOT_AN_IMAGE) from error


def check_writable(path: Path | None) -> None:
    """Fail before the work starts if its output could not be written.

    What a killed program left of the same output is removed.
    """
    if path is None:
        return
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass
        remove_unfinished(path.parent, escape(path.name))


def write_json(path: Path, value: object) -> None:
    """Write plain values as JSON, whole or not at all."""
    import json

    from facelib.files.atomic import replacing

    with writing(path), replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


def in_words(error: Exception) -> str:
    """Return an error's sentence; of the system's errors, the file and the reason."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def comes_from_ctrl_c(error: BaseException | None) -> bool:
    """Whether Ctrl-C interrupted the start of a compiled module, which then seems not to work."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).removeprefix(f"cannot write {path}: ")
        raise Failure(f"cannot write {path}: {reason}", UNWRITABLE) from error
