"""A stand-in for 300W-LP: synthetic people in its files, names and units.

As in the real set, each k = 0, 1, 2, … rotates a face further, and the `_Flip` folders hold every
photo mirrored. Unlike there, rotated faces are rendered, not made by warping one photo.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from facelib.datasets.basel.standin import GRID_COLUMNS, GRID_ROWS, StandInModel, standin_model
from facelib.datasets.basel.standin_photos import (
    flip_arrays,
    photograph_sitter,
    prepare_sitter,
    random_face,
    random_poses,
    write_photo,
)
from facelib.datasets.registry import find_dataset, new_stand_in
from facelib.datasets.w300lp.index import SUBSETS


def write_w300lp_standin(
    folder: Path | str,
    count: int = 300,
    seed: int = 0,
    columns: int = GRID_COLUMNS,
    rows: int = GRID_ROWS,
) -> int:
    """Write a stand-in for 300W-LP: photos and .mat files in the eight folders.

    Args:
        folder: new or empty; appears whole or not at all.
        count: how many photos, mirrored ones included.
        seed: of all draws.
        columns: of the stand-in Basel model that the parameters are meant for.
        rows: the same.

    Returns:
        How many photos were written.

    Raises:
        ValueError: if the folder is not empty.
        OSError: if it cannot be written.
    """
    command = f"python -m facelib standin 300w-lp --count {count} --seed {seed}"
    written = 0
    with new_stand_in(folder, find_dataset("300W_LP"), command) as unfinished:
        for base, photo, arrays in _w300lp_files(count, seed, standin_model(columns, rows)):
            write_photo(unfinished / base, photo, arrays)
            written += 1
    return written


def _w300lp_files(
    count: int, seed: int, model: StandInModel
) -> Iterator[tuple[str, np.ndarray, dict[str, np.ndarray]]]:
    """Yield paths without ending, photos and arrays; each photo is followed by its mirror image.

    An odd count is therefore rounded up.
    """
    made = 0
    for number, (subset, name) in enumerate(_face_names()):
        rng = np.random.default_rng([seed, number])
        sitter = prepare_sitter(random_face(rng, model), model)
        for k, pose in enumerate(random_poses(rng)):
            if made >= count:
                return
            photo, arrays = photograph_sitter(sitter, pose)
            yield f"{subset}/{name}_{k}", photo, arrays
            yield f"{subset}_Flip/{name}_{k}", photo[:, ::-1], flip_arrays(sitter, pose, arrays)
            made += 2


def _face_names() -> Iterator[tuple[str, str]]:
    """Subsets and names without k, in the four forms that the real set has."""
    number = 0
    while True:
        number += 1
        yield from zip(
            SUBSETS,
            (
                f"AFW_{1_000_000 + 7919 * number}_{1 + number % 2}",
                f"HELEN_{10_000_000 + 104_729 * number}_1",
                f"IBUG_image_{number:03d}_1",
                f"LFPW_image_train_{number:04d}",
            ),
            strict=True,
        )
