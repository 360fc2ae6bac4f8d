"""The command line: `facelib reconstruct FRONT SIDE -o face.obj`.

Every command has a file of its own in `facelib/cli`.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

# While this file loads, Ctrl-C ends the program at once, and not with a traceback of imports.
_on_ctrl_c = signal.getsignal(signal.SIGINT)
if _on_ctrl_c is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import click  # noqa: E402

from facelib.cli.common import EXIT_CODES  # noqa: E402
from facelib.cli.groups import LazyGroup  # noqa: E402
from facelib.cli.interrupt import interrupt  # noqa: E402

SUMMARIES = {
    "reconstruct": "Build a textured 3D head from one or two photos of a face.",
    "pairs": "Make folders of training pairs.",
    "train": "Train a network on a folder of pairs.",
    "runs": "Tabulate training runs and plot their errors.",
    "evaluate": "Score a network on faces that it has not seen.",
    "consistency": "Measure how far a network contradicts itself on photos of people.",
    "export": "Write a network as ONNX, for programs without torch.",
    "data": "List the licensed data sets, and which of them are present.",
    "standin": "Write a stand-in for a licensed data set.",
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    """Print version and git revision, and exit."""
    if not wanted or context.resilient_parsing:
        return
    from facelib import __version__
    from facelib.files.revision import UNKNOWN, revision

    code = revision()
    click.echo(f"facelib {__version__}" + (f", revision {code}" if code != UNKNOWN else ""))
    context.exit()


@click.group(
    cls=LazyGroup,
    summaries=SUMMARIES,
    epilog=EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version, and in a clone the git revision.",
)
def main() -> None:
    """Turn two photos of a face, front and side, into a textured 3D head."""
    # `kill` stops a command as Ctrl-C does: with its processes, and without unfinished files.
    signal.signal(signal.SIGTERM, interrupt)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)


def run() -> NoReturn:
    """Run the command line, and end the program: what `facelib` and `python -m facelib` call."""
    try:
        main(prog_name="facelib")
    except SystemExit as end:
        # A signal that comes while Python tidies up does not make a finished command a failed one.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL if end.code else signal.SIG_IGN)
        if end.code:
            from facelib.files.threads import are_abandoned_threads_busy

            if are_abandoned_threads_busy():  # Python would wait for them
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(end.code)
        raise


if _on_ctrl_c is signal.default_int_handler:
    signal.signal(signal.SIGINT, _on_ctrl_c)
if __name__ == "__main__":
    run()
