"""A stand-in for AFLW2000-3D: one photo per face, of people that no training set has."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facelib.datasets.basel.standin import GRID_COLUMNS, GRID_ROWS, standin_model
from facelib.datasets.basel.standin_photos import (
    photograph_sitter,
    prepare_sitter,
    random_face,
    random_poses,
    write_photo,
)
from facelib.datasets.registry import find_dataset, new_stand_in

AFLW_KEYPOINTS = (
    17, 19, 21, 22, 24, 26, 36, 36, 39, 42, 45, 45, 2, 31, 30, 35, 14, 48, 51, 54, 8
)  # fmt: skip
"""Keypoints of the 68 used for AFLW's 21 points; eye corners replace its eye centres."""


def write_aflw2000_standin(
    folder: Path | str,
    count: int = 40,
    seed: int = 1,
    columns: int = GRID_COLUMNS,
    rows: int = GRID_ROWS,
) -> int:
    """Write a stand-in for AFLW2000-3D: one photo per face, of held-out people.

    Args:
        folder: new or empty; appears whole or not at all.
        count: how many photos.
        seed: of all draws.
        columns: of the stand-in Basel model that the parameters are meant for.
        rows: the same.

    Returns:
        The number of photos written.

    Raises:
        ValueError: if the folder is not empty.
        OSError: if it cannot be written.
    """
    command = f"python -m facelib standin aflw2000 --count {count} --seed {seed}"
    with new_stand_in(folder, find_dataset("AFLW2000"), command) as unfinished:
        model = standin_model(columns, rows)
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            sitter = prepare_sitter(random_face(rng, model, held_out=True), model)
            poses = list(random_poses(rng))
            photo, arrays = photograph_sitter(sitter, poses[int(rng.integers(len(poses)))])
            arrays["pt3d_68"] = keypoints = arrays["pt3d"]
            arrays["pt2d"] = keypoints[:2, AFLW_KEYPOINTS]
            write_photo(unfinished / f"image{number + 2:05d}", photo, arrays)
    return count
