"""Where compiled kernels are kept.

Numba keeps them beside the source, or else in the user's home, and refuses to work without either:
in a read-only installation, for a user without a home.
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
    home, caches = _home(), _caches()
    writable = any(os.access(folder, os.W_OK) for folder in (caches / "numba", caches, home))
    if VARIABLE not in os.environ and not writable:
        folder = tempfile.TemporaryDirectory(prefix=TEMPORARY)
        atexit.register(folder.cleanup)
        os.environ[VARIABLE] = folder.name


def kernel_folder(source: Path) -> Path:
    """Return the folder for kernels of a source file that numba does not keep itself.

    They are near those that numba keeps: in the folder that is named, in `__pycache__`, or at home.
    """
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE]) / "facelib"
    beside = source.with_name("__pycache__")
    if os.access(beside if beside.exists() else source.parent, os.W_OK):
        return beside
    return _caches() / "numba" / "facelib"


def _home() -> Path:
    return Path(os.path.expanduser("~"))


def _caches() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", _home() / ".cache"))
