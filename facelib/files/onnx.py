"""The only use of ONNX Runtime: one set of options for every session, and no telemetry.

ONNX Runtime 1.32 writes a device id and a store of events below the user's home when it is
imported, and uploads them, unless ORT_DISABLE_TELEMETRY is set before; `facelib/__init__.py` sets
it. `onnxruntime.disable_telemetry_events()` is no substitute: the files are written before it can
be called, and uploads continue after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facelib.files.reading import in_a_line
from facelib.files.threads import usable_cores

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def open_session(model: Path | bytes, threads: int | None = None) -> InferenceSession:
    """Load an ONNX model for the processor.

    Args:
        model: a file, or a file's content.
        threads: number of threads; None: as many as the processors that we may use.

    Raises:
        ValueError: if the file is missing, or ONNX Runtime cannot run it.
    """
    import onnxruntime

    name = "the bytes given" if isinstance(model, bytes) else str(model)
    if not isinstance(model, bytes) and not model.is_file():  # a pipe would be waited for
        raise ValueError(f"expected an ONNX file at {name}, found no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only, and those are raised
    # By default ONNX Runtime pins its threads to cores, even to cores that we may not use.
    options.intra_op_num_threads = threads or usable_cores()
    # Threads that spin while they wait would slow down other work.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = model if isinstance(model, bytes) else str(model)
    try:
        # Otherwise it prints some errors, and tries again with the same.
        return onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=0
        )
    except Exception as error:  # its errors have no common base class
        raise ValueError(f"expected an ONNX file at {name}: {in_a_line(error)}") from error
