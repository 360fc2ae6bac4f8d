"""`facelib pairs`: folders of pairs, each from another source of faces."""

from __future__ import annotations

import click

from facelib.cli.common import EXIT_CODES
from facelib.cli.groups import LazyGroup

SUMMARIES = {
    "synthetic": "Photograph synthetic people.",
    "facegen": "Read a FaceGen export.",
    "300w-lp": "Read a copy of 300W-LP.",
    "facegen-poses": "Draw poses for FaceGen's renderer.",
}


@click.group(cls=LazyGroup, summaries=SUMMARIES, inside="pairs", epilog=EXIT_CODES)
def pairs() -> None:
    """Make folders of pairs: two photos of a face and its vertices, to train a network on."""
