"""The command line: `python -m facelib reconstruct FRONT SIDE -o face.obj`.

Every command has a file of its own in `facelib/cli`. Heavy modules are imported inside the
commands, so that `--help` answers at once.
"""

from __future__ import annotations

import click

from facelib.cli.common import EXIT_CODES
from facelib.cli.consistency import consistency
from facelib.cli.data import data
from facelib.cli.evaluate import evaluate
from facelib.cli.export import export
from facelib.cli.facegen import facegen_poses, import_facegen
from facelib.cli.generate import generate
from facelib.cli.reconstruct import reconstruct
from facelib.cli.runs import runs
from facelib.cli.standin import standin
from facelib.cli.train import train
from facelib.cli.w300lp import w300lp


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facelib", message="%(prog)s %(version)s")
def main() -> None:
    """Turn two photos of a face, front and side, into a textured 3D mesh."""


for command in (
    reconstruct,
    generate,
    train,
    runs,
    evaluate,
    consistency,
    export,
    data,
    standin,
    w300lp,
    import_facegen,
    facegen_poses,
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="facelib")
