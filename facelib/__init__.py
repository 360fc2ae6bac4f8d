"""Two photos of a face, one from the front and one from the side, become a textured 3D head.

import facelib

facelib.reconstruct("front.jpg", "side.jpg").save("me.glb")
"""

import importlib
import os
import sys
import warnings

__version__ = "0.1.0"

# ONNX Runtime sends telemetry from its import on, unless this variable is set: see files/onnx.py.
if "onnxruntime" in sys.modules and not os.environ.get("ORT_DISABLE_TELEMETRY"):
    warnings.warn(
        "onnxruntime was imported before facelib, with its telemetry on: "
        "import facelib first, or set ORT_DISABLE_TELEMETRY=1",
        stacklevel=2,
    )
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# In a read-only installation, numba keeps compiled kernels in the home, or fails without one.
if not os.access(__path__[0], os.W_OK):
    importlib.import_module("facelib.files.kernel_cache").provide_cache()

# The modules of the package's own names, imported on first use. Every module imports this one, so
# an import statement would load everything for a script that needs one room, and be circular.
_DOORS = {"reconstruct": "facelib.reconstruction.reconstruct"}


def __getattr__(name: str) -> object:
    """Import one of the package's own names when it is first used."""
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_DOORS[name]), name)


def __dir__() -> list[str]:
    """List all names, those not imported yet included."""
    return sorted([*globals(), *_DOORS])
