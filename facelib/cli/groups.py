"""Command groups that import a command only when it is called, which keeps `--help` fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from facelib.cli.common import BAD_DATA, NOT_INSTALLED, Failure, comes_from_ctrl_c
from facelib.files.paths import ChangedFileError, MissingFileError

# Optional packages that commands import, and the extra that installs each (see pyproject.toml).
EXTRA_OF_PACKAGE = {"distributed": "cluster"} | dict.fromkeys(
    ("torch", "accelerate", "safetensors", "onnxscript", "matplotlib", "tqdm")
    + ("skimage", "defusedxml", "yaml"),
    "train",
)


class LazyGroup(click.Group):
    """A group whose commands are each in a module of their own.

    The command `facelib pairs 300w-lp` is `pairs_300w_lp` in `facelib.cli.pairs_300w_lp`. A module
    is imported when its command, or the help of its command, is called.
    """

    def __init__(self, *arguments, summaries: Mapping[str, str], inside: str = "", **settings):
        """Store one line of help per command.

        Args:
            arguments: of `click.Group`.
            summaries: command name to its line of help, in the order of the listing.
            inside: the group's own name; empty for the program itself.
            settings: of `click.Group`.
        """
        super().__init__(*arguments, **settings)
        self.summaries, self.inside = summaries, inside

    def list_commands(self, context: click.Context) -> list[str]:
        """Name the commands."""
        return list(self.summaries)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in self.summaries:
            return None
        module = f"{self.inside} {name}".strip().replace(" ", "_").replace("-", "_")
        return getattr(import_module(f"facelib.cli.{module}"), module)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def invoke(self, context: click.Context) -> object:
        """Run a command; a package or a shipped file that is not as needed is one sentence."""
        try:
            return super().invoke(context)
        except (ChangedFileError, MissingFileError) as error:
            raise Failure(str(error), BAD_DATA) from error
        except ImportError as error:
            if comes_from_ctrl_c(error):
                raise click.Abort from error
            package = (error.name or "").partition(".")[0]
            if package not in EXTRA_OF_PACKAGE or not isinstance(error, ModuleNotFoundError):
                raise
            extra = EXTRA_OF_PACKAGE[package]
            message = (
                f"this needs {package}, which is not installed: pip install 'facelib[{extra}]'"
            )
            raise Failure(message, NOT_INSTALLED) from error
