"""`python -m facelib export`: a network as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    ONNX,
    UNKNOWN_ENDING,
    Failure,
    check_writable,
    shipped_weights,
    writing,
)


@click.command(epilog=EXIT_CODES)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    metavar="FILE.safetensors",
    help="Other weights than those of `compact` that ship.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE.onnx")
def export(weights: Path | None, output: Path) -> None:
    """Write a network as ONNX, for programs without facelib or torch.

    \b
    Inputs:  front, and side where the network looks at one: square cuts around
             the face, (batch, 3, size, size) float32 RGB in 0..1. `compact` also
             takes a side of (0, 3, size, size): there is none.
    Output:  position_map, (batch, 3, size, size) float32: x, y, z in pixels of
             the front cut; x right, y down from the centre of its first pixel,
             z toward the camera.

    The file's metadata say the same, with the network's name, its size, the card of its weights
    and their SHA-256. Beside the weights, under their name, `reconstruct` finds the file and runs
    it in ONNX Runtime instead of torch, as long as the SHA-256 is theirs.
    """
    if output.suffix.lower() != ONNX:
        raise Failure(f"{output} must end in {ONNX}", UNKNOWN_ENDING)
    check_writable(output)
    from facelib.networks.onnx_export import export_model, write_model

    try:
        model = export_model(weights or shipped_weights())
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error
    with writing(output):
        write_model(output, model)
    click.echo(f"wrote {output}")
