"""`facelib evaluate`: how good a network is on faces that it has not seen."""

from __future__ import annotations

import time
from pathlib import Path

import click

from facelib.cli.common import EXIT_CODES
from facelib.cli.groups import LazyGroup

SUMMARIES = {
    "pairs": "On held-out pairs.",
    "scans": "On the scans of MICC Florence.",
    "photos": "On the photos of AFLW2000-3D.",
}


@click.group(cls=LazyGroup, summaries=SUMMARIES, inside="evaluate", epilog=EXIT_CODES)
def evaluate() -> None:
    """Score a network on faces that it has not seen, with the mean face as the baseline."""


def limit_option(what: str):
    """Return the option that limits how much is evaluated."""
    return click.option(
        "--limit", type=click.IntRange(1), help=f"Score only the first LIMIT {what}."
    )


def how_it_was_made(words: list[str], weights: Path, network, started: float) -> dict:
    """Describe an evaluation: command, date, duration, weights.

    Args:
        words: the command's words after `facelib evaluate`; folders by name, without their path.
        weights: the weights file.
        network: the network loaded from it.
        started: `time.monotonic()` at the beginning.
    """
    from facelib.files.atomic import sha256

    return {
        "command": " ".join(["facelib evaluate", *words]),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(time.monotonic() - started, 1),
        "weights": {"file": weights.name, "sha256": sha256(weights), "size": network.size},
    }
