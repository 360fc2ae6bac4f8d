"""`facelib pairs`: make folders of pairs, one command per source of faces."""

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
    """Make folders of training pairs. A pair is two photos of a face and the face's vertices."""
