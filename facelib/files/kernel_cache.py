"""Where numba keeps compiled kernels if it can keep them nowhere else.

It keeps them beside the source, or else in the user's home, and refuses to work without either: in
a read-only installation, for a user without a home.
"""

import atexit
import os
import tempfile
from pathlib import Path

VARIABLE = "NUMBA_CACHE_DIR"
TEMPORARY = "facelib-kernels-"


def provide_cache() -> None:
    """Name a temporary folder as numba's cache if the home is not writable and none was named.

    It is removed at the end, so each program compiles the kernels anew, but once for all of its
    worker processes, which inherit the variable.
    """
    home = Path(os.path.expanduser("~"))
    caches = Path(os.environ.get("XDG_CACHE_HOME", home / ".cache"))
    writable = any(os.access(folder, os.W_OK) for folder in (caches / "numba", caches, home))
    if VARIABLE not in os.environ and not writable:
        folder = tempfile.TemporaryDirectory(prefix=TEMPORARY)
        atexit.register(folder.cleanup)
        os.environ[VARIABLE] = folder.name
