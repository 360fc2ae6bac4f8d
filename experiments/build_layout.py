"""Unwrap the shipped head's face and write data/head/layout.npz, after build_head.py.

`facelib.face.unwrap` cuts and flattens; this script adds the keypoints, the names of regions and
the reference faces.

    python experiments/build_layout.py data/head/layout.npz
"""

import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from facelib.face.headmodel import MorphableModel, load_head
from facelib.face.layout import UVLayout, save_layout
from facelib.face.unwrap import EYE_FROM_MM, Patch, unwrap
from facelib.geometry.sparse_rows import SparseRows


def keypoint_matrix(model: MorphableModel, patch: Patch) -> csr_matrix:
    """The 68 keypoints as weighted sums of patch vertices: (68, V) csr."""
    n_kept = (np.diff(patch.from_head.indptr) == 1).sum()
    head_vertex = patch.from_head[:n_kept].indices
    patch_vertex = np.full(patch.from_head.shape[1], -1)
    patch_vertex[head_vertex] = np.arange(n_kept)
    columns = patch_vertex[model.keypoint_triangles]
    if (columns[model.keypoint_weights > 0] < 0).any():
        raise ValueError("a keypoint lies outside the patch")
    rows = np.repeat(np.arange(68), 3)
    entries = (model.keypoint_weights.ravel(), (rows, np.maximum(columns, 0).ravel()))
    matrix = csr_matrix(entries, shape=(68, len(patch.mirror)))
    matrix.eliminate_zeros()
    return matrix


def labels(model: MorphableModel, patch: Patch) -> dict[str, np.ndarray]:
    """Name the patch's vertices; the membranes belong to the eyes and to the mouth."""
    membrane = np.diff(patch.from_head.indptr) > 1
    points = patch.from_head @ model.mean_head
    at_mouth = membrane & (np.abs(points[:, 0]) < EYE_FROM_MM)

    def on_patch(name: str) -> np.ndarray:
        return (patch.from_head @ model.regions[name].astype(float) > 0.99) & ~membrane

    neck = on_patch("neck")
    return {
        "eyes": on_patch("eyes") | (membrane & ~at_mouth),
        "nose": on_patch("nose"),
        "mouth": on_patch("lips") | at_mouth,
        "face": ~neck,
        "neck": neck,
        "membrane": membrane,
    }


REFERENCES = (
    {},
    {"jawOpen": 0.5},
    {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7},
    {"eyeBlinkLeft": 0.8, "eyeBlinkRight": 0.8, "mouthPucker": 0.6},
)


def references(model: MorphableModel, patch: Patch) -> np.ndarray:
    """The mean face without and with a few expressions: (R, V, 3) float32 mm."""
    heads = [model.vertices(expression=model.expression(**actions)) for actions in REFERENCES]
    return np.array([patch.from_head @ head for head in heads], np.float32)


def main(output: Path) -> None:
    """Unwrap the head and write the file."""
    model = load_head()
    patch, uv = unwrap(model)
    layout = UVLayout(
        size=256,
        uv=uv,
        triangles=patch.triangles,
        mirror=patch.mirror.astype(np.int32),
        from_head=SparseRows.of(patch.from_head),
        keypoint_matrix=SparseRows.of(keypoint_matrix(model, patch)),
        references_head=references(model, patch),
        labels=labels(model, patch),
    )
    save_layout(output, layout)
    print(f"{output}: {len(uv)} vertices, {len(patch.triangles)} triangles")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
