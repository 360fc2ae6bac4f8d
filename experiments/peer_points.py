"""Let MediaPipe's face mesh and dlib's predictor find their points in photos.

    python -m venv peers
    peers/bin/pip install mediapipe==0.10.21 dlib-bin==20.0.1.post1 face_recognition_models==0.3.0
    peers/bin/python experiments/peer_points.py PHOTOS POINTS.npz

`measure_peers.py` calls it. It runs in an environment of its own, because MediaPipe 0.10.21, the
last version whose package has the mesh's weights inside, asks for another NumPy than facelib; so it
imports nothing of facelib. The file has (N, 68, 2) px for dlib and (N, 468, 3) px for MediaPipe, of
the photos in order of their names, NaN where no face was found, and MediaPipe's triangles.
"""

import json
import sys
from collections import Counter
from importlib.metadata import version
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

import dlib
import numpy as np
from mediapipe.python.solutions.face_mesh import FaceMesh
from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION
from PIL import Image

N_DLIB, N_MESH = 68, 468
PREDICTOR = "models/shape_predictor_68_face_landmarks.dat"
PACKAGES = ("mediapipe", "dlib-bin", "face_recognition_models")
BORDER = 0.35  # of the side: detectors expect more room than a crop for training leaves


def dlib_points(photo: np.ndarray, detector, predictor) -> np.ndarray:
    """Return (68, 2) px in an (H, W, 3) uint8 photo; NaN where the detector finds no face."""
    found = detector(photo, 1)
    if not found:
        return np.full((N_DLIB, 2), np.nan)
    shape = predictor(photo, max(found, key=lambda box: box.area()))
    return np.array([(shape.part(i).x, shape.part(i).y) for i in range(N_DLIB)], float)


def mesh_points(photo: np.ndarray, mesh: FaceMesh) -> np.ndarray:
    """Return (468, 3) px in an (S, S, 3) uint8 photo, z toward the camera; NaN without a face."""
    found = mesh.process(photo).multi_face_landmarks
    if not found:
        return np.full((N_MESH, 3), np.nan)
    points = np.array([(p.x, p.y, -p.z) for p in found[0].landmark[:N_MESH]])
    return points * len(photo) - [0.5, 0.5, 0]


def triangles() -> np.ndarray:
    """Return the mesh's (T, 3) triangles, which the package knows by their edges alone."""
    beside = {}
    for start, end in FACEMESH_TESSELATION:
        beside.setdefault(start, set()).add(end)
        beside.setdefault(end, set()).add(start)
    rings = {frozenset((a, b, c)) for a, b in FACEMESH_TESSELATION for c in beside[a] & beside[b]}
    uses = Counter(frozenset(edge) for ring in rings for edge in combinations(ring, 2))
    # A ring around other triangles is none itself: each of its edges has two beside it.
    real = [r for r in rings if min(uses[frozenset(e)] for e in combinations(r, 2)) < 3]
    return np.array(sorted(sorted(ring) for ring in real))


def main(photos: Path, result: Path) -> None:
    """Find the points in all PNG files of a folder."""
    predictor_file = Path(find_spec("face_recognition_models").origin).parent / PREDICTOR
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_file))
    by_dlib, by_mesh = [], []
    with FaceMesh(static_image_mode=True, min_detection_confidence=0.1) as mesh:
        for path in sorted(photos.glob("*.png")):
            photo = np.array(Image.open(path))
            border = round(BORDER * len(photo))
            photo = np.pad(photo, ((border, border), (border, border), (0, 0)), "edge")
            by_dlib.append(dlib_points(photo, detector, predictor) - border)
            by_mesh.append(mesh_points(photo, mesh) - [border, border, 0])
    np.savez(
        result,
        dlib=np.array(by_dlib),
        mediapipe=np.array(by_mesh),
        triangles=triangles(),
        versions=json.dumps({name: version(name) for name in PACKAGES}),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
