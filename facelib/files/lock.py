"""A folder that one program at a time writes to.

The operating system holds the lock, and drops it when the program ends, however it ends. It works
on local disks and on network file systems that pass locks on (NFS version 4 does). Elsewhere
`locked` raises OSError. The package filelock does the same, but does not say who holds a lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from facelib.files.atomic import naming
from facelib.files.command import typed_command

LOCK = ".lock"  # in the folder; it says who holds the lock, and is removed at the end


class FolderInUseError(OSError):
    """Another program writes to the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other programs out of a folder while the block runs.

    Only the program that calls this holds the lock. Its helpers, such as joblib's processes and
    the workers of a cluster, write to the folder on its behalf.

    Args:
        folder: created if missing, and removed again if nothing was written to it.

    Raises:
        FolderInUseError: if another program, or another call in this one, holds the lock.
        OSError: if the folder cannot be written to, was removed inside the block, or is on a file
            system without locks.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    with _locked_file(path) as file:
        try:
            with naming(path):
                file.truncate(0)  # what a killed program left
                file.write(json.dumps(_this_program()).encode() + b"\n")
            yield
        except FileNotFoundError as error:
            if not folder.is_dir():
                raise OSError(f"{folder} was removed while this program wrote to it") from error
            raise
        finally:
            path.unlink(missing_ok=True)
            if is_new and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _locked_file(path: Path) -> IO[bytes]:
    """Open and lock the file; again if its holder removed it between the two."""
    while True:
        file = path.open("a+b", buffering=0)
        try:
            with naming(path):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except FileNotFoundError:
            pass
        except BlockingIOError as error:
            with file:
                raise FolderInUseError(_in_words(path.parent, file)) from error
        except OSError:
            file.close()
            raise
        file.close()


def _this_program() -> dict[str, str | int]:
    return {
        "command": typed_command(),
        "process": os.getpid(),
        "host": platform.node(),
        "since": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


def _in_words(folder: Path, file: IO[bytes]) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read())
        who = "`{command}` (process {process} on {host}, since {since})".format(**holder)
    except (ValueError, KeyError, TypeError):  # it has only just begun
        who = "another program"
    return f"{folder} is in use by {who}: wait until it ends, or choose another folder"
