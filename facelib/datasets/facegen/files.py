"""Files of a FaceGen export as arrays: meshes in their own vertex order, photos, keypoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from facelib.files.matfiles import read_struct
from facelib.files.reading import in_a_line, read_text, regular_file
from facelib.imaging.opening import decode_image

MAX_OBJ_BYTES = 400_000_000
MAX_KEYPOINT_BYTES = 2**20
MAX_MODEL_BYTES = 2**31  # of BFM.mat
MAX_VERTICES = 2**31  # of a mesh
MAX_PIXELS = 64_000_000  # of a rendering; the thesis's have 512 x 512


def read_keypoint_indices(path: Path) -> np.ndarray:
    """Read which vertices are the 68 keypoints: (68,) int, from 0.

    Args:
        path: a text file of 68 numbers from 0, or face3d's BFM.mat (which counts from 1).

    Raises:
        ValueError: if the file holds anything else.
    """
    try:
        if path.suffix.lower() == ".mat":
            fields = read_struct(path, "model", {"kpt_ind": (1, 68)}, MAX_MODEL_BYTES)
            numbers = np.float64(fields["kpt_ind"]).ravel() - 1
        else:
            words = read_text(path, "68 vertex numbers", MAX_KEYPOINT_BYTES).split()
            numbers = np.array([_vertex_number(word) for word in words], dtype=np.float64)
    except OSError as error:
        reason = error.strerror or in_a_line(error)
        raise ValueError(f"{path} cannot be read: {reason}") from error
    whole = (numbers == np.floor(numbers)) & (numbers >= 0) & (numbers < MAX_VERTICES)
    if numbers.shape != (68,) or not whole.all():
        raise ValueError(
            f"expected 68 vertex numbers from 0 in {path}, got {int(whole.sum())} of them among "
            f"{numbers.size} words"
        )
    return numbers.astype(int)


def _vertex_number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return np.nan


def read_obj_vertices(path: Path) -> np.ndarray:
    """Read an OBJ's vertices in the file's order: (N, 3) float64.

    Unlike `read_mesh`, which splits vertices at texture seams, this keeps the order: it is the
    meshes' layout.

    Raises:
        ValueError: if the file is missing or holds no vertices.
    """
    lines = [line.split()[1:4] for line in _obj_lines(path, "v ")]
    try:
        vertices = np.array(lines, dtype=np.float64).reshape(-1, 3)
    except ValueError as error:
        raise ValueError(f"{path} holds a vertex that is not three numbers") from error
    if len(vertices) == 0 or not np.isfinite(vertices).all():
        raise ValueError(f"expected finite vertices in {path}, got {len(vertices)}")
    return vertices


def read_obj_triangles(path: Path) -> np.ndarray:
    """Read an OBJ's faces, cut into triangles: (M, 3) int, from 0.

    Raises:
        ValueError: if the file is missing or holds no faces.
    """
    triangles = []
    try:
        for line in _obj_lines(path, "f "):
            corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
            triangles += [
                (corners[0], b, c) for b, c in zip(corners[1:], corners[2:], strict=False)
            ]
    except ValueError as error:
        raise ValueError(f"{path} holds a face without vertex numbers") from error
    if not triangles or min(map(min, triangles)) < 0:
        raise ValueError(f"expected faces that count from 1 in {path}, got {len(triangles)}")
    if max(map(max, triangles)) >= MAX_VERTICES:
        raise ValueError(f"{path} holds a face of vertices that no mesh has")
    return np.array(triangles)


def read_rgba(path: Path) -> np.ndarray:
    """Read a photo with its alpha, 1 if it has none: (H, W, 4) float32 in 0..1.

    Raises:
        ValueError: if the file is missing, damaged, not an image, or too large for a rendering.
    """
    try:
        return decode_image(path, _to_rgba, MAX_PIXELS)
    except FileNotFoundError as error:
        raise ValueError(f"expected the file {path}, found none") from error


def _to_rgba(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255.0


def _obj_lines(path: Path, start: str) -> list[str]:
    try:
        content = regular_file(path, "an OBJ", MAX_OBJ_BYTES).read_bytes()
        text = content.decode(encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise ValueError(f"expected the file {path}, found none") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    return [line for line in text.splitlines() if line.startswith(start)]
