"""What the commands share: exit codes, failures in a sentence, photos, network, safe writing."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

NO_SUCH_FILE, NOT_AN_IMAGE, NO_FACE, UNWRITABLE, UNKNOWN_ENDING, BAD_DATA = 3, 4, 5, 6, 7, 8

DEFAULT_NETWORK = "compact"
ONNX = ".onnx"

EXIT_CODES = """
\b
Exit codes:
  0  done
  1  interrupted, or a fault of this program
  2  the command was typed wrongly
  3  a file does not exist or cannot be read
  4  a file is not an image
  5  no face was found in a photo
  6  an output cannot be written
  7  the output's ending is none that can be written
  8  weights or data set are missing, or are not what they should be
"""


class Failure(click.ClickException):
    """An error that the user can mend: one sentence and an exit code of its own."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Keep the message, on one line, and the code."""
        super().__init__(" ".join(message.split()))
        self.exit_code = exit_code


def load_network(weights: Path | None, exported: bool = False):
    """Load the named weights, or those of the default network.

    Args:
        weights: a safetensors file, which torch runs, or an ONNX file; None takes those that ship.
        exported: where the same weights lie beside as ONNX, load that, which is quicker.
    """
    try:
        path = weights or shipped_weights()
        if path.suffix.lower() == ONNX:
            return _onnx_network(path)
        beside = path.with_suffix(ONNX)
        if exported and beside.is_file() and find_spec("onnxruntime"):
            from facelib.files.atomic import sha256

            network = _onnx_network(beside)
            if network.weights_sha256 == sha256(path):
                return network
            click.echo(f"{beside} is not of {path}: torch runs the latter", err=True)
        from facelib.networks.weights import load_weights

        return load_weights(path)
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error


def _onnx_network(path: Path):
    from facelib.networks.onnx_network import OnnxNetwork

    return OnnxNetwork(path)


def engine(network) -> str:
    """Name what runs a network."""
    from facelib.networks.onnx_network import OnnxNetwork

    return "ONNX Runtime" if isinstance(network, OnnxNetwork) else "torch"


def shipped_weights() -> Path:
    """Return where the weights of the default network lie, which ship."""
    from facelib.files.paths import data_file

    return data_file("weights", f"{DEFAULT_NETWORK}.safetensors")


def read_photo(path: Path):
    """Read a photo or say in one sentence why that failed."""
    from facelib.imaging.imagefiles import read_image

    if not path.exists():
        raise Failure(f"no such file: {path}", NO_SUCH_FILE)
    if path.is_dir():
        raise Failure(f"{path} is a folder, not an image", NOT_AN_IMAGE)
    if not os.access(path, os.R_OK):
        raise Failure(f"cannot read {path}", NO_SUCH_FILE)
    try:
        return read_image(path)
    except (ValueError, OSError) as error:
        raise Failure(str(error), NOT_AN_IMAGE) from error


def check_writable(path: Path | None) -> None:
    """Find out before the work whether a file can be written at its end."""
    if path is None:
        return
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        with tempfile.TemporaryFile(dir=path.parent):
            pass


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failure to write into one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error).removeprefix(f"cannot write {path}: ")
        raise Failure(f"cannot write {path}: {reason}", UNWRITABLE) from error
