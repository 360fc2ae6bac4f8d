"""Depth as the thesis's code stores it for FaceGen's faces: after the perspective divide.

`one_or_two_photos.py` uses it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from facelib.datasets.facegen.standin import DISTANCE_MM, export_camera
from facelib.face.layout import UVLayout, load_layout
from facelib.networks.convention import POSITION_SCALE
from facelib.networks.weights import load_weights, save_weights
from facelib.pairs.sample import FacePair
from facelib.pairs.store import ShardedPairs, write_shards

LEAST_DEPTH = 0.02  # of a map's range: below it the last layer's sigmoid is nearly flat
AVERAGED = 256  # pairs behind the mean map


def flattened_mm(depth_mm: np.ndarray) -> np.ndarray:
    """Flatten depths as the thesis's code stored them: after the perspective divide.

    At a distance d, the divide leaves 2 f n / ((f − n) d) of depth, but for a constant, and n / r d
    of each mm along x. Both are scaled alike to pixels, so depth has another scale than x, and is
    bent. The planes n and f and the image's edge r are those of the stand-in of FaceGen's exports.

    Args:
        depth_mm: toward the camera from the head's origin.

    Returns:
        The depths, in the unit in which x is mm at the head's origin; 0 stays 0.
    """
    _, right, _, _, near, far = export_camera(np.zeros(3), size=256).frustum()
    bend = 2 * far * near / (far - near)
    return bend * (1 / (DISTANCE_MM - depth_mm) - 1 / DISTANCE_MM) / (near / right / DISTANCE_MM)


def flattened(pairs: ShardedPairs, index: int) -> FacePair:
    """Read a pair with flattened depth; the lowest is 0 again."""
    pair, view = pairs[index], pairs.views(index)[0]
    vertices = pair.vertices_image.copy()
    depth_mm = (vertices[:, 2] - view.z_origin_px) / pair.px_per_mm
    vertices[:, 2] = flattened_mm(depth_mm) * pair.px_per_mm
    vertices[:, 2] -= vertices[:, 2].min()
    return replace(pair, vertices_image=vertices)


def flatten_set(pairs: ShardedPairs, folder: Path) -> None:
    """Write all pairs with flattened depth, unless the folder has them."""
    if folder.exists() and ShardedPairs(folder).complete:
        return
    settings = {"depth": "after the perspective divide", "of": pairs.settings}
    write_shards((flattened(pairs, i) for i in range(len(pairs))), folder, settings)


def flattened_weights(start: Path, path: Path, right: Path, flat: Path) -> Path:
    """Rescale the last layer of `one_view` so that its depths are as flat as a set's, on average.

    Without that, the layers of depth die in the first steps: ReLU leaves them at zero everywhere.

    Args:
        start: the weights.
        path: where to write the rescaled ones.
        right: folder of pairs.
        flat: folder of the same pairs, flattened.
    """
    network = load_weights(start)
    layout = load_layout(network.size)
    before, after = (_mean_depth(ShardedPairs(folder), layout) for folder in (right, flat))
    inside = (before > LEAST_DEPTH) & (after > LEAST_DEPTH)
    gain, shift = np.polyfit(_logit(before[inside]), _logit(after[inside]), 1)
    last = network.decoder[-1]
    with torch.no_grad():
        last.weight[:, 2] *= float(gain)
        last.bias[2] = last.bias[2] * float(gain) + float(shift)
    save_weights(path, network, {"result": "one_view, depth flattened"})
    return path


def _mean_depth(pairs: ShardedPairs, layout: UVLayout) -> np.ndarray:
    """Average the depth of maps as networks predict it: (size, size)."""
    chosen = range(min(AVERAGED, len(pairs)))
    maps = [layout.position_map(pairs.arrays(i)[2])[..., 2] for i in chosen]
    return np.mean(maps, axis=0) / (layout.size * POSITION_SCALE)


def _logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))
