"""`facelib export`: a network as an ONNX file."""

from __future__ import annotations

from pathlib import Path

import click

from facelib.cli.common import (
    BAD_DATA,
    EXIT_CODES,
    PATH,
    UNKNOWN_ENDING,
    Failure,
    check_writable,
    writing,
)


@click.command(epilog=EXIT_CODES)
@click.option(
    "--weights",
    type=PATH,
    metavar="FILE.safetensors",
    help="Weights to export.  [default: the shipped dense]",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=PATH,
    metavar="FILE.onnx",
    help="Where to write the network.",
)
def export(weights: Path | None, output: Path) -> None:
    """Write a network as ONNX, for programs without facelib or torch.

    \b
    dense, the default network, finds points in one photo; the fit of a head to
    them is not part of the file.
    Input:   photos, square crops around the face, (batch, 3, size, size)
             float32 RGB in 0..1.
    Outputs: places, (batch, points, 2) float32: x right, y down in pixels from
             the centre of the crop's first pixel; precision_root, (batch,
             points, 3), of the places' covariances; visibility, (batch, points).

    \b
    The other networks predict position maps.
    Inputs:  front, and side where the network uses one: square crops as above.
             `compact` also takes a side of (0, 3, size, size): no side photo.
    Output:  position_map, (batch, 3, size, size) float32: x, y, z in pixels of
             the front crop, x and y as above, z toward the camera.

    The file's metadata hold these descriptions, the network's name and size, the card of its
    weights and their SHA-256. If the file has the weights' name and is in their folder,
    `reconstruct` runs it in ONNX Runtime instead of torch, as long as the SHA-256 matches.
    """
    from facelib.networks.loading import ONNX, default_weights

    if output.suffix.lower() != ONNX:
        raise Failure(f"{output} must end in {ONNX}", UNKNOWN_ENDING)
    check_writable(output)
    from facelib.networks.onnx_export import export_model, write_model

    try:
        model = export_model(weights or default_weights())
    except (ValueError, OSError) as error:
        raise Failure(f"cannot load the network: {error}", BAD_DATA) from error
    with writing(output):
        write_model(output, model)
    click.echo(f"wrote {output}")
