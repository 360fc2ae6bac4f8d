"""Two photos of a face, one from the front and one from the side, become a textured 3D mesh."""

import os
import sys
import warnings

__version__ = "0.1.0"

# ONNX Runtime phones home from its import on, unless it finds this variable: see files/onnx.py.
if "onnxruntime" in sys.modules and not os.environ.get("ORT_DISABLE_TELEMETRY"):
    warnings.warn(
        "onnxruntime was imported before facelib, with its telemetry on: "
        "import facelib first, or set ORT_DISABLE_TELEMETRY=1",
        stacklevel=2,
    )
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
